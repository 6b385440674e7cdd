//! `import-values`: values of a chart that become values of its parent.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::chart::{Chart, Dependency};
use crate::values::{self, Cell, CoalesceError, TableId, Tables};

/// Imports values from the inside out.
pub(super) fn process(chart: &mut Chart) -> Result<(), CoalesceError> {
    for dependency in &mut chart.dependencies {
        process(dependency)?;
    }
    let Some(mut named) = chart.metadata.dependencies.take() else { return Ok(()) };
    let imported = import(chart, &mut named);
    chart.metadata.dependencies = Some(named);
    chart.values = Arc::new(imported?);
    Ok(())
}

/// The values of `chart` and of all below it, and what it imports behind them.
fn import(chart: &Chart, named: &mut [Dependency]) -> Result<Map<String, Value>, CoalesceError> {
    let mut tables = Tables::default();
    let merged = values::merge_chart(chart, &mut tables)?;
    let imports = tables.create();
    for dependency in named {
        let resolved = dependency.import_values.iter().filter_map(resolve);
        let resolved: Vec<(String, String)> = resolved.collect();
        for (child, parent) in &resolved {
            let Some(child) = tables.at_path(merged, &format!("{}.{child}", dependency.name)) else { continue };
            let from = nested(&mut tables, parent, child);
            values::merge_into_tables(&mut tables, imports, from);
        }
        let shown = |(child, parent): (String, String)| json!({"child": child, "parent": parent});
        dependency.import_values = resolved.into_iter().map(shown).collect();
    }
    let mut values = tables.export(merged)?;
    if !tables.is_empty(imports) {
        values = values::merge_tables(&values, &tables.export(imports)?)?;
    }
    Ok(values)
}

/// Where an item takes values from, and where it puts them: both are said, or what is below `exports` goes to the top.
fn resolve(item: &Value) -> Option<(String, String)> {
    match item {
        Value::Object(item) => Some((text(item.get("child")), text(item.get("parent")))),
        Value::String(name) => Some((format!("exports.{name}"), ".".to_owned())),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "<nil>".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// `table` below the keys of `path`; a single dot is no key.
fn nested(tables: &mut Tables, path: &str, table: TableId) -> TableId {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| {
        let outer = tables.create();
        tables.insert(outer, key, Cell::Table(inner));
        outer
    })
}
