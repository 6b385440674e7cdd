//! Reads an object by paths.

use serde_json::Value;

/// An object whose fields are asked for.
pub(super) struct Facts<'a>(&'a Value);

/// A condition of an object.
#[derive(Clone, Copy)]
pub(super) struct Condition<'a> {
    pub(super) type_: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

impl Condition<'_> {
    pub(super) fn holds(&self) -> bool {
        self.status == "True"
    }
}

impl<'a> Facts<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self(object)
    }

    pub(super) fn kind(&self) -> &'a str {
        self.text("/kind").unwrap_or_default()
    }

    /// The group of the API version; empty for the core group.
    pub(super) fn group(&self) -> &'a str {
        self.text("/apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group)
    }

    pub(super) fn value(&self, pointer: &str) -> Option<&'a Value> {
        self.0.pointer(pointer)
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&'a str> {
        self.value(pointer)?.as_str()
    }

    pub(super) fn integer(&self, pointer: &str) -> Option<i64> {
        self.value(pointer)?.as_i64()
    }

    /// The number at `pointer`; where there is none, `missing`.
    pub(super) fn count(&self, pointer: &str, missing: i64) -> i64 {
        self.integer(pointer).unwrap_or(missing)
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = Condition<'a>> + use<'a> {
        let list = self.value("/status/conditions").and_then(Value::as_array);
        list.into_iter().flatten().map(|condition| {
            let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default();
            Condition { type_: text("type"), status: text("status"), reason: text("reason"), message: text("message") }
        })
    }

    pub(super) fn condition(&self, type_: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.type_ == type_)
    }
}
