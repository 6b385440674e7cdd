//! The tables that `kubectl get` prints: columns, and the cells that most kinds share.

use jiff::Timestamp;
use serde_json::Value;

use crate::age::human_duration;
use crate::json::Read;

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// The OpenAPI type of the cells: `string`, `integer`, `date`…
    pub value_type: &'static str,
    /// The OpenAPI format of the cells; `name` marks the column that holds the object's name.
    pub format: &'static str,
    /// What the cells say.
    pub description: &'static str,
    /// 0 for what is always printed, 1 for what only `-o wide` prints.
    pub priority: i32,
}

impl Column {
    /// A column of texts.
    pub(crate) const fn text(name: &'static str, description: &'static str) -> Self {
        Self { name, value_type: "string", format: "", description, priority: 0 }
    }

    /// A column of whole numbers.
    pub(crate) const fn number(name: &'static str, description: &'static str) -> Self {
        Self { value_type: "integer", ..Self::text(name, description) }
    }

    /// A column that only `-o wide` prints.
    pub(crate) const fn wide(name: &'static str, description: &'static str) -> Self {
        Self { priority: 1, ..Self::text(name, description) }
    }
}

/// The column of names.
pub(crate) const NAME: Column = Column { format: "name", ..Column::text("Name", "The object's name.") };
/// The column of ages.
pub(crate) const AGE: Column = Column::text("Age", "How long ago the object was created.");
/// The column of creation times.
pub(crate) const CREATED_AT: Column = Column::text("Created At", "When the object was created.");

/// The columns of kinds of which there is nothing more to say.
pub(crate) const NAME_AND_AGE: &[Column] = &[NAME, AGE];
/// The columns of kinds that show a time instead of an age.
pub(crate) const NAME_AND_CREATION: &[Column] = &[NAME, CREATED_AT];

/// The object's name.
pub(crate) fn name(object: &Value) -> Value {
    object["metadata"].text("name").into()
}

/// The time since the object was created.
pub(crate) fn age(object: &Value, now: Timestamp) -> Value {
    since(&object["metadata"]["creationTimestamp"], now).into()
}

/// When the object was created, in RFC 3339.
pub(crate) fn created_at(object: &Value) -> Value {
    object["metadata"].text("creationTimestamp").into()
}

/// The time since a timestamp; `<unknown>` when there is none.
pub(crate) fn since(timestamp: &Value, now: Timestamp) -> String {
    match timestamp.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(then) => human_duration(now.duration_since(then)),
        None => "<unknown>".to_owned(),
    }
}

/// The text, or what stands for nothing when it is empty.
pub(crate) fn or<'a>(text: &'a str, nothing: &'a str) -> &'a str {
    if text.is_empty() { nothing } else { text }
}

/// A status number, 0 when absent.
pub(crate) fn count(value: &Value) -> Value {
    value.as_i64().unwrap_or_default().into()
}

/// The names and images of containers, as two cells that `-o wide` prints.
pub(crate) fn containers(pod_spec: &Value) -> (Value, Value) {
    let join = |field| {
        let texts: Vec<&str> = pod_spec.items("containers").iter().map(|container| container.text(field)).collect();
        texts.join(",").into()
    };
    (join("name"), join("image"))
}
