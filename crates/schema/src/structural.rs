//! Whether the schema of a CustomResourceDefinition is structural: whether every field's type is known without
//! looking at a value, so that objects can be pruned, defaulted and merged.

mod defaults;
mod junctors;
mod lists;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::field::{FieldError, FieldPath};
use crate::model::Schema;
use crate::{formats, pattern};

/// How deep the check follows schemas; deeper ones are refused by [`Schema::from_openapi`].
const MAX_DEPTH: usize = 100;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Keywords that JSON Schema has and CustomResourceDefinitions may not use.
const UNSUPPORTED: [&str; 7] =
    ["$ref", "$schema", "additionalItems", "definitions", "dependencies", "id", "patternProperties"];

impl Schema {
    /// What keeps an `openAPIV3Schema` at `path` from being structural, as kube-apiserver words it. Rules in CEL
    /// are not compiled.
    pub fn structural_errors(source: &Value, path: &FieldPath) -> Vec<FieldError> {
        let mut check = Check { errors: Vec::new() };
        if let Some(schema) = check.keywords(source, path) {
            check.node(schema, path, Place { level: Level::Root, inside_meta: false, no_default: None }, 0);
            check.root(schema, path);
        }
        if check.errors.is_empty() {
            match Self::from_openapi(source) {
                Ok(schema) => defaults::check(&schema, source, path, &mut check.errors, false),
                Err(error) => check.errors.push(FieldError::invalid(path, "", error.to_string())),
            }
        }
        check.errors.sort_by_cached_key(ToString::to_string);
        check.errors.dedup();
        check.errors
    }

    /// The formats in an `openAPIV3Schema` that no value is checked against, sorted; kube-apiserver warns of them.
    pub fn unrecognized_formats(source: &Value) -> Vec<String> {
        let mut found = BTreeSet::new();
        unrecognized_formats(source, 0, &mut found);
        found.into_iter().collect()
    }
}

fn unrecognized_formats(source: &Value, depth: usize, found: &mut BTreeSet<String>) {
    if depth > MAX_DEPTH {
        return;
    }
    let json_type = source.get("type").and_then(Value::as_str).unwrap_or_default();
    if let Some(format) = source.get("format").and_then(Value::as_str)
        && !format.is_empty()
        && !formats::is_known(format, json_type)
    {
        found.insert(format.to_owned());
    }
    let mut below = |schema: &Value| unrecognized_formats(schema, depth + 1, found);
    source.get("properties").and_then(Value::as_object).into_iter().flatten().for_each(|(_, schema)| below(schema));
    for keyword in ["items", "additionalProperties", "not"] {
        source.get(keyword).into_iter().for_each(&mut below);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        source.get(keyword).and_then(Value::as_array).into_iter().flatten().for_each(&mut below);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Where in the schema of an object a node stands.
#[derive(Clone)]
struct Place {
    level: Level,
    /// Inside `metadata`, `apiVersion` or `kind` of a whole object.
    inside_meta: bool,
    /// Why there may be no default here.
    no_default: Option<String>,
}

struct Check {
    errors: Vec<FieldError>,
}

fn text<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a str {
    schema.get(keyword).and_then(Value::as_str).unwrap_or_default()
}

fn flag(schema: &Map<String, Value>, keyword: &str) -> bool {
    schema.get(keyword).and_then(Value::as_bool).unwrap_or(false)
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

impl Check {
    fn required(&mut self, path: &FieldPath, detail: &str) {
        self.errors.push(FieldError::required(path, detail));
    }

    fn forbidden(&mut self, path: &FieldPath, detail: &str) {
        self.errors.push(FieldError::forbidden(path, detail));
    }

    fn invalid(&mut self, path: &FieldPath, value: impl Into<Value>, detail: &str) {
        self.errors.push(FieldError::invalid(path, value, detail));
    }

    /// Type `wanted` is needed at `path` because `reason`.
    fn wrong_type(&mut self, schema: &Map<String, Value>, path: &FieldPath, detail: &str) {
        match text(schema, "type") {
            "" => self.required(&path.child("type"), detail),
            given => self.invalid(&path.child("type"), given, detail),
        }
    }

    /// Keywords that are wrong wherever they stand. Returns the schema's keywords.
    fn keywords<'a>(&mut self, source: &'a Value, path: &FieldPath) -> Option<&'a Map<String, Value>> {
        let Some(schema) = source.as_object() else {
            self.invalid(path, source.clone(), "must be a schema");
            return None;
        };
        let given = text(schema, "type");
        if given == "null" {
            self.forbidden(&path.child("type"), "type cannot be set to null, use nullable as an alternative");
        }
        if !given.is_empty() && !TYPES.contains(&given) {
            self.errors.push(FieldError::not_supported(&path.child("type"), given, &TYPES));
        }
        for keyword in UNSUPPORTED.into_iter().filter(|keyword| schema.contains_key(*keyword)) {
            self.forbidden(&path.child(keyword), &format!("{keyword} is not supported"));
        }
        if schema.get("items").is_some_and(Value::is_array) {
            self.forbidden(&path.child("items"), "items must be a schema object and not an array");
        }
        if flag(schema, "uniqueItems") {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbidden(&path.child("uniqueItems"), detail);
        }
        if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
            let path = path.child("x-kubernetes-preserve-unknown-fields");
            self.invalid(&path, false, "must be true or undefined");
        }
        let source = text(schema, "pattern");
        if !source.is_empty()
            && let Err(error) = pattern::compile(source)
        {
            let detail = format!("must be a valid regular expression, but isn't: {error}");
            self.invalid(&path.child("pattern"), source, &detail);
        }
        Some(schema)
    }

    /// A node whose type is part of the structure, and all below it.
    fn node(&mut self, schema: &Map<String, Value>, path: &FieldPath, place: Place, depth: usize) {
        if depth > MAX_DEPTH {
            self.invalid(path, "", &format!("schemas may nest {MAX_DEPTH} deep at most"));
            return;
        }
        self.type_of(schema, path, place.level);
        self.extensions(schema, path, &place);
        if let Some(reason) = place.no_default.as_ref().filter(|_| schema.contains_key("default")) {
            self.forbidden(&path.child("default"), &format!("must not be set {reason}"));
        }
        lists::check(self, schema, path);
        junctors::check(self, schema, path, depth);
        self.below(schema, path, place, depth);
    }

    fn type_of(&mut self, schema: &Map<String, Value>, path: &FieldPath, level: Level) {
        let given = text(schema, "type");
        let free = flag(schema, "x-kubernetes-int-or-string") || flag(schema, "x-kubernetes-preserve-unknown-fields");
        if flag(schema, "x-kubernetes-embedded-resource") && given != "object" {
            self.wrong_type(schema, path, "must be object if x-kubernetes-embedded-resource is true");
        } else if given.is_empty() && !free {
            let detail = match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            };
            self.required(&path.child("type"), detail);
        }
        if level == Level::Root && !given.is_empty() && given != "object" {
            self.invalid(&path.child("type"), given, "must be object at the root");
        }
        if given == "array" && !schema.contains_key("items") {
            self.required(&path.child("items"), "must be specified");
        }
    }

    fn extensions(&mut self, schema: &Map<String, Value>, path: &FieldPath, place: &Place) {
        let embedded = flag(schema, "x-kubernetes-embedded-resource");
        let preserves = flag(schema, "x-kubernetes-preserve-unknown-fields");
        if flag(schema, "x-kubernetes-int-or-string") {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            for keyword in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
                if flag(schema, keyword) {
                    self.invalid(&path.child(keyword), true, detail);
                }
            }
        }
        if embedded && schema.contains_key("additionalProperties") {
            let path = path.child("additionalProperties");
            self.forbidden(&path, "must not be used if x-kubernetes-embedded-resource is set");
        }
        if embedded && !preserves && properties(schema).next().is_none() {
            let detail = "must not be empty if x-kubernetes-embedded-resource is true without \
                          x-kubernetes-preserve-unknown-fields";
            self.required(&path.child("properties"), detail);
        }
        if embedded && place.inside_meta {
            let path = path.child("x-kubernetes-embedded-resource");
            self.forbidden(&path, "must not be used inside of resource meta");
        }
        if let Some(map_type) = schema.get("x-kubernetes-map-type").and_then(Value::as_str) {
            if text(schema, "type") != "object" {
                self.wrong_type(schema, path, "must be object if x-kubernetes-map-type is specified");
            }
            let supported = ["atomic", "granular"];
            if !supported.contains(&map_type) {
                let path = path.child("x-kubernetes-map-type");
                self.errors.push(FieldError::not_supported(&path, map_type, &supported));
            }
        }
    }

    fn below(&mut self, schema: &Map<String, Value>, path: &FieldPath, place: Place, depth: usize) {
        let is_root = place.level == Level::Root;
        if let Some(items) = schema.get("items").filter(|items| !items.is_array()) {
            let path = path.child("items");
            if let Some(items) = self.keywords(items, &path) {
                self.node(items, &path, Place { level: Level::Item, ..place.clone() }, depth + 1);
            }
        }
        for (name, property) in properties(schema) {
            let path = path.child("properties").key(name);
            let Some(property) = self.keywords(property, &path) else { continue };
            let whole = is_root || flag(schema, "x-kubernetes-embedded-resource");
            let meta = whole && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
            if meta {
                self.meta_field(name, property, &path, is_root);
            }
            let reason = (meta && is_root).then(|| format!("in top-level {name}"));
            let below = Place {
                level: Level::Field,
                inside_meta: place.inside_meta || meta,
                no_default: reason.or_else(|| place.no_default.clone()),
            };
            self.node(property, &path, below, depth + 1);
        }
        let Some(additional) = schema.get("additionalProperties") else { return };
        let path = path.child("additionalProperties");
        if is_root {
            self.forbidden(&path, "must not be used at the root");
        }
        if properties(schema).next().is_some() && *additional != Value::Bool(true) {
            self.forbidden(&path, "additionalProperties and properties are mutual exclusive");
        }
        if additional.is_boolean() {
            return;
        }
        if let Some(additional) = self.keywords(additional, &path) {
            let mut below = Place { level: Level::Field, ..place };
            if below.inside_meta {
                below.no_default = Some("inside additionalProperties applying to object metadata".to_owned());
            }
            self.node(additional, &path, below, depth + 1);
        }
    }

    /// `apiVersion`, `kind` and `metadata` of a whole object, which every object has in the same form.
    fn meta_field(&mut self, name: &str, schema: &Map<String, Value>, path: &FieldPath, is_root: bool) {
        let wanted = if name == "metadata" { "object" } else { "string" };
        let given = text(schema, "type");
        if given != wanted {
            self.invalid(&path.child("type"), given, &format!("must be {wanted}"));
        }
        if name != "metadata" || !is_root {
            return;
        }
        let known = |keyword: &String| matches!(keyword.as_str(), "type" | "properties" | "default" | "description");
        let only_names = properties(schema).all(|(name, _)| matches!(name.as_str(), "name" | "generateName"));
        if !only_names || !schema.keys().all(known) {
            let detail =
                "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.forbidden(path, detail);
        }
    }

    fn root(&mut self, schema: &Map<String, Value>, path: &FieldPath) {
        if flag(schema, "nullable") {
            self.forbidden(&path.child("nullable"), "nullable cannot be true at the root");
        }
    }
}
