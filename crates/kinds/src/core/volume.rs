//! PersistentVolumes.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{pod, volume_claim};
use crate::checks::{self, Errors};
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::quantity;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["pv"],
    status: true,
    rules: Rules {
        default,
        create: |volume| volume.put("status", json!({"phase": "Pending"})),
        validate,
        validate_update,
        columns: COLUMNS,
        cells,
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "PersistentVolume",
        "persistentvolumes",
        "persistentvolume",
        "io.k8s.api.core.v1.PersistentVolume",
    )
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Capacity", "How much it holds."),
    Column::text("Access Modes", "How it can be mounted."),
    Column::text("Reclaim Policy", "What becomes of it without its claim."),
    Column::text("Status", "Whether a claim has it."),
    Column::text("Claim", "The claim that has it."),
    Column::text("StorageClass", "Where it comes from."),
    Column::text("VolumeAttributesClass", "How it behaves."),
    Column::text("Reason", "Why it is in this status."),
    AGE,
    Column::wide("VolumeMode", "Whether it is a file system or a device."),
];

/// The fields of the spec besides the source of the volume.
const NO_SOURCE: [&str; 9] = [
    "capacity",
    "accessModes",
    "claimRef",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "mountOptions",
    "volumeMode",
    "nodeAffinity",
    "volumeAttributesClassName",
];

fn default(volume: &mut Value) {
    let Some(spec) = volume.ensure("spec") else { return };
    spec.fill_zero("persistentVolumeReclaimPolicy", "Retain");
    spec.fill_zero("volumeMode", "Filesystem");
    quantity::canonicalize_map(spec.inner("capacity"));
    pod::default_volume_source(spec);
}

fn sources(spec: &Value) -> Map<String, Value> {
    let fields = spec.as_object().into_iter().flatten();
    let sources = fields.filter(|(name, value)| !NO_SOURCE.contains(&name.as_str()) && !value.is_null());
    sources.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn validate(volume: &Value, errors: &mut Errors) {
    let spec = &volume["spec"];
    let path = FieldPath::new("spec");
    if spec.items("accessModes").is_empty() {
        errors.push(FieldError::required(&path.child("accessModes"), ""));
    }
    let modes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for mode in spec.items("accessModes") {
        checks::optional_one_of(mode.as_str().unwrap_or_default(), &path.child("accessModes"), &modes, errors);
    }
    if spec.entries("capacity").next().is_none() {
        errors.push(FieldError::required(&path.child("capacity"), ""));
    } else if !spec["capacity"].has("storage") || spec.entries("capacity").count() > 1 {
        let names: Vec<&str> = spec.entries("capacity").map(|(name, _)| name).collect();
        errors.push(checks::not_supported(&path.child("capacity"), &names.join(","), &["storage"]));
    }
    for (name, amount) in spec.entries("capacity") {
        checks::quantity(amount, &path.child("capacity").key(name), errors);
    }
    let policies = ["Delete", "Recycle", "Retain"];
    checks::one_of(spec, "persistentVolumeReclaimPolicy", &path, &policies, errors);
    for (index, (name, source)) in sources(spec).iter().enumerate() {
        if index > 0 {
            errors.push(FieldError::forbidden(&path.child(name), "may not specify more than 1 volume type"));
        } else {
            pod::validate_volume_source(name, source, &path.child(name), errors);
        }
    }
    if sources(spec).is_empty() {
        errors.push(FieldError::required(&path, "must specify a volume type"));
    }
    if spec["nodeAffinity"].is_object() {
        let field = path.child("nodeAffinity").child("required");
        match &spec["nodeAffinity"]["required"] {
            Value::Null => errors.push(FieldError::required(&field, "must specify required node constraints")),
            selector => pod::validate_node_selector(selector, &field, errors),
        }
    } else if spec.has("local") {
        errors.push(FieldError::required(&path.child("nodeAffinity"), "Local volume requires node affinity"));
    }
    checks::optional_form(spec, "storageClassName", &path, crate::names::subdomain, errors);
    checks::optional_one_of(spec.text("volumeMode"), &path.child("volumeMode"), &["Block", "Filesystem"], errors);
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"], &old["spec"]);
    if !same(&Value::Object(sources(new)), &Value::Object(sources(old))) {
        let why = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden(&FieldPath::new("spec.persistentvolumesource"), why));
    }
    checks::immutable(&new["volumeMode"], &old["volumeMode"], &FieldPath::new("spec.volumeMode"), errors);
}

fn cells(volume: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&volume["spec"], &volume["status"]);
    let phase = if volume["metadata"].has("deletionTimestamp") { "Terminating" } else { status.text("phase") };
    let claim = &spec["claimRef"];
    let claim =
        if claim.is_object() { format!("{}/{}", claim.text("namespace"), claim.text("name")) } else { String::new() };
    vec![
        table::name(volume),
        spec["capacity"].text("storage").into(),
        volume_claim::access_modes(spec.items("accessModes")).into(),
        spec.text("persistentVolumeReclaimPolicy").into(),
        phase.into(),
        claim.into(),
        spec.text("storageClassName").into(),
        table::or(spec.text("volumeAttributesClassName"), "<unset>").into(),
        status.text("reason").into(),
        table::age(volume, now),
        table::or(spec.text("volumeMode"), "<unset>").into(),
    ]
}
