//! Fields that a schema does not know: dropping them, and naming them.

use serde_json::Value;

use crate::field::FieldPath;
use crate::model::Schema;

/// The definition of the metadata of every object.
pub(crate) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Schema {
    /// Drops the fields of an object that the schema of its kind does not know. `apiVersion`, `kind` and what
    /// metadata may hold are known for every object.
    pub fn prune(&self, object: &mut Value) {
        let mut walk = Walk { drop: true, unknown: None };
        walk.value(object, self, &FieldPath::root(), true);
    }

    /// Drops the fields of a value inside an object that its schema does not know.
    pub(crate) fn prune_value(&self, value: &mut Value) {
        let mut walk = Walk { drop: true, unknown: None };
        walk.value(value, self, &FieldPath::root(), false);
    }

    /// The fields of an object that [`Self::prune`] would drop, in order.
    pub fn unknown_fields(&self, object: &Value) -> Vec<FieldPath> {
        // The walk needs an object it could change; asking is rare beside pruning.
        let mut copy = object.clone();
        let mut walk = Walk { drop: false, unknown: Some(Vec::new()) };
        walk.value(&mut copy, self, &FieldPath::root(), true);
        let mut unknown = walk.unknown.unwrap_or_default();
        unknown.sort();
        unknown
    }

    /// Drops unknown fields, and returns them: [`Self::unknown_fields`] and [`Self::prune`] at once.
    pub fn prune_unknown_fields(&self, object: &mut Value) -> Vec<FieldPath> {
        let mut walk = Walk { drop: true, unknown: Some(Vec::new()) };
        walk.value(object, self, &FieldPath::root(), true);
        let mut unknown = walk.unknown.unwrap_or_default();
        unknown.sort();
        unknown
    }
}

struct Walk {
    drop: bool,
    unknown: Option<Vec<FieldPath>>,
}

impl Walk {
    fn value(&mut self, value: &mut Value, schema: &Schema, path: &FieldPath, whole_object: bool) {
        match value {
            Value::Object(_) => self.object(value, schema, path, whole_object || schema.embedded_resource),
            Value::Array(items) => {
                let Some(schema) = schema.items() else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, schema, &self.child(path, |path| path.index(index)), false);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, value: &mut Value, schema: &Schema, path: &FieldPath, whole_object: bool) {
        let Some(map) = value.as_object_mut() else { return };
        map.retain(|name, value| {
            let below = self.child(path, |path| path.child(name));
            if whole_object {
                match name.as_str() {
                    "metadata" => {
                        if let Some(meta) = crate::builtin::definition(OBJECT_META) {
                            self.value(value, meta, &below, false);
                        }
                        return true;
                    }
                    "apiVersion" | "kind" => return true,
                    _ => {}
                }
            }
            if let Some(schema) = schema.field(name) {
                self.value(value, schema, &below, false);
                return true;
            }
            if schema.preserve_unknown_fields || schema.value_type == crate::Type::Any {
                return true;
            }
            if let Some(unknown) = &mut self.unknown {
                unknown.push(below);
            }
            !self.drop
        });
    }

    /// Paths are only built for who asks for them.
    fn child(&self, path: &FieldPath, step: impl FnOnce(&FieldPath) -> FieldPath) -> FieldPath {
        if self.unknown.is_some() { step(path) } else { FieldPath::root() }
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
