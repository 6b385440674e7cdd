//! Errors as a list whose items stand below what they are part of.

use std::fmt::Write;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::message::{self, quoted};

/// One line and what stands below it.
struct Item {
    at: String,
    message: String,
    causes: Vec<Item>,
}

/// The list of `errors` against `schema`, without a line break at its end.
pub(super) fn text(errors: &[ValidationError<'_>], schema: &Value) -> String {
    let mut listed = grouped(items(errors, schema), 0);
    // What is wrong with a single value needs no line that says so.
    while let [item] = listed.as_mut_slice()
        && item.message == FAILED
    {
        listed = std::mem::take(&mut item.causes);
    }
    let mut text = String::new();
    listed.iter().for_each(|item| write_item(&mut text, item, 0));
    text.trim_end_matches('\n').to_owned()
}

const FAILED: &str = "validation failed";

fn write_item(text: &mut String, item: &Item, depth: usize) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}- at {}: {}", "  ".repeat(depth), quoted(&item.at), item.message);
    item.causes.iter().for_each(|cause| write_item(text, cause, depth + 1));
}

/// The errors one by one; properties that are missing in one place are named together.
fn items(errors: &[ValidationError<'_>], schema: &Value) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut missing: Vec<(String, Vec<String>)> = Vec::new();
    for error in errors.iter().filter(|error| !is_moot(error, errors)) {
        let at = error.instance_path().to_string();
        match (error.kind(), message::condition(error, schema)) {
            (ValidationErrorKind::Required { property }, None) => {
                let name = property.as_str().unwrap_or_default().to_owned();
                match missing.iter_mut().find(|(place, _)| *place == at) {
                    Some((_, names)) => names.push(name),
                    None => missing.push((at, vec![name])),
                }
            }
            _ => items.push(item(error, at, schema)),
        }
    }
    let missing = missing.into_iter().map(|(at, names)| {
        let noun = if names.len() == 1 { "property" } else { "properties" };
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        Item { at, message: format!("missing {noun} {}", names.join(", ")), causes: Vec::new() }
    });
    missing.chain(items).collect()
}

/// Whether a value is of another type than its schema wants: Go asks no more of it then.
fn is_moot(error: &ValidationError<'_>, errors: &[ValidationError<'_>]) -> bool {
    let place = |error: &ValidationError<'_>| {
        let path = error.schema_path().to_string();
        let schema = path.rsplit_once('/').map(|(schema, _)| schema.to_owned());
        (error.instance_path().to_string(), schema)
    };
    let is_type = |error: &ValidationError<'_>| matches!(error.kind(), ValidationErrorKind::Type { .. });
    !is_type(error) && errors.iter().any(|other| is_type(other) && place(other) == place(error))
}

fn item(error: &ValidationError<'_>, at: String, schema: &Value) -> Item {
    let causes = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().flat_map(|branch| wrapped(grouped(items(branch, schema), depth(&at)), &at)).collect()
        }
        ValidationErrorKind::PropertyNames { error } => items(std::slice::from_ref(&**error), schema),
        _ => Vec::new(),
    };
    Item { message: message::of(error, schema), at, causes }
}

/// How many steps `path` has.
fn depth(path: &str) -> usize {
    path.matches('/').count()
}

/// `items`, whose paths have more than `steps` steps, below the values that they are in: each value with more than one
/// item has a line of its own.
fn grouped(items: Vec<Item>, steps: usize) -> Vec<Item> {
    let mut own = Vec::new();
    let mut last = Vec::new();
    let mut below: Vec<(String, Vec<Item>)> = Vec::new();
    for item in items {
        match prefix(&item.at, steps + 1) {
            // Go looks at what else there is once it has looked at what it knows.
            None if item.message.starts_with("additional properties") => last.push(item),
            None => own.push(item),
            Some(prefix) => match below.iter_mut().find(|(path, _)| path == prefix) {
                Some((_, items)) => items.push(item),
                None => below.push((prefix.to_owned(), vec![item])),
            },
        }
    }
    let below = below.into_iter().flat_map(|(path, items)| wrapped(grouped(items, steps + 1), &path));
    own.into_iter().chain(below).chain(last).collect()
}

fn wrapped(items: Vec<Item>, at: &str) -> Vec<Item> {
    if items.len() < 2 {
        return items;
    }
    vec![Item { at: at.to_owned(), message: FAILED.to_owned(), causes: items }]
}

/// The first `steps` steps of `path`; `None` where it has fewer.
fn prefix(path: &str, steps: usize) -> Option<&str> {
    let end = path.match_indices('/').nth(steps).map_or(path.len(), |(at, _)| at);
    (depth(path) >= steps).then(|| path.get(..end)).flatten()
}

/// The number of things in a value, as the limits on them count.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}
