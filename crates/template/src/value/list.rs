//! Slices of Go. Templates cannot change one in place, so lists are immutable.

use std::ops::Deref;
use std::rc::Rc;

use super::{Value, nested};

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

    /// The items, if nobody else has them.
    pub(super) fn sole(&mut self) -> Option<&mut [Value]> {
        Rc::get_mut(&mut self.items)
    }

    /// Whether somebody else has the items, too.
    pub(crate) fn is_shared(&self) -> bool {
        Rc::strong_count(&self.items) > 1
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if let Some(items) = self.sole() {
            nested::release(items.iter_mut());
        }
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}
