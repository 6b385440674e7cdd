//! The one exit of Secrets: keeps their values out of errors, diffs and events.

use std::collections::BTreeSet;

use serde_json::Value;

/// What stands for a value that is not shown.
pub const MASKED: &str = "*****";

/// Values shorter than this are only hidden where they stand alone: hiding every `1` of a text helps nobody.
const SHORTEST: usize = 4;

/// The values of Secrets that a text may hold.
#[derive(Clone, Default)]
pub struct Mask {
    values: BTreeSet<String>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} values)", self.values.len())
    }
}

impl Mask {
    /// Hides the values of `object` if it is a Secret.
    pub fn of(object: &Value) -> Self {
        let mut mask = Self::default();
        mask.add(object);
        mask
    }

    /// Hides the values of `object` too if it is a Secret.
    pub fn add(&mut self, object: &Value) {
        if !is_secret(object) {
            return;
        }
        for field in ["data", "stringData"] {
            for value in object.get(field).and_then(Value::as_object).into_iter().flat_map(|map| map.values()) {
                self.add_value(value);
            }
        }
    }

    fn add_value(&mut self, value: &Value) {
        match value.as_str() {
            Some(text) => self.add_text(text),
            None => self.add_text(&value.to_string()),
        }
        let decoded = serde_json::from_value::<k8s_openapi::ByteString>(value.clone());
        if let Some(text) = decoded.ok().and_then(|bytes| String::from_utf8(bytes.0).ok()) {
            self.add_text(&text);
        }
    }

    /// Hides `text` too, and each of its lines.
    pub fn add_text(&mut self, text: &str) {
        for part in std::iter::once(text).chain(text.lines()) {
            let part = part.trim();
            if part.len() >= SHORTEST {
                self.values.insert(part.to_owned());
            }
        }
    }

    /// `text` without the values. Longer values go first, so that none is left as the rest of another.
    pub fn text(&self, text: &str) -> String {
        let mut values: Vec<&String> = self.values.iter().filter(|value| text.contains(value.as_str())).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASKED))
    }
}

/// What the API says of `object`, without the values of Secrets: of a Secret, nothing that stands in quotes.
pub fn message(object: &Value, text: &str) -> String {
    if !is_secret(object) {
        return text.to_owned();
    }
    let masked = Mask::of(object).text(text);
    let mut shown = String::with_capacity(masked.len());
    for (index, part) in masked.split("Invalid value: ").enumerate() {
        match (index, part.split_once(": ")) {
            (0, _) => shown.push_str(part),
            // What is no base64 is not repeated by the API, so that what follows is the cause.
            _ if part.starts_with("illegal base64 data") => shown.push_str(&format!("Invalid value: {part}")),
            (_, Some((_, rest))) => shown.push_str(&format!("Invalid value: {MASKED}: {rest}")),
            (_, None) => shown.push_str(&format!("Invalid value: {MASKED}")),
        }
    }
    shown
}

/// Hides the values of two versions of a Secret, so that one can still be seen to differ from the other.
pub fn pair(before: &mut Value, after: &mut Value) {
    if !is_secret(before) && !is_secret(after) {
        return;
    }
    for field in ["data", "stringData"] {
        let keys: BTreeSet<String> = [&*before, &*after]
            .into_iter()
            .filter_map(|object| object.get(field)?.as_object())
            .flat_map(|map| map.keys().cloned())
            .collect();
        for key in keys {
            let value = |object: &Value| object.get(field).and_then(|map| map.get(&key)).cloned();
            let same = value(before) == value(after);
            for (object, shown) in [(&mut *before, "***** (before)"), (&mut *after, "***** (after)")] {
                if let Some(value) = object.get_mut(field).and_then(|map| map.get_mut(&key)) {
                    *value = Value::String(if same { MASKED } else { shown }.to_owned());
                }
            }
        }
    }
    for object in [before, after] {
        hide_last_applied(object);
    }
}

/// What `kubectl apply` remembers holds the values once more.
fn hide_last_applied(object: &mut Value) {
    let pointer = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
    if let Some(value) = object.pointer_mut(pointer) {
        *value = Value::String(MASKED.to_owned());
    }
}

fn is_secret(object: &Value) -> bool {
    object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(data: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": data })
    }

    #[test]
    fn values_are_hidden_encoded_and_decoded() {
        let mask = Mask::of(&secret(json!({ "password": "aHVudGVyMg==" })));
        assert_eq!(mask.text("a hunter2 b aHVudGVyMg== c"), "a ***** b ***** c");
        assert_eq!(format!("{mask:?}"), "Mask(2 values)");
    }

    #[test]
    fn what_the_api_says_of_a_secret_shows_no_value() {
        let object = secret(json!({ "a": 12 }));
        assert_eq!(
            message(&object, "data: Invalid value: 12: must be text, data[x]: Invalid value: \"q\""),
            "data: Invalid value: *****: must be text, data[x]: Invalid value: *****"
        );
        let cause = "data[x]: Invalid value: illegal base64 data";
        assert_eq!(message(&object, cause), cause);
        let config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap" });
        assert_eq!(message(&config_map, "Invalid value: 12"), "Invalid value: 12");
    }

    #[test]
    fn a_pair_shows_which_values_differ_and_none_of_them() {
        let mut before = secret(json!({ "a": "eA==", "b": "eA==", "gone": "eA==" }));
        let mut after = secret(json!({ "a": "eA==", "b": "eQ==", "new": "eA==" }));
        pair(&mut before, &mut after);
        assert_eq!(before["data"], json!({ "a": "*****", "b": "***** (before)", "gone": "***** (before)" }));
        assert_eq!(after["data"], json!({ "a": "*****", "b": "***** (after)", "new": "***** (after)" }));
    }
}
