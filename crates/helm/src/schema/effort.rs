//! How much work a schema makes of validating values.
//!
//! A schema of a few lines can refer to itself or to others so often that validating the smallest values takes for ever.
//! Every part of the schema is counted for each part of the values that it applies to, as often as there are ways to
//! it, without going all of these ways.

use std::collections::HashMap;

use jsonschema::ReferencingError;
use serde_json::{Map, Value};

use super::reference::{self, Part, References};

/// The most comparisons of a part of the schema with a part of the values. Public charts take up to 2,000.
const MAX_COMPARISONS: u64 = 2_000_000;

/// The most parts of a schema that lead to each other: each takes some of the stack.
const MAX_DEPTH: usize = 200;

/// Keywords whose value is a schema for the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords whose value is a list of schemas for the same value.
const SAME_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords whose value is a map of schemas for the same value.
const SAME_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];

/// Why values are not validated against a schema.
#[derive(Debug, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("the schema refers to itself without going into the values; take one of the references out")]
    Cycle,
    #[error("the parts of the schema refer to each other through more than {MAX_DEPTH} steps; shorten the references")]
    Depth,
    #[error(
        "validating the values takes more than {MAX_COMPARISONS} comparisons with parts of the schema; \
         let its parts refer to each other less often"
    )]
    Comparisons,
    #[error(transparent)]
    Reference(#[from] ReferencingError),
}

/// Refuses to validate `values` against `schema` if that takes more than is sensible.
pub(super) fn check(schema: &Value, values: &Value) -> Result<(), TooMuch> {
    let registry = reference::registry(schema)?;
    let (references, root) = References::of(&registry, schema)?;
    let mut effort = Effort { references, known: HashMap::new(), sizes: HashMap::new() };
    effort.of(root, At { value: values, path: 0 }, 0).map(|_| ())
}

/// A part of the values.
#[derive(Clone, Copy)]
struct At<'v> {
    value: &'v Value,
    /// The bytes of its path, which every error about it repeats.
    path: u64,
}

/// What validating a part of the values against a part of the schema takes.
#[derive(Clone, Copy)]
struct Work {
    comparisons: u64,
    /// How many parts lead to each other below.
    depth: usize,
}

impl Work {
    fn add(&mut self, below: Work) -> Result<(), TooMuch> {
        self.depth = self.depth.max(below.depth + 1);
        self.comparisons = self.comparisons.saturating_add(below.comparisons);
        if self.comparisons > MAX_COMPARISONS { Err(TooMuch::Comparisons) } else { Ok(()) }
    }
}

struct Effort<'r> {
    references: References<'r>,
    /// The work for parts of the schema and of the values, by where in memory they are; none while it is being counted.
    known: HashMap<(*const Value, *const Value), Option<Work>>,
    /// How many values the lists of `enum` hold.
    sizes: HashMap<*const Value, u64>,
}

impl<'r> Effort<'r> {
    /// The work of validating what is `at` against `part`, to which `depth` parts led.
    fn of(&mut self, part: Part<'r>, at: At<'_>, depth: usize) -> Result<Work, TooMuch> {
        let Value::Object(map) = part.schema else { return Ok(Work { comparisons: 1, depth: 0 }) };
        let pair: (*const Value, *const Value) = (part.schema, at.value);
        match self.known.get(&pair) {
            Some(Some(known)) if depth + known.depth > MAX_DEPTH => return Err(TooMuch::Depth),
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err(TooMuch::Cycle),
            None if depth > MAX_DEPTH => return Err(TooMuch::Depth),
            None => self.known.insert(pair, None),
        };
        let part = self.references.entered(part)?;
        let mut work = Work { comparisons: self.own(map, at), depth: 0 };
        let same = parts_for_same(map).into_iter().map(|schema| part.inside(schema));
        for referred in same.chain(self.references.from(&part, map)?) {
            work.add(self.of(referred, at, depth + 1)?)?;
        }
        // What is not evaluated is found by evaluating the rest once more.
        if map.contains_key("unevaluatedProperties") || map.contains_key("unevaluatedItems") {
            work.add(work)?;
        }
        for (schema, inside) in parts_inside(map, at) {
            work.add(self.of(part.inside(schema), inside, depth + 1)?)?;
        }
        self.known.insert(pair, Some(work));
        Ok(work)
    }

    /// The work of the keywords of `map` that hold no schemas.
    fn own(&mut self, map: &'r Map<String, Value>, at: At<'_>) -> u64 {
        let choices = map.get("enum").map_or(0, |choices| *self.sizes.entry(choices).or_insert_with(|| size(choices)));
        let text = at.value.as_str().map_or(0, |text| text.len() as u64);
        1 + choices / 8 + (text + at.path) / 256
    }
}

fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

/// The schemas within `map` that are for the same value.
fn parts_for_same(map: &Map<String, Value>) -> Vec<&Value> {
    let mut parts: Vec<&Value> = SAME.iter().filter_map(|key| map.get(*key)).collect();
    parts.extend(SAME_LISTS.iter().filter_map(|key| map.get(*key)?.as_array()).flatten());
    parts.extend(SAME_MAPS.iter().filter_map(|key| map.get(*key)?.as_object()).flat_map(|map| map.values()));
    parts
}

/// Schemas for what is inside of the value, each with what it is for.
fn parts_inside<'s, 'v>(map: &'s Map<String, Value>, at: At<'v>) -> Vec<(&'s Value, At<'v>)> {
    match at.value {
        Value::Object(values) => parts_of_map(map, values, at.path),
        Value::Array(items) => parts_of_list(map, items, at.path),
        _ => Vec::new(),
    }
}

fn parts_of_map<'s, 'v>(
    map: &'s Map<String, Value>,
    values: &'v Map<String, Value>,
    path: u64,
) -> Vec<(&'s Value, At<'v>)> {
    let member = |name: &str, value: &'v Value| At { value, path: path + 1 + name.len() as u64 };
    let mut parts = Vec::new();
    let properties = map.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        parts.extend(values.get(name).map(|value| (schema, member(name, value))));
    }
    for schema in map.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|map| map.values()) {
        parts.extend(values.iter().map(|(name, value)| (schema, member(name, value))));
    }
    for schema in ["additionalProperties", "unevaluatedProperties"].iter().filter_map(|key| map.get(*key)) {
        let others = values.iter().filter(|(name, _)| properties.is_none_or(|known| !known.contains_key(*name)));
        parts.extend(others.map(|(name, value)| (schema, member(name, value))));
    }
    if let Some(schema) = map.get("propertyNames") {
        // A name is no value that one could point to: its length stands for it, and null for what it is.
        parts.extend(values.keys().map(|name| (schema, member(name, &Value::Null))));
    }
    parts
}

fn parts_of_list<'s, 'v>(map: &'s Map<String, Value>, items: &'v [Value], path: u64) -> Vec<(&'s Value, At<'v>)> {
    let item = |value: &'v Value| At { value, path: path + 2 };
    let mut parts = Vec::new();
    let first = ["prefixItems", "items"].iter().find_map(|key| map.get(*key)?.as_array());
    parts.extend(first.into_iter().flatten().zip(items).map(|(schema, value)| (schema, item(value))));
    let others = items.get(first.map_or(0, Vec::len)..).unwrap_or_default();
    for schema in ["items", "additionalItems", "unevaluatedItems"].iter().filter_map(|key| map.get(*key)) {
        parts.extend(others.iter().map(|value| (schema, item(value))));
    }
    if let Some(schema) = map.get("contains") {
        parts.extend(items.iter().map(|value| (schema, item(value))));
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema of `length` parts of which each is made with a reference to the next.
    fn chain(length: usize, link: impl Fn(String) -> Value) -> Value {
        let mut definitions: Map<String, Value> =
            (0..length).map(|at| (format!("a{at}"), link(format!("#/%24defs/a{}", at + 1)))).collect();
        definitions.insert(format!("a{length}"), json!({"type": "object"}));
        json!({"$ref": "#/$defs/a0", "$defs": definitions})
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!({}), |inside, _| json!({"a": inside}))
    }

    #[test]
    fn ways_that_part_at_every_step_are_too_many() {
        let twice = |link: String| json!({"allOf": [{"$ref": link}, {"$ref": link}]});
        assert!(check(&chain(15, twice), &json!({})).is_ok());
        assert!(matches!(check(&chain(40, twice), &json!({})), Err(TooMuch::Comparisons)));
        let unevaluated = |link: String| json!({"allOf": [{"$ref": link}], "unevaluatedProperties": false});
        assert!(matches!(check(&chain(40, unevaluated), &json!({})), Err(TooMuch::Comparisons)));
    }

    #[test]
    fn a_chain_that_is_too_long_for_the_stack_is_too_much() {
        assert!(check(&chain(150, |link| json!({"$ref": link})), &json!({})).is_ok());
        let long = chain(100_000, |link| json!({"$ref": link}));
        assert!(matches!(check(&long, &json!({})), Err(TooMuch::Depth)));
    }

    #[test]
    fn a_chain_that_is_met_from_its_end_is_as_long() {
        let parts: Vec<Value> = (0..1000).rev().map(|at| json!({"$ref": format!("#/$defs/a{at}")})).collect();
        let mut schema = chain(1000, |link| json!({"$ref": link}));
        schema["$ref"] = json!("#/$defs/all");
        schema["$defs"]["all"] = json!({"allOf": parts});
        assert!(matches!(check(&schema, &json!({})), Err(TooMuch::Depth)));
    }

    #[test]
    fn the_longest_chain_fits_into_the_stack_of_a_thread() {
        let links: [fn(String) -> Value; 4] = [
            |link| json!({"$ref": link}),
            |link| json!({"anyOf": [{"$ref": link}]}),
            |link| json!({"properties": {"a": {"$ref": link}}, "additionalProperties": false}),
            |link| json!({"if": {"$ref": link}, "then": {"type": "object"}, "dependentSchemas": {"a": true}}),
        ];
        for link in links {
            let (schema, values) = (chain(45, |name| json!({"not": {"oneOf": [link(name)]}})), nested(45));
            assert!(check(&schema, &values).is_ok());
            let validator = jsonschema::validator_for(&schema).unwrap();
            assert!(validator.iter_errors(&values).count() <= 1);
        }
    }

    #[test]
    fn it_is_the_values_that_make_a_schema_of_itself_expensive() {
        let twice = json!({"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#x"}}}],
            "$anchor": "x"});
        assert!(check(&twice, &nested(5)).is_ok());
        assert!(matches!(check(&twice, &nested(40)), Err(TooMuch::Comparisons)));
        let tree = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "items": {"$ref": "#"}});
        assert!(check(&tree, &nested(100)).is_ok());
    }

    #[test]
    fn a_schema_that_is_made_of_itself_is_refused() {
        let within = json!({"anyOf": [{"type": "string"}, {"$ref": "#"}]});
        for schema in [json!({"$ref": "#"}), within, json!({"properties": {"a": {"$ref": "#/properties/a"}}})] {
            assert!(matches!(check(&schema, &nested(2)), Err(TooMuch::Cycle)), "{schema}");
        }
    }

    #[test]
    fn schemas_with_names_of_their_own_count_too() {
        let inner = |at: usize| {
            let next = format!("#/$defs/a{}", at + 1);
            (format!("a{at}"), json!({"allOf": [{"$ref": next}, {"$ref": next}]}))
        };
        let mut definitions: Map<String, Value> = (0..40).map(inner).collect();
        definitions.insert("a40".to_owned(), json!(true));
        let named = json!({"$ref": "other.json", "$defs": {"x": {"$id": "other.json", "$ref": "#/$defs/a0", "$defs": definitions}}});
        assert!(matches!(check(&named, &json!({})), Err(TooMuch::Comparisons)));
    }

    #[test]
    fn long_lists_of_choices_and_long_paths_count() {
        let choices: Vec<u32> = (0..100_000).collect();
        let schema = json!({"items": {"enum": choices}});
        assert!(check(&schema, &json!(vec!["a"; 10])).is_ok());
        assert!(matches!(check(&schema, &json!(vec!["a"; 1000])), Err(TooMuch::Comparisons)));
        let schema = json!({"additionalProperties": {"items": {"type": "string"}}});
        assert!(check(&schema, &json!({"a".repeat(1_000_000): vec![1; 10]})).is_ok());
        assert!(matches!(check(&schema, &json!({"a".repeat(1_000_000): vec![1; 1000]})), Err(TooMuch::Comparisons)));
    }
}
