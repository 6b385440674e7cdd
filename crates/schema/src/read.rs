//! Reads schemas in the form of OpenAPI v3.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::model::{Child, Link, ListType, MapType, Refined, Schema, SchemaError, Type};
use crate::rules::Rules;

/// How deep schemas may nest. Deeper ones come from nobody's hand, and reading recurses.
const MAX_DEPTH: usize = 100;

/// Where a schema comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Kubernetes itself: patch strategies are complete.
    BuiltIn,
    /// A CustomResourceDefinition, which has no words for patch strategies: lists merge by their keys.
    Custom,
}

pub(crate) fn read(source: &Value, origin: Origin) -> Result<Schema, SchemaError> {
    Reader { origin, path: String::new(), depth: 0 }.schema(source)
}

struct Reader {
    origin: Origin,
    /// Where the reader stands, for errors.
    path: String,
    depth: usize,
}

impl Reader {
    fn schema(&mut self, source: &Value) -> Result<Schema, SchemaError> {
        let map = source.as_object().ok_or_else(|| self.error("a schema must be an object"))?;
        let flag = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or(false);
        let text = |name: &str| map.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut properties = BTreeMap::new();
        for (name, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let child = self.below(&format!(".properties[{name}]"), |reader| reader.child(property))?;
            properties.insert(name.as_str().into(), child);
        }
        let additional = match map.get("additionalProperties") {
            Some(schema @ Value::Object(_)) => {
                Some(self.below(".additionalProperties", |reader| reader.child(schema))?)
            }
            Some(Value::Bool(true)) => Some(Child::Inline(Box::new(Schema::any()))),
            _ => None,
        };
        let items = map.get("items").map(|items| self.below(".items", |reader| reader.child(items))).transpose()?;
        let structured = !properties.is_empty() || additional.is_some();
        let list_type = list_type(map);
        let strategy = text("x-kubernetes-patch-strategy");
        let merge_key = self.merge_key(map, &list_type);
        let rules =
            Rules::read(map, |schema, junctor| self.below(&format!(".{junctor}"), |reader| reader.schema(schema)))?;
        Ok(Schema {
            value_type: self.value_type(map, structured)?,
            format: map.get("format").and_then(Value::as_str).map(Into::into),
            nullable: flag("nullable"),
            // A default of null is none.
            default: map.get("default").filter(|default| !default.is_null()).cloned(),
            required: texts(map, "required"),
            patch_merges: strategy.contains("merge")
                || (self.origin == Origin::Custom && list_type != ListType::Atomic),
            list_type,
            map_type: if text("x-kubernetes-map-type") == "atomic" { MapType::Atomic } else { MapType::Granular },
            preserve_unknown_fields: flag("x-kubernetes-preserve-unknown-fields"),
            embedded_resource: flag("x-kubernetes-embedded-resource"),
            retain_keys: strategy.contains("retainKeys"),
            patch_replaces: strategy.contains("replace"),
            merge_key,
            properties,
            additional,
            items,
            go_fields: if self.origin == Origin::BuiltIn { crate::go::read(text("x-go-fields")) } else { Vec::new() },
            ungiven: OnceLock::new(),
            rules,
        })
    }

    fn child(&mut self, source: &Value) -> Result<Child, SchemaError> {
        let Some(reference) = source.get("$ref").and_then(Value::as_str) else {
            return Ok(Child::Inline(Box::new(self.schema(source)?)));
        };
        let definition: Box<str> = reference.rsplit('/').next().unwrap_or(reference).into();
        let strategy = source.get("x-kubernetes-patch-strategy").and_then(Value::as_str).unwrap_or_default();
        let (retain_keys, patch_replaces) = (strategy.contains("retainKeys"), strategy.contains("replace"));
        let default = source.get("default").cloned();
        if !retain_keys && !patch_replaces && default.is_none() {
            return Ok(Child::Definition(Link::new(definition)));
        }
        let schema = OnceLock::new();
        Ok(Child::Refined(Box::new(Refined { definition, retain_keys, patch_replaces, default, schema })))
    }

    fn value_type(&self, map: &Map<String, Value>, structured: bool) -> Result<Type, SchemaError> {
        let int_or_string = map.get("x-kubernetes-int-or-string").and_then(Value::as_bool).unwrap_or(false)
            || map.get("format").is_some_and(|format| format == "int-or-string");
        if int_or_string {
            return Ok(Type::IntOrString);
        }
        Ok(match map.get("type").and_then(Value::as_str) {
            Some("object") => Type::Object,
            Some("array") => Type::Array,
            Some("string") => Type::String,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("boolean") => Type::Boolean,
            Some("") | None if structured => Type::Object,
            Some("") | None => Type::Any,
            Some(other) => return Err(self.error(&format!("unknown type {other:?}"))),
        })
    }

    fn merge_key(&self, map: &Map<String, Value>, list_type: &ListType) -> Option<Box<str>> {
        if let Some(key) = map.get("x-kubernetes-patch-merge-key").and_then(Value::as_str) {
            return Some(key.into());
        }
        match list_type {
            ListType::Map(keys) if self.origin == Origin::Custom => keys.first().map(|key| key.as_str().into()),
            _ => None,
        }
    }

    fn below<T>(
        &mut self,
        step: &str,
        read: impl FnOnce(&mut Self) -> Result<T, SchemaError>,
    ) -> Result<T, SchemaError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(&format!("schemas may nest {MAX_DEPTH} deep at most")));
        }
        let length = self.path.len();
        self.path.push_str(step);
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        self.path.truncate(length);
        result
    }

    fn error(&self, detail: &str) -> SchemaError {
        SchemaError { path: self.path.clone(), detail: detail.to_owned() }
    }
}

fn list_type(map: &Map<String, Value>) -> ListType {
    match map.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(texts(map, "x-kubernetes-list-map-keys")),
        _ => ListType::Atomic,
    }
}

fn texts(map: &Map<String, Value>, name: &str) -> Vec<String> {
    let items = map.get(name).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_that_nests_without_end_is_refused() {
        let mut schema = json!({ "type": "string" });
        for _ in 0..200 {
            schema = json!({ "type": "object", "properties": { "a": schema } });
        }
        let error = Schema::from_openapi(&schema).unwrap_err();
        assert_eq!(error.detail, "schemas may nest 100 deep at most");
    }

    #[test]
    fn an_unknown_type_is_named_with_its_place() {
        let schema = json!({ "type": "object", "properties": { "spec": { "type": "strnig" } } });
        assert_eq!(
            Schema::from_openapi(&schema).unwrap_err().to_string(),
            ".properties[spec]: unknown type \"strnig\""
        );
    }
}
