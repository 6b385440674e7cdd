//! Puts the values of variables into texts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The most bytes that a text may grow to.
const MAX_TEXT: usize = 1024 * 1024;

/// Values by the names of variables.
pub(super) type Values<'a> = BTreeMap<&'a str, Value>;

/// Puts values into a text, the texts of a mapping or those of a list; notes in `used` which ones.
pub(super) fn in_field(value: &mut Value, values: &Values<'_>, used: &mut BTreeSet<String>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            *value = expand(text, values, used)?;
        }
        Value::Object(map) => {
            for field in map.values_mut() {
                if let Value::String(text) = field {
                    *field = expand(text, values, used)?;
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let Value::String(text) = item else {
                    return Err("invalid value type expect a string".into());
                };
                *item = expand(text, values, used)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// `text` with values for `$(NAME)`. A text that is nothing else takes the value's type; `$$` stands for `$`.
fn expand(text: &str, values: &Values<'_>, used: &mut BTreeSet<String>) -> Result<Value, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded += &rest[..at];
        let behind = &rest[at + 1..];
        if expanded.len() > MAX_TEXT {
            return Err(format!("the variables make a text of more than {MAX_TEXT} bytes"));
        }
        if let Some(escaped) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
            continue;
        }
        let Some((name, after)) = behind.strip_prefix('(').and_then(|behind| behind.split_once(')')) else {
            expanded.push('$');
            rest = behind;
            continue;
        };
        match values.get(name).filter(|value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))) {
            Some(value) => {
                used.insert(name.to_owned());
                if at == 0 && after.is_empty() && rest.len() == text.len() {
                    return Ok(value.clone());
                }
                expanded += &printed(value);
            }
            None => {
                expanded += "$(";
                expanded += name;
                expanded.push(')');
            }
        }
        rest = after;
    }
    expanded += rest;
    Ok(expanded.into())
}

/// A value as Go prints it inside a text.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_replaced_and_escapes_resolved() {
        let values = Values::from([("A", json!("x")), ("N", json!(5)), ("M", json!({"a": 1}))]);
        let expanded = |text: &str| expand(text, &values, &mut BTreeSet::new()).unwrap();
        for (text, value) in [
            ("$(A)", json!("x")),
            ("$(N)", json!(5)),
            ("a $(A)$(N)", json!("a x5")),
            ("$$(A) $(B) $(M) $A $", json!("$(A) $(B) $(M) $A $")),
            ("$(A", json!("$(A")),
            ("$$$(A)", json!("$x")),
        ] {
            assert_eq!(expanded(text), value, "{text}");
        }
    }
}
