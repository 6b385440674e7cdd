//! Labels and the selectors over them, as objects hold them.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::errors::Errors;
use crate::json::Read;
use crate::names;

/// What is wrong with a map of labels.
pub fn validate(labels: &Value, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Errors::default();
    for (key, value) in labels.as_object().into_iter().flatten() {
        errors.extend(names::qualified(key).into_iter().map(|why| FieldError::invalid(path, key.as_str(), why)));
        let value = value.as_str().unwrap_or_default();
        errors.extend(names::label_value(value).into_iter().map(|why| FieldError::invalid(path, value, why)));
    }
    errors.into_vec()
}

/// What is wrong with a `LabelSelector`.
pub fn validate_selector(selector: &Value, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Errors::default();
    errors.extend(validate(&selector["matchLabels"], &path.child("matchLabels")));
    for (index, requirement) in selector.items("matchExpressions").iter().enumerate() {
        let path = path.child("matchExpressions").index(index);
        let values = requirement.items("values");
        match requirement.text("operator") {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(&path.child("values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(&path.child("values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                errors.push(FieldError::invalid(&path.child("operator"), other, "not a valid selector operator"));
            }
        }
        let key = requirement.text("key");
        let field = path.child("key");
        errors.extend(names::qualified(key).into_iter().map(|why| FieldError::invalid(&field, key, why)));
        for (at, value) in values.iter().enumerate() {
            let value = value.as_str().unwrap_or_default();
            let field = path.child("values").index(at);
            errors.extend(names::label_value(value).into_iter().map(|why| FieldError::invalid(&field, value, why)));
        }
    }
    errors.into_vec()
}

/// Whether a `LabelSelector` selects nothing in particular.
pub fn is_empty(selector: &Value) -> bool {
    selector.entries("matchLabels").next().is_none() && selector.items("matchExpressions").is_empty()
}

/// Whether a `LabelSelector` selects an object with these labels. An empty one selects everything, an absent one
/// nothing.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    if !selector.is_object() {
        return false;
    }
    let has = |key: &str| labels.has(key);
    selector.entries("matchLabels").all(|(key, value)| labels.get(key) == Some(value))
        && selector.items("matchExpressions").iter().all(|requirement| {
            let key = requirement.text("key");
            let within = || labels.get(key).is_some_and(|label| requirement.items("values").contains(label));
            match requirement.text("operator") {
                "In" => within(),
                "NotIn" => !within(),
                "Exists" => has(key),
                "DoesNotExist" => !has(key),
                _ => false,
            }
        })
}

/// A map of labels as a selector in text: `a=1,b=2`.
pub fn format_map(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<String> =
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    pairs.join(",")
}

/// A `LabelSelector` in text: `app=web,tier in (a,b),!canary`.
pub fn format_selector(selector: &Value) -> String {
    let mut terms: Vec<(String, String)> = selector
        .entries("matchLabels")
        .map(|(key, value)| (key.to_owned(), format!("{key}={}", value.as_str().unwrap_or_default())))
        .collect();
    for requirement in selector.items("matchExpressions") {
        let key = requirement.text("key");
        let mut values: Vec<&str> = requirement.items("values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let term = match requirement.text("operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        terms.push((key.to_owned(), term));
    }
    terms.sort_by(|one, other| one.0.cmp(&other.0));
    let terms: Vec<String> = terms.into_iter().map(|(_, term)| term).collect();
    terms.join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_reads_as_kubectl_takes_it() {
        let selector = json!({
            "matchLabels": {"tier": "web", "app": "shop"},
            "matchExpressions": [
                {"key": "env", "operator": "In", "values": ["prod", "dev"]},
                {"key": "canary", "operator": "DoesNotExist"},
            ],
        });
        assert_eq!(format_selector(&selector), "app=shop,!canary,env in (dev,prod),tier=web");
        assert!(selects(&selector, &json!({"tier": "web", "app": "shop", "env": "dev"})));
        assert!(!selects(&selector, &json!({"tier": "web", "app": "shop", "env": "dev", "canary": ""})));
        assert!(!selects(&Value::Null, &json!({})));
        assert!(selects(&json!({}), &json!({})));
    }

    #[test]
    fn a_wrong_selector_says_where() {
        let selector = json!({"matchExpressions": [{"key": "a", "operator": "In"}]});
        let errors = validate_selector(&selector, &FieldPath::new("spec.selector"));
        assert_eq!(
            errors[0].to_string(),
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or \
             'NotIn'"
        );
    }
}
