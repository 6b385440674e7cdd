//! The fields that the API server sets and nobody owns.

use std::borrow::Cow;

use serde_json::Value;

use super::element::PathElement;
use super::set::FieldSet;

/// What of `metadata` is never owned.
const UNOWNED: [&str; 9] = [
    "clusterName",
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What of `metadata` the server alone sets, whatever a configuration says. Unlike these, `uid` and
/// `resourceVersion` in a configuration say which object and version it means.
const SET_BY_SERVER: [&str; 6] =
    ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "selfLink"];

/// Takes the fields that nobody owns out of a set.
pub(super) fn strip(mut set: FieldSet) -> FieldSet {
    set.revise(|node| match &node.element {
        PathElement::Field(name) if **name == *"apiVersion" || **name == *"kind" => node.member = false,
        PathElement::Field(name) if **name == *"metadata" => {
            node.member = false;
            node.below.revise(|node| {
                if matches!(&node.element, PathElement::Field(name) if UNOWNED.contains(&&**name)) {
                    node.member = false;
                }
            });
        }
        _ => (),
    });
    set
}

/// A configuration without what the server sets.
pub(super) fn without_server_fields(applied: &Value) -> Cow<'_, Value> {
    let metadata = applied.get("metadata").and_then(Value::as_object);
    if !metadata.is_some_and(|metadata| SET_BY_SERVER.iter().any(|name| metadata.contains_key(*name))) {
        return Cow::Borrowed(applied);
    }
    let mut applied = applied.clone();
    if let Some(Value::Object(metadata)) = applied.get_mut("metadata") {
        metadata.retain(|name, _| !SET_BY_SERVER.contains(&name.as_str()));
    }
    Cow::Owned(applied)
}
