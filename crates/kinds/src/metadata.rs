//! What the metadata of any object may hold, built-in or custom.

use std::collections::HashSet;

use cowherd_schema::{ErrorKind, FieldError, FieldPath, Schema, builtin};
use serde_json::{Map, Value};

use crate::errors::Errors;
use crate::json::{Fill, Read, same};
use crate::labels;
use crate::names::{self, NameRule};

/// The most that all annotations of an object may hold, keys and values together, in bytes.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Finalizers of Kubernetes itself; all others need a domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// What is wrong with the metadata of a new object, whose name the server generated already if asked to.
pub fn validate(object: &Value, namespaced: bool, rule: NameRule) -> Vec<FieldError> {
    let metadata = &object["metadata"];
    let path = FieldPath::new("metadata");
    let mut errors = Errors::default();
    errors.extend(validate_names(metadata, &path, rule));
    errors.extend(validate_namespace(metadata, &path, namespaced));
    errors.extend(validate_marks(metadata, &path));
    errors.into_vec()
}

fn validate_names(metadata: &Value, path: &FieldPath, rule: NameRule) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let prefix = metadata.text("generateName");
    if !prefix.is_empty() {
        let field = path.child("generateName");
        errors.extend(rule.check(prefix, true).into_iter().map(|why| FieldError::invalid(&field, prefix, why)));
    }
    let name = metadata.text("name");
    let field = path.child("name");
    if name.is_empty() {
        errors.push(FieldError::required(&field, "name or generateName is required"));
    } else {
        errors.extend(rule.check(name, false).into_iter().map(|why| FieldError::invalid(&field, name, why)));
    }
    errors.into_vec()
}

fn validate_namespace(metadata: &Value, path: &FieldPath, namespaced: bool) -> Vec<FieldError> {
    let namespace = metadata.text("namespace");
    let field = path.child("namespace");
    match (namespaced, namespace.is_empty()) {
        (true, true) => vec![FieldError::required(&field, "")],
        (true, false) => {
            names::label(namespace).into_iter().map(|why| FieldError::invalid(&field, namespace, why)).collect()
        }
        (false, false) => vec![FieldError::forbidden(&field, "not allowed on this type")],
        (false, true) => Vec::new(),
    }
}

/// What is wrong with labels, annotations, owners and finalizers.
fn validate_marks(metadata: &Value, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Errors::default();
    errors.extend(labels::validate(&metadata["labels"], &path.child("labels")));
    errors.extend(validate_annotations(&metadata["annotations"], &path.child("annotations")));
    errors.extend(validate_owners(&metadata["ownerReferences"], &path.child("ownerReferences")));
    errors.extend(validate_finalizers(metadata, &path.child("finalizers")));
    errors.into_vec()
}

/// What is wrong with a map of annotations.
pub fn validate_annotations(annotations: &Value, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let mut size = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        let lower = key.to_lowercase();
        errors.extend(names::qualified(&lower).into_iter().map(|why| FieldError::invalid(path, key.as_str(), why)));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_LIMIT {
        let why = format!("may not be more than {ANNOTATIONS_LIMIT} bytes");
        errors.push(FieldError::new(ErrorKind::TooLong, path, None, why));
    }
    errors.into_vec()
}

fn validate_owners(owners: &Value, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Errors::default();
    let mut controller: Option<&str> = None;
    for owner in owners.as_array().into_iter().flatten() {
        let api_version = owner.text("apiVersion");
        if api_version.rsplit('/').next().unwrap_or_default().is_empty() {
            errors.push(FieldError::invalid(&path.child("apiVersion"), api_version, "version must not be empty"));
        }
        for field in ["kind", "name", "uid"] {
            if owner.text(field).is_empty() {
                errors.push(FieldError::invalid(&path.child(field), "", "must not be empty"));
            }
        }
        if (api_version, owner.text("kind")) == ("v1", "Event") {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(path, owner.clone(), why));
        }
        if owner.flag("controller") {
            if let Some(first) = controller {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {}",
                    owner.text("name")
                );
                errors.push(FieldError::invalid(path, owners.clone(), why));
            }
            controller = Some(owner.text("name"));
        }
    }
    errors.into_vec()
}

fn validate_finalizers(metadata: &Value, path: &FieldPath) -> Vec<FieldError> {
    let finalizers = metadata.items("finalizers");
    let mut errors = Errors::default();
    for finalizer in finalizers.iter().filter_map(Value::as_str) {
        errors.extend(names::qualified(finalizer).into_iter().map(|why| FieldError::invalid(path, finalizer, why)));
    }
    let has = |name: &str| finalizers.iter().any(|finalizer| finalizer == name);
    if has("orphan") && has("foregroundDeletion") {
        let why = "finalizer foregroundDeletion and orphan cannot be both set";
        errors.push(FieldError::invalid(path, metadata["finalizers"].clone(), why));
    }
    errors.into_vec()
}

/// What is wrong with the finalizers of a built-in object: those without a domain are Kubernetes' own.
pub(crate) fn validate_standard_finalizers(object: &Value) -> Vec<FieldError> {
    // Definitions of custom resources are cleaned up under a name without a domain, as they are in Kubernetes.
    if object["apiVersion"].as_str().is_some_and(|version| version.starts_with("apiextensions.k8s.io/")) {
        return Vec::new();
    }
    let path = FieldPath::new("metadata.finalizers");
    let why = "name is neither a standard finalizer name nor is it fully qualified";
    let finalizers = object["metadata"].items("finalizers").iter().filter_map(Value::as_str).enumerate();
    finalizers
        .filter(|(_, name)| !name.contains('/') && !STANDARD_FINALIZERS.contains(name))
        .map(|(index, name)| FieldError::invalid(&path.index(index), name, why))
        .collect()
}

/// What is wrong with the metadata of a changed object, alone or against what it was.
pub fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let (new, old) = (&new["metadata"], &old["metadata"]);
    let path = FieldPath::new("metadata");
    let mut errors = Errors::default();
    errors.extend(validate_marks(new, &path));
    if old.has("deletionTimestamp") {
        errors.extend(validate_no_new_finalizers(new, old, &path));
    }
    if new.number("generation") < old.number("generation") {
        let value = new["generation"].clone();
        errors.push(FieldError::invalid(&path.child("generation"), value, "must not be decremented"));
    }
    let fixed = ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    for field in fixed {
        if !same(&new[field], &old[field]) {
            errors.push(FieldError::invalid(&path.child(field), new[field].clone(), "field is immutable"));
        }
    }
    errors.into_vec()
}

fn validate_no_new_finalizers(new: &Value, old: &Value, path: &FieldPath) -> Option<FieldError> {
    let before: HashSet<&Value> = old.items("finalizers").iter().collect();
    let mut added: Vec<String> = new
        .items("finalizers")
        .iter()
        .filter(|finalizer| !before.contains(finalizer))
        .map(|finalizer| finalizer.to_string())
        .collect();
    added.sort();
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    (!added.is_empty()).then(|| FieldError::forbidden(&path.child("finalizers"), why))
}

/// Takes over from the old metadata what no client may change: when the object was made, when its deletion began,
/// and its identity unless the client named another (which is then an error).
pub fn keep_system_fields(new: &mut Value, old: &Value) {
    let old = &old["metadata"];
    let Some(metadata) = new.inner("metadata") else { return };
    for field in ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        crate::strategy::keep(metadata, old, field);
    }
    if old.has("uid") {
        metadata.fill_zero("uid", old["uid"].clone());
    }
}

/// Makes of the metadata of an object of any kind what Kubernetes' type holds of it; see [`crate::encoding`].
pub fn settle(object: &mut Value) {
    let schema = builtin::definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    if let (Some(metadata), Some(schema)) = (object.inner("metadata"), schema) {
        crate::encoding::settle(metadata, schema);
    }
}

/// The same of the whole objects that a schema says are inside a value. Null metadata of theirs is empty.
pub fn settle_embedded(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let Some(schema) = schema.field(name) else { continue };
                settle_inside(value, schema);
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            items.iter_mut().for_each(|item| settle_inside(item, schema));
        }
        _ => {}
    }
}

fn settle_inside(value: &mut Value, schema: &Schema) {
    if schema.embedded_resource {
        if let Some(metadata) = value.get_mut("metadata").filter(|metadata| metadata.is_null()) {
            *metadata = Map::new().into();
        }
        settle(value);
    }
    settle_embedded(value, schema);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(errors: Vec<FieldError>) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_that_breaks_the_rule_is_refused_in_kubernetes_words() {
        let object = json!({"metadata": {"name": "Foo", "namespace": "default"}});
        assert_eq!(
            texts(validate(&object, true, NameRule::Subdomain)),
            ["metadata.name: Invalid value: \"Foo\": a lowercase RFC 1123 subdomain must consist of lower case \
                 alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
                 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]
        );
    }

    #[test]
    fn a_name_and_the_right_scope_are_required() {
        assert_eq!(
            texts(validate(&json!({"metadata": {}}), true, NameRule::Subdomain)),
            ["metadata.name: Required value: name or generateName is required", "metadata.namespace: Required value"]
        );
        let object = json!({"metadata": {"name": "a", "namespace": "b"}});
        assert_eq!(
            texts(validate(&object, false, NameRule::Subdomain)),
            ["metadata.namespace: Forbidden: not allowed on this type"]
        );
    }

    #[test]
    fn annotations_have_a_total_size() {
        let object = json!({"metadata": {"name": "a", "annotations": {"a": "x".repeat(262_144)}}});
        assert_eq!(
            texts(validate(&object, false, NameRule::Subdomain)),
            ["metadata.annotations: Too long: may not be more than 262144 bytes"]
        );
    }

    #[test]
    fn what_is_being_deleted_gets_no_new_finalizer() {
        let old =
            json!({"metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b"]}});
        let mut new = old.clone();
        new["metadata"]["finalizers"] = json!(["a/b", "c/d"]);
        assert_eq!(
            texts(validate_update(&new, &old)),
            ["metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found \
                 new finalizers []string{\"c/d\"}"]
        );
        new["metadata"]["finalizers"] = json!([]);
        assert!(validate_update(&new, &old).is_empty());
    }

    #[test]
    fn identity_is_immutable() {
        let old = json!({"metadata": {"name": "a", "uid": "1"}});
        let new = json!({"metadata": {"name": "b", "uid": "1"}});
        assert_eq!(texts(validate_update(&new, &old)), ["metadata.name: Invalid value: \"b\": field is immutable"]);
    }

    #[test]
    fn the_system_keeps_its_own_fields() {
        let old = json!({"metadata": {"name": "a", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}});
        let mut new = json!({"metadata": {"name": "a", "creationTimestamp": "2020-01-01T00:00:00Z"}});
        keep_system_fields(&mut new, &old);
        assert_eq!(new, old);
    }

    #[test]
    fn what_holds_nothing_is_left_out() {
        let mut object = json!({"metadata": {"name": "a", "labels": {}, "annotations": {"a": ""}, "finalizers": []}});
        settle(&mut object);
        assert_eq!(object, json!({"metadata": {"name": "a", "annotations": {"a": ""}}}));
    }
}
