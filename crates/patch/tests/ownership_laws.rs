//! What holds for all sets of fields and all configurations.

use cowherd_patch::managed::{Applier, FieldSet, FieldsPath, Updater, apply, update};
use cowherd_schema::{Schema, builtin};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn schema() -> &'static Schema {
    builtin::definition("io.k8s.api.apps.v1.Deployment").expect("the schema of Deployment")
}

fn by<'a>(manager: &'a str, now: &'a str) -> Applier<'a> {
    Applier { manager, force: false, subresource: None, api_version: "apps/v1", now }
}

const EARLY: &str = "2024-01-01T00:00:00Z";
const LATE: &str = "2024-01-01T01:00:00Z";

fn key() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["f:a", "f:b", "f:c", "v:1", "v:10", "v:\"x\"", "v:true", "i:3"]);
    let item =
        prop::sample::select(vec!["k:{\"name\":\"a\"}", "k:{\"port\":80}", "k:{\"port\":9,\"protocol\":\"TCP\"}"]);
    prop_oneof![field, item].prop_map(str::to_owned)
}

/// A `fieldsV1` without what it need not say.
fn fields() -> impl Strategy<Value = FieldSet> {
    let leaf = Just(json!({}));
    let tree = leaf.prop_recursive(4, 24, 4, |below| {
        (prop::collection::btree_map(key(), below, 1..4), any::<bool>()).prop_map(|(below, member)| {
            let mut below: Map<String, Value> = below.into_iter().collect();
            if member {
                below.insert(".".to_owned(), json!({}));
            }
            Value::Object(below)
        })
    });
    tree.prop_map(|mut tree| {
        // The whole object is no field.
        tree.as_object_mut().map(|tree| tree.remove("."));
        FieldSet::from_fields_v1(&tree).expect("a set of fields")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_of_fields_are_sets(a in fields(), b in fields(), c in fields()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert!(a.intersection(&b).is_subset(&a) && a.is_subset(&a.union(&b)));
        prop_assert!(a.recursive_difference(&b).is_subset(&a.difference(&b)));
        prop_assert_eq!(a.paths().len(), a.len());
        prop_assert!(a.paths().iter().all(|path| a.has(&path.0)));
        prop_assert!(b.paths().iter().all(|path| b.difference(&a).has(&path.0) != a.has(&path.0)));
    }

    #[test]
    fn sets_of_fields_are_read_as_they_are_written(set in fields()) {
        prop_assert_eq!(&FieldSet::from_fields_v1(&set.to_fields_v1()).expect("a set"), &set);
        let text = serde_json::to_string(&set).expect("a text");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(value, set.to_fields_v1());
    }
}

#[test]
fn a_text_of_fields_is_in_the_order_of_the_elements() {
    let fields = json!({ "k:{\"port\":443}": {}, "k:{\"port\":80}": { ".": {}, "f:port": {} }, "v:10": {}, "v:9": {}, "f:z": {} });
    let set = FieldSet::from_fields_v1(&fields).expect("a set");
    assert_eq!(
        serde_json::to_string(&set).expect("a text"),
        r#"{"f:z":{},"k:{\"port\":80}":{".":{},"f:port":{}},"k:{\"port\":443}":{},"v:9":{},"v:10":{}}"#
    );
}

#[test]
fn fields_that_cannot_be_understood_are_refused() {
    for wrong in [
        json!(1),
        json!({ "f:a": 1 }),
        json!({ "fa": {} }),
        json!({ "v:{": {} }),
        json!({ "i:x": {} }),
        json!({ "k:1": {} }),
    ] {
        assert!(FieldSet::from_fields_v1(&wrong).is_err(), "{wrong}");
    }
    let mut deep = json!({});
    for _ in 0..1000 {
        deep = json!({ "f:a": deep });
    }
    assert!(FieldSet::from_fields_v1(&deep).is_err());
    let later = json!({ "x:new": { "f:a": {} }, "f:a": {} });
    assert_eq!(FieldSet::from_fields_v1(&later).expect("a set").to_fields_v1(), json!({ "f:a": {} }));
}

fn some(names: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(names, 0..=names.len()).prop_shuffle()
}

fn port() -> impl Strategy<Value = Value> {
    (prop::sample::select(vec![80, 443]), any::<bool>(), any::<bool>()).prop_map(|(number, udp, named)| {
        let mut port = json!({ "containerPort": number });
        if udp {
            port["protocol"] = "UDP".into();
        }
        if named {
            port["name"] = "x".into();
        }
        port
    })
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let args = prop::collection::vec(prop::sample::select(vec!["-a", "-b"]), 0..3);
    (0..2_u8, args, some(&["A", "B", "C"]), port()).prop_map(move |(image, args, env, port)| {
        let env: Vec<Value> = env.into_iter().map(|name| json!({ "name": name, "value": "1" })).collect();
        json!({ "name": name, "image": format!("x:{image}"), "args": args, "env": env, "ports": [port] })
    })
}

/// A configuration of a Deployment.
fn configuration() -> impl Strategy<Value = Value> {
    let containers = some(&["a", "b", "c"])
        .prop_flat_map(|names| names.into_iter().map(|name| container(name).boxed()).collect::<Vec<_>>());
    let labels = some(&["l1", "l2", "l3"]);
    let finalizers = some(&["x/a", "x/b"]);
    (containers, labels, finalizers, prop::option::of(0..3_u8), any::<bool>()).prop_map(
        |(containers, labels, finalizers, replicas, strategy)| {
            let labels: Map<String, Value> = labels.into_iter().map(|name| (name.to_owned(), json!("v"))).collect();
            let mut object = json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "web", "labels": labels, "finalizers": finalizers },
                "spec": { "template": { "spec": { "containers": containers } }, "selector": { "matchLabels": labels } },
            });
            if let Some(replicas) = replicas {
                object["spec"]["replicas"] = replicas.into();
            }
            if strategy {
                object["spec"]["strategy"] = json!({ "rollingUpdate": { "maxSurge": 1 } });
            }
            object
        },
    )
}

fn without_owners(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    object
}

/// Without empty lists and maps: an empty list that merges by item leaves nothing behind to tell that it was given.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.into_iter().map(|(name, value)| (name, without_empty(value)));
            Value::Object(fields.filter(|(_, value)| *value != json!({}) && *value != json!([])).collect())
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        scalar => scalar,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_again_changes_nothing(first in configuration(), second in configuration()) {
        let live = apply(None, &first, schema(), &by("one", EARLY)).expect("applied");
        prop_assert_eq!(without_owners(&live), first.clone());
        prop_assert_eq!(&apply(Some(&live), &first, schema(), &by("one", LATE)).expect("applied"), &live);
        let live = apply(Some(&live), &second, schema(), &by("one", LATE)).expect("applied");
        prop_assert_eq!(&apply(Some(&live), &second, schema(), &by("one", "2025-01-01T00:00:00Z")).expect("applied"), &live);
    }

    #[test]
    fn what_the_only_manager_applies_last_is_what_there_is(first in configuration(), second in configuration()) {
        let live = apply(None, &first, schema(), &by("one", EARLY)).expect("applied");
        let live = apply(Some(&live), &second, schema(), &by("one", LATE)).expect("applied");
        prop_assert_eq!(without_empty(without_owners(&live)), without_empty(second));
    }

    #[test]
    fn forced_configurations_are_always_there(all in prop::collection::vec((configuration(), 0..3_usize), 1..6)) {
        let managers = ["one", "two", "three"];
        let mut live: Option<Value> = None;
        for (configuration, manager) in &all {
            let applier = Applier { force: true, ..by(managers[*manager], EARLY) };
            let result = apply(live.as_ref(), configuration, schema(), &applier).expect("applied");
            let given = FieldSet::of(&without_empty(configuration.clone()), schema());
            prop_assert!(given.is_subset(&FieldSet::of(&result, schema())));
            let again = apply(Some(&result), configuration, schema(), &applier).expect("applied");
            prop_assert_eq!(&again, &result);
            live = Some(result);
        }
    }

    #[test]
    fn managers_of_different_fields_do_not_meet(configuration in configuration()) {
        let other = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "annotations": { "a": "b" } },
            "spec": { "template": { "spec": { "containers": [{ "name": "injected", "image": "i" }] } } } });
        let live = apply(None, &configuration, schema(), &by("one", EARLY)).expect("applied");
        let live = apply(Some(&live), &other, schema(), &by("two", EARLY)).expect("no conflict");
        prop_assert_eq!(&apply(Some(&live), &configuration, schema(), &by("one", LATE)).expect("no conflict"), &live);
        // The second leaves nothing behind when it gives up its fields.
        let nothing = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" } });
        let live = apply(Some(&live), &nothing, schema(), &by("two", LATE)).expect("no conflict");
        prop_assert_eq!(without_empty(without_owners(&live)), without_empty(configuration));
    }

    #[test]
    fn every_change_of_an_update_has_one_owner(first in configuration(), second in configuration()) {
        let writer = |manager| Updater { manager, subresource: None, api_version: "apps/v1", now: EARLY };
        let live = apply(None, &first, schema(), &by("one", EARLY)).expect("applied");
        let result = update(Some(&live), second.clone(), schema(), &writer("two"));
        prop_assert_eq!(without_owners(&result), second);
        let entries = result["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let sets: Vec<FieldSet> =
            entries.iter().map(|entry| FieldSet::from_fields_v1(&entry["fieldsV1"]).expect("a set")).collect();
        if let [one, two] = sets.as_slice() {
            let is_leaf = |path: &FieldsPath| !one.paths().iter().any(|other| other.0.len() > path.0.len() && other.0.starts_with(&path.0));
            prop_assert!(!one.paths().iter().any(|path| is_leaf(path) && two.has(&path.0)));
        }
        // Writing the same again records nothing.
        let again = update(Some(&result), without_owners(&result), schema(), &writer("three"));
        prop_assert_eq!(again, result);
    }
}

#[test]
fn custom_resources_have_the_metadata_of_all_objects() {
    let schema = Schema::from_openapi(&json!({ "type": "object", "properties": {
        "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": { "type": "object" },
        "spec": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }))
    .expect("a schema");
    let with = |finalizer: &str| json!({ "apiVersion": "x.io/v1", "kind": "X", "metadata": { "name": "x", "finalizers": [finalizer] }, "spec": { "a": 1 } });
    let live = apply(None, &with("x/a"), &schema, &by("one", EARLY)).expect("applied");
    let live = apply(Some(&live), &with("x/b"), &schema, &by("two", EARLY)).expect("no conflict");
    assert_eq!(live["metadata"]["finalizers"].as_array().map(Vec::len), Some(2));
}
