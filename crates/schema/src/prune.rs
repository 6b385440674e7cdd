//! Fields that a schema does not know: dropping them, and naming them.

use std::fmt::Write;

use serde_json::Value;

use crate::field::FieldPath;
use crate::model::{Schema, Type};
use crate::validate::MAX_ERRORS;

/// The definition of the metadata of every object.
pub(crate) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Schema {
    /// Drops the fields of an object that the schema of its kind does not know. `apiVersion`, `kind` and what
    /// metadata may hold are known for every object.
    pub fn prune(&self, object: &mut Value) {
        prune(object, self, true);
    }

    /// Drops the fields of a value inside an object that its schema does not know.
    pub(crate) fn prune_value(&self, value: &mut Value) {
        prune(value, self, false);
    }

    /// The fields of an object that [`Self::prune`] would drop, in order; no more than the first hundred.
    pub fn unknown_fields(&self, object: &Value) -> Vec<FieldPath> {
        let mut unknown = Vec::new();
        find_unknown(object, self, &mut String::new(), true, &mut unknown);
        unknown.sort();
        unknown
    }

    /// Drops unknown fields and returns them: [`Self::unknown_fields`] and [`Self::prune`] at once.
    pub fn prune_unknown_fields(&self, object: &mut Value) -> Vec<FieldPath> {
        let unknown = self.unknown_fields(object);
        if !unknown.is_empty() {
            self.prune(object);
        }
        unknown
    }

    /// What to make of the field `name` of an object.
    fn known(&self, name: &str, whole_object: bool) -> Known<'_> {
        if whole_object || self.embedded_resource {
            match name {
                "apiVersion" | "kind" => return Known::Anything,
                "metadata" => return crate::builtin::definition(OBJECT_META).map_or(Known::Anything, Known::As),
                _ => {}
            }
        }
        match self.field(name) {
            Some(schema) => Known::As(schema),
            None if self.preserve_unknown_fields || self.value_type == Type::Any => Known::Anything,
            None => Known::Not,
        }
    }
}

enum Known<'a> {
    As(&'a Schema),
    Anything,
    Not,
}

fn prune(value: &mut Value, schema: &Schema, whole_object: bool) {
    match value {
        Value::Object(map) => map.retain(|name, value| match schema.known(name, whole_object) {
            Known::As(schema) => {
                prune(value, schema, false);
                true
            }
            Known::Anything => true,
            Known::Not => false,
        }),
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            items.iter_mut().for_each(|item| prune(item, schema, false));
        }
        _ => {}
    }
}

/// `path` leads to `value`; it grows and shrinks on the way.
fn find_unknown(value: &Value, schema: &Schema, path: &mut String, whole_object: bool, unknown: &mut Vec<FieldPath>) {
    let length = path.len();
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if unknown.len() >= MAX_ERRORS {
                    return;
                }
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                match schema.known(name, whole_object) {
                    Known::As(schema) => find_unknown(value, schema, path, false, unknown),
                    Known::Anything => {}
                    Known::Not => unknown.push(FieldPath::new(path.as_str())),
                }
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            for (index, item) in items.iter().enumerate() {
                // Writing to memory cannot fail.
                let _ = write!(path, "[{index}]");
                find_unknown(item, schema, path, false, unknown);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unknown(schema: &Schema, object: &Value) -> Vec<String> {
        schema.unknown_fields(object).iter().map(|path| path.as_str().to_owned()).collect()
    }

    fn widget() -> Schema {
        Schema::from_openapi(&json!({
            "type": "object",
            "properties": { "spec": { "type": "object", "properties": {
                "size": { "type": "integer" },
                "free": { "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                          "properties": { "strict": { "type": "object", "properties": { "a": { "type": "string" } } } } },
                "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                "template": { "type": "object", "x-kubernetes-embedded-resource": true,
                              "x-kubernetes-preserve-unknown-fields": true },
                "parts": { "type": "array", "items": { "type": "object", "properties": { "name": { "type": "string" } } } },
            } } },
        }))
        .unwrap()
    }

    #[test]
    fn unknown_fields_of_custom_resources_are_dropped_unless_preserved() {
        let mut object = json!({
            "apiVersion": "a/v1", "kind": "Widget", "metadata": { "name": "w", "colour": "red" }, "extra": 1,
            "spec": {
                "size": 1, "sise": 2, "labels": { "any": "x" },
                "free": { "anything": { "at": "all" }, "strict": { "a": "1", "b": "2" } },
                "template": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "nope": 1 }, "spec": {} },
                "parts": [{ "name": "a" }, { "name": "b", "other": true }],
            },
        });
        let expected = [
            "extra",
            "metadata.colour",
            "spec.free.strict.b",
            "spec.parts[1].other",
            "spec.sise",
            "spec.template.metadata.nope",
        ];
        assert_eq!(unknown(&widget(), &object), expected);
        assert_eq!(widget().prune_unknown_fields(&mut object).len(), expected.len());
        assert_eq!(
            object,
            json!({
                "apiVersion": "a/v1", "kind": "Widget", "metadata": { "name": "w" },
                "spec": {
                    "size": 1, "labels": { "any": "x" },
                    "free": { "anything": { "at": "all" }, "strict": { "a": "1" } },
                    "template": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": {} },
                    "parts": [{ "name": "a" }, { "name": "b" }],
                },
            })
        );
    }

    #[test]
    fn a_misspelt_field_of_a_built_in_kind_is_named_with_its_whole_path() {
        let schema = crate::builtin::definition("io.k8s.api.apps.v1.Deployment").unwrap();
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "d", "annotations": { "any": "thing" }, "managedFields": [{ "fieldsV1": { "f:x": {} } }] },
            "spec": { "replicsa": 2, "template": { "spec": { "containers": [
                { "name": "c", "imagee": "nginx", "resources": { "limits": { "cpu": 1 } }, "ports": [{ "containerPort": 80 }] },
            ] } } },
        });
        assert_eq!(unknown(schema, &object), ["spec.replicsa", "spec.template.spec.containers[0].imagee"]);
    }

    #[test]
    fn values_of_a_wrong_type_are_left_for_validation() {
        let object = json!({ "apiVersion": "a/v1", "kind": "Widget", "spec": ["x", { "y": 1 }] });
        assert!(unknown(&widget(), &object).is_empty());
    }
}
