//! What may stand below `allOf`, `anyOf`, `oneOf` and `not`: restrictions of values whose types are known elsewhere.

use serde_json::{Map, Value, json};

use super::{Check, MAX_DEPTH, flag, list, properties};
use crate::field::FieldPath;

/// Checks the junctors of a node of the structure.
pub(super) fn check(check: &mut Check, schema: &Map<String, Value>, path: &FieldPath, depth: usize) {
    let free = flag(schema, "x-kubernetes-int-or-string");
    junctors(check, schema, schema, path, path, depth, free);
}

/// `rules` restricts the value that `structure` describes; `path` is where the former stands, `structure_path` the
/// latter. With `int_or_string` the types of exactly that choice may be named.
fn junctors(
    check: &mut Check,
    rules: &Map<String, Value>,
    structure: &Map<String, Value>,
    path: &FieldPath,
    structure_path: &FieldPath,
    depth: usize,
    int_or_string: bool,
) {
    if depth > MAX_DEPTH {
        check.invalid(path, "", &format!("schemas may nest {MAX_DEPTH} deep at most"));
        return;
    }
    let choice = json!([{ "type": "integer" }, { "type": "string" }]);
    let any_of = rules.get("anyOf").filter(|any_of| !(int_or_string && **any_of == choice));
    let any_of = any_of.and_then(Value::as_array).into_iter().flatten().map(|schema| ("anyOf", schema));
    let all_of = list(rules, "allOf").iter().map(|schema| ("allOf", schema));
    let one_of = list(rules, "oneOf").iter().map(|schema| ("oneOf", schema));
    let mut index = 0;
    let mut previous = "";
    for (junctor, schema) in any_of.chain(all_of).chain(one_of) {
        index = if junctor == previous { index + 1 } else { 0 };
        previous = junctor;
        let path = path.child(junctor).index(index);
        // The choice may also be wrapped in the first of several restrictions.
        let wrapped = int_or_string && junctor == "allOf" && index == 0;
        nested(check, schema, Some(structure), &path, structure_path, depth + 1, wrapped);
    }
    if let Some(not) = rules.get("not") {
        nested(check, not, Some(structure), &path.child("not"), structure_path, depth + 1, false);
    }
}

fn nested(
    check: &mut Check,
    source: &Value,
    structure: Option<&Map<String, Value>>,
    path: &FieldPath,
    structure_path: &FieldPath,
    depth: usize,
    int_or_string: bool,
) {
    let Some(schema) = check.keywords(source, path) else { return };
    forbidden_keywords(check, schema, path);
    let Some(structure) = structure else {
        check.required(structure_path, &format!("because it is defined in {path}"));
        return;
    };
    junctors(check, schema, structure, path, structure_path, depth, int_or_string);
    if let Some(items) = schema.get("items") {
        let below = structure.get("items").and_then(Value::as_object);
        nested(check, items, below, &path.child("items"), &structure_path.child("items"), depth + 1, false);
    }
    for (name, property) in properties(schema) {
        let path = path.child("properties").key(name);
        if name == "metadata" {
            check.forbidden(&path, "must not be specified in a nested context");
        }
        let below = structure.get("properties").and_then(|properties| properties.get(name)).and_then(Value::as_object);
        nested(check, property, below, &path, &structure_path.child("properties").key(name), depth + 1, false);
    }
}

fn forbidden_keywords(check: &mut Check, schema: &Map<String, Value>, path: &FieldPath) {
    let empty = [
        ("type", "empty"),
        ("title", "empty"),
        ("description", "empty"),
        ("default", "undefined"),
        ("additionalProperties", "undefined"),
        ("nullable", "false"),
        ("x-kubernetes-preserve-unknown-fields", "false"),
        ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"),
        ("x-kubernetes-list-map-keys", "empty"),
        ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-map-type", "undefined"),
        ("x-kubernetes-validations", "empty"),
    ];
    for (keyword, wanted) in empty {
        let given = schema.get(keyword);
        let unset = matches!(given, None | Some(Value::Bool(false)))
            || given.is_some_and(|value| value == "" || value.as_array().is_some_and(Vec::is_empty));
        if !unset {
            check.forbidden(&path.child(keyword), &format!("must be {wanted} to be structural"));
        }
    }
}
