//! How the values of a release, of a chart and of its subcharts become one: Helm's `CoalesceValues`.

use serde_json::{Map, Value};

use super::{Cell, TableId, Tables};
use crate::chart::Chart;

/// The key of the values that all subcharts see.
const GLOBAL: &str = "global";

/// Why values could not be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoalesceError {
    /// The values say something for a subchart that is no mapping.
    #[error(
        "type mismatch on {subchart}: its values must be a mapping, and here they are a {found}; to leave a subchart \
         out use its condition"
    )]
    TypeMismatch {
        /// The name of the subchart.
        subchart: String,
        /// What its values are.
        found: &'static str,
    },
    /// The merged values have more parts than the limit.
    #[error("the merged values have more than {limit} parts")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The merged values are nested deeper than the limit.
    #[error("the merged values are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
}

/// Whether null removes a key or stands for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Remove,
    Keep,
}

/// The values of `chart` with those of its subcharts inside them, `values` before all of them. Mappings are merged,
/// everything else is replaced; null removes what a chart says by itself.
pub fn coalesce(chart: &Chart, values: &Map<String, Value>) -> Result<Map<String, Value>, CoalesceError> {
    let mut merge = Merge { tables: Tables::default(), nulls: Nulls::Remove, depth: 0 };
    let root = merge.tables.import(values);
    merge.chart(chart, root)?;
    merge.tables.export(root)
}

/// As [`coalesce`], with nothing before the chart's own values, and null kept.
pub(crate) fn merge_chart(chart: &Chart, tables: &mut Tables) -> Result<TableId, CoalesceError> {
    let mut merge = Merge { tables: std::mem::take(tables), nulls: Nulls::Keep, depth: 0 };
    let root = merge.tables.create();
    let merged = merge.chart(chart, root);
    *tables = merge.tables;
    merged.map(|()| root)
}

/// Merges `from` into `into`, which wins; null is kept.
pub(crate) fn merge_into_tables(tables: &mut Tables, into: TableId, from: TableId) {
    let mut merge = Merge { tables: std::mem::take(tables), nulls: Nulls::Keep, depth: 0 };
    merge.tables(into, from, Nulls::Keep);
    *tables = merge.tables;
}

/// `into` with what it does not say itself taken from `from`; null is kept.
pub(crate) fn merge_tables(
    into: &Map<String, Value>,
    from: &Map<String, Value>,
) -> Result<Map<String, Value>, CoalesceError> {
    let mut tables = Tables::default();
    let (into, from) = (tables.import(into), tables.import(from));
    merge_into_tables(&mut tables, into, from);
    tables.export(into)
}

/// How deep mappings are merged; what lies deeper is refused when the result becomes a tree.
const MAX_DEPTH: usize = 400;

struct Merge {
    tables: Tables,
    nulls: Nulls,
    depth: usize,
}

impl Merge {
    fn chart(&mut self, chart: &Chart, into: TableId) -> Result<(), CoalesceError> {
        self.own_values(chart, into);
        for subchart in &chart.dependencies {
            let name = subchart.name();
            let values = match self.tables.get(into, name) {
                None => {
                    let values = self.tables.create();
                    self.tables.insert(into, name, Cell::Table(values));
                    values
                }
                Some(Cell::Table(values)) => *values,
                Some(other) => return Err(mismatch(name, other)),
            };
            self.globals(values, into);
            self.chart(subchart, values)?;
        }
        Ok(())
    }

    /// Adds what the chart itself says.
    fn own_values(&mut self, chart: &Chart, into: TableId) {
        let own = self.tables.import(&chart.values);
        for (key, value) in self.tables.snapshot(own) {
            match self.tables.get(into, &key) {
                None => self.tables.insert(into, &key, value),
                Some(Cell::Null) if self.nulls == Nulls::Remove => self.tables.remove(into, &key),
                Some(Cell::Table(table)) => {
                    let table = *table;
                    if let Cell::Table(own) = value {
                        // The subchart decides itself what null removes.
                        let is_subchart = chart.dependencies.iter().any(|subchart| subchart.name() == key);
                        let nulls = if is_subchart { Nulls::Keep } else { self.nulls };
                        self.tables(table, own, nulls);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Merges `from` into `into`, which wins.
    fn tables(&mut self, into: TableId, from: TableId, nulls: Nulls) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        let defaults: Vec<String> =
            self.tables.cells(from).filter(|(_, cell)| !cell.is_null()).map(|(key, _)| key.clone()).collect();
        let removed: Vec<String> =
            self.tables.cells(into).filter(|(_, cell)| cell.is_null()).map(|(key, _)| key.clone()).collect();
        for key in removed {
            self.tables.insert(from, &key, Cell::Null);
        }
        for (key, value) in self.tables.snapshot(from) {
            match self.tables.get(into, &key) {
                None => self.tables.insert(into, &key, value),
                Some(Cell::Null) if nulls == Nulls::Remove && defaults.binary_search(&key).is_ok() => {
                    self.tables.remove(into, &key);
                }
                Some(Cell::Table(table)) => {
                    let table = *table;
                    if let Cell::Table(value) = value
                        && value != table
                    {
                        self.tables(table, value, nulls);
                    }
                }
                Some(_) => {}
            }
        }
        self.depth -= 1;
    }

    /// Adds the globals of the parent's values `from` to those of a subchart's values `into`. The parent's win.
    fn globals(&mut self, into: TableId, from: TableId) {
        let global = |tables: &mut Tables, id| match tables.get(id, GLOBAL) {
            None => Some(tables.create()),
            Some(cell) => cell.table(),
        };
        let Some(own) = global(&mut self.tables, into) else { return };
        let Some(parents) = global(&mut self.tables, from) else { return };
        for (key, value) in self.tables.snapshot(parents) {
            let present = self.tables.get(own, &key).cloned();
            match (value, present) {
                (Cell::Table(value), None) => {
                    let copy = self.tables.shallow_copy(value);
                    self.tables.insert(own, &key, Cell::Table(copy));
                }
                (Cell::Table(value), Some(Cell::Table(present))) => {
                    let copy = self.tables.shallow_copy(value);
                    self.tables(copy, present, Nulls::Keep);
                    self.tables.insert(own, &key, Cell::Table(copy));
                }
                (Cell::Table(_), Some(_)) | (_, Some(Cell::Table(_))) => {}
                (value, _) => self.tables.insert(own, &key, value),
            }
        }
        self.tables.insert(into, GLOBAL, Cell::Table(own));
    }
}

fn mismatch(subchart: &str, found: &Cell) -> CoalesceError {
    let found = match found {
        Cell::Null | Cell::Table(_) => "null",
        Cell::Value(value) => crate::go::kind(value),
    };
    CoalesceError::TypeMismatch { subchart: subchart.to_owned(), found }
}
