//! What is an object, and what is told and made of it.

use super::*;
use serde_json::json;

#[test]
fn an_object_says_what_it_is() {
    let manifest = Manifest::new(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "apps" } }))
    .unwrap();
    assert_eq!(manifest.id().to_string(), "Deployment/apps/web");
    assert_eq!(manifest.versioned().api_version(), "apps/v1");
    let error = Manifest::new(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {} })).unwrap_err();
    let told = error.told(&Mask::default());
    assert!(told.starts_with("Pod/?: metadata.name is missing"), "{told}");
    let labels = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "labels": { "a": 1 } } });
    assert!(matches!(Manifest::new(labels), Err(ManifestError::Metadata { field: "labels", .. })));
}

#[test]
fn a_name_that_would_change_the_request_is_refused() {
    for name in ["../../api/v1/nodes/a", "a?dryRun=All", "a b", "..", "%2e"] {
        let value = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name } });
        assert!(matches!(Manifest::new(value), Err(ManifestError::Name { .. })), "{name}");
    }
}

#[test]
fn a_version_that_would_change_the_request_is_refused() {
    for version in ["v1/namespaces/a", "apps/v1/x", "apps/v1?watch=1", "../api/v1", "apps/..", "v1#"] {
        let value = json!({ "apiVersion": version, "kind": "Pod", "metadata": { "name": "a" } });
        let error = Manifest::new(value).unwrap_err();
        // What stands behind a second slash would belong to the version.
        assert!(matches!(error, ManifestError::Name { field: "apiVersion", .. }), "{version}: {error:?}");
    }
}

#[test]
fn a_secrets_texts_become_its_data() {
    let secret = Manifest::new(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" },
        "data": { "a": "eA==", "b": "eA==" }, "stringData": { "b": "y" } }))
    .unwrap();
    assert_eq!(secret.object()["data"], json!({ "a": "eA==", "b": "eQ==" }));
    assert!(secret.object().get("stringData").is_none());
}

#[test]
fn metadata_and_namespace_are_set_in_place() {
    let mut manifest = Manifest::new(json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "a", "annotations": null, "labels": { "x": "1" } } }))
    .unwrap();
    let before = manifest.digest();
    manifest.set_metadata([("x", "2")], [("y", "3")]);
    manifest.set_namespace("apps");
    assert_eq!(
        manifest.object()["metadata"],
        json!({ "name": "a", "namespace": "apps", "annotations": { "y": "3" }, "labels": { "x": "2" } })
    );
    assert_eq!(manifest.id().namespace, "apps");
    assert_ne!(manifest.digest(), before);
    assert!(manifest.has("y", "3"));
}

fn named(field: &str, name: &str) -> Result<Manifest, ManifestError> {
    let mut metadata = json!({ "name": "a" });
    metadata[field] = name.into();
    Manifest::new(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata }))
}

#[test]
fn a_name_is_one_segment_of_a_url_of_253_bytes_at_most() {
    for name in ["system:node", "a.b-c_d", "..a", "...", "ä", &"a".repeat(253)] {
        assert!(named("name", name).is_ok() && named("namespace", name).is_ok(), "{name}");
    }
    for name in [".", "..", "a/b", "a%b", "a?b", "a#b", "a\\b", "a b", "a\u{a0}b", "a\nb", "a\0b", &"a".repeat(254)] {
        assert!(matches!(named("name", name), Err(ManifestError::Name { field: "name", .. })), "{name}");
        assert!(matches!(named("namespace", name), Err(ManifestError::Name { field: "namespace", .. })), "{name}");
    }
    // A name is needed, a namespace is not.
    assert!(matches!(named("name", ""), Err(ManifestError::Incomplete { field: "metadata.name", .. })));
    assert!(named("namespace", "").is_ok());
}

#[test]
fn an_object_without_namespace_or_group_is_told_without_them() {
    let id = |namespace: &str, group: &str| ObjectId {
        namespace: namespace.into(),
        name: "n".into(),
        group: group.into(),
        kind: "K".into(),
    };
    assert_eq!((id("", "").to_string(), id("a", "g").to_string()), ("K/n".to_owned(), "K/a/n".to_owned()));
    let version = |group: &str| Versioned { id: id("", group), version: "v1".into() }.api_version();
    assert_eq!((version(""), version("g")), ("v1".to_owned(), "g/v1".to_owned()));
}

#[test]
fn only_the_texts_of_a_secret_of_kubernetes_become_data() {
    let read = |api_version: &str, kind: &str, texts: Value, data: Value| {
        let object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "a" }, "stringData": texts, "data": data });
        Manifest::new(object).unwrap().object().clone()
    };
    for (api_version, kind) in [("v1", "ConfigMap"), ("example.org/v1", "Secret")] {
        let kept = read(api_version, kind, json!({ "a": "x" }), json!({}));
        assert_eq!((&kept["stringData"], &kept["data"]), (&json!({ "a": "x" }), &json!({})), "{kind}");
    }
    // What is no text is for the API to refuse.
    let wrong = read("v1", "Secret", json!({ "a": 1 }), json!({}));
    assert_eq!((&wrong["stringData"], &wrong["data"]), (&json!({ "a": 1 }), &json!({})));
    let empty = read("v1", "Secret", json!({ "a": "x" }), Value::Null);
    assert_eq!((empty.get("stringData"), &empty["data"]), (None, &json!({ "a": "eA==" })));
}

#[test]
fn a_label_or_an_annotation_says_something_in_any_case() {
    for field in ["labels", "annotations"] {
        let metadata = json!({ "name": "a", field: { "key": "Value" } });
        let manifest = Manifest::new(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata })).unwrap();
        assert!(manifest.has("key", "value") && manifest.has("key", "VALUE"));
        assert!(!manifest.has("key", "other") && !manifest.has("other", "value"));
    }
}

#[test]
fn an_object_is_moved_out_of_any_namespace_with_an_empty_one() {
    let mut manifest = named("namespace", "apps").unwrap();
    manifest.set_namespace("");
    assert_eq!((manifest.object()["metadata"].clone(), manifest.id().namespace.as_str()), (json!({ "name": "a" }), ""));
}

#[test]
fn what_only_the_api_writes_is_no_part_of_an_object() {
    let dumped = |api_version: &str, kind: &str| {
        let metadata = json!({ "name": "a", "uid": "1", "resourceVersion": "7", "creationTimestamp": null, "generation": 2,
            "selfLink": "/a", "managedFields": [], "deletionTimestamp": "2026-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": 0, "ownerReferences": [], "finalizers": ["a"], "labels": { "a": "b" } });
        let value =
            json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {}, "status": { "a": 1 } });
        Manifest::new(value).unwrap().object().clone()
    };
    let kept = json!({ "name": "a", "ownerReferences": [], "finalizers": ["a"], "labels": { "a": "b" } });
    let expected = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": {} });
    assert_eq!(dumped("v1", "Pod"), expected);
    let definition = dumped("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    assert_eq!((&definition["metadata"], &definition["status"]), (&kept, &json!({ "a": 1 })));
}
