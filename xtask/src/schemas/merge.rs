//! Reads how lists and maps merge from the `DeepMerge` implementations.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::source::Definition;

/// Adds the `x-kubernetes-` keywords for merging to the properties of `schema`.
pub fn annotate(definition: &Definition, schema: &mut Value, definitions: &BTreeMap<String, Definition>) -> Result<()> {
    for call in definition.merge.split("crate::merge_strategies::").skip(1) {
        let (strategy, arguments) = call.split_once('(').context("a strategy without arguments")?;
        // What is nested in another strategy tells of the values of a map; they are atomic anyway.
        let Some(field) = arguments.trim_start().strip_prefix("&mut self.") else { continue };
        let field: String = field.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // A type around a single value has no fields by name.
        let Some(name) = definition.fields.get(&field) else { continue };
        let original = &definition.schema["properties"][name];
        let property = schema["properties"].get_mut(name).with_context(|| format!("no property {name}"))?;
        match strategy {
            "list::atomic" if property.get("type").is_some_and(|of| of == "array") => {
                property["x-kubernetes-list-type"] = json!("atomic");
            }
            // Bytes are a list in Rust and a text in JSON.
            "list::atomic" | "map::granular" => {}
            "list::set" => property["x-kubernetes-list-type"] = json!("set"),
            "list::map" => {
                let item = original["items"]["$ref"].as_str().and_then(|path| definitions.get(path));
                let keys = keys(arguments, item.with_context(|| format!("{name} is no list of a type"))?)?;
                property["x-kubernetes-patch-merge-key"] = json!(keys.first());
                property["x-kubernetes-patch-strategy"] = json!("merge");
                property["x-kubernetes-list-type"] = json!("map");
                property["x-kubernetes-list-map-keys"] = json!(keys);
            }
            "map::atomic" => property["x-kubernetes-map-type"] = json!("atomic"),
            other => bail!("unknown strategy {other}"),
        }
    }
    Ok(())
}

/// The JSON names of the fields that `&[|lhs, rhs| lhs.a == rhs.a, …]` compares.
fn keys(arguments: &str, item: &Definition) -> Result<Vec<String>> {
    let list = arguments.split_once("&[").and_then(|(_, rest)| rest.split_once(']')).context("no keys")?.0;
    let mut keys = Vec::new();
    for comparison in list.split("lhs.").skip(1) {
        let field: String = comparison.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        keys.push(item.fields.get(&field).with_context(|| format!("{} has no field {field}", item.name))?.clone());
    }
    Ok(keys)
}
