//! PersistentVolumeClaims.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pod;
use crate::checks::Errors;
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::quantity::{self, Quantity};
use crate::strategy::{Rules, keep};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["pvc"],
    status: true,
    rules: Rules {
        default: |claim| default_spec(claim.ensure("spec")),
        create: |claim| claim.put("status", json!({"phase": "Pending"})),
        validate: |claim, errors| {
            pod::validate_claim_template_spec(&claim["spec"], &FieldPath::new("spec"), errors);
        },
        validate_update,
        columns: COLUMNS,
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        "io.k8s.api.core.v1.PersistentVolumeClaim",
    )
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Status", "Whether the claim has a volume."),
    Column::text("Volume", "The volume it has."),
    Column::text("Capacity", "How much it holds."),
    Column::text("Access Modes", "How it can be mounted."),
    Column::text("StorageClass", "Where the volume comes from."),
    Column::text("VolumeAttributesClass", "How the volume behaves."),
    AGE,
    Column::wide("VolumeMode", "Whether it is a file system or a device."),
];

const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Fills in the spec of a claim, or of one in a template.
pub(crate) fn default_spec(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    spec.fill_zero("volumeMode", "Filesystem");
    if let Some(resources) = spec.ensure("resources") {
        quantity::canonicalize_map(resources.inner("requests"));
        quantity::canonicalize_map(resources.inner("limits"));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let mut masked = new["spec"].clone();
    let bound = old["status"].text("phase") == "Bound";
    keep(&mut masked, &old["spec"], "volumeAttributesClassName");
    if old["spec"].text("volumeName").is_empty() {
        // Binding a claim to its volume.
        keep(&mut masked, &old["spec"], "volumeName");
    }
    if !old["spec"].has("storageClassName") {
        // A claim that waited for a default class gets one.
        keep(&mut masked, &old["spec"], "storageClassName");
    }
    if bound && let Some(resources) = masked.inner("resources") {
        keep(resources, &old["spec"]["resources"], "requests");
    }
    if !same(&masked, &old["spec"]) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                   claims";
        errors.push(FieldError::forbidden(&FieldPath::new("spec"), why));
    }
    let size = |claim: &Value| Quantity::read(&claim["spec"]["resources"]["requests"]["storage"]);
    let held = Quantity::read(&old["status"]["capacity"]["storage"]);
    if let (Some(now), Some(before)) = (size(new), size(old))
        && now < before
        && held.is_none_or(|held| now < held)
    {
        let field = FieldPath::new("spec.resources.requests.storage");
        errors.push(FieldError::forbidden(&field, "field can not be less than status.capacity"));
    }
}

fn cells(claim: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&claim["spec"], &claim["status"]);
    let phase = if claim["metadata"].has("deletionTimestamp") { "Terminating" } else { status.text("phase") };
    let volume = spec.text("volumeName");
    let (capacity, modes) = match volume {
        "" => (String::new(), String::new()),
        _ => (status["capacity"].text("storage").to_owned(), access_modes(status.items("accessModes"))),
    };
    let old_class = claim["metadata"]["annotations"].text(OLD_CLASS);
    vec![
        table::name(claim),
        phase.into(),
        volume.into(),
        capacity.into(),
        modes.into(),
        table::or(old_class, spec.text("storageClassName")).into(),
        table::or(spec.text("volumeAttributesClassName"), "<unset>").into(),
        table::age(claim, now),
        table::or(spec.text("volumeMode"), "<unset>").into(),
    ]
}

/// Access modes in letters.
pub(super) fn access_modes(modes: &[Value]) -> String {
    let has = |mode: &str| modes.iter().any(|one| one == mode);
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let letters: Vec<&str> = known.into_iter().filter(|(mode, _)| has(mode)).map(|(_, letters)| letters).collect();
    letters.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    #[test]
    fn a_claim_says_how_it_is_mounted_and_how_much_it_holds() {
        let mut claim = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {}});
        KIND.default(&mut claim);
        assert_eq!(
            texts(&KIND.validate_create(&claim)),
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value"
            ]
        );
    }

    #[test]
    fn only_a_bound_claim_grows_and_none_shrinks() {
        let mut old = json!({
            "metadata": {"name": "a", "namespace": "b"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"},
        });
        KIND.default(&mut old);
        let mut new = old.clone();
        new["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
        assert_eq!(KIND.validate_update(&new, &old).len(), 1);
        old["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
        assert!(KIND.validate_update(&new, &old).is_empty());
        new["spec"]["resources"]["requests"]["storage"] = json!("1Mi");
        assert_eq!(
            texts(&KIND.validate_update(&new, &old)),
            ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
        );
    }
}
