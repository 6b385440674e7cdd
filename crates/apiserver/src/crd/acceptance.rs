//! Whether a CustomResourceDefinition's names and versions can be served, said in its conditions.

use cowherd_schema::{FieldError, FieldPath, Schema};
use serde_json::{Value, json};

use super::{Names, definition};
use crate::{
    catalog::Catalog,
    object::{as_map, at, text_at},
};

/// Writes into the status of a definition whether its names are accepted and its resource is established.
///
/// `now` is in RFC 3339.
pub fn accept(definition: &mut Value, catalog: &Catalog, now: &str) {
    let name = crate::object::name(definition).to_owned();
    let names = Names::read(definition);
    let conflict = catalog.conflict(&names, &name);
    let stored = stored_versions(definition);
    let accepted_names = at(definition, &["spec", "names"]).cloned().unwrap_or_default();
    let status = as_map(as_map(definition).entry("status").or_insert_with(|| json!({})));
    let was_established = status.get("conditions").and_then(Value::as_array).is_some_and(|all| {
        all.iter().any(|one| text_at(one, &["type"]) == "Established" && text_at(one, &["status"]) == "True")
    });
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let established = conflict.is_none() || was_established;
    match &conflict {
        None => {
            set_condition(conditions, "NamesAccepted", true, "NoConflicts", "no conflicts found", now);
            let message = "the initial names have been accepted";
            set_condition(conditions, "Established", true, "InitialNamesAccepted", message, now);
        }
        Some((reason, message)) => {
            set_condition(conditions, "NamesAccepted", false, reason, message, now);
            if !established {
                set_condition(conditions, "Established", false, "NotAccepted", "not all names are accepted", now);
            }
        }
    }
    if conflict.is_none() {
        status.insert("acceptedNames".to_owned(), accepted_names);
    } else {
        status.entry("acceptedNames").or_insert_with(|| json!({"kind": "", "plural": ""}));
    }
    status.insert("storedVersions".to_owned(), stored.into());
}

/// The versions that objects may be stored in: those so far, and the one that is written from now on.
fn stored_versions(definition: &Value) -> Vec<String> {
    let known = at(definition, &["status", "storedVersions"]).and_then(Value::as_array);
    let mut stored: Vec<String> =
        known.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect();
    let versions = at(definition, &["spec", "versions"]).and_then(Value::as_array);
    let current = versions.into_iter().flatten().find(|version| version.get("storage") == Some(&Value::Bool(true)));
    if let Some(current) = current.map(|version| text_at(version, &["name"]))
        && !stored.iter().any(|known| known == current)
    {
        stored.push(current.to_owned());
    }
    stored
}

/// Sets a condition; its time changes only with its status.
pub fn set_condition(conditions: &mut Value, kind: &str, holds: bool, reason: &str, message: &str, now: &str) {
    let status = if holds { "True" } else { "False" };
    let condition = json!({
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now,
    });
    let Value::Array(list) = conditions else {
        *conditions = json!([condition]);
        return;
    };
    match list.iter_mut().find(|known| text_at(known, &["type"]) == kind) {
        Some(known) if text_at(known, &["status"]) == status => {
            let since = known.get("lastTransitionTime").cloned();
            *known = condition;
            if let Some(since) = since {
                as_map(known).insert("lastTransitionTime".to_owned(), since);
            }
        }
        Some(known) => *known = condition,
        None => list.push(condition),
    }
}

/// What keeps a definition's schemas from being used.
pub fn storage_schema_errors(definition: &Value) -> Vec<FieldError> {
    let versions =
        at(definition, &["spec", "versions"]).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if versions.is_empty() {
        return vec![FieldError::required(&FieldPath::new("spec.versions"), "must have at least one version")];
    }
    let errors = structural_errors(versions);
    if errors.is_empty() { definition::missing_schemas(versions) } else { errors }
}

/// What keeps the schemas of versions from being structural. As in Kubernetes, a schema that all versions share
/// counts as one of the whole definition.
fn structural_errors(versions: &[Value]) -> Vec<FieldError> {
    let schemas: Vec<Option<&Value>> =
        versions.iter().map(|version| version.pointer("/schema/openAPIV3Schema")).collect();
    let check = |schema: &Option<&Value>, parent: FieldPath| {
        schema.map(|schema| Schema::structural_errors(schema, &parent.child("openAPIV3Schema"))).unwrap_or_default()
    };
    match schemas.split_first() {
        Some((first, others)) if others.iter().all(|other| other == first) => {
            check(first, FieldPath::new("spec.validation"))
        }
        _ => {
            let place = |index| FieldPath::new("spec.versions").index(index).child("schema");
            schemas.iter().enumerate().flat_map(|(index, schema)| check(schema, place(index))).collect()
        }
    }
}
