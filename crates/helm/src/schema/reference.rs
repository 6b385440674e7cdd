//! What the references within a schema mean.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, ReferencingError, Registry, Uri};
use serde_json::{Map, Value};

use super::{BASE, Offline};

/// A part of a schema, with what its references are relative to.
#[derive(Clone)]
pub(super) struct Part<'r> {
    pub(super) schema: &'r Value,
    base: Arc<Uri<String>>,
    draft: Draft,
}

impl<'r> Part<'r> {
    /// A schema that stands within this one.
    pub(super) fn inside(&self, schema: &'r Value) -> Self {
        Self { schema, base: self.base.clone(), draft: self.draft }
    }
}

/// The parts of a schema by the names that references have for them.
pub(super) struct References<'r> {
    registry: &'r Registry<'r>,
    /// The parts that a dynamic reference may mean, depending on what led to it, by their anchors.
    dynamic: HashMap<&'r str, Vec<Part<'r>>>,
}

/// What references within `schema` are looked up in. Fails if they lead out of it.
pub(super) fn registry(schema: &Value) -> Result<Registry<'_>, ReferencingError> {
    Registry::new().retriever(Offline).add(BASE, schema)?.prepare()
}

impl<'r> References<'r> {
    /// The references of what `registry` has for the schema of the values, and that schema.
    pub(super) fn of(registry: &'r Registry<'r>, schema: &'r Value) -> Result<(Self, Part<'r>), ReferencingError> {
        let root =
            Part { schema, base: Arc::new(jsonschema::uri::from_str(BASE)?), draft: Draft::default().detect(schema) };
        let mut references = Self { registry, dynamic: HashMap::new() };
        references.collect_dynamic(&root)?;
        Ok((references, root))
    }

    fn collect_dynamic(&mut self, part: &Part<'r>) -> Result<(), ReferencingError> {
        match part.schema {
            Value::Object(map) => {
                let part = self.entered(part.clone())?;
                let recursive = map.get("$recursiveAnchor").and_then(Value::as_bool).filter(|is| *is).map(|_| "");
                let anchor = map.get("$dynamicAnchor").and_then(Value::as_str);
                for name in recursive.into_iter().chain(anchor) {
                    self.dynamic.entry(name).or_default().push(part.clone());
                }
                map.values().try_for_each(|inside| self.collect_dynamic(&part.inside(inside)))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.collect_dynamic(&part.inside(item))),
            _ => Ok(()),
        }
    }

    /// `part` with the address that it gives itself, if it does.
    pub(super) fn entered(&self, mut part: Part<'r>) -> Result<Part<'r>, ReferencingError> {
        part.draft = part.draft.detect(part.schema);
        let resource = part.draft.create_resource_ref(part.schema);
        if resource.id().is_some() {
            let resolver = self.registry.resolver((*part.base).clone()).in_subresource(resource)?;
            part.base = resolver.base_uri();
        }
        Ok(part)
    }

    /// Every schema that the references of `part`, whose members are `map`, may mean.
    pub(super) fn from(&self, part: &Part<'r>, map: &'r Map<String, Value>) -> Result<Vec<Part<'r>>, ReferencingError> {
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        let mut meant = Vec::new();
        for reference in ["$ref", "$dynamicRef", "$recursiveRef"].into_iter().filter_map(text) {
            let resolved = self.registry.resolver((*part.base).clone()).lookup(reference)?;
            let (schema, resolver, draft) = resolved.into_inner();
            meant.push(Part { schema, base: resolver.base_uri(), draft });
        }
        if let Some(reference) = text("$dynamicRef").or(text("$recursiveRef")) {
            let anchor = reference.split_once('#').map_or("", |(_, anchor)| anchor);
            let others = self.dynamic.get(anchor).into_iter().flatten();
            meant.extend(others.filter(|other| !std::ptr::eq(other.schema, part.schema)).cloned());
        }
        Ok(meant)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The titles of what the part at `pointer` of `schema` may refer to.
    fn meant(schema: &Value, pointer: &str) -> Vec<String> {
        let registry = registry(schema).unwrap();
        let (references, root) = References::of(&registry, schema).unwrap();
        let mut part = references.entered(root).unwrap();
        for name in pointer.split('/').skip(1) {
            part = references.entered(part.inside(&part.schema[name])).unwrap();
        }
        let meant = references.from(&part, part.schema.as_object().unwrap()).unwrap();
        meant.iter().map(|part| part.schema["title"].as_str().unwrap_or("no title").to_owned()).collect()
    }

    #[test]
    fn references_are_relative_to_the_resource_that_they_are_in() {
        let schema = json!({
            "title": "root", "$id": "https://example.com/values.json",
            "properties": {
                "a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#/%24defs/b%20c"}, "c": {"$ref": "#first"},
                "d": {"$ref": "./other.json#/$defs/a"}, "e": {"$ref": "https://example.com/other.json"},
                "f": {"$ref": "#"}, "g": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
            },
            "$defs": {
                "a": {"title": "a", "$anchor": "first"},
                "b c": {"title": "b c"},
                "other": {
                    "title": "other", "$id": "other.json",
                    "$defs": {"a": {"title": "a of other"}},
                    "properties": {
                        "a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#"}, "c": {"$ref": "values.json#/$defs/a"},
                    },
                },
            },
        });
        for (pointer, title) in [
            ("/properties/a", "a"),
            ("/properties/b", "b c"),
            ("/properties/c", "a"),
            ("/properties/d", "a of other"),
            ("/properties/e", "other"),
            ("/properties/f", "root"),
            ("/properties/g", "Core and Validation specifications meta-schema"),
            ("/$defs/other/properties/a", "a of other"),
            ("/$defs/other/properties/b", "other"),
            ("/$defs/other/properties/c", "a"),
        ] {
            assert_eq!(meant(&schema, pointer), [title], "at {pointer:?}");
        }
    }

    #[test]
    fn dynamic_references_may_mean_every_part_with_their_anchor() {
        let schema = json!({
            "title": "strict", "$dynamicAnchor": "node", "$ref": "tree.json",
            "$defs": {"tree": {
                "title": "tree", "$id": "tree.json", "$dynamicAnchor": "node", "items": {"$dynamicRef": "#node"},
            }},
        });
        let mut titles = meant(&schema, "/$defs/tree/items");
        titles.sort();
        titles.dedup();
        assert_eq!(titles, ["strict", "tree"]);
    }
}
