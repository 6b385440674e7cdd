//! What commands print: tables for people, JSON and YAML for programs.

use std::io::Write as _;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Value, json};
use tabwriter::TabWriter;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// JSON, as `kubectl` prints it
    Json,
    /// YAML, as `kubectl` prints it
    Yaml,
}

/// Rows under headers, in columns as wide as their widest cell.
pub struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(headers: impl IntoIterator<Item = &'static str>) -> Self {
        Self { headers: headers.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; line breaks in cells become spaces.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let clean = |cell: String| cell.replace(['\n', '\t'], " ");
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    /// Prints the table, the headers unless asked not to.
    pub fn print(&self, with_headers: bool) -> Result<()> {
        let mut writer = TabWriter::new(Vec::new()).padding(3);
        if with_headers {
            writeln!(writer, "{}", self.headers.join("\t"))?;
        }
        for row in &self.rows {
            writeln!(writer, "{}", row.join("\t"))?;
        }
        writer.flush()?;
        let text = String::from_utf8(writer.into_inner()?)?;
        let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
        println!("{}", trimmed.join("\n"));
        Ok(())
    }
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
