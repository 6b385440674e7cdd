//! Schemas as the two versions of OpenAPI write them.

use serde_json::{Map, Value, json};

/// A version of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `swagger: "2.0"`: references may have siblings, alternatives and `nullable` there are not.
    V2,
    /// `openapi: 3.0.0`
    V3,
}

impl Dialect {
    /// A reference to a definition.
    pub fn reference(self, name: &str) -> Value {
        json!({ "$ref": match self {
            Self::V2 => format!("#/definitions/{name}"),
            Self::V3 => format!("#/components/schemas/{name}"),
        } })
    }

    /// A reference with words of its own.
    pub fn described(self, name: &str, description: &str) -> Value {
        let mut schema = json!({ "$ref": name, "description": description });
        self.references(&mut schema);
        schema
    }

    /// A built-in definition, whose references are plain names.
    pub fn built_in(self, name: &str, mut schema: Value) -> Value {
        self.references(&mut schema);
        if let Some(map) = schema.as_object_mut() {
            // What these hold is anybody's: keywords beside their type are for our own use.
            map.remove("x-kubernetes-preserve-unknown-fields");
            match name.rsplit('.').next() {
                Some("Quantity") => self.quantity(map),
                Some("IntOrString") => self.int_or_string(map),
                _ => {}
            }
        }
        schema
    }

    fn quantity(self, map: &mut Map<String, Value>) {
        map.remove("x-kubernetes-int-or-string");
        map.remove("format");
        match self {
            Self::V2 => map.insert("type".to_owned(), json!("string")),
            Self::V3 => map.insert("oneOf".to_owned(), json!([{ "type": "string" }, { "type": "number" }])),
        };
    }

    fn int_or_string(self, map: &mut Map<String, Value>) {
        map.remove("x-kubernetes-int-or-string");
        match self {
            Self::V2 => map.insert("type".to_owned(), json!("string")),
            Self::V3 => map.insert("oneOf".to_owned(), json!([{ "type": "integer" }, { "type": "string" }])),
        };
    }

    fn references(self, schema: &mut Value) {
        let Some(map) = schema.as_object_mut() else { return };
        for keyword in ["items", "additionalProperties", "not"] {
            map.get_mut(keyword).into_iter().for_each(|schema| self.references(schema));
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let schemas = map.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten();
            schemas.for_each(|schema| self.references(schema));
        }
        if let Some(Value::Object(properties)) = map.get_mut("properties") {
            properties.values_mut().for_each(|schema| self.references(schema));
        }
        let Some(Value::String(name)) = map.remove("$ref") else { return };
        let reference = self.reference(&name);
        match self {
            // Version 3 ignores what stands beside a reference.
            Self::V3 if !map.is_empty() => {
                map.insert("allOf".to_owned(), json!([reference]));
            }
            _ => map.extend(reference.as_object().cloned().unwrap_or_default()),
        }
    }
}
