//! Custom resources as definitions of OpenAPI documents.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::schemas::Dialect;
use super::{Resource, ResourceSchema};

const OBJECT_META: &str = crate::prune::OBJECT_META;
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

const API_VERSION: &str = "APIVersion names the version of the schema that this object follows, as group/version. \
                           Servers convert recognized versions and may reject others.";
const KIND: &str = "Kind names the type of this object in CamelCase. It cannot be updated.";
const METADATA: &str = "Standard object's metadata.";

/// The name of the definition of a kind outside Kubernetes: the group's domain from its end, version and kind.
pub fn definition_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').rev().filter(|part| !part.is_empty()).collect();
    parts.extend([version, kind]);
    parts.join(".")
}

/// The definitions of a custom resource and of its lists, by name; none for a built-in one.
pub(super) fn definitions(resource: &Resource<'_>, dialect: Dialect) -> Vec<(String, Value)> {
    let ResourceSchema::Custom(source) = resource.schema else { return Vec::new() };
    let mut definitions = vec![(resource.definition(), object(resource, source.schema(), dialect))];
    if resource.is_listed() {
        definitions.push((resource.list_definition(), list(resource, dialect)));
    }
    definitions
}

fn group_version_kind(resource: &Resource<'_>, kind: &str) -> Value {
    json!([{ "group": resource.group, "kind": kind, "version": resource.version }])
}

fn object(resource: &Resource<'_>, source: Cow<'_, Value>, dialect: Dialect) -> Value {
    let mut schema = match source.into_owned() {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    let preserves = flag(&schema, "x-kubernetes-preserve-unknown-fields");
    let open = dialect == Dialect::V2 && preserves;
    if !schema.is_empty() && !open {
        adapt(&mut schema, dialect);
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        add_meta(properties, dialect);
    } else {
        // Clients would take the fields named here for the only ones.
        schema = Map::new();
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("x-kubernetes-group-version-kind".to_owned(), group_version_kind(resource, resource.kind));
    Value::Object(schema)
}

fn list(resource: &Resource<'_>, dialect: Dialect) -> Value {
    json!({
        "description": format!("{} is a list of {}.", resource.list_kind, resource.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": { "description": API_VERSION, "type": "string" },
            "items": {
                "description": "The objects of this list.",
                "type": "array",
                "items": dialect.reference(&resource.definition()),
            },
            "kind": { "description": KIND, "type": "string" },
            "metadata": dialect.described(LIST_META, "Standard list metadata."),
        },
        "x-kubernetes-group-version-kind": group_version_kind(resource, resource.list_kind),
    })
}

/// What every object has, whatever its schema says of it.
fn add_meta(properties: &mut Value, dialect: Dialect) {
    let Some(properties) = properties.as_object_mut() else { return };
    properties.insert("apiVersion".to_owned(), json!({ "description": API_VERSION, "type": "string" }));
    properties.insert("kind".to_owned(), json!({ "description": KIND, "type": "string" }));
    properties.insert("metadata".to_owned(), dialect.described(OBJECT_META, METADATA));
}

fn flag(schema: &Map<String, Value>, keyword: &str) -> bool {
    schema.get(keyword).and_then(Value::as_bool).unwrap_or(false)
}

/// Brings a schema into the dialect, and gives embedded objects the fields of every object.
fn adapt(schema: &mut Map<String, Value>, dialect: Dialect) {
    if dialect == Dialect::V2 {
        reduce(schema);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(Value::Object(below)) = schema.get_mut(keyword) {
            adapt(below, dialect);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().filter_map(Value::as_object_mut).for_each(|property| adapt(property, dialect));
    }
    let open = dialect == Dialect::V2 && flag(schema, "x-kubernetes-preserve-unknown-fields");
    if flag(schema, "x-kubernetes-embedded-resource") && !open {
        add_meta(schema.entry("properties").or_insert_with(|| json!({})), dialect);
        if let Value::Array(required) = schema.entry("required").or_insert_with(|| json!([])) {
            for name in ["apiVersion", "kind"] {
                if !required.iter().any(|given| given == name) {
                    required.push(name.into());
                }
            }
        }
    }
}

/// Takes out what version 2 has no words for. Clients that validate by it must not refuse what the server takes.
fn reduce(schema: &mut Map<String, Value>) {
    for keyword in ["allOf", "anyOf", "oneOf", "not", "default"] {
        schema.remove(keyword);
    }
    let nullable = schema.remove("nullable").is_some_and(|nullable| nullable == true);
    let preserves = flag(schema, "x-kubernetes-preserve-unknown-fields");
    if nullable || preserves {
        for keyword in ["type", "items", "properties", "additionalProperties", "required"] {
            schema.remove(keyword);
        }
    }
    if flag(schema, "x-kubernetes-int-or-string") {
        schema.remove("type");
        schema.remove("format");
    }
}
