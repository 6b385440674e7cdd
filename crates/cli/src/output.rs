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

/// Objects as `kubectl get` gives them: the only one as it is, several in a `List`.
pub fn list(mut objects: Vec<Value>) -> Value {
    if objects.len() == 1 {
        return objects.remove(0);
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": objects, "metadata": { "resourceVersion": "" } })
}
