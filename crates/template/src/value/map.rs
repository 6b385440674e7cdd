//! Maps of Go, which all who hold them share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Value;

/// A map with strings as keys. Clones share their entries, as references to one map do in Go.
#[derive(Clone)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Arc<str>, Value>>>,
    type_name: &'static str,
}

impl Default for Map {
    fn default() -> Self {
        Self::of("map[string]interface {}", [])
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map whose type Go calls `type_name`.
    pub fn of(type_name: &'static str, entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries.into_iter().collect())), type_name }
    }

    /// The same entries, shared, under another type: what a conversion gives in Go.
    pub fn as_type(&self, type_name: &'static str) -> Self {
        Self { entries: self.entries.clone(), type_name }
    }

    /// What Go calls the type.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The value of `key`; `None` where there is no such entry, which is not the same as an entry that holds nil.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// Whether there is an entry for `key`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries.borrow().contains_key(key)
    }

    /// Adds an entry or replaces it; gives what was there.
    pub fn insert(&self, key: impl Into<Arc<str>>, value: Value) -> Option<Value> {
        self.entries.borrow_mut().insert(key.into(), value)
    }

    /// Removes an entry.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.entries.borrow_mut().remove(key)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// The entries as they are now, in the order of their keys. What happens to the map meanwhile is not seen.
    pub fn entries(&self) -> Vec<(Arc<str>, Value)> {
        self.entries.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The keys as they are now, in order.
    pub fn keys(&self) -> Vec<Arc<str>> {
        self.entries.borrow().keys().cloned().collect()
    }

    /// Whether both are the same map, not only alike.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }
}

impl FromIterator<(Arc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Self {
        Self::of("map[string]interface {}", entries)
    }
}
