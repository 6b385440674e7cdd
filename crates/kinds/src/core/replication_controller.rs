//! ReplicationControllers.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pod;
use crate::apps::{replica_set, workload};
use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table;

pub(crate) const KIND: Kind = Kind {
    short_names: &["rc"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create: |controller| controller.put("status", json!({"replicas": 0})),
        validate,
        columns: replica_set::COLUMNS,
        cells,
        fields: |controller| vec![("status.replicas", table::count(&controller["status"]["replicas"]).to_string())],
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "ReplicationController",
        "replicationcontrollers",
        "replicationcontroller",
        "io.k8s.api.core.v1.ReplicationController",
    )
};

fn default(controller: &mut Value) {
    let Some(spec) = workload::default_spec(controller) else { return };
    spec.fill("replicas", 1);
    let marks = spec["template"]["metadata"]["labels"].clone();
    let has = |map: &Value| map.as_object().is_some_and(|map| !map.is_empty());
    if !has(&marks) {
        return;
    }
    if !has(&spec["selector"]) {
        spec.put("selector", marks.clone());
    }
    if !has(&controller["metadata"]["labels"])
        && let Some(metadata) = controller.ensure("metadata")
    {
        metadata.put("labels", marks);
    }
}

fn validate(controller: &Value, errors: &mut Errors) {
    let spec = &controller["spec"];
    let path = FieldPath::new("spec");
    checks::not_negative(spec, &["minReadySeconds", "replicas"], &path, errors);
    let template = path.child("template");
    if spec.entries("selector").next().is_none() {
        errors.push(FieldError::required(&path.child("selector"), ""));
    } else {
        let found = &spec["template"]["metadata"]["labels"];
        if !spec.entries("selector").all(|(key, value)| found.get(key) == Some(value)) {
            let field = template.child("metadata").child("labels");
            errors.push(FieldError::invalid(&field, found.clone(), "`selector` does not match template `labels`"));
        }
    }
    pod::validate_template(&spec["template"], &template, errors);
    workload::always_restarts(&spec["template"], &template, errors);
}

fn cells(controller: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&controller["spec"], &controller["status"]);
    let (names, images) = table::containers(&spec["template"]["spec"]);
    vec![
        table::name(controller),
        table::count(&spec["replicas"]),
        table::count(&status["replicas"]),
        table::count(&status["readyReplicas"]),
        table::age(controller, now),
        names,
        images,
        table::or(&labels::format_map(&spec["selector"]), "<none>").into(),
    ]
}
