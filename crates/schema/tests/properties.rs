//! What holds of any schema and any value.

use cowherd_schema::openapi::{Resource, ResourceSchema, v2, v3};
use cowherd_schema::{FieldPath, Schema, builtin};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that the schemas below use, and one that they do not.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "metadata", "kind", "apiVersion", "spec", "containers", "name", "other"])
        .prop_map(str::to_owned)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)),
        "\\PC{0,8}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 5, |below| {
        prop_oneof![
            vec(below.clone(), 0..4).prop_map(Value::from),
            btree_map(name(), below, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Schemas as people write them, mostly.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "type": "string", "maxLength": 3, "default": "x" })),
        Just(json!({ "type": "string", "format": "date-time", "nullable": true })),
        Just(json!({ "type": "integer", "minimum": 1, "default": 0 })),
        Just(json!({ "x-kubernetes-int-or-string": true })),
        Just(json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })),
        Just(
            json!({ "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true })
        ),
    ];
    leaf.prop_recursive(4, 30, 4, |below| {
        prop_oneof![
            btree_map(name(), below.clone(), 0..4).prop_map(|fields| json!({ "type": "object", "properties": fields })),
            below.clone().prop_map(|items| json!({ "type": "array", "items": items, "x-kubernetes-list-type": "set" })),
            below.clone().prop_map(|values| json!({ "type": "object", "additionalProperties": values })),
            (below.clone(), below)
                .prop_map(|(one, other)| json!({ "type": "object", "oneOf": [one, { "not": other }] })),
        ]
    })
}

fn definition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(builtin::names().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn pruning_leaves_nothing_unknown(schema in schema(), mut object in value()) {
        let schema = Schema::from_openapi(&schema).expect("the schema can be read");
        let unknown = schema.unknown_fields(&object);
        let before = object.clone();
        schema.prune(&mut object);
        prop_assert_eq!(unknown.is_empty(), before == object);
        prop_assert!(schema.unknown_fields(&object).is_empty());
    }

    #[test]
    fn defaults_are_applied_once(schema in schema(), mut object in value()) {
        let schema = Schema::from_openapi(&schema).expect("the schema can be read");
        schema.apply_defaults(&mut object, usize::MAX).expect("there is room for all of them");
        let once = object.clone();
        schema.apply_defaults(&mut object, usize::MAX).expect("there is room for all of them");
        prop_assert_eq!(once, object);
    }

    #[test]
    fn any_value_can_be_judged_by_any_built_in_definition(name in definition(), mut object in value()) {
        let schema = builtin::definition(name).expect("it is among the names");
        schema.validate(&object);
        schema.decoding_error("Kind", &object);
        schema.prune(&mut object);
        schema.apply_defaults(&mut object, usize::MAX).expect("there is room for all of them");
    }

    #[test]
    fn any_value_can_be_judged_as_a_schema(source in prop_oneof![value(), schema()], object in value()) {
        Schema::structural_errors(&source, &FieldPath::new("schema"));
        Schema::unrecognized_formats(&source);
        if let Ok(schema) = Schema::from_openapi(&source) {
            schema.validate(&object);
        }
        let resource = Resource {
            group: "g", version: "v1", kind: "K", list_kind: "KList", plural: "ks", namespaced: true,
            verbs: vec!["list", "patch"], subresources: Vec::new(), schema: ResourceSchema::Custom(&source),
        };
        let resources = [resource];
        prop_assert!(serde_json::from_slice::<Value>(&v3::document(&resources)).is_ok());
        prop_assert!(!v2::protobuf(&resources).is_empty());
    }
}
