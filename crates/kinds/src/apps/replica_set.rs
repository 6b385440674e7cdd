//! ReplicaSets.

use cowherd_schema::FieldPath;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::workload::{self, CONTAINERS, IMAGES, SELECTOR};
use crate::checks::{self, Errors};
use crate::json::Fill;
use crate::kind::Kind;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["rs"],
    categories: &["all"],
    status: true,
    scale: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create: |set| set.put("status", json!({"replicas": 0})),
        validate,
        validate_update: workload::keeps_selector,
        columns: COLUMNS,
        cells,
        fields: |set| vec![("status.replicas", table::count(&set["status"]["replicas"]).to_string())],
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "ReplicaSet", "replicasets", "replicaset", "io.k8s.api.apps.v1.ReplicaSet")
};

/// The columns of a ReplicaSet, and of the ReplicationController before it.
pub(crate) const COLUMNS: &[Column] = &[
    NAME,
    Column::number("Desired", "How many Pods are wanted."),
    Column::number("Current", "How many Pods there are."),
    Column::number("Ready", "How many Pods are ready."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

fn default(set: &mut Value) {
    if let Some(spec) = workload::default_spec(set) {
        spec.fill("replicas", 1);
    }
}

fn validate(set: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec");
    checks::not_negative(&set["spec"], &["replicas", "minReadySeconds"], &path, errors);
    workload::validate(&set["spec"], "empty selector is invalid for deployment", errors);
}

fn cells(set: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![
        table::name(set),
        table::count(&set["spec"]["replicas"]),
        table::count(&set["status"]["replicas"]),
        table::count(&set["status"]["readyReplicas"]),
        table::age(set, now),
    ];
    cells.extend(workload::wide_cells(&set["spec"]));
    cells
}
