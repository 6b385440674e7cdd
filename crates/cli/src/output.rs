//! What commands print: tables for people, JSON and YAML for programs.

mod table;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};

pub use table::{Cell, Table};

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON, as `kubectl` prints it
    Json,
    /// YAML, as `kubectl` prints it
    Yaml,
}

/// Prints a value as JSON or YAML.
pub fn print_structured(value: &Value, format: Format) -> Result<()> {
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(value)?),
        Format::Yaml => print!("{}", cowherd_yaml::to_string(value)),
    }
    Ok(())
}

/// Objects as `kubectl` gives those that were named: the only one as it is, several in a `List`.
pub fn named(mut objects: Vec<Value>) -> Value {
    if objects.len() == 1 { objects.remove(0) } else { list(objects) }
}

/// Objects as `kubectl get` gives what it finds, however many they are.
pub fn list(objects: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects, "metadata": { "resourceVersion": "" } })
}
