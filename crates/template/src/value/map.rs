//! Maps of Go, which all who hold them share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::{Value, nested};

/// The methods of a named map type.
pub trait Methods {
    /// Whether there is a method of that name.
    fn has(&self, name: &str) -> bool;

    /// Calls a method; `None` where there is none of that name.
    fn call(&self, map: &Map, name: &str, arguments: &[Value]) -> Option<Result<Value, String>>;
}

/// What Go calls a map that holds anything.
const ANYTHING: &str = "map[string]interface {}";

/// A map with strings as keys. Clones share their entries, as references to one map do in Go.
#[derive(Clone)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Arc<str>, Value>>>,
    type_name: &'static str,
    methods: Option<&'static dyn Methods>,
    is_nil: bool,
}

impl Default for Map {
    fn default() -> Self {
        Self::of(ANYTHING, [])
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map whose type Go calls `type_name`.
    pub fn of(type_name: &'static str, entries: impl IntoIterator<Item = (Arc<str>, Value)>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries.into_iter().collect())), type_name, methods: None, is_nil: false }
    }

    /// A `map[string]interface {}` that is nil: it has a type and no entries, and encoders write `null` for it.
    pub fn nil() -> Self {
        let mut map = Self::new();
        map.is_nil = true;
        map
    }

    /// Whether the map is nil, so that nothing can be put into it.
    pub fn is_nil(&self) -> bool {
        self.is_nil && self.is_empty()
    }

    /// The same entries, shared, under another type: what a conversion gives in Go.
    pub fn as_type(&self, type_name: &'static str) -> Self {
        Self { entries: self.entries.clone(), type_name, methods: None, is_nil: self.is_nil }
    }

    /// The same entries, shared, as a named type of `map[string]interface {}` that has methods.
    pub fn with_methods(&self, type_name: &'static str, methods: &'static dyn Methods) -> Self {
        Self { entries: self.entries.clone(), type_name, methods: Some(methods), is_nil: self.is_nil }
    }

    /// The methods, if the type has any.
    pub fn methods(&self) -> Option<&'static dyn Methods> {
        self.methods
    }

    /// Whether the values may be anything: a parameter of the type `map[string]interface {}` takes it.
    pub fn holds_anything(&self) -> bool {
        self.methods.is_some() || self.type_name == ANYTHING
    }

    /// What an entry gives that is not there: the zero of the element type.
    pub fn zero(&self) -> Value {
        match self.type_name {
            "map[string]string" => Value::from(""),
            _ => Value::Nil,
        }
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

    /// Removes all entries, for all who share them. Maps that hold each other, or themselves, end only so.
    pub fn clear(&self) {
        let entries = self.entries.take();
        drop(entries);
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

    /// Whether somebody else has the entries, too.
    pub(crate) fn is_shared(&self) -> bool {
        Rc::strong_count(&self.entries) > 1
    }

    /// The entries, if nobody else has them.
    pub(super) fn sole(&mut self) -> Option<&mut BTreeMap<Arc<str>, Value>> {
        Rc::get_mut(&mut self.entries).map(RefCell::get_mut)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if let Some(entries) = self.sole() {
            nested::release(entries.values_mut());
        }
    }
}

impl FromIterator<(Arc<str>, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Self {
        Self::of(ANYTHING, entries)
    }
}
