//! Slices, whatever their type, as functions see them through reflection.

use std::any::Any;
use std::rc::Rc;

use cowherd_template::{Fault, Kind, List, Object, Text, Value};

use crate::functions::call::arguments::{NIL_POINTER, text_of};

/// Whether a value is a slice.
pub(crate) fn is_slice(value: &Value) -> bool {
    value.kind() == Kind::Slice
}

/// The items of a slice; an error for everything else. `refusal` is what the function says then, before the kind.
pub(crate) fn items(value: &Value, refusal: &str) -> Result<Vec<Value>, Fault> {
    if value.is_nil() {
        return Err(NIL_POINTER.into());
    }
    match value.items().filter(|_| is_slice(value)) {
        Some(items) => Ok(items),
        None => Err(Fault::Message(format!("{refusal} {}", value.kind().name()))),
    }
}

/// What sprig makes of a value where it needs strings: of a slice every item that is not nil, of all else one string.
pub(crate) fn strings(value: &Value) -> Result<Vec<Text>, Fault> {
    let given = |items: &[Value]| items.iter().filter(|item| !item.is_nil()).map(text_of).collect();
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::List(list) => given(list),
        value => match value.items().filter(|_| is_slice(value)) {
            Some(items) => given(&items),
            None => Ok(vec![text_of(value)?]),
        },
    }
}

/// A slice that is nil: it has a type and no items, and encoders write `null` for it.
pub(crate) fn nil(element_type: &'static str) -> Value {
    Value::Object(Rc::new(NilSlice { element_type, type_name: format!("[]{element_type}") }))
}

/// A `[]interface {}`, which is nil where `items` are none.
pub(crate) fn list_or_nil(items: Vec<Value>) -> Value {
    if items.is_empty() { nil("interface {}") } else { Value::list(items) }
}

/// A `[]string`, which is nil where `items` are none.
pub(crate) fn strings_or_nil(items: Vec<Text>) -> Value {
    if items.is_empty() { nil("string") } else { Value::List(List::strings(items)) }
}

struct NilSlice {
    element_type: &'static str,
    type_name: String,
}

impl Object for NilSlice {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn print(&self) -> String {
        "[]".into()
    }

    fn is_true(&self) -> bool {
        false
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(Vec::new())
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::Nil)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Whether a value is a slice that is nil, and of what.
pub(crate) fn nil_type(value: &Value) -> Option<&'static str> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<NilSlice>().map(|slice| slice.element_type),
        _ => None,
    }
}
