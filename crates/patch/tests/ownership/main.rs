//! What applies and updates make of an object, and who owns what then, as a real kube-apiserver has it.
//!
//! Histories of one custom resource were told to kube-apiserver 1.35, whose answers are in `tests/recorded/ownership.jsonl`.
//! After a change to the histories, with `kubectl proxy` to a kube-apiserver that has no `Widget` yet:
//!
//! ```console
//! $ COWHERD_ORACLE_API=http://127.0.0.1:8001 cargo test -p cowherd-patch --test ownership record -- --ignored
//! ```

mod histories;
mod record;

use std::path::PathBuf;

use cowherd_patch::managed::{Applier, Updater, apply, update};
use cowherd_schema::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What one writer does.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    manager: String,
    /// Whether it applies, with or without force; otherwise it writes the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    force: Option<bool>,
    /// The fields beside the name.
    object: Value,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// The object, with its owners in the order of their names, without what differs each time.
    Object(Value),
    Refused(String),
}

/// What is done to an object, from its beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct History {
    name: String,
    steps: Vec<Step>,
    #[serde(default)]
    answers: Vec<Answer>,
}

const VERSION: &str = "farm.example/v1";

fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/ownership.jsonl")
}

/// The schema of a Widget: every way in which a value can merge.
fn openapi() -> Value {
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let text = || json!({ "type": "string" });
    let part =
        json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "integer" }, "value": text() } });
    let item = json!({ "type": "object", "required": ["name"], "properties": {
        "name": text(), "labels": texts, "note": text(),
        "parts": { "type": "array", "items": part, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"] } } });
    let port = json!({ "type": "object", "required": ["port", "protocol"], "properties": {
        "port": { "type": "integer" }, "protocol": text(), "note": text() } });
    let spec = json!({ "type": "object", "properties": {
        "text": text(), "number": { "type": "integer" }, "ratio": { "type": "number" }, "flag": { "type": "boolean" },
        "either": { "x-kubernetes-int-or-string": true },
        "maybe": { "type": "string", "nullable": true },
        "map": { "type": "object", "nullable": true, "properties": { "a": text(), "b": text() } },
        "labels": texts,
        "sealed": { "type": "object", "x-kubernetes-map-type": "atomic", "properties": { "a": text(), "b": text() } },
        "deep": { "type": "object", "properties": {
            "deeper": { "type": "object", "properties": { "y": text(), "z": { "type": "integer" } } }, "w": text() } },
        "tags": { "type": "array", "items": text(), "x-kubernetes-list-type": "set", "nullable": true },
        "numbers": { "type": "array", "items": { "type": "integer" }, "x-kubernetes-list-type": "set" },
        "ports": { "type": "array", "items": port, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"] },
        "items": { "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
        "words": { "type": "array", "items": text() },
        "loose": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "pod": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-embedded-resource": true },
    } });
    json!({ "type": "object", "properties": {
        "apiVersion": text(), "kind": text(), "metadata": { "type": "object" }, "spec": spec } })
}

/// An object whole: its fields, kind and name.
fn whole(name: &str, fields: &Value) -> Value {
    let mut object = fields.clone();
    object["apiVersion"] = VERSION.into();
    object["kind"] = "Widget".into();
    object["metadata"]["name"] = name.into();
    object["metadata"]["namespace"] = "default".into();
    object
}

/// An object as it is compared: without what differs each time, its owners by their names.
fn comparable(mut object: Value) -> Value {
    let Some(metadata) = object["metadata"].as_object_mut() else { return object };
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        metadata.remove(field);
    }
    if let Some(owners) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
        owners.iter_mut().filter_map(Value::as_object_mut).for_each(|owner| drop(owner.remove("time")));
        owners.sort_by_cached_key(|owner| [owner["manager"].to_string(), owner["operation"].to_string()]);
    }
    object
}

/// What we make of a step.
fn answer(schema: &Schema, name: &str, live: Option<&Value>, Step { manager, force, object }: &Step) -> Answer {
    const NOW: &str = "2024-01-01T00:00:00Z";
    let object = whole(name, object);
    let result = match *force {
        Some(force) => {
            let by = Applier { manager, force, subresource: None, api_version: VERSION, now: NOW };
            apply(live, &object, schema, &by).map_err(|error| error.to_string())
        }
        None => {
            let by = Updater { manager, subresource: None, api_version: VERSION, now: NOW };
            Ok(update(live, object, schema, &by))
        }
    };
    result.map_or_else(Answer::Refused, |object| Answer::Object(comparable(object)))
}

/// Without what is empty.
fn without_empty(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(name, value)| (name, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

/// Whether we refuse what Kubernetes refuses, and name the same fields. Of a value that does not fit we say the type, where
/// Kubernetes prints how Go holds it, and the value.
fn same_refusal(ours: &str, real: &str) -> bool {
    let fields = |text: &str| {
        let faults = text.lines().map(|line| line.split(": expected").next().unwrap_or_default().to_owned());
        faults.collect::<std::collections::BTreeSet<String>>()
    };
    let untyped = |text: &str| text.starts_with("failed to create typed patch object");
    if untyped(ours) && untyped(real) { fields(ours) == fields(real) } else { ours == real }
}

#[test]
fn an_object_and_its_owners_become_what_they_become_in_kubernetes() {
    let schema = Schema::from_openapi(&openapi()).expect("a schema");
    let text = std::fs::read_to_string(recorded()).expect("the recorded histories");
    let histories: Vec<History> = text.lines().map(|line| serde_json::from_str(line).expect("a history")).collect();
    let (mut compared, mut emptied) = (0, 0);
    for History { name, steps, answers } in histories {
        let mut live = None;
        for (number, (step, real)) in steps.iter().zip(answers).enumerate() {
            // Whether what comes out is valid is not decided here.
            if matches!(&real, Answer::Refused(why) if why.contains(" is invalid: ")) {
                continue;
            }
            compared += 1;
            let ours = answer(&schema, &name, live.as_ref(), step);
            let place = || format!("step {number} of {name}, {}, after {}", json!(step), json!(live));
            match (ours, &real) {
                (Answer::Refused(ours), Answer::Refused(real)) => {
                    assert!(same_refusal(&ours, real), "{}: {ours} is not {real}", place());
                }
                // Of a map or list from which an apply took all, Kubernetes makes null where it may.
                (Answer::Object(ours), Answer::Object(real)) if ours["spec"] != real["spec"] => {
                    let [ours_has, real_has] =
                        [&ours, real].map(|object| without_empty(json!({ "spec": object["spec"] })));
                    assert_eq!(ours_has, real_has, "{}", place());
                    assert_eq!(ours["metadata"], real["metadata"], "{}", place());
                    emptied += 1;
                }
                (ours, real) => assert_eq!(ours, *real, "{}", place()),
            }
            if let Answer::Object(object) = real {
                live = Some(object);
            }
        }
    }
    assert!(compared > 300 && emptied < compared / 40, "of {compared} steps {emptied} differ in what is empty");
}
