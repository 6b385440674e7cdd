//! The entries of `managedFields`: in which order they stand, which writes share one, and what they mean after the schema
//! changed.

use cowherd_patch::managed::{
    Applier, FieldSet, Updater, apply, apply_except, same_but_for_times, update, update_except,
};
use cowherd_schema::{Schema, builtin};
use serde_json::{Value, json};

const EARLY: &str = "2024-01-01T00:00:00Z";
const LATE: &str = "2024-01-01T01:00:00Z";

fn by(manager: &str) -> Applier<'_> {
    Applier { manager, force: false, subresource: None, api_version: "farm.example/v1", now: LATE }
}

fn writer(manager: &str) -> Updater<'_> {
    Updater { manager, subresource: None, api_version: "farm.example/v1", now: LATE }
}

/// What may be anything in its spec.
fn schema() -> Schema {
    schema_of(json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }))
}

fn schema_of(spec: Value) -> Schema {
    let status = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    Schema::from_openapi(&json!({ "type": "object", "properties": { "spec": spec, "status": status } }))
        .expect("a schema")
}

fn object(spec: Value) -> Value {
    json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta" }, "spec": spec })
}

fn owned(mut object: Value, entries: Value) -> Value {
    object["metadata"]["managedFields"] = entries;
    object
}

fn entry(manager: &str, operation: &str, fields: Value) -> Value {
    json!({ "manager": manager, "operation": operation, "apiVersion": "farm.example/v1", "time": EARLY,
        "fieldsType": "FieldsV1", "fieldsV1": fields })
}

fn entries(object: &Value) -> Vec<Value> {
    object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default()
}

/// The fields that somebody owns.
fn fields(object: &Value, manager: &str) -> Option<Value> {
    entries(object).into_iter().find(|entry| entry["manager"] == manager).map(|mut entry| entry["fieldsV1"].take())
}

fn refusal(result: Result<Value, cowherd_patch::managed::ApplyError>) -> String {
    result.expect_err("a refusal").to_string()
}

#[test]
fn those_who_apply_stand_first_and_then_who_came_first() {
    let one = |number: usize, operation: &str, time: &str, manager: &str, version: &str, subresource: &str| {
        let fields = json!({ "f:spec": { format!("f:f{number}"): {} } });
        json!({ "manager": manager, "operation": operation, "apiVersion": version, "time": time, "subresource": subresource,
            "fieldsType": "FieldsV1", "fieldsV1": fields })
    };
    let told = [
        one(0, "Apply", EARLY, "z", "farm.example/v1", ""),
        one(1, "Apply", LATE, "y", "farm.example/v1", ""),
        one(2, "Apply", LATE, "z", "farm.example/v1", "status"),
        one(3, "Update", EARLY, "x", "farm.example/v2", "status"),
        one(4, "Update", LATE, "a", "farm.example/v1", "status"),
        one(5, "Update", LATE, "b", "farm.example/v1", ""),
        one(6, "Update", LATE, "b", "farm.example/v1", "status"),
        one(7, "Update", LATE, "b", "farm.example/v2", ""),
        one(8, "Update", LATE, "c", "farm.example/v1", ""),
    ];
    for turns in 0..told.len() {
        let mut turned = told.clone();
        turned.rotate_left(turns);
        for given in [turned.to_vec(), turned.iter().rev().cloned().collect()] {
            // Whoever writes it names the owners, and changes nothing.
            let live = object(json!({}));
            let written = update(Some(&live), owned(live.clone(), given.into()), &schema(), &writer("somebody"));
            assert_eq!(entries(&written), told);
        }
    }
}

#[test]
fn what_is_applied_in_another_version_is_owned_in_that_one() {
    let first = apply(None, &object(json!({ "a": 1 })), &schema(), &by("a")).expect("applied");
    let later = Applier { api_version: "farm.example/v2", now: "2024-01-02T00:00:00Z", ..by("a") };
    let again = apply(Some(&first), &object(json!({ "a": 1 })), &schema(), &later).expect("applied");
    let told: Vec<_> =
        entries(&again).iter().map(|entry| [entry["apiVersion"].clone(), entry["time"].clone()]).collect();
    assert_eq!(told, [[json!("farm.example/v2"), json!("2024-01-02T00:00:00Z")]]);
    // Who writes owns in each version for itself.
    let written = update(Some(&first), object(json!({ "a": 1, "b": 1 })), &schema(), &writer("w"));
    let later = Updater { api_version: "farm.example/v2", ..writer("w") };
    let written = update(Some(&written), object(json!({ "a": 1, "b": 1, "c": 1 })), &schema(), &later);
    let told: Vec<_> =
        entries(&written).into_iter().map(|mut entry| [entry["apiVersion"].take(), entry["fieldsV1"].take()]).collect();
    let spec = |field: &str| json!({ "f:spec": { field: {} } });
    assert_eq!(told[1..], [[json!("farm.example/v1"), spec("f:b")], [json!("farm.example/v2"), spec("f:c")]]);
}

#[test]
fn a_subresource_has_owners_of_its_own() {
    let with_status = |status: Value| json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta" }, "status": status });
    let live = apply(None, &object(json!({ "a": 1 })), &schema(), &by("a")).expect("applied");
    let status = Applier { subresource: Some("status"), ..by("a") };
    let live = apply(Some(&live), &with_status(json!({ "x": 1 })), &schema(), &status).expect("applied");
    let told: Vec<_> =
        entries(&live).into_iter().map(|mut entry| [entry["subresource"].take(), entry["fieldsV1"].take()]).collect();
    assert_eq!(
        told,
        [[Value::Null, json!({ "f:spec": { "f:a": {} } })], [json!("status"), json!({ "f:status": { "f:x": {} } })]]
    );
    let refused = refusal(apply(Some(&live), &with_status(json!({ "x": 2 })), &schema(), &by("b")));
    assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"a\" with subresource \"status\": .status.x");
    // Through it nobody says who owns the whole.
    let through = Updater { subresource: Some("status"), ..writer("w") };
    for said in [json!([]), json!([entry("other", "Apply", json!({ "f:spec": {} }))])] {
        assert_eq!(update(Some(&live), owned(live.clone(), said), &schema(), &through), live);
    }
}

#[test]
fn who_gives_nothing_owns_nothing_and_a_nameless_one_is_unknown() {
    let nothing = json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta" } });
    assert_eq!(apply(None, &nothing, &schema(), &by("a")), Ok(nothing.clone()));
    let live = apply(None, &object(json!({ "a": 1 })), &schema(), &by("a")).expect("applied");
    assert_eq!(apply(Some(&live), &nothing, &schema(), &by("b")), Ok(live.clone()));
    assert_eq!(apply(Some(&live), &nothing, &schema(), &by("a")), Ok(nothing));
    let named = apply(None, &object(json!({ "a": 1 })), &schema(), &by("")).expect("applied");
    assert_eq!(fields(&named, "unknown"), Some(json!({ "f:spec": { "f:a": {} } })));
}

#[test]
fn owners_that_cannot_be_understood_are_an_error_to_who_applies_and_stay_when_somebody_writes() {
    let without = |field: &str| {
        let mut entry = entry("a", "Apply", json!({ "f:spec": { "f:a": {} } }));
        entry.as_object_mut().map(|entry| entry.remove(field));
        entry
    };
    let with = |field: &str, value: Value| {
        let mut entry = without(field);
        entry[field] = value;
        entry
    };
    for (wrong, why) in [
        (json!([without("operation")]), "operation must be `Apply` or `Update`"),
        (json!([with("operation", json!("Guess"))]), "operation must be `Apply` or `Update`"),
        (json!([without("apiVersion")]), "apiVersion must not be empty"),
        (json!([without("fieldsType")]), "missing fieldsType in managed fields entry 0"),
        (
            json!([without("manager"), with("fieldsType", json!("V2"))]),
            "invalid fieldsType \"V2\" in managed fields entry 1",
        ),
        (json!([with("fieldsV1", json!({ "fspec": {} }))]), "parsing key as path element: \"fspec\": missing colon"),
        (json!({}), "managedFields must be a list"),
    ] {
        let live = owned(object(json!({ "a": 1 })), wrong.clone());
        let refused = refusal(apply(Some(&live), &object(json!({ "a": 2 })), &schema(), &by("b")));
        assert_eq!(refused, format!("failed to decode managed fields: {why}"));
        // Said by a writer of an object whose owners are known, it is as if he had said nothing.
        let known = apply(None, &object(json!({ "a": 1 })), &schema(), &by("a")).expect("applied");
        assert_eq!(update(Some(&known), owned(known.clone(), wrong), &schema(), &writer("w")), known, "{why}");
    }
    let live = owned(object(json!({ "a": 1 })), json!([with("fieldsV1", json!({ "fspec": {} }))]));
    let written = update(Some(&live), object(json!({ "a": 2 })), &schema(), &writer("w"));
    assert_eq!(entries(&written), entries(&live), "better theirs than none");
    // Who changes nothing need not understand them.
    assert_eq!(update(Some(&live), live.clone(), &schema(), &writer("w")), live);
    let shared = apply(Some(&live), &object(json!({ "a": 1 })), &schema(), &by("b")).expect("applied");
    assert_eq!(fields(&shared, "b"), Some(json!({ "f:spec": { "f:a": {} } })));
    // An entry without fields owns nothing, and no list of entries is an empty one.
    let live = owned(object(json!({ "a": 1 })), json!([with("fieldsV1", Value::Null)]));
    assert!(apply(Some(&live), &object(json!({ "a": 2 })), &schema(), &by("b")).is_ok());
    let live = owned(object(json!({ "a": 1 })), Value::Null);
    let refused = refusal(apply(Some(&live), &object(json!({ "a": 2 })), &schema(), &by("b")));
    assert!(refused.contains("conflict with \"before-first-apply\""), "{refused}");
}

#[test]
fn fields_that_are_not_owned_are_left_out_whoever_writes_them() {
    let mut whole = object(json!({ "a": 1 }));
    for (field, value) in [
        ("namespace", json!("n")),
        ("uid", json!("u")),
        ("resourceVersion", json!("7")),
        ("generation", json!(1)),
        ("creationTimestamp", json!(EARLY)),
        ("selfLink", json!("/s")),
        ("labels", json!({ "l": "1" })),
    ] {
        whole["metadata"][field] = value;
    }
    let known = json!({ "f:metadata": { "f:labels": { "f:l": {} } }, "f:spec": { "f:a": {} } });
    let applied = apply(None, &whole, &schema(), &by("a")).expect("applied");
    assert_eq!(fields(&applied, "a"), Some(known));
    // What the server alone sets is not taken from a configuration.
    for field in ["generation", "creationTimestamp", "selfLink"] {
        assert_eq!(applied["metadata"].get(field), None, "{field}");
    }
    assert_eq!(applied["metadata"]["uid"], "u");
    let written = update(None, whole, &schema(), &writer("w"));
    let known = json!({ "f:metadata": { "f:labels": { ".": {}, "f:l": {} } }, "f:spec": { ".": {}, "f:a": {} } });
    assert_eq!(fields(&written, "w"), Some(known));
}

#[test]
fn what_is_ignored_is_owned_by_nobody_with_all_that_lies_below_it() {
    let ignored = FieldSet::of_fields(&[&["status"], &["spec", "a", "b"]]);
    let mut whole = object(json!({ "a": { "b": { "c": 1 }, "d": 1 } }));
    whole["status"] = json!({ "x": { "y": 1 } });
    let applied = apply_except(None, &whole, &schema(), &by("a"), &ignored).expect("applied");
    assert_eq!(fields(&applied, "a"), Some(json!({ "f:spec": { "f:a": { ".": {}, "f:d": {} } } })));
    assert_eq!((applied["spec"].clone(), applied.get("status")), (json!({ "a": { "d": 1 } }), None));
    let written = update_except(None, whole, &schema(), &writer("w"), &ignored);
    assert_eq!(fields(&written, "w"), Some(json!({ "f:spec": { ".": {}, "f:a": { ".": {}, "f:d": {} } } })));
    assert_eq!(written["status"], json!({ "x": { "y": 1 } }));
}

#[test]
fn what_became_atomic_is_owned_as_a_whole_by_who_owned_a_part_of_it() {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "object", "additionalProperties": text });
    let list = json!({ "type": "array", "items": text });
    let with = |mut schema: Value, kind: &str, value: &str| {
        schema[kind] = value.into();
        schema
    };
    let schema = schema_of(json!({ "type": "object", "properties": {
        "touched": text, "atomic": with(texts.clone(), "x-kubernetes-map-type", "atomic"), "map": texts,
        "list": list, "set": with(list, "x-kubernetes-list-type", "set"),
        "deep": { "type": "object", "properties": { "atomic": with(texts.clone(), "x-kubernetes-map-type", "atomic") } } } }));
    for (value, before, after) in [
        (json!({ "atomic": { "a": "1" } }), json!({ "f:atomic": { "f:a": {} } }), json!({ "f:atomic": {} })),
        (json!({ "atomic": { "a": "1" } }), json!({ "f:atomic": { ".": {}, "f:a": {} } }), json!({ "f:atomic": {} })),
        (json!({ "list": ["a"] }), json!({ "f:list": { "v:\"a\"": {} } }), json!({ "f:list": {} })),
        // Whatever parts they were: even those that neither has.
        (json!({}), json!({ "f:atomic": { "v:\"a\"": {} } }), json!({ "f:atomic": {} })),
        (json!({}), json!({ "f:list": { "f:a": {} } }), json!({ "f:list": {} })),
        (
            json!({ "deep": { "atomic": { "a": "1" } } }),
            json!({ "f:deep": { ".": {}, "f:atomic": { "f:a": {} } } }),
            json!({ "f:deep": { ".": {}, "f:atomic": {} } }),
        ),
        // What still merges is owned as before.
        (json!({ "map": { "a": "1" } }), json!({ "f:map": { "f:a": {} } }), json!({ "f:map": { "f:a": {} } })),
        (json!({ "set": ["a"] }), json!({ "f:set": { "v:\"a\"": {} } }), json!({ "f:set": { "v:\"a\"": {} } })),
        (json!({}), json!({ "f:unknown": { "f:a": {} } }), json!({ "f:unknown": { "f:a": {} } })),
    ] {
        // Somebody changes another field of hers, so that her entry is written anew.
        let mut spec = value;
        spec["touched"] = "before".into();
        let mut fields_before = before;
        fields_before["f:touched"] = json!({});
        let live = owned(object(spec.clone()), json!([entry("her", "Update", json!({ "f:spec": fields_before }))]));
        spec["touched"] = "after".into();
        let written = update(Some(&live), object(spec), &schema, &writer("w"));
        assert_eq!(fields(&written, "her"), Some(json!({ "f:spec": after })));
    }
}

#[test]
fn only_the_times_of_the_owners_do_not_matter() {
    let one = owned(
        object(json!({ "a": 1 })),
        json!([entry("a", "Apply", json!({ "f:spec": {} })), entry("b", "Update", json!({}))]),
    );
    let with = |pointer: &str, value: Value| {
        let mut other = one.clone();
        *other.pointer_mut(pointer).expect("a place") = value;
        other
    };
    assert!(same_but_for_times(&one, &one));
    for time in [json!(LATE), Value::Null] {
        assert!(same_but_for_times(&one, &with("/metadata/managedFields/0/time", time)));
    }
    let mut renamed = one.clone();
    let spec = renamed["spec"].take();
    renamed.as_object_mut().map(|object| object.remove("spec"));
    renamed["speck"] = spec;
    let mut labelled = one.clone();
    labelled["metadata"]["labels"] = json!({});
    let fewer = with("/metadata/managedFields", json!([one["metadata"]["managedFields"][0]]));
    let mut less = one.clone();
    less.as_object_mut().map(|object| object.remove("spec"));
    for other in [
        with("/metadata/managedFields/1/manager", json!("c")),
        with("/metadata/managedFields/0/fieldsV1", json!({})),
        with("/metadata/name", json!("other")),
        with("/spec", json!({ "a": 2 })),
        with("/kind", json!("Ox")),
        with("/metadata", json!("none")),
        renamed,
        labelled,
        fewer,
        less,
        json!([]),
    ] {
        assert!(!same_but_for_times(&one, &other) && !same_but_for_times(&other, &one), "{other}");
    }
    assert!(same_but_for_times(&json!([1]), &json!([1])) && !same_but_for_times(&json!([1]), &json!([2])));
}

#[test]
fn built_in_kinds_have_lists_by_their_keys_and_atomic_maps() {
    let schema = builtin::definition("io.k8s.api.core.v1.Service").expect("a built-in kind");
    let service = |ports: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": { "selector": { "a": "b" }, "ports": ports } });
    let first = apply(None, &service(json!([{ "port": 80 }, { "port": 53, "protocol": "UDP" }])), schema, &by("a"))
        .expect("applied");
    assert_eq!(
        fields(&first, "a"),
        Some(json!({ "f:spec": { "f:selector": {}, "f:ports": {
            "k:{\"port\":53,\"protocol\":\"UDP\"}": { ".": {}, "f:port": {}, "f:protocol": {} },
            "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:port": {} } } } }))
    );
    // The protocol that is not given is the one that it has.
    let again = service(json!([{ "port": 80, "protocol": "TCP", "name": "http" }]));
    let second = apply(Some(&first), &again, schema, &by("b")).expect("no conflict");
    let ports = json!([{ "port": 80, "protocol": "TCP", "name": "http" }, { "port": 53, "protocol": "UDP" }]);
    assert_eq!(second["spec"]["ports"], ports);
}

#[test]
fn an_object_has_no_fields_beside_its_own_whatever_its_schema_leaves_out() {
    let mut extra = object(json!({ "a": 1 }));
    extra["extra"] = json!(1);
    let refused = refusal(apply(None, &extra, &schema(), &by("a")));
    assert!(
        refused.ends_with("(/berta; farm.example/v1, Kind=Cow): .extra: field not declared in schema"),
        "{refused}"
    );
    // What may be anything has no metadata of its own.
    let loose = |finalizer: &str| object(json!({ "metadata": { "finalizers": [finalizer] }, "kind": "K" }));
    let live = apply(None, &loose("a"), &schema(), &by("a")).expect("applied");
    assert!(refusal(apply(Some(&live), &loose("b"), &schema(), &by("b"))).ends_with(": .spec.metadata.finalizers"));
    let known = json!({ "f:spec": { "f:kind": {}, "f:metadata": { ".": {}, "f:finalizers": {} } } });
    assert_eq!(fields(&live, "a"), Some(known));
}

#[test]
fn an_object_in_another_has_the_metadata_of_all_objects() {
    let template = json!({ "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true });
    let schema = schema_of(json!({ "type": "object", "properties": { "template": template } }));
    let with = |finalizer: &str| {
        object(
            json!({ "template": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "finalizers": [finalizer] } } }),
        )
    };
    let live = apply(None, &with("a"), &schema, &by("a")).expect("applied");
    let live = apply(Some(&live), &with("b"), &schema, &by("b")).expect("no conflict");
    assert_eq!(live["spec"]["template"]["metadata"]["finalizers"], json!(["a", "b"]));
    let known = json!({ "f:spec": { "f:template": { "f:apiVersion": {}, "f:kind": {}, "f:metadata": {
        "f:name": {}, "f:finalizers": { "v:\"a\"": {} } } } } });
    assert_eq!(fields(&live, "a"), Some(known));
}

#[test]
fn the_metadata_in_which_nothing_stands_is_its_writers_where_the_kind_is_custom() {
    let metadata = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let template = json!({ "type": "object", "properties": { "metadata": metadata, "other": metadata } });
    let schema = schema_of(json!({ "type": "object", "properties": { "template": template } }));
    let written = update(None, object(json!({ "template": { "metadata": {}, "other": {} } })), &schema, &writer("w"));
    let known = json!({ "f:spec": { ".": {}, "f:template": { ".": {}, "f:metadata": {}, "f:other": {} } } });
    assert_eq!(fields(&written, "w"), Some(known));
}

#[test]
fn the_oldest_writers_become_one_in_each_version() {
    // Of each writer its version, and what it wrote.
    let write = |versions: &[&str]| {
        let mut spec = json!({});
        let mut live: Option<Value> = None;
        for (number, version) in versions.iter().enumerate() {
            let (manager, now) = (format!("w{number:02}"), format!("2024-01-01T00:00:{number:02}Z"));
            spec[format!("f{number:02}")] = json!(1);
            let by = Updater { manager: &manager, subresource: None, api_version: version, now: &now };
            live = Some(update(live.as_ref(), object(spec.clone()), &schema(), &by));
        }
        entries(&live.expect("an object"))
    };
    let names = |entries: &[Value]| {
        entries.iter().map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let numbered = |range: std::ops::Range<usize>| range.map(|number| format!("w{number:02}")).collect::<Vec<_>>();
    assert_eq!(names(&write(&["farm.example/v1"; 10])), numbered(0..10));
    let eleven = write(&["farm.example/v1"; 11]);
    assert_eq!(names(&eleven), [vec!["ancient-changes".to_owned()], numbered(2..11)].concat());
    let ancient = json!({ "f:spec": { ".": {}, "f:f00": {}, "f:f01": {} } });
    assert_eq!((&eleven[0]["fieldsV1"], &eleven[0]["time"]), (&ancient, &json!("2024-01-01T00:00:01Z")));
    // One of a version alone stays what it is.
    let mut versions = ["farm.example/v2"; 12];
    versions[1] = "farm.example/v1";
    let twelve = write(&versions);
    let told = [numbered(1..2), vec!["ancient-changes".to_owned()], numbered(4..12)].concat();
    assert_eq!(names(&twelve), told);
    let ancient = json!({ "f:spec": { ".": {}, "f:f00": {}, "f:f02": {}, "f:f03": {} } });
    assert_eq!((&twelve[1]["fieldsV1"], &twelve[1]["apiVersion"]), (&ancient, &json!("farm.example/v2")));
}

/// Who owns what of the environment of a container when somebody else writes it, as kube-apiserver 1.35 has it. Variables
/// may be there several times; then they are known only as a whole.
#[test]
fn items_that_are_there_several_times_are_owned_as_one() {
    let schema = builtin::definition("io.k8s.api.core.v1.Pod").expect("a built-in kind");
    let pod = |env: &[(&str, &str)]| {
        let env: Vec<Value> = env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mut container = json!({ "name": "c" });
        if !env.is_empty() {
            container["env"] = env.into();
        }
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": [container] } })
    };
    let env_of = |object: &Value, manager: &str| {
        fields(object, manager)?.pointer("/f:spec/f:containers/k:{\"name\":\"c\"}/f:env").cloned()
    };
    let (whole, part) = (json!({ ".": {}, "f:name": {}, "f:value": {} }), json!({}));
    let (once, twice) = ([("A", "1")], [("A", "1"), ("A", "2")]);
    let a = |fields: &Value| json!({ "k:{\"name\":\"A\"}": fields });
    let own = |fields: &Value| json!({ ".": {}, "k:{\"name\":\"A\"}": fields });
    for (first, then, of_first, of_second) in [
        (&once[..], &twice[..], Some(json!({})), Some(a(&part))),
        (&twice, &once, Some(json!({})), Some(a(&whole))),
        (&twice, &[("A", "2"), ("A", "1")], Some(json!({})), Some(a(&part))),
        (&twice, &twice, Some(own(&part)), None),
        (&twice, &[("A", "1"), ("A", "2"), ("A", "3")], Some(json!({})), Some(a(&part))),
        (&twice, &[], None, None),
        (&twice, &[("A", "1"), ("A", "2"), ("B", "1")], Some(own(&part)), Some(json!({ "k:{\"name\":\"B\"}": whole }))),
    ] {
        let live = update(None, pod(first), schema, &writer("first"));
        assert_eq!(env_of(&live, "first"), Some(own(if first.len() == 1 { &whole } else { &part })));
        let written = update(Some(&live), pod(then), schema, &writer("second"));
        assert_eq!(env_of(&written, "first"), of_first, "{first:?} {then:?}");
        assert_eq!(env_of(&written, "second"), of_second, "{first:?} {then:?}");
    }
}

/// The environment of a container after somebody applies to it, as kube-apiserver 1.35 has it.
#[test]
fn an_item_that_is_there_several_times_is_applied_once() {
    let schema = builtin::definition("io.k8s.api.core.v1.Pod").expect("a built-in kind");
    let pod = |env: &[&str]| {
        let env = env.iter().map(|variable| variable.split_once('=').expect("a variable"));
        let env: Vec<Value> = env.map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let containers = json!([{ "name": "c", "env": env }]);
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": containers } })
    };
    for (live, applied, merged) in [
        (&["A=1", "A=2", "B=1"][..], &["A=3"][..], &["A=3", "B=1"][..]),
        (&["A=1", "A=2"], &["A=3"], &["A=3"]),
        (&["B=1", "A=1", "A=2", "C=1"], &["C=2", "A=3"], &["B=1", "C=2", "A=3"]),
        (&["A=1", "A=2", "B=1"], &["B=3"], &["A=1", "A=2", "B=3"]),
        (&["A=1", "B=1", "A=2"], &["D=1", "A=3", "E=1"], &["D=1", "A=3", "B=1", "E=1"]),
    ] {
        let made = update(None, pod(live), schema, &writer("first"));
        let result =
            apply(Some(&made), &pod(applied), schema, &Applier { force: true, ..by("second") }).expect("applied");
        assert_eq!(result["spec"], pod(merged)["spec"], "{live:?} {applied:?}");
        assert_eq!(apply(Some(&result), &pod(applied), schema, &by("second")), Ok(result.clone()));
    }
}

#[test]
fn what_is_given_up_goes_with_what_the_server_put_beside_it() {
    let texts = json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } } });
    let schema = schema_of(json!({ "type": "object", "properties": { "x": texts, "y": texts } }));
    let mut live =
        apply(None, &object(json!({ "x": { "a": "1" }, "y": { "a": "1" } })), &schema, &by("a")).expect("applied");
    for field in ["x", "y"] {
        live["spec"][field]["b"] = "put there by the server".into();
    }
    let live = apply(Some(&live), &object(json!({ "y": { "b": "put there by the server" } })), &schema, &by("b"))
        .expect("applied");
    let result = apply(Some(&live), &object(json!({})), &schema, &by("a")).expect("applied");
    assert_eq!(result["spec"], json!({ "y": { "b": "put there by the server" } }), "somebody else gives a part of it");
}

#[test]
fn a_field_that_is_called_as_the_owners_are_is_one_like_any_other() {
    let live =
        apply(None, &object(json!({ "managedFields": 1, "metadata": { "managedFields": 1 } })), &schema(), &by("a"))
            .expect("applied");
    let changed = object(json!({ "managedFields": 2, "metadata": { "managedFields": 1 } }));
    let result = apply(Some(&live), &changed, &schema(), &by("a")).expect("applied");
    assert_eq!(result["spec"], changed["spec"]);
    let written = update(Some(&live), changed.clone(), &schema(), &writer("w"));
    assert_eq!(fields(&written, "w"), Some(json!({ "f:spec": { "f:managedFields": {} } })));
    let beside = apply(Some(&live), &object(json!({ "b": 1 })), &schema(), &by("b")).expect("applied");
    assert_eq!(beside["spec"], json!({ "managedFields": 1, "metadata": { "managedFields": 1 }, "b": 1 }));
}

#[test]
fn numbers_are_equal_by_value_wherever_they_are() {
    let of = |one: Value| object(json!({ "list": [one, { "x": one }], "text": "1" }));
    let live = apply(None, &of(json!(1)), &schema(), &by("a")).expect("applied");
    let shared = apply(Some(&live), &of(json!(1.0)), &schema(), &by("b")).expect("no conflict");
    assert_eq!(fields(&shared, "b"), fields(&live, "a"));
    for other in [json!(2), json!("1"), json!([1]), json!({}), Value::Null] {
        let refused = refusal(apply(Some(&live), &of(other), &schema(), &by("b")));
        assert_eq!(refused, "Apply failed with 1 conflict: conflict with \"a\": .spec.list");
    }
}

#[test]
fn what_is_not_of_its_type_is_told_with_both_types() {
    let kinds = json!({
        "map": { "type": "object", "additionalProperties": { "type": "string" } }, "list": { "type": "array", "items": { "type": "string" } },
        "text": { "type": "string" }, "flag": { "type": "boolean" }, "number": { "type": "integer" }, "ratio": { "type": "number" },
        "either": { "x-kubernetes-int-or-string": true },
        "open": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": { "known": { "type": "string" } } },
    });
    let schema = schema_of(json!({ "type": "object", "properties": kinds }));
    let refused = |field: &str, value: &Value| {
        let fault = apply(None, &object(json!({ field: value })), &schema, &by("a")).err()?.to_string();
        Some(fault.split_once(&format!(".spec.{field}: ")).expect("its field").1.to_owned())
    };
    let values = [
        ("map", json!({})),
        ("list", json!([])),
        ("string", json!("a")),
        ("boolean", json!(true)),
        ("number", json!(1)),
        ("number", json!(1.5)),
    ];
    for (field, expected, fitting) in [
        ("map", "map", &["map"][..]),
        ("list", "list", &["list"]),
        ("text", "string", &["string"]),
        ("flag", "boolean", &["boolean"]),
        ("number", "numeric (int or float)", &["number"]),
        ("ratio", "numeric (int or float)", &["number"]),
        ("either", "number or string", &["string", "number"]),
    ] {
        for (found, value) in &values {
            let fault = (!fitting.contains(found)).then(|| format!("expected {expected}, got {found}"));
            assert_eq!(refused(field, value), fault, "{field}: {value}");
        }
        assert_eq!(refused(field, &Value::Null), None, "whether there may be null is not said here");
    }
    // Where unknown fields are kept, the known ones have their types all the same.
    let open = |value: Value| apply(None, &object(json!({ "open": value })), &schema, &by("a"));
    assert!(open(json!({ "unknown": { "x": [1] } })).is_ok());
    assert!(refusal(open(json!({ "known": 1 }))).ends_with(".spec.open.known: expected string, got number"));
}

#[test]
fn null_is_kept_for_its_kind_to_say_whether_it_may_stand_there() {
    let schema = schema_of(
        json!({ "type": "object", "properties": { "text": { "type": "string" }, "map": { "type": "object", "properties": {
        "a": { "type": "string" } } } } }),
    );
    let given = object(json!({ "text": null, "map": { "a": null } }));
    let made = apply(None, &given, &schema, &by("a")).expect("applied");
    assert_eq!(made["spec"], given["spec"]);
    assert_eq!(fields(&made, "a"), Some(json!({ "f:spec": { "f:text": {}, "f:map": { "f:a": {} } } })));
    let live = apply(None, &object(json!({ "text": "1", "map": { "a": "1" } })), &schema, &by("a")).expect("applied");
    assert_eq!(apply(Some(&live), &given, &schema, &by("a")).expect("applied")["spec"], given["spec"]);
    // It takes the place of what is atomic, and of a map that merges it says nothing.
    let atomic = schema_of(json!({ "type": "object", "properties": {
        "map": { "type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": { "type": "string" } },
        "list": { "type": "array", "items": { "type": "string" } } } }));
    let whole =
        apply(None, &object(json!({ "map": { "a": "1" }, "list": ["a"] })), &atomic, &by("a")).expect("applied");
    let nulls = object(json!({ "map": null, "list": null }));
    assert_eq!(apply(Some(&whole), &nulls, &atomic, &by("a")).expect("applied")["spec"], nulls["spec"]);
    let nothing = object(json!({ "text": "1", "map": null }));
    assert_eq!(apply(Some(&live), &nothing, &schema, &by("b")).expect("no conflict")["spec"], live["spec"]);
}
