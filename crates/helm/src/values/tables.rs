//! Mappings that refer to each other, as Go's do.
//!
//! Helm merges values in place, and while it does, one mapping can stand in several places: a global table of a parent
//! is also its subchart's. What is merged into one place is then seen in all of them, and charts rely on it. So the
//! merge works on mappings that are referred to by number, and only its result is a tree.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::CoalesceError;

/// The most mappings and values that a result may have once it is a tree.
const MAX_NODES: usize = 4_000_000;
/// The most mappings that may stand inside each other in a result.
const MAX_DEPTH: usize = 400;

/// Refers to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TableId(usize);

/// What stands under a key.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    /// Null.
    Null,
    /// A list, or a value without parts; never changed in place.
    Value(Value),
    /// A mapping.
    Table(TableId),
}

/// The mappings of one merge.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    tables: Vec<BTreeMap<String, Cell>>,
}

impl Cell {
    pub(crate) fn table(&self) -> Option<TableId> {
        match self {
            Self::Table(id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Tables {
    /// A new empty mapping.
    pub(crate) fn create(&mut self) -> TableId {
        self.tables.push(BTreeMap::new());
        TableId(self.tables.len() - 1)
    }

    /// A deep copy of `map`.
    pub(crate) fn import(&mut self, map: &Map<String, Value>) -> TableId {
        let id = self.create();
        for (key, value) in map {
            let cell = match value {
                Value::Null => Cell::Null,
                Value::Object(map) => Cell::Table(self.import(map)),
                value => Cell::Value(value.clone()),
            };
            self.insert(id, key, cell);
        }
        id
    }

    /// The tree that `id` is the root of.
    pub(crate) fn export(&self, id: TableId) -> Result<Map<String, Value>, CoalesceError> {
        self.export_within(id, 0, &mut 0)
    }

    fn export_within(&self, id: TableId, depth: usize, nodes: &mut usize) -> Result<Map<String, Value>, CoalesceError> {
        if depth > MAX_DEPTH {
            return Err(CoalesceError::TooDeep { limit: MAX_DEPTH });
        }
        let mut map = Map::new();
        for (key, cell) in self.cells(id) {
            *nodes += 1;
            if *nodes > MAX_NODES {
                return Err(CoalesceError::TooMany { limit: MAX_NODES });
            }
            let value = match cell {
                Cell::Null => Value::Null,
                Cell::Value(value) => value.clone(),
                Cell::Table(id) => Value::Object(self.export_within(*id, depth + 1, nodes)?),
            };
            map.insert(key.clone(), value);
        }
        Ok(map)
    }

    pub(crate) fn get(&self, id: TableId, key: &str) -> Option<&Cell> {
        self.tables.get(id.0)?.get(key)
    }

    pub(crate) fn insert(&mut self, id: TableId, key: &str, cell: Cell) {
        if let Some(table) = self.tables.get_mut(id.0) {
            table.insert(key.to_owned(), cell);
        }
    }

    pub(crate) fn remove(&mut self, id: TableId, key: &str) {
        if let Some(table) = self.tables.get_mut(id.0) {
            table.remove(key);
        }
    }

    pub(crate) fn is_empty(&self, id: TableId) -> bool {
        self.tables.get(id.0).is_none_or(BTreeMap::is_empty)
    }

    /// The keys and what stands under them.
    pub(crate) fn cells(&self, id: TableId) -> impl Iterator<Item = (&String, &Cell)> {
        self.tables.get(id.0).into_iter().flatten()
    }

    /// The keys and what stands under them, to change the mapping meanwhile.
    pub(crate) fn snapshot(&self, id: TableId) -> Vec<(String, Cell)> {
        self.cells(id).map(|(key, cell)| (key.clone(), cell.clone())).collect()
    }

    /// A new mapping with the same things under the same keys.
    pub(crate) fn shallow_copy(&mut self, id: TableId) -> TableId {
        let copy = self.tables.get(id.0).cloned().unwrap_or_default();
        self.tables.push(copy);
        TableId(self.tables.len() - 1)
    }

    /// The mapping at a path of keys with dots between them.
    pub(crate) fn at_path(&self, id: TableId, path: &str) -> Option<TableId> {
        path.split('.').try_fold(id, |id, key| self.get(id, key)?.table())
    }
}
