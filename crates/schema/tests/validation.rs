//! Validation of custom resources in the words of kube-apiserver.

use cowherd_schema::Schema;
use serde_json::{Value, json};

/// The messages for a `spec` of the given schema.
fn messages(spec_schema: Value, spec: Value) -> Vec<String> {
    let schema = json!({ "type": "object", "properties": { "spec": spec_schema } });
    let schema = Schema::from_openapi(&schema).expect("the schema can be read");
    schema.validate(&json!({ "spec": spec })).iter().map(ToString::to_string).collect()
}

fn field(schema: Value, value: Value) -> Vec<String> {
    messages(json!({ "type": "object", "properties": { "x": schema } }), json!({ "x": value }))
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_the_type_found() {
    assert_eq!(
        field(json!({ "type": "integer" }), json!("three")),
        [r#"spec.x: Invalid value: "string": spec.x in body must be of type integer: "string""#]
    );
    assert_eq!(
        field(json!({ "type": "integer" }), json!(1.5)),
        [r#"spec.x: Invalid value: "number": spec.x in body must be of type integer: "number""#]
    );
    assert_eq!(
        field(json!({ "type": "string" }), json!(null)),
        [r#"spec.x: Invalid value: "null": spec.x in body must be of type string: "null""#]
    );
    assert_eq!(
        field(json!({ "type": "array", "items": { "type": "string" } }), json!(["a", {}])),
        [r#"spec.x[1]: Invalid value: "object": spec.x[1] in body must be of type string: "object""#]
    );
    assert_eq!(
        field(json!({ "x-kubernetes-int-or-string": true }), json!(true)),
        [r#"spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean""#]
    );
}

#[test]
fn whole_numbers_may_be_written_as_fractions_and_nullable_values_as_null() {
    assert!(field(json!({ "type": "integer", "format": "int32" }), json!(3.0)).is_empty());
    assert!(field(json!({ "type": "number" }), json!(3)).is_empty());
    assert!(field(json!({ "type": "string", "nullable": true }), json!(null)).is_empty());
    let int_or_string =
        json!({ "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] });
    assert!(field(int_or_string.clone(), json!(80)).is_empty());
    assert!(field(int_or_string, json!("http")).is_empty());
    assert!(field(json!({ "x-kubernetes-preserve-unknown-fields": true }), json!([{ "any": 1 }])).is_empty());
}

#[test]
fn missing_fields_are_required() {
    assert_eq!(messages(json!({ "type": "object", "required": ["x"] }), json!({})), ["spec.x: Required value"]);
    let root = Schema::from_openapi(&json!({ "type": "object", "required": ["spec"] })).unwrap();
    assert_eq!(root.validate(&json!({}))[0].to_string(), "spec: Required value");
}

#[test]
fn values_outside_an_enumeration_are_told_the_supported_ones_in_order() {
    assert_eq!(
        field(json!({ "type": "string", "enum": ["b", "a"] }), json!("c")),
        [r#"spec.x: Unsupported value: "c": supported values: "b", "a""#]
    );
    assert_eq!(
        field(json!({ "type": "integer", "enum": [1, 2] }), json!(3)),
        [r#"spec.x: Unsupported value: 3: supported values: "1", "2""#]
    );
}

#[test]
fn bounds_of_numbers_are_told_as_sentences() {
    let case = |schema: Value, value: Value| field(schema, value).join("\n");
    assert_eq!(
        case(json!({ "type": "integer", "minimum": 1 }), json!(0)),
        "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"
    );
    assert_eq!(
        case(json!({ "type": "number", "minimum": 1, "exclusiveMinimum": true }), json!(1)),
        "spec.x: Invalid value: 1: spec.x in body should be greater than 1"
    );
    assert_eq!(
        case(json!({ "type": "integer", "maximum": 10 }), json!(11)),
        "spec.x: Invalid value: 11: spec.x in body should be less than or equal to 10"
    );
    assert_eq!(
        case(json!({ "type": "number", "maximum": 1.5, "exclusiveMaximum": true }), json!(1.5)),
        "spec.x: Invalid value: 1.5: spec.x in body should be less than 1.5"
    );
    assert_eq!(
        case(json!({ "type": "integer", "multipleOf": 5 }), json!(7)),
        "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"
    );
    assert_eq!(case(json!({ "type": "number", "multipleOf": 0.1 }), json!(0.3)), "");
    assert_eq!(
        case(json!({ "type": "integer", "format": "int32" }), json!(3_000_000_000_u64)),
        r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x"#
    );
}

#[test]
fn lengths_patterns_and_formats_of_texts_are_checked() {
    let case = |schema: Value, value: &str| field(schema, json!(value)).join("\n");
    assert_eq!(
        case(json!({ "type": "string", "maxLength": 3 }), "abcd"),
        "spec.x: Too long: may not be more than 3 bytes"
    );
    assert_eq!(case(json!({ "type": "string", "maxLength": 3 }), "äöü"), "");
    assert_eq!(
        case(json!({ "type": "string", "minLength": 1 }), ""),
        r#"spec.x: Invalid value: "": spec.x in body should be at least 1 chars long"#
    );
    assert_eq!(
        case(json!({ "type": "string", "pattern": "^[a-z]+$" }), "A1"),
        r#"spec.x: Invalid value: "A1": spec.x in body should match '^[a-z]+$'"#
    );
    assert_eq!(
        case(json!({ "type": "string", "format": "date-time" }), "yesterday"),
        r#"spec.x: Invalid value: "yesterday": spec.x in body must be of type date-time: "yesterday""#
    );
    assert_eq!(case(json!({ "type": "string", "format": "unheard-of" }), "x"), "");
}

#[test]
fn counts_of_items_and_properties_are_checked() {
    let list = json!({ "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 3 });
    assert_eq!(
        field(list.clone(), json!([1])),
        ["spec.x: Invalid value: 1: spec.x in body should have at least 2 items"]
    );
    assert_eq!(field(list, json!([1, 2, 3, 4])), ["spec.x: Too many: 4: must have at most 3 items"]);
    let unique = json!({ "type": "array", "items": { "type": "integer" }, "uniqueItems": true });
    assert_eq!(
        field(unique, json!([1, 1])),
        [r#"spec.x: Invalid value: "": spec.x in body shouldn't contain duplicates"#]
    );
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1, "maxProperties": 1 });
    assert_eq!(
        field(map.clone(), json!({})),
        ["spec.x: Invalid value: 0: spec.x in body should have at least 1 properties"]
    );
    assert_eq!(field(map.clone(), json!({ "a": "1", "b": "2" })), ["spec.x: Too many: 2: must have at most 1 items"]);
    assert_eq!(
        field(map, json!({ "a": 1 })),
        [r#"spec.x.a: Invalid value: "integer": spec.x.a in body must be of type string: "integer""#]
    );
}

#[test]
fn items_of_sets_and_maps_must_differ() {
    let set = json!({ "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" });
    assert_eq!(field(set, json!(["a", "b", "a", "a"])), [r#"spec.x[2]: Duplicate value: "a""#]);
    let map = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": { "type": "object", "properties": { "port": { "type": "integer" }, "protocol": { "type": "string" } } },
    });
    assert!(field(map.clone(), json!([{ "port": 1, "protocol": "TCP" }, { "port": 1, "protocol": "UDP" }])).is_empty());
    assert_eq!(
        field(map, json!([{ "port": 1, "protocol": "TCP" }, { "port": 1, "protocol": "TCP", "name": "x" }])),
        [r#"spec.x[1]: Duplicate value: {"port":1,"protocol":"TCP"}"#]
    );
}

#[test]
fn alternatives_tell_of_the_whole_and_of_what_fits_best() {
    let one_of = json!({
        "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } },
        "oneOf": [{ "required": ["a"] }, { "required": ["b"] }],
    });
    assert_eq!(
        messages(one_of.clone(), json!({})),
        [
            r#"<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid"#,
            "spec.a: Required value",
        ]
    );
    assert_eq!(
        messages(one_of.clone(), json!({ "a": "1", "b": "2" })),
        [
            r#"<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives"#
        ]
    );
    assert!(messages(one_of, json!({ "a": "1" })).is_empty());
    assert_eq!(
        field(json!({ "type": "integer", "not": { "enum": [0] } }), json!(0)),
        [r#"<nil>: Invalid value: "": "spec.x" must not validate the schema (not)"#]
    );
    assert_eq!(
        field(json!({ "type": "integer", "allOf": [{ "minimum": 1 }, { "maximum": 5 }] }), json!(7)),
        [
            "spec.x: Invalid value: 7: spec.x in body should be less than or equal to 5",
            r#"<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)"#,
        ]
    );
}

#[test]
fn embedded_objects_need_a_type() {
    let schema = json!({ "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true });
    assert_eq!(field(schema.clone(), json!({ "kind": "Pod" })), ["spec.x.apiVersion: Required value"]);
    assert!(field(schema, json!({ "apiVersion": "v1", "kind": "Pod", "metadata": {} })).is_empty());
}

#[test]
fn what_did_not_change_may_stay_as_it_is() {
    let schema = Schema::from_openapi(&json!({ "type": "object", "properties": {
        "a": { "type": "string", "maxLength": 1 },
        "b": { "type": "integer" },
        "map": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                 "items": { "type": "object", "properties": { "k": { "type": "string" }, "v": { "type": "integer", "minimum": 5 } } } },
        "list": { "type": "array", "items": { "type": "integer", "minimum": 5 } },
    } }))
    .expect("the schema can be read");
    let old = json!({ "a": "long", "b": 1, "map": [{ "k": "x", "v": 1 }, { "k": "y", "v": 2 }], "list": [1] });
    let update = |changes: Value| {
        let mut new = old.clone();
        let changes = changes.as_object().cloned().unwrap_or_default();
        new.as_object_mut().into_iter().for_each(|new| new.extend(changes.clone()));
        schema.validate_update(&new, &old).iter().map(|error| error.field.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(schema.validate(&old).len(), 4);
    assert!(update(json!({ "b": 2 })).is_empty());
    assert_eq!(update(json!({ "a": "longer" })), ["a"]);
    // Items with keys are followed when they move; others are not.
    assert_eq!(update(json!({ "map": [{ "k": "y", "v": 3 }, { "k": "x", "v": 1 }] })), ["map[0].v"]);
    assert_eq!(update(json!({ "list": [1, 6] })), ["list[0]"]);
}

#[test]
fn alternatives_are_judged_by_what_did_not_change_as_well() {
    let schema = Schema::from_openapi(&json!({
        "type": "object", "properties": { "kind": { "type": "string" }, "size": { "type": "integer" } },
        "oneOf": [{ "properties": { "kind": { "enum": ["a"] } } }, { "properties": { "kind": { "enum": ["b"] } } }],
        "not": { "properties": { "kind": { "enum": ["c"] } } },
    }))
    .expect("the schema can be read");
    assert!(schema.validate_update(&json!({ "kind": "a", "size": 2 }), &json!({ "kind": "a", "size": 1 })).is_empty());
}

#[test]
fn quantities_of_built_in_kinds_may_be_fractions() {
    let schema = cowherd_schema::builtin::definition("io.k8s.api.core.v1.ResourceRequirements").unwrap();
    assert!(schema.validate(&json!({ "limits": { "cpu": 0.5, "memory": "1Gi" } })).is_empty());
}

#[test]
fn alternatives_without_end_of_a_long_text_are_more_than_it_is_worth() {
    let patterns = |count: usize| -> Vec<Value> {
        (0..count).map(|number| json!({ "type": "string", "pattern": format!("^{number}$") })).collect()
    };
    let schema = |count| json!({ "type": "string", "anyOf": patterns(count) });
    let told = field(schema(1000), json!("x".repeat(1 << 20)));
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("more than 4000000 checks"), "{}", told[0]);
    // Of many that fail, one is told of.
    let told = field(schema(1000), json!("x"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("should match '^0$'"), "{told:?}");
    assert!(field(schema(10), json!("7")).is_empty());
}
