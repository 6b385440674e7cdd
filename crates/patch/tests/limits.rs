//! How much a patch may be and make, to the value.

use cowherd_patch::managed::{Applier, FieldSet, apply};
use cowherd_patch::{PatchError, json_patch, merge_patch};
use cowherd_schema::Schema;
use serde_json::{Value, json};

/// A value in that many maps, or lists.
fn nested(levels: usize, inmost: Value) -> Value {
    (0..levels).fold(inmost, |value, _| json!({ "n": value }))
}

fn listed(levels: usize, inmost: Value) -> Value {
    (0..levels).fold(inmost, |value, _| json!([value]))
}

fn unprocessable(result: Result<Value, PatchError>) -> Option<String> {
    result.err().map(|error| {
        assert_eq!(error.status(), 422);
        error.to_string()
    })
}

#[test]
fn ten_thousand_operations_are_not_too_many() {
    let test = json!({ "op": "test", "path": "/a", "value": 1 });
    let patch = |count: usize| json_patch(&json!({ "a": 1 }), &Value::Array(vec![test.clone(); count]));
    assert_eq!(patch(10_000), Ok(json!({ "a": 1 })));
    assert_eq!(patch(10_001), Err(PatchError::TooManyOperations { allowed: 10_000, got: 10_001 }));
}

#[test]
fn what_is_no_json_patch_is_told_what_it_is() {
    for (value, what) in [
        (json!(null), "null"),
        (json!(true), "bool"),
        (json!(1), "number"),
        (json!("text"), "string"),
        (json!({}), "object"),
        (json!([[]]), "array"),
    ] {
        let error = json_patch(&json!({}), &value).expect_err("a refusal");
        let into = if value.is_array() { "Operation" } else { "Patch" };
        let words =
            format!("error decoding patch: json: cannot unmarshal {what} into Go value of type jsonpatch.{into}");
        assert_eq!((error.status(), error.to_string()), (400, words));
    }
}

#[test]
fn a_document_is_replaced_by_a_map_or_a_list() {
    let replaced = |value: Value| json_patch(&json!({}), &json!([{ "op": "replace", "path": "", "value": value }]));
    assert_eq!(replaced(json!({ "a": 1 })), Ok(json!({ "a": 1 })));
    assert_eq!(replaced(json!([1])), Ok(json!([1])));
    let refused = unprocessable(replaced(json!("text")));
    assert_eq!(refused.as_deref(), Some("replace operation value must be object or array"));
}

#[test]
fn a_patched_object_has_a_hundred_levels_at_most() {
    let deeper = "the object would be deeper than 100 levels";
    for outer in [0, 1, 50, 98] {
        // A map is a level, and so is the value in it; the first holds all.
        let doc = nested(outer, json!({ "list": [0] }));
        let parents = "/n".repeat(outer);
        let put = |op: &str, name: &str, value: &Value| {
            let operation = json!({ "op": op, "path": format!("{parents}/{name}"), "value": value });
            unprocessable(json_patch(&doc, &json!([operation])))
        };
        let room = 98 - outer;
        for fits in [nested(room, json!(1)), listed(room, json!("text"))] {
            assert_eq!(put("add", "x", &fits), None, "{outer}");
            assert_eq!(put("replace", "list", &fits), None, "{outer}");
        }
        for exceeds in [nested(room + 1, json!(1)), listed(room + 1, json!("text"))] {
            let refused = put("add", "x", &exceeds);
            assert!(refused.as_deref().is_some_and(|why| why.ends_with(deeper)), "{refused:?}");
            assert!(put("replace", "list", &exceeds).is_some());
        }
    }
}

#[test]
fn the_copies_of_a_patch_are_a_million_values_at_most() {
    let list = Value::Array(vec![json!(0); 999]);
    let map: Value = Value::Object((0..980).map(|number| (number.to_string(), json!(0))).collect());
    // A text counts as a value for every 32 bytes, and one; a map as twenty.
    let text = Value::from("x".repeat(32 * 999 + 31));
    let mixed = json!([{ "a": "x".repeat(32 * 976), "b": null }, true]);
    for value in [list, map, text, mixed] {
        let doc = json!({ "value": value });
        for operation in [
            vec![json!({ "op": "copy", "from": "/value", "path": "/copy" })],
            vec![
                json!({ "op": "move", "from": "/value", "path": "/copy" }),
                json!({ "op": "move", "from": "/copy", "path": "/value" }),
            ],
        ] {
            let copies = |count: usize| {
                let operations: Vec<Value> = operation.iter().cycle().take(count).cloned().collect();
                unprocessable(json_patch(&doc, &Value::Array(operations)))
            };
            assert_eq!(copies(1000), None);
            let refused = copies(1001);
            assert_eq!(
                refused.as_deref(),
                Some("the copies and moves of the patch add up to more than 1000000 values")
            );
        }
    }
}

#[test]
fn the_operations_of_a_patch_push_fifty_million_items_along_at_most() {
    let doc = json!({ "list": vec![0; 1_000_000] });
    let patch = |operation: Value, count: usize| unprocessable(json_patch(&doc, &Value::from(vec![operation; count])));
    let add = json!({ "op": "add", "path": "/list/0", "value": 1 });
    assert_eq!(patch(add.clone(), 49), None);
    let refused = patch(add, 60);
    assert!(
        refused.is_some_and(|why| why.ends_with("the operations of the patch push more than 50000000 items along"))
    );
    assert!(patch(json!({ "op": "remove", "path": "/list/0" }), 60).is_some());
    // At the end, nothing is pushed.
    assert_eq!(patch(json!({ "op": "add", "path": "/list/-", "value": 1 }), 1_000), None);
}

#[test]
fn a_merge_patch_does_what_its_rfc_says() {
    for (doc, patch, merged) in [
        (json!({ "a": "b" }), json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "a": "b" }), json!({ "b": "c" }), json!({ "a": "b", "b": "c" })),
        (json!({ "a": "b" }), json!({ "a": null }), json!({})),
        (json!({ "a": "b", "b": "c" }), json!({ "a": null }), json!({ "b": "c" })),
        (json!({ "a": ["b"] }), json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "a": "c" }), json!({ "a": ["b"] }), json!({ "a": ["b"] })),
        (json!({ "a": { "b": "c" } }), json!({ "a": { "b": "d", "c": null } }), json!({ "a": { "b": "d" } })),
        (json!({ "a": [{ "b": "c" }] }), json!({ "a": [1] }), json!({ "a": [1] })),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({ "a": "b" }), json!(["c"]), json!(["c"])),
        (json!({ "a": "foo" }), json!(null), json!(null)),
        (json!({ "a": "foo" }), json!("bar"), json!("bar")),
        (json!({ "e": null }), json!({ "a": 1 }), json!({ "a": 1, "e": null })),
        (json!([1, 2]), json!({ "a": "b", "c": null }), json!({ "a": "b" })),
        (json!({}), json!({ "a": { "bb": { "ccc": null } } }), json!({ "a": { "bb": {} } })),
        // And where the RFC says nothing, as the API server: what is new has no nulls, in lists neither.
        (json!({ "a": 1 }), json!({ "a": [{ "b": null, "c": [{ "d": null }] }] }), json!({ "a": [{ "c": [{}] }] })),
        (json!({ "a": null }), json!({ "a": { "b": null } }), json!({ "a": {} })),
        (json!({ "a": [1] }), json!({ "a": { "b": null, "c": 1 } }), json!({ "a": { "c": 1 } })),
        (json!({ "a": { "b": 1 } }), json!({ "a": [{ "c": null }] }), json!({ "a": [{ "c": null }] })),
    ] {
        assert_eq!(merge_patch(&doc, &patch), merged, "{doc} {patch}");
    }
}

#[test]
fn what_lies_deeper_than_128_levels_is_replaced_as_a_whole() {
    for levels in [1, 127, 128, 129, 200] {
        let merged = merge_patch(&nested(levels, json!({ "a": 1 })), &nested(levels, json!({ "b": 2 })));
        let inmost = if levels <= 128 { json!({ "a": 1, "b": 2 }) } else { json!({ "b": 2 }) };
        assert_eq!(merged, nested(levels, inmost), "{levels}");
        for new in [nested(levels, json!({ "gone": null })), listed(levels, json!({ "gone": null }))] {
            let merged = merge_patch(&json!({}), &json!({ "new": new }));
            let is_gone = !merged.to_string().contains("gone");
            assert_eq!(is_gone, levels <= 128, "{levels}");
        }
    }
}

/// The schema of an object in which schemas stand, which may be as deep as anybody likes, and what may be anything.
fn deep_schema() -> Schema {
    let texts = json!({ "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" });
    let spec = json!({ "type": "object", "properties": {
        "schema": { "$ref": "#/definitions/io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps" },
        "loose": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }, "tags": texts, "number": { "type": "integer" } } });
    Schema::from_openapi(&json!({ "type": "object", "properties": { "spec": spec } })).expect("a schema")
}

fn applied(spec: Value) -> Result<Value, String> {
    let object =
        json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta" }, "spec": spec });
    let by = Applier {
        manager: "a",
        force: false,
        subresource: None,
        api_version: "farm.example/v1",
        now: "2024-01-01T00:00:00Z",
    };
    apply(None, &object, &deep_schema(), &by).map_err(|error| error.to_string())
}

/// A schema in the `not` of so many others.
fn negated(levels: usize, inmost: Value) -> Value {
    (0..levels).fold(inmost, |schema, _| json!({ "not": schema }))
}

#[test]
fn of_all_that_is_wrong_with_a_configuration_twenty_faults_are_told() {
    fn many(name: &str, count: usize) -> Value {
        Value::Object((0..count).map(|number| (format!("{name}{number:02}"), json!(1))).collect())
    }
    type Make = fn(usize) -> Value;
    let cases: [(Make, &str); 3] = [
        (|count| many("u", count), ".spec.u00: field not declared in schema"),
        (
            |count| json!({ "schema": { "properties": many("p", count) } }),
            ".spec.schema.properties.p00: expected map, got number",
        ),
        (|count| json!({ "tags": vec!["t"; count + 1] }), ".spec.tags: duplicate entries for key [=\"t\"]"),
    ];
    for (spec, what) in cases {
        let told = |count: usize| applied(spec(count)).expect_err("a refusal");
        let object = "failed to create typed patch object (/berta; farm.example/v1, Kind=Cow)";
        assert_eq!(told(1), format!("{object}: {what}"));
        for (count, lines) in [(2, 3), (19, 20), (20, 21), (21, 21), (500, 21)] {
            let told = told(count);
            assert!(told.starts_with(&format!("{object}: errors:\n  {what}\n  .spec.")), "{told}");
            assert_eq!(told.lines().count(), lines, "{told}");
        }
    }
}

#[test]
fn what_lies_deeper_than_128_levels_is_neither_checked_nor_owned_by_its_parts() {
    let longest = |spec: Value| {
        let object = json!({ "spec": spec });
        FieldSet::of(&object, &deep_schema()).paths().iter().map(|path| path.0.len()).max()
    };
    for levels in [1, 2, 123, 124, 125, 126, 127, 150] {
        // The specification is the first level, the schema the second.
        let is_followed = levels + 2 < 128;
        let unknown = applied(json!({ "schema": negated(levels, json!({ "unknown": 1 })) }));
        assert_eq!(unknown.is_err(), is_followed, "{levels}");
        let known = longest(json!({ "schema": negated(levels, json!({ "maximum": 1 })) }));
        assert_eq!(known, Some((levels + 3).min(128)), "{levels}");
        let loose = longest(json!({ "loose": nested(levels, json!({ "a": 1 })) }));
        assert_eq!(loose, Some((levels + 3).min(128)), "{levels}");
        // The list is a level, its item another, and so is a field of that.
        let rules =
            longest(json!({ "schema": negated(levels, json!({ "x-kubernetes-validations": [{ "rule": "a" }] })) }));
        assert_eq!(rules, Some((levels + 5).min(128)), "{levels}");
    }
}
