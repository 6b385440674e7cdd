//! The histories that are told: some that state a rule, and many random ones.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use super::{History, Step};

const RANDOM: usize = 90;

fn applies(manager: &str, spec: Value) -> Step {
    Step { manager: manager.to_owned(), force: Some(false), object: json!({ "spec": spec }) }
}

fn forces(manager: &str, spec: Value) -> Step {
    Step { force: Some(true), ..applies(manager, spec) }
}

fn writes(manager: &str, spec: Value) -> Step {
    Step { force: None, ..applies(manager, spec) }
}

/// Histories that state a rule each.
fn told() -> Vec<(&'static str, Vec<Step>)> {
    let named = |names: &[&str]| -> Value { names.iter().map(|name| json!({ "name": name, "note": "n" })).collect() };
    let items = |names: &[&str]| json!({ "items": named(names) });
    let pod = |mut metadata: Value| {
        metadata["name"] = "p".into();
        json!({ "pod": { "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": { "nodeName": "n" } } })
    };
    vec![
        (
            "null-says-nothing-of-what-merges",
            vec![
                applies("a", json!({ "map": { "a": "1" }, "tags": ["x"], "maybe": "m" })),
                applies("b", json!({ "map": null, "tags": null })),
                applies("b", json!({ "map": {}, "tags": [] })),
                forces("b", json!({ "maybe": null })),
                applies("a", json!({ "map": null, "tags": null })),
                applies("a", json!({})),
            ],
        ),
        (
            "what-is-empty-says-nothing-either",
            vec![
                applies("a", json!({ "labels": {}, "items": [], "tags": [], "words": [], "sealed": {}, "loose": {} })),
                applies("b", json!({ "labels": { "l": "1" }, "items": named(&["x"]), "tags": ["t"] })),
                applies("c", json!({ "labels": {}, "items": [], "tags": [] })),
                forces("c", json!({ "words": ["w"], "sealed": { "a": "1" }, "loose": { "l": [] } })),
                applies("b", json!({})),
                applies("a", json!({})),
                applies("c", json!({})),
            ],
        ),
        (
            "items-come-in-the-applied-order",
            vec![
                applies("a", items(&["x", "y", "z"])),
                applies("b", items(&["w", "y", "v"])),
                applies("a", items(&["z", "y", "x"])),
                applies("b", items(&["v", "w"])),
                applies("c", items(&["u", "x", "t", "z", "s"])),
                applies("a", items(&["x"])),
                writes("d", items(&["s", "z", "t"])),
                applies("b", items(&["z", "w", "s"])),
            ],
        ),
        (
            "items-of-sets-do-so-too",
            vec![
                applies("a", json!({ "tags": ["x", "y", "z"], "numbers": [3, 1, 2] })),
                applies("b", json!({ "tags": ["z", "w", "x"], "numbers": [2, 5, 3] })),
                applies("a", json!({ "tags": ["y", "x"], "numbers": [1, 3] })),
                applies("b", json!({ "tags": ["w"], "numbers": [] })),
            ],
        ),
        (
            "an-item-is-its-keys",
            vec![
                applies(
                    "a",
                    json!({ "ports": [{ "port": 53, "protocol": "TCP" }, { "port": 53, "protocol": "UDP", "note": "u" }] }),
                ),
                applies("b", json!({ "ports": [{ "port": 53, "protocol": "TCP", "note": "t" }] })),
                applies("a", json!({ "ports": [{ "port": 53, "protocol": "TCP" }] })),
                applies("b", json!({ "ports": [{ "port": 54, "protocol": "TCP", "note": "t" }] })),
            ],
        ),
        (
            "a-conflict-is-about-values-that-differ",
            vec![
                applies(
                    "a",
                    json!({ "text": "1", "labels": { "l": "1", "m": "1" }, "sealed": { "a": "1" }, "words": ["w"] }),
                ),
                applies("b", json!({ "text": "1", "labels": { "l": "1" }, "sealed": { "a": "1" }, "words": ["w"] })),
                applies(
                    "c",
                    json!({ "text": "2", "labels": { "l": "2", "m": "1" }, "sealed": { "a": "2" }, "words": ["v"] }),
                ),
                applies("b", json!({ "text": "2" })),
                forces("c", json!({ "text": "2", "labels": { "l": "2" }, "sealed": { "b": "2" }, "words": [] })),
                applies("a", json!({ "labels": { "m": "1" } })),
            ],
        ),
        (
            "numbers-are-equal-by-value",
            vec![
                applies("a", json!({ "ratio": 1, "either": 1, "number": 1 })),
                applies("b", json!({ "ratio": 1.0, "either": 1, "number": 1 })),
                applies("c", json!({ "either": "1" })),
                applies("b", json!({ "ratio": 1.5 })),
                applies("a", json!({ "ratio": 1.0, "either": 1, "number": 2 })),
            ],
        ),
        (
            "a-writer-owns-what-it-changed",
            vec![
                applies(
                    "a",
                    json!({ "text": "1", "number": 1, "items": named(&["x", "y"]), "deep": { "deeper": { "y": "1" }, "w": "1" } }),
                ),
                writes(
                    "b",
                    json!({ "text": "2", "number": 1, "items": named(&["y"]), "deep": { "deeper": { "y": "1", "z": 1 } } }),
                ),
                writes("b", json!({ "text": "2", "number": 1, "items": named(&["y", "x"]), "deep": { "deeper": {} } })),
                writes("c", json!({ "text": "2", "items": [], "deep": {} })),
                applies("a", json!({ "deep": { "deeper": { "z": 2 } } })),
                writes("c", json!({})),
            ],
        ),
        (
            "an-object-that-was-written-first-belongs-to-its-writer",
            vec![
                writes("b", json!({ "text": "1", "labels": { "l": "1" }, "tags": ["t"] })),
                applies("a", json!({ "text": "1", "labels": { "m": "1" }, "tags": ["u"] })),
                applies("a", json!({ "labels": {} })),
                writes("b", json!({ "labels": { "l": "1" }, "tags": ["t"] })),
            ],
        ),
        (
            "what-is-unknown-merges-as-it-looks",
            vec![
                applies("a", json!({ "loose": { "map": { "a": 1 }, "list": [{ "name": "x" }], "null": null } })),
                applies("b", json!({ "loose": { "map": { "b": true }, "other": { "deep": { "deeper": "x" } } } })),
                applies("b", json!({ "loose": { "map": { "a": 2 }, "list": [{ "name": "y" }] } })),
                forces("b", json!({ "loose": { "map": { "a": [1, { "z": null }] }, "list": "none" } })),
                applies("a", json!({ "loose": { "map": "text" } })),
                applies("a", json!({})),
            ],
        ),
        (
            "what-does-not-fit-is-refused",
            vec![
                applies("a", json!({ "text": 1 })),
                applies(
                    "a",
                    json!({ "number": "1", "flag": "yes", "labels": [], "tags": {}, "deep": "d", "words": 3 }),
                ),
                applies("a", json!({ "text": true, "ratio": [], "sealed": [], "items": { "name": "x" } })),
                applies("a", json!({ "unknown": 1, "deep": { "unknown": { "x": 1 } } })),
                applies("a", json!({ "tags": ["x", "x"], "numbers": [1, 1] })),
                applies("a", json!({ "items": [{ "name": "x" }, { "name": "x" }] })),
                applies("a", json!({ "items": [{ "note": "nameless" }] })),
                applies("a", json!({ "items": ["text"], "ports": [null] })),
                applies("a", json!({ "tags": [{}], "numbers": [[]] })),
                applies("a", json!({ "tags": [null] })),
                applies("a", json!({ "labels": { "l": 1, "m": null }, "words": [1, "w", true] })),
                applies("a", json!({ "items": [{ "name": "x", "unknown": 1, "parts": [{ "id": "1" }] }] })),
            ],
        ),
        (
            "an-object-in-another-has-metadata",
            vec![
                applies("a", pod(json!({ "finalizers": ["x/a"], "labels": { "l": "1" } }))),
                applies("b", pod(json!({ "finalizers": ["x/b"], "labels": { "m": "1" } }))),
                applies("b", pod(json!({ "labels": { "l": "2" } }))),
                writes("c", pod(json!({ "labels": { "l": "2" }, "finalizers": ["x/c", "x/a"] }))),
                applies("a", json!({})),
                applies("a", json!({ "loose": { "metadata": { "finalizers": ["x"] } } })),
                applies("b", json!({ "loose": { "metadata": { "finalizers": ["y"] } } })),
            ],
        ),
        (
            "what-a-writer-emptied-is-given-up",
            vec![
                applies(
                    "a",
                    json!({ "deep": { "deeper": { "y": "1" }, "w": "1" }, "labels": { "l": "1" }, "map": { "a": "1" },
                        "items": [{ "name": "x", "labels": { "l": "1" }, "parts": [{ "id": 1 }] }], "tags": ["t"] }),
                ),
                writes(
                    "b",
                    json!({ "deep": { "deeper": {} }, "labels": {}, "map": {}, "items": [{ "name": "x", "labels": {}, "parts": [] }], "tags": [] }),
                ),
                applies("a", json!({})),
            ],
        ),
        (
            "what-became-another-type-of-value",
            vec![
                applies("a", json!({ "loose": { "x": { "y": 1, "z": { "w": 1 } }, "l": [1] } })),
                writes("b", json!({ "loose": { "x": [1], "l": { "m": 1 } } })),
                writes("c", json!({ "loose": { "x": { "y": 1 }, "l": null } })),
                forces("a", json!({ "loose": { "x": 1, "l": "text" } })),
                applies("a", json!({ "loose": {} })),
            ],
        ),
        (
            "more-writers-than-are-kept",
            (0..14)
                .map(|number| {
                    let labels: Map<String, Value> =
                        (0..=number).map(|number| (format!("l{number:02}"), "1".into())).collect();
                    writes(&format!("writer{number:02}"), json!({ "labels": labels }))
                })
                .collect(),
        ),
    ]
}

/// A value that is left out, or one of those.
fn one(values: Value) -> impl Strategy<Value = Option<Value>> {
    let Value::Array(values) = values else { panic!("not a list") };
    prop::option::weighted(0.5, prop::sample::select(values))
}

fn texts() -> impl Strategy<Value = Option<Value>> {
    let fields = prop::collection::btree_map("[abc]", "[12]", 0..3);
    prop::option::weighted(0.5, fields.prop_map(|fields| json!(fields)))
}

/// Some of those values, in any order.
fn some(values: Value) -> impl Strategy<Value = Option<Value>> {
    let Value::Array(values) = values else { panic!("not a list") };
    let count = 0..=values.len();
    let some = prop::sample::subsequence(values, count).prop_shuffle();
    prop::option::weighted(0.5, some.prop_map(Value::from))
}

fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn items() -> impl Strategy<Value = Option<Value>> {
    let part = (1_i64..4, one(json!(["v", "w"])))
        .prop_map(|(id, value)| object(vec![("id", Some(id.into())), ("value", value)]));
    let parts = prop::collection::btree_map(1_i64..4, part, 0..3).prop_map(|parts| {
        parts
            .into_iter()
            .map(|(id, mut part)| {
                part["id"] = id.into();
                part
            })
            .collect::<Value>()
    });
    let item = (texts(), one(json!(["n", "m"])), prop::option::of(parts))
        .prop_map(|(labels, note, parts)| object(vec![("labels", labels), ("note", note), ("parts", parts)]));
    let items = prop::collection::btree_map("[uvwxyz]", item, 0..5).prop_map(|items| {
        let named = items.into_iter().map(|(name, mut item)| {
            item["name"] = name.into();
            item
        });
        named.collect::<Vec<Value>>()
    });
    prop::option::weighted(0.6, items.prop_shuffle().prop_map(Value::from))
}

fn spec() -> impl Strategy<Value = Value> {
    let scalars = (
        one(json!(["1", "2"])),
        one(json!([1, 2])),
        one(json!([1, 1.5])),
        one(json!([true, false])),
        one(json!([1, "1", "50%"])),
        one(json!(["m", null])),
    );
    let maps = (
        texts(),
        texts(),
        one(json!([{ "a": "1" }, { "b": "1" }, {}, null])),
        one(json!([
        { "deeper": { "y": "1" }, "w": "1" }, { "deeper": { "y": "2", "z": 1 } }, { "deeper": {} }, { "w": "2" }, {} ])),
    );
    let ports = json!([
        { "port": 1, "protocol": "TCP" }, { "port": 1, "protocol": "UDP", "note": "n" }, { "port": 2, "protocol": "TCP", "note": "m" } ]);
    let lists =
        (some(json!(["x", "y", "z", "w"])), some(json!([1, 2, 3])), some(ports), items(), some(json!(["p", "q", "p"])));
    let loose = one(json!([{ "a": { "b": 1 } }, { "a": { "c": [1] } }, { "a": [] }, { "d": {} }]));
    (scalars, maps, lists, loose).prop_map(|(scalars, maps, lists, loose)| {
        let sealed = maps.1.map(|map| object(vec![("a", map.get("a").cloned()), ("b", map.get("b").cloned())]));
        object(vec![
            ("text", scalars.0),
            ("number", scalars.1),
            ("ratio", scalars.2),
            ("flag", scalars.3),
            ("either", scalars.4),
            ("maybe", scalars.5),
            ("labels", maps.0),
            ("sealed", sealed),
            ("map", maps.2),
            ("deep", maps.3),
            ("tags", lists.0),
            ("numbers", lists.1),
            ("ports", lists.2),
            ("items", lists.3),
            ("words", lists.4),
            ("loose", loose),
        ])
    })
}

fn step() -> impl Strategy<Value = Step> {
    let manager = prop::sample::select(vec!["a", "b", "c"]);
    let how = prop_oneof![2 => Just(Some(false)), 2 => Just(Some(true)), 1 => Just(None)];
    (manager, how, spec()).prop_map(|(manager, force, spec)| Step { force, ..applies(manager, spec) })
}

/// All histories, the same each time.
pub fn all() -> Vec<History> {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let random = (0..RANDOM).map(|number| {
        let steps = prop::collection::vec(step(), 3..6).new_tree(&mut runner).expect("a history").current();
        (format!("random-{number}"), steps)
    });
    let random: Vec<_> = random.collect();
    let told = told().into_iter().map(|(name, steps)| (name.to_owned(), steps));
    told.chain(random).map(|(name, steps)| History { name, steps, answers: Vec::new() }).collect()
}
