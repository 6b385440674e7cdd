//! Reading and filling JSON objects the way Go's API types treat them: absent, `null` and empty are one.
//!
//! Reading uses `value["field"]`, which gives `null` for whatever is not there and never fails.

use serde_json::{Map, Value};

/// Short ways to read a field.
pub(crate) trait Read {
    /// The text of the field; empty when it is absent or no text.
    fn text(&self, name: &str) -> &str;
    /// The whole number of the field.
    fn number(&self, name: &str) -> Option<i64>;
    /// Whether the field is `true`.
    fn flag(&self, name: &str) -> bool;
    /// The items of the field; none when it is absent or no list.
    fn items(&self, name: &str) -> &[Value];
    /// The entries of the field; none when it is absent or no map.
    fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &Value)>;
    /// Whether the field holds anything but `null`.
    fn has(&self, name: &str) -> bool;
}

impl Read for Value {
    fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self[name].as_i64()
    }

    fn flag(&self, name: &str) -> bool {
        self[name].as_bool().unwrap_or(false)
    }

    fn items(&self, name: &str) -> &[Value] {
        self[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn entries(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        self[name].as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    fn has(&self, name: &str) -> bool {
        !self[name].is_null()
    }
}

/// Short ways to fill a field. All of them leave a value that is no object alone.
pub(crate) trait Fill {
    /// Sets the field.
    fn put(&mut self, name: &str, value: impl Into<Value>);
    /// Removes the field.
    fn take_out(&mut self, name: &str) -> Option<Value>;
    /// Sets the field when it is absent (a pointer in Go).
    fn fill(&mut self, name: &str, value: impl Into<Value>);
    /// Sets the field when it is absent or its type's zero (a plain value in Go).
    fn fill_zero(&mut self, name: &str, value: impl Into<Value>);
    /// The object in the field, if there is one.
    fn inner(&mut self, name: &str) -> Option<&mut Value>;
    /// The object in the field, put there when absent.
    fn ensure(&mut self, name: &str) -> Option<&mut Value>;
    /// The items of the list in the field, to be changed.
    fn each(&mut self, name: &str) -> impl Iterator<Item = &mut Value>;
}

impl Fill for Value {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        if let Value::Object(map) = self {
            map.insert(name.to_owned(), value.into());
        }
    }

    fn take_out(&mut self, name: &str) -> Option<Value> {
        self.as_object_mut().and_then(|map| map.remove(name))
    }

    fn fill(&mut self, name: &str, value: impl Into<Value>) {
        if self[name].is_null() {
            self.put(name, value);
        }
    }

    fn fill_zero(&mut self, name: &str, value: impl Into<Value>) {
        if is_zero(&self[name]) {
            self.put(name, value);
        }
    }

    fn inner(&mut self, name: &str) -> Option<&mut Value> {
        self.as_object_mut().and_then(|map| map.get_mut(name)).filter(|value| value.is_object())
    }

    fn ensure(&mut self, name: &str) -> Option<&mut Value> {
        self.fill(name, Map::new());
        self.inner(name)
    }

    fn each(&mut self, name: &str) -> impl Iterator<Item = &mut Value> {
        self.as_object_mut().and_then(|map| map.get_mut(name)).and_then(Value::as_array_mut).into_iter().flatten()
    }
}

/// Whether Go would leave the value out of its JSON: `null`, `""`, `0`, `false`.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether two values mean the same: `null`, absent, and empty lists and maps are equal.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let absent = Value::Null;
            one.iter().all(|(key, value)| same(value, other.get(key).unwrap_or(&absent)))
                && other.iter().all(|(key, value)| one.contains_key(key) || is_empty(value))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (one, other) => one == other || is_empty(one) && is_empty(other),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_null_and_empty_are_the_same() {
        assert!(same(&json!({"a": 1, "b": null, "c": {}}), &json!({"a": 1, "d": []})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 2})));
        assert!(!same(&json!({}), &json!({"a": false})));
    }

    #[test]
    fn filling_never_touches_what_is_no_object() {
        let mut value = json!("text");
        value.fill("a", 1);
        value.put("b", 2);
        assert!(value.ensure("c").is_none());
        assert_eq!(value, json!("text"));
    }
}
