//! Nodes: the machines.

use std::collections::BTreeSet;

use cowherd_schema::FieldPath;
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::quantity;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["no"],
    status: true,
    rules: Rules {
        default: |node| {
            if let Some(status) = node.inner("status") {
                quantity::canonicalize_map(status.inner("capacity"));
                // All of a machine can be used unless it says otherwise.
                let capacity = status["capacity"].clone();
                if capacity.is_object() {
                    status.fill("allocatable", capacity);
                }
                quantity::canonicalize_map(status.inner("allocatable"));
            }
        },
        validate,
        columns: COLUMNS,
        cells,
        fields: |node| vec![("spec.unschedulable", node["spec"].flag("unschedulable").to_string())],
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "Node", "nodes", "node", "io.k8s.api.core.v1.Node")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Status", "Whether the node can run Pods."),
    Column::text("Roles", "What the node is for."),
    AGE,
    Column::text("Version", "The version of the kubelet."),
    Column::wide("Internal-IP", "The node's address inside."),
    Column::wide("External-IP", "The node's address outside."),
    Column::wide("OS-Image", "The operating system."),
    Column::wide("Kernel-Version", "The version of the kernel."),
    Column::wide("Container-Runtime", "What runs the containers."),
];

const ROLE: &str = "kubernetes.io/role";
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";

fn validate(node: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.taints");
    for (index, taint) in node["spec"].items("taints").iter().enumerate() {
        let path = path.index(index);
        checks::required_form(taint, "key", &path, crate::names::qualified, errors);
        checks::optional_form(taint, "value", &path, crate::names::label_value, errors);
        checks::one_of(taint, "effect", &path, &["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
    }
}

fn cells(node: &Value, now: Timestamp) -> Vec<Value> {
    let info = &node["status"]["nodeInfo"];
    let address = |kind: &str| {
        let mut addresses = node["status"].items("addresses").iter();
        let found = addresses.find(|address| address.text("type") == kind);
        table::or(found.map_or("", |address| address.text("address")), "<none>").into()
    };
    let known = |field: &str| table::or(info.text(field), "<unknown>").into();
    vec![
        table::name(node),
        state(node).into(),
        roles(node).into(),
        table::age(node, now),
        info.text("kubeletVersion").into(),
        address("InternalIP"),
        address("ExternalIP"),
        known("osImage"),
        known("kernelVersion"),
        known("containerRuntimeVersion"),
    ]
}

fn state(node: &Value) -> String {
    let mut conditions = node["status"].items("conditions").iter();
    let ready = conditions.find(|condition| condition.text("type") == "Ready");
    let mut state = match ready.map(|ready| ready.text("status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if node["spec"].flag("unschedulable") {
        state.push_str(",SchedulingDisabled");
    }
    state
}

fn roles(node: &Value) -> String {
    let roles: BTreeSet<&str> = node["metadata"]
        .entries("labels")
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_PREFIX) {
            Some(role) => Some(role),
            None if key == ROLE => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    let roles: Vec<&str> = roles.into_iter().collect();
    table::or(&roles.join(","), "<none>").to_owned()
}
