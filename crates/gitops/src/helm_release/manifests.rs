//! The objects of a release: read from what a record has, marked as Helm marks them, and which of them stay.

use std::collections::HashSet;

use cowherd_apply::{Manifest, ObjectId, Unmasked};
use cowherd_yaml::{Limits, parse_documents};
use serde_json::Value;

use super::names::Names;

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const HELM: &str = "Helm";
const RELEASE: &str = "meta.helm.sh/release-name";
const NAMESPACE: &str = "meta.helm.sh/release-namespace";
const POLICY: &str = "helm.sh/resource-policy";

/// The objects that a text describes; the items of lists each by themselves.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, String> {
    Ok(parse_told(text)?.into_iter().map(|(object, _)| object).collect())
}

/// The same, each with whether it is an item of a list.
pub(super) fn parse_told(text: &str) -> Result<Vec<(Value, bool)>, String> {
    let documents = parse_documents(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    let mut objects = Vec::new();
    for document in documents {
        match document.value {
            Value::Null => {}
            Value::Object(mut map)
                if map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) =>
            {
                match map.remove("items") {
                    Some(Value::Array(items)) => objects.extend(items.into_iter().map(|item| (item, true))),
                    _ => objects.push((Value::Object(map), false)),
                }
            }
            other => objects.push((other, false)),
        }
    }
    Ok(objects)
}

/// The objects that the manifest of a record describes.
pub(super) fn read(manifest: &str) -> Result<Vec<Manifest>, Unmasked> {
    let unread = |error| Unmasked::of(&format_args!("the manifest of the release cannot be read: {error}"));
    let objects = parse(manifest).map_err(unread)?;
    objects.into_iter().map(|object| Manifest::new(object).map_err(|error| error.text())).collect()
}

/// Marks objects as those of the release, as Helm does, by which it knows them again.
pub(super) fn mark(objects: &mut [Manifest], names: &Names) {
    for object in objects {
        object.set_metadata(
            [(MANAGED_BY, HELM)],
            [(RELEASE, names.release.as_str()), (NAMESPACE, names.namespace.as_str())],
        );
    }
}

/// Whether an object that is there is marked as one of the release; otherwise what is missing, in Helm's words.
pub(super) fn check_mark(live: &Value, names: &Names) -> Result<(), String> {
    let text = |field: &str, key: &str| live.get("metadata")?.get(field)?.get(key)?.as_str();
    let check = |what: &str, field: &str, key: &str, wanted: &str| match text(field, key) {
        Some(found) if found == wanted => None,
        Some(found) => {
            Some(format!("{what} validation error: key {key:?} must equal {wanted:?}: current value is {found:?}"))
        }
        None => Some(format!("{what} validation error: missing key {key:?}: must be set to {wanted:?}")),
    };
    let wrong = [
        check("label", "labels", MANAGED_BY, HELM),
        check("annotation", "annotations", RELEASE, &names.release),
        check("annotation", "annotations", NAMESPACE, &names.namespace),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("invalid ownership metadata; {}", wrong.join("; "))) }
}

/// Whether an object says that it stays when its release leaves it.
pub(super) fn stays(object: &Value) -> bool {
    let policy = object.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(POLICY)?.as_str());
    policy.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// The objects that `before` has and `now` has not.
pub(super) fn gone(before: Vec<Manifest>, now: &[Manifest]) -> Vec<Manifest> {
    let now: HashSet<&ObjectId> = now.iter().map(Manifest::id).collect();
    before.into_iter().filter(|object| !now.contains(object.id())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        Names { release: "web".into(), namespace: "apps".into(), storage: "apps".into() }
    }

    const MANIFEST: &str = "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\n# \
                            only a comment\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    \
                            name: b\n";

    #[test]
    fn the_objects_of_a_record_are_read_those_of_lists_too() {
        let objects = read(MANIFEST).unwrap();
        assert_eq!(
            objects.iter().map(|object| object.id().to_string()).collect::<Vec<_>>(),
            ["ConfigMap/a", "Secret/b"]
        );
        let left = gone(read(MANIFEST).unwrap(), &objects[..1]);
        assert_eq!(left.iter().map(|object| object.id().to_string()).collect::<Vec<_>>(), ["Secret/b"]);
    }

    #[test]
    fn an_object_is_of_the_release_by_which_it_is_marked() {
        let mut objects = read(MANIFEST).unwrap();
        mark(&mut objects, &names());
        assert_eq!(check_mark(objects[0].object(), &names()), Ok(()));
        let other = Names { release: "other".into(), ..names() };
        let wrong = check_mark(objects[0].object(), &other).unwrap_err();
        assert!(
            wrong.contains("key \"meta.helm.sh/release-name\" must equal \"other\": current value is \"web\""),
            "{wrong}"
        );
        let nothing = check_mark(&json!({ "metadata": {} }), &names()).unwrap_err();
        assert!(nothing.starts_with("invalid ownership metadata; label validation error: missing key"), "{nothing}");
    }

    #[test]
    fn an_object_may_ask_to_stay() {
        let policy = |policy: &str| stays(&json!({ "metadata": { "annotations": { POLICY: policy } } }));
        assert!(policy("keep") && policy(" Keep ") && !policy("delete") && !stays(&json!({ "metadata": {} })));
    }
}
