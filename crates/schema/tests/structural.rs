//! The rules for schemas of CustomResourceDefinitions, in the words of kube-apiserver.

use cowherd_schema::{FieldPath, Schema};
use serde_json::{Value, json};

fn errors(schema: Value) -> Vec<String> {
    Schema::structural_errors(&schema, &FieldPath::new("s")).iter().map(ToString::to_string).collect()
}

fn field(schema: Value) -> Vec<String> {
    errors(json!({ "type": "object", "properties": { "x": schema } }))
        .into_iter()
        .map(|error| error.replace("s.properties[x]", "x"))
        .collect()
}

#[test]
fn a_usual_schema_is_structural() {
    let schema = json!({
        "type": "object", "description": "A widget.", "required": ["spec"],
        "properties": {
            "apiVersion": { "type": "string" }, "kind": { "type": "string" },
            "metadata": { "type": "object", "properties": { "name": { "type": "string", "maxLength": 10 } } },
            "spec": {
                "type": "object",
                "x-kubernetes-validations": [{ "rule": "self.size > 0" }],
                "oneOf": [{ "required": ["size"] }, { "properties": { "port": { "minimum": 1 } } }],
                "properties": {
                    "size": { "type": "integer", "default": 1, "minimum": 1 },
                    "port": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
                    "quantity": {
                        "x-kubernetes-int-or-string": true, "pattern": "^[0-9]+$",
                        "allOf": [{ "anyOf": [{ "type": "integer" }, { "type": "string" }] }, { "maximum": 5 }],
                    },
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                    "ports": {
                        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                        "items": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } },
                    },
                    "template": {
                        "type": "object", "x-kubernetes-embedded-resource": true,
                        "x-kubernetes-preserve-unknown-fields": true,
                    },
                },
            },
            "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        },
    });
    assert_eq!(errors(schema), [""; 0]);
}

#[test]
fn types_must_be_given_everywhere() {
    assert_eq!(errors(json!({})), ["s.type: Required value: must not be empty at the root"]);
    assert_eq!(
        errors(json!({ "type": "array", "items": { "type": "string" } })),
        [r#"s.type: Invalid value: "array": must be object at the root"#]
    );
    assert_eq!(field(json!({})), ["x.type: Required value: must not be empty for specified object fields"]);
    assert_eq!(field(json!({ "type": "array" })), ["x.items: Required value: must be specified"]);
    assert_eq!(
        field(json!({ "type": "array", "items": {} })),
        ["x.items.type: Required value: must not be empty for specified array items"]
    );
    assert_eq!(
        field(json!({ "type": "float" })),
        [
            r#"x.type: Unsupported value: "float": supported values: "array", "boolean", "integer", "number", "object", "string""#
        ]
    );
}

#[test]
fn junctors_may_only_restrict_what_the_structure_has() {
    assert_eq!(
        field(json!({ "type": "string", "anyOf": [{ "type": "string", "description": "d" }] })),
        [
            "x.anyOf[0].description: Forbidden: must be empty to be structural",
            "x.anyOf[0].type: Forbidden: must be empty to be structural",
        ]
    );
    assert_eq!(
        field(json!({ "type": "object", "allOf": [{ "properties": { "y": { "minimum": 1 } } }] })),
        ["x.properties[y]: Required value: because it is defined in x.allOf[0].properties[y]"]
    );
    assert_eq!(
        field(
            json!({ "type": "object", "not": { "properties": { "metadata": {} } }, "properties": { "metadata": { "type": "object" } } })
        ),
        ["x.not.properties[metadata]: Forbidden: must not be specified in a nested context"]
    );
}

#[test]
fn keywords_that_hide_structure_are_refused() {
    assert_eq!(
        field(json!({ "type": "object", "$ref": "#/definitions/a" })),
        ["x.$ref: Forbidden: $ref is not supported"]
    );
    assert_eq!(
        field(
            json!({ "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": { "type": "string" } })
        ),
        ["x.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"]
    );
    assert_eq!(
        field(json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true })),
        ["x.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"]
    );
    assert_eq!(
        field(json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": false })),
        ["x.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"]
    );
}

#[test]
fn lists_that_merge_by_keys_need_keys_that_are_always_there() {
    let list = |keys: Value, items: Value| json!({ "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, "items": items });
    let item = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    assert_eq!(
        field(list(json!(["name"]), item.clone())),
        [
            "x.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
        ]
    );
    assert_eq!(
        field(list(json!([]), item.clone())),
        ["x.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"]
    );
    assert_eq!(
        field(list(json!(["id"]), item)),
        [r#"x.x-kubernetes-list-map-keys: Invalid value: ["id"]: entries must all be names of item properties"#]
    );
    assert_eq!(
        field(json!({ "type": "string", "x-kubernetes-list-type": "bag" })),
        [
            r#"x.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified"#,
            r#"x.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "map", "set""#,
        ]
    );
}

#[test]
fn metadata_may_only_restrict_names() {
    let schema = json!({ "type": "object", "properties": { "metadata": { "type": "object", "properties": { "labels": { "type": "object" } } } } });
    assert_eq!(
        errors(schema),
        [
            "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified"
        ]
    );
}

#[test]
fn defaults_must_be_valid_themselves() {
    assert_eq!(
        field(json!({ "type": "integer", "default": "one" })),
        [r#"x.default: Invalid value: "string":  in body must be of type integer: "string""#]
    );
    assert_eq!(
        field(json!({ "type": "object", "properties": { "a": { "type": "string" } }, "default": { "b": 1 } })),
        [r#"x.default: Invalid value: {"b":1}: must not have unknown fields"#]
    );
}

#[test]
fn formats_that_nothing_is_checked_against_are_found() {
    let schema = json!({ "type": "object", "properties": {
        "a": { "type": "string", "format": "uuid" },
        "b": { "type": "array", "items": { "type": "string", "format": "colour" } },
        "c": { "type": "integer", "format": "uuid" },
        "d": { "type": "string", "format": "date-time", "anyOf": [{ "format": "colour" }] },
    } });
    assert_eq!(Schema::unrecognized_formats(&schema), ["colour", "uuid"]);
}

#[test]
fn patterns_must_be_regular_expressions() {
    let found = field(json!({ "type": "string", "pattern": "a(" }));
    assert!(
        found[0].starts_with(r#"x.pattern: Invalid value: "a(": must be a valid regular expression, but isn't: "#),
        "{found:?}"
    );
}

#[test]
fn schemas_without_end_are_refused_without_a_crash() {
    let mut schema = json!({ "type": "object" });
    for _ in 0..500 {
        schema = json!({ "type": "object", "not": schema.clone(), "properties": { "a": { "type": "object", "allOf": [{ "not": schema }] } } });
        if schema.to_string().len() > 100_000 {
            break;
        }
    }
    let mut deep = json!({ "type": "object" });
    for _ in 0..300 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    assert!(!errors(schema).is_empty());
    assert!(errors(deep).iter().any(|error| error.contains("100 deep at most")));
}
