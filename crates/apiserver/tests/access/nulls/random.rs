//! Definitions, made up, and what is done with objects of them that have nulls wherever one can be.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::histories::{History, Step};

const DEPTH: usize = 3;

fn of_hundred(chance: &mut Rng, count: u8) -> bool {
    chance.u8(..100) < count
}

fn any(chance: &mut Rng, values: &[Value]) -> Value {
    chance.choice(values).cloned().unwrap_or_default()
}

/// How lists and maps with keys are merged decides what may be null in them.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Field,
    /// A value of a map or an item of an atomic list.
    Inside,
    /// An item of a set or of a list with keys.
    Element,
}

/// A schema for a value at some place.
fn schema(chance: &mut Rng, place: Place, depth: usize) -> Value {
    let mut schema = match chance.u8(..if depth == 0 { 7 } else { 14 }) {
        0 | 1 => json!({ "type": "string" }),
        2 => json!({ "type": "integer" }),
        3 => json!({ "type": "boolean" }),
        4 => json!({ "x-kubernetes-int-or-string": true }),
        5 => json!({ "type": "string", "enum": ["a", "b"] }),
        6 => json!({ "type": "number", "minimum": 0 }),
        7 | 8 => object(chance, depth),
        9 => json!({ "type": "object", "additionalProperties": schema(chance, Place::Inside, depth - 1) }),
        10 => list(chance, depth),
        11 => json!({ "type": "array", "items": schema(chance, Place::Inside, depth - 1) }),
        12 => json!({ "x-kubernetes-preserve-unknown-fields": true }),
        _ => {
            json!({ "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true })
        }
    };
    if place == Place::Element {
        return schema;
    }
    if of_hundred(chance, 40) {
        schema["nullable"] = true.into();
        if schema.get("enum").is_some() && of_hundred(chance, 50) {
            schema["enum"] = json!(["a", "b", null]);
        }
    }
    if of_hundred(chance, 30) {
        // Most defaults fit, some are null where that may be.
        let nullable = schema["nullable"] == true;
        schema["default"] = if nullable && of_hundred(chance, 30) { Value::Null } else { fitting(chance, &schema, 0) };
    }
    schema
}

fn object(chance: &mut Rng, depth: usize) -> Value {
    let mut properties = Map::new();
    for name in ["a", "b", "c"] {
        if of_hundred(chance, 60) {
            properties.insert(name.to_owned(), schema(chance, Place::Field, depth - 1));
        }
    }
    let names: Vec<String> = properties.keys().cloned().collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if of_hundred(chance, 30) {
        object["required"] = names.into_iter().filter(|_| chance.bool()).collect();
    }
    if of_hundred(chance, 20) {
        object["x-kubernetes-preserve-unknown-fields"] = true.into();
    }
    if of_hundred(chance, 20) {
        object["x-kubernetes-map-type"] = "atomic".into();
    }
    object
}

/// A list that merges.
fn list(chance: &mut Rng, depth: usize) -> Value {
    if chance.bool() {
        let items = any(chance, &[json!({ "type": "string" }), json!({ "type": "integer" })]);
        return json!({ "type": "array", "items": items, "x-kubernetes-list-type": "set" });
    }
    let mut items = object(chance, depth);
    items["properties"]["key"] = json!({ "type": "string" });
    match chance.bool() {
        true => items["properties"]["key"]["default"] = "k".into(),
        false => {
            let mut required = items["required"].as_array().cloned().unwrap_or_default();
            required.push("key".into());
            items["required"] = required.into();
        }
    }
    json!({ "type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"] })
}

/// A value that fits a schema; of a hundred values inside it, so many are null whether or not that fits.
fn fitting(chance: &mut Rng, schema: &Value, nulls: u8) -> Value {
    if of_hundred(chance, nulls) {
        return Value::Null;
    }
    match schema["type"].as_str() {
        Some("string") => any(chance, &["a".into(), "b".into()]),
        Some("integer") => any(chance, &[1.into(), 2.into()]),
        Some("number") => any(chance, &[1.into(), json!(1.5)]),
        Some("boolean") => chance.bool().into(),
        Some("array") if schema["x-kubernetes-list-type"] == "set" => {
            let first = fitting(chance, &schema["items"], nulls);
            [first].into_iter().filter(|_| chance.bool()).collect()
        }
        Some("array") => (0..chance.usize(..3))
            .map(|number| {
                let mut item = fitting(chance, &schema["items"], nulls);
                if schema["x-kubernetes-list-map-keys"].is_array() && item.is_object() && !of_hundred(chance, nulls / 4)
                {
                    item["key"] = number.to_string().into();
                }
                item
            })
            .collect(),
        Some("object") => fitting_object(chance, schema, nulls).into(),
        _ if schema["x-kubernetes-int-or-string"] == true => any(chance, &[1.into(), "1".into()]),
        _ => any(chance, &[json!(1), json!("text"), json!({ "x": null, "y": 1 }), json!([null, { "z": null }])]),
    }
}

fn fitting_object(chance: &mut Rng, schema: &Value, nulls: u8) -> Map<String, Value> {
    let mut map = Map::new();
    if schema["x-kubernetes-embedded-resource"] == true {
        map.insert("apiVersion".to_owned(), "v1".into());
        map.insert("kind".to_owned(), "ConfigMap".into());
        if of_hundred(chance, nulls) {
            map.insert(
                "metadata".to_owned(),
                any(chance, &[Value::Null, json!({ "labels": { "a": null } }), json!({ "name": null })]),
            );
        }
        if of_hundred(chance, nulls) {
            map.insert("data".to_owned(), any(chance, &[Value::Null, json!({ "a": null })]));
        }
    }
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        // What is required may be left out, too, where nulls are sought.
        if of_hundred(chance, if required(name) { 100 - nulls / 6 } else { 60 }) {
            map.insert(name.clone(), fitting(chance, field, nulls));
        }
    }
    if schema["additionalProperties"].is_object() {
        for name in ["x", "y"] {
            if chance.bool() {
                map.insert(name.to_owned(), fitting(chance, &schema["additionalProperties"], nulls));
            }
        }
    }
    if of_hundred(chance, nulls / 4) {
        map.insert("unknown".to_owned(), any(chance, &[Value::Null, json!({ "x": null })]));
    }
    map
}

/// A definition of its own, and what becomes of its objects.
pub fn history(chance: &mut Rng, _: usize) -> History {
    let group = format!("nulls-{:08x}.example.org", chance.u32(..));
    let spec = |chance: &mut Rng| {
        let mut spec = object(chance, DEPTH);
        spec.as_object_mut().unwrap().remove("x-kubernetes-map-type");
        spec
    };
    let spec = spec(chance);
    let schema = json!({ "type": "object", "properties": { "spec": spec, "status": spec } });
    let version = json!({ "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
        "schema": { "openAPIV3Schema": schema } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("nulls.{group}") },
        "spec": { "group": group, "scope": "Namespaced", "names": { "plural": "nulls", "kind": "Null" },
            "versions": [version] } });
    let mut steps = vec![Step::new("POST", super::DEFINITIONS, definition)];
    for object in ["a", "b"] {
        steps.extend(done_with(chance, &group, object, &spec));
    }
    History::new(steps)
}

/// What is done with one object.
fn done_with(chance: &mut Rng, group: &str, name: &str, schema: &Value) -> Vec<Step> {
    let all = format!("/apis/{group}/v1/namespaces/walk/nulls");
    let mut steps = Vec::new();
    for number in 0..6 {
        let part = if number > 0 && of_hundred(chance, 15) { "/status" } else { "" };
        let field = if part.is_empty() { "spec" } else { "status" };
        let nulls = *chance.choice(&[0, 15, 40]).unwrap_or(&0);
        let value = if of_hundred(chance, 4) { Value::Null } else { fitting(chance, schema, nulls) };
        let whole =
            json!({ "apiVersion": format!("{group}/v1"), "kind": "Null", "metadata": { "name": name }, field: value });
        let manager = if chance.bool() { "m" } else { "n" };
        let uri = format!("{all}/{name}{part}?fieldManager={manager}");
        let validation = if of_hundred(chance, 20) { "&fieldValidation=Strict" } else { "" };
        steps.push(match chance.u8(..7) {
            _ if number == 0 && chance.bool() => {
                Step::new("POST", format!("{all}?fieldManager={manager}{validation}"), whole)
            }
            0 | 1 => Step::new("PUT", format!("{uri}{validation}"), whole),
            2 => Step::patch("merge-patch+json", format!("{uri}{validation}"), json!({ field: value })),
            3 => {
                let add = json!([{ "op": "add", "path": format!("/{field}"), "value": value }]);
                Step::patch("json-patch+json", format!("{uri}{validation}"), add)
            }
            4 => Step::patch("apply-patch+yaml", uri, whole),
            _ => Step::patch("apply-patch+yaml", format!("{uri}&force=true"), whole),
        });
    }
    steps.push(Step::new("GET", format!("{all}/{name}"), Value::Null));
    steps.push(Step::new("GET", all, Value::Null));
    steps
}
