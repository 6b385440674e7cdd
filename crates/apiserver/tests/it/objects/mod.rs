//! How objects are made, changed and deleted, seen through the in-process client.

mod changing;
mod deleting;
mod empty_values;
mod making;
mod of_kinds;
mod refusing;

use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}
