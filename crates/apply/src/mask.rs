//! The one exit of Secrets: keeps their values out of errors, diffs and events.

use std::collections::BTreeSet;

use serde_json::Value;

/// What stands for a value that is not shown.
pub const MASKED: &str = "*****";

/// Values shorter than this are only hidden where they stand alone: hiding every `on` of a text helps nobody.
const SHORTEST: usize = 4;

/// Values shorter than this are not hidden at all: whoever knows that one is there has guessed it.
const SHORTEST_ALONE: usize = 2;

/// The values of Secrets that a text may hold: as they are, in letters of any case, and in the forms that messages quote them
/// in.
///
/// What was made of a value otherwise, such as a part of it, is known only where whoever made it adds it.
#[derive(Clone, Default)]
pub struct Mask {
    values: BTreeSet<String>,
    /// The values and their other forms, in small letters.
    forms: BTreeSet<String>,
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

    /// Hides what `other` hides too.
    pub fn join(&mut self, other: &Self) {
        self.values.extend(other.values.iter().cloned());
        self.forms.extend(other.forms.iter().cloned());
    }

    /// Hides `text` too, and each of its lines.
    pub fn add_text(&mut self, text: &str) {
        for part in std::iter::once(text).chain(text.lines()) {
            let part = part.trim();
            if part.len() >= SHORTEST_ALONE && self.values.insert(part.to_owned()) {
                self.forms.insert(part.to_ascii_lowercase());
            }
        }
        for form in encoded(text).into_iter().filter(|form| form.len() >= SHORTEST) {
            self.forms.insert(form.to_ascii_lowercase());
        }
    }

    /// `text` without the values. Longer values go first, so that none is left as the rest of another.
    pub fn text(&self, text: &str) -> String {
        let lower = text.to_ascii_lowercase();
        let mut forms: Vec<&String> = self.forms.iter().filter(|form| lower.contains(form.as_str())).collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.into_iter().fold(text.to_owned(), |text, form| without(&text, form))
    }
}

impl Mask {
    /// `value` with the values masked in all of its texts; `None` where there are none in it.
    pub fn value(&self, value: &Value) -> Option<Value> {
        let mut masked = value.clone();
        self.hide(&mut masked).then_some(masked)
    }

    /// Whether it hid anything.
    fn hide(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let masked = self.text(text);
                let is_changed = masked != *text;
                *text = masked;
                is_changed
            }
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.hide(item) | any),
            Value::Object(entries) => entries.values_mut().fold(false, |any, entry| self.hide(entry) | any),
            _ => false,
        }
    }
}

/// The forms in which a message may hold `text`: quoted as JSON has it, base64 for the web or not, with and without the end of
/// its line, and encoded for a URL.
fn encoded(text: &str) -> Vec<String> {
    let trimmed = text.trim();
    if trimmed.len() < SHORTEST_ALONE {
        return Vec::new();
    }
    let quoted = Value::from(trimmed).to_string();
    let mut forms = vec![quoted.trim_matches('"').to_owned(), percent(trimmed)];
    for text in [text, trimmed, &format!("{trimmed}\n")] {
        let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
        let base64 = serde_json::to_value(bytes).ok().and_then(|value| value.as_str().map(str::to_owned));
        let base64 = base64.unwrap_or_default().trim_end_matches('=').to_owned();
        forms.push(base64.replace('+', "-").replace('/', "_"));
        forms.push(base64);
    }
    forms
}

/// `text` as a part of a URL.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |text, byte| match plain(byte) {
        true => text + &char::from(byte).to_string(),
        false => text + &format!("%{byte:02X}"),
    })
}

/// `text` with `form`, which is in small letters, masked: a short one only where it stands alone.
fn without(text: &str, form: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let (mut masked, mut rest) = (String::with_capacity(text.len()), 0);
    for (at, _) in lower.match_indices(form) {
        let end = at + form.len();
        let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        let is_part = is_word(text[..at].chars().next_back()) || is_word(text[end..].chars().next());
        if form.len() < SHORTEST && is_part {
            continue;
        }
        masked.push_str(&text[rest..at]);
        masked.push_str(MASKED);
        rest = end;
    }
    masked.push_str(&text[rest..]);
    masked
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

/// Whether the object is a Secret.
pub fn is_secret(object: &Value) -> bool {
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
        assert_eq!(mask.text("invalid name \"app-HUNTER2\""), "invalid name \"app-*****\"");
        assert_eq!(format!("{mask:?}"), "Mask(2 values)");
    }

    #[test]
    fn the_forms_in_which_messages_quote_a_value_are_hidden() {
        let mut mask = Mask::default();
        mask.add_text("pass \"wörd\"/1>?\n");
        for form in [
            "pass \"wörd\"/1>?",
            r#"pass \"wörd\"/1>?"#,
            "pass%20%22w%C3%B6rd%22%2F1%3E%3F",
            "cGFzcyAid8O2cmQiLzE+Pw",
            "cGFzcyAid8O2cmQiLzE-Pw",
            "cGFzcyAid8O2cmQiLzE+Pwo",
        ] {
            assert_eq!(mask.text(&format!("at <{form}> it ends")), "at <*****> it ends", "{form}");
        }
    }

    #[test]
    fn a_short_value_is_hidden_where_it_stands_alone() {
        let mut mask = Mask::default();
        ["42", "x", "abc"].into_iter().for_each(|value| mask.add_text(value));
        assert_eq!(mask.text("app-42: 1420 of 42, abc, abcd, x"), "app-*****: 1420 of *****, *****, abcd, x");
        // Encoded, with the end of its line, it is no short one any more.
        assert_eq!(mask.text("aNDIKb"), "a*****b");
        mask.add_text("word");
        assert_eq!(mask.text("swordfish"), "s*****fish", "four letters are hidden anywhere");
    }

    #[test]
    fn only_a_secret_of_kubernetes_has_values_to_hide() {
        let of = |api_version: &str, kind: &str| json!({ "apiVersion": api_version, "kind": kind, "data": { "a": "plain" } });
        let hides = |object: &Value| Mask::of(object).text("it is plain") != "it is plain";
        assert!(hides(&of("v1", "Secret")));
        assert!(!hides(&of("v1", "ConfigMap")) && !hides(&of("example.org/v1", "Secret")));
        assert!(hides(&json!({ "apiVersion": "v1", "kind": "Secret", "stringData": { "a": "plain" } })));
    }

    #[test]
    fn each_line_of_a_value_is_hidden_by_itself() {
        let mut mask = Mask::default();
        mask.add_text("first line\n  second line\n");
        assert_eq!(mask.text("a second line, a first line, a third line"), "a *****, a *****, a third line");
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

    #[test]
    fn what_kubectl_remembers_of_a_secret_is_hidden_with_its_values() {
        let applied = || {
            let last = json!({ "kubectl.kubernetes.io/last-applied-configuration": "aHVudGVyMg==", "other": "stays" });
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "annotations": last } })
        };
        let (mut before, mut after) = (applied(), applied());
        pair(&mut before, &mut after);
        let hidden = json!({ "kubectl.kubernetes.io/last-applied-configuration": MASKED, "other": "stays" });
        assert_eq!((&before["metadata"]["annotations"], &after["metadata"]["annotations"]), (&hidden, &hidden));
    }

    #[test]
    fn a_pair_is_hidden_where_either_is_a_secret_and_shown_where_none_is() {
        let plain = || json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "b" } });
        let (mut before, mut after) = (plain(), plain());
        pair(&mut before, &mut after);
        assert_eq!((before, after), (plain(), plain()));
        // Of an object that is made there is nothing before, and of one that goes nothing after.
        for (mut before, mut after) in
            [(Value::Null, secret(json!({ "a": "eA==" }))), (secret(json!({ "a": "eA==" })), Value::Null)]
        {
            pair(&mut before, &mut after);
            assert!(!format!("{before}{after}").contains("eA=="), "{before} {after}");
        }
    }
}
