//! Slices of Go. Templates cannot change one in place, so lists are immutable.

use std::ops::Deref;
use std::rc::Rc;

use super::Value;

/// A slice: `[]interface {}`, or of another element type.
#[derive(Clone)]
pub struct List {
    items: Rc<[Value]>,
    element_type: &'static str,
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: impl IntoIterator<Item = Value>) -> Self {
        Self::of("interface {}", items)
    }

    /// A `[]string`.
    pub fn strings<T: Into<super::Text>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::of("string", items.into_iter().map(|item| Value::String(item.into())))
    }

    /// A slice whose element type Go calls `element_type`.
    pub fn of(element_type: &'static str, items: impl IntoIterator<Item = Value>) -> Self {
        Self { items: items.into_iter().collect(), element_type }
    }

    /// What Go calls the type of the elements.
    pub fn element_type(&self) -> &'static str {
        self.element_type
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}
