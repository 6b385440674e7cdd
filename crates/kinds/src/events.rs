//! The group events.k8s.io: the newer form of Events, kept in the old.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::core::event;
use crate::json::{Fill, Read};
use crate::kind::{Kind, StoredAs};
use crate::strategy::Rules;

const V1: (&str, &str) = ("events.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["ev"],
    stored_as: Some(StoredAs { group: "", version: "v1", plural: "events", into, from }),
    rules: Rules {
        validate,
        columns: event::COLUMNS,
        cells: |event, now| event::cells(&into(event.clone()), now),
        fields,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(V1, "Event", "events", "event", "io.k8s.api.events.v1.Event")
};

/// The fields that the two forms name differently: here, there.
const RENAMED: [(&str, &str); 6] = [
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];
const CONTROLLER: (&str, &str) = ("reportingController", "reportingComponent");

fn into(mut event: Value) -> Value {
    for (here, there) in RENAMED.into_iter().chain([CONTROLLER]) {
        rename(&mut event, here, there);
    }
    event.put("apiVersion", "v1");
    event
}

fn from(mut event: Value) -> Value {
    for (here, there) in RENAMED.into_iter().chain([CONTROLLER]) {
        rename(&mut event, there, here);
    }
    event.put("apiVersion", "events.k8s.io/v1");
    event
}

fn rename(event: &mut Value, old: &str, new: &str) {
    if let Some(value) = event.take_out(old) {
        event.put(new, value);
    }
}

fn validate(event: &Value, errors: &mut Errors) {
    let root = FieldPath::root();
    if !event.has("eventTime") {
        errors.push(FieldError::required(&root.child("eventTime"), ""));
    }
    for field in ["reportingController", "reportingInstance", "action", "reason"] {
        checks::required(event, field, &root, errors);
    }
    checks::one_of(event, "type", &root, &["Normal", "Warning"], errors);
    let about = event["regarding"].text("namespace");
    let namespace = event["metadata"].text("namespace");
    let right = if about.is_empty() { matches!(namespace, "default" | "kube-system") } else { about == namespace };
    if !right {
        let field = FieldPath::new("involvedObject.namespace");
        errors.push(FieldError::invalid(&field, about, "does not match event.namespace"));
    }
}

/// Both forms select by the same fields, each under its own names.
fn fields(object: &Value) -> Vec<(&'static str, String)> {
    let old = event::fields(&into(object.clone()));
    let mut fields: Vec<(&'static str, String)> = Vec::with_capacity(old.len() + 1);
    for (name, value) in old {
        let renamed = match name {
            "involvedObject.kind" => "regarding.kind",
            "involvedObject.namespace" => "regarding.namespace",
            "involvedObject.name" => "regarding.name",
            "involvedObject.uid" => "regarding.uid",
            "involvedObject.apiVersion" => "regarding.apiVersion",
            "involvedObject.resourceVersion" => "regarding.resourceVersion",
            "involvedObject.fieldPath" => "regarding.fieldPath",
            "reportingComponent" => "reportingController",
            other => other,
        };
        fields.push((renamed, value));
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_way_to_storage_and_back_loses_nothing() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"name": "a", "namespace": "default"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "note": "Done", "reason": "Done", "type": "Normal",
            "action": "Do", "reportingController": "cowherd.dev/x", "reportingInstance": "x-1",
            "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
        });
        assert!(KIND.validate_create(&event).is_empty());
        let stored = KIND.to_storage(event.clone());
        assert_eq!((&stored["message"], &stored["involvedObject"]["name"]), (&json!("Done"), &json!("web")));
        assert_eq!(stored["apiVersion"], "v1");
        let mut settled = event.clone();
        KIND.settle(&mut settled);
        assert_eq!(KIND.from_storage(stored), settled);
        assert_eq!(KIND.row(&event, jiff::Timestamp::UNIX_EPOCH)[3], "pod/web");
    }
}
