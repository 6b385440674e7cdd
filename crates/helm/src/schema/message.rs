//! What is wrong with one value, in the words of Go's validator.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::report::size;

/// What `error` says, without the texts that values hold.
pub(super) fn of(error: &ValidationError<'_>, schema: &Value) -> String {
    let value = error.instance();
    let bound = |keyword: &str, wanted: &Value| format!("{keyword}: got {}, want {}", shown(value), shown(wanted));
    let count =
        |keyword: &str, wanted: u64| format!("{keyword}: got {}, want {}", separated(size(value)), separated(wanted));
    match error.kind() {
        Kind::AdditionalItems { limit } => {
            format!("last {} additionalItem(s) not allowed", size(value).saturating_sub(*limit))
        }
        Kind::AdditionalProperties { unexpected } => format!("additional properties {} not allowed", names(unexpected)),
        Kind::UnevaluatedProperties { unexpected } => {
            format!("unevaluated properties {} not allowed", names(unexpected))
        }
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { context } => {
            let matched = context.iter().enumerate().filter(|(_, errors)| errors.is_empty());
            let matched: Vec<String> = matched.map(|(position, _)| position.to_string()).take(2).collect();
            format!("'oneOf' failed, subschemas {} matched", matched.join(", "))
        }
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::Constant { expected_value } => match plain(expected_value) {
            Some(text) => format!("value must be {text}"),
            None => "'const' failed".to_owned(),
        },
        Kind::Enum { options } => one_of(options),
        Kind::Contains => "no items match contains schema".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Type { kind } => format!("got {}, want {}", found(value), wanted(kind)),
        Kind::Pattern { pattern } => format!("the text does not match pattern {}", quoted(pattern)),
        Kind::Format { format } => format!("the {} is not valid {format}", found(value)),
        Kind::PropertyNames { error } => {
            format!("invalid propertyName {}", quoted(error.instance().as_str().unwrap_or_default()))
        }
        Kind::Required { property } => {
            let property = quoted(property.as_str().unwrap_or_default());
            format!(
                "properties {property} required, if {} exists",
                quoted(&condition(error, schema).unwrap_or_default())
            )
        }
        Kind::Minimum { limit } => bound("minimum", limit),
        Kind::Maximum { limit } => bound("maximum", limit),
        Kind::ExclusiveMinimum { limit } => bound("exclusiveMinimum", limit),
        Kind::ExclusiveMaximum { limit } => bound("exclusiveMaximum", limit),
        Kind::MultipleOf { multiple_of } => format!("multipleOf: got {}, want {multiple_of}", shown(value)),
        Kind::MinLength { limit } => count("minLength", *limit),
        Kind::MaxLength { limit } => count("maxLength", *limit),
        Kind::MinItems { limit } => count("minItems", *limit),
        Kind::MaxItems { limit } => count("maxItems", *limit),
        Kind::MinProperties { limit } => count("minProperties", *limit),
        Kind::MaxProperties { limit } => count("maxProperties", *limit),
        Kind::UniqueItems => unique(value),
        kind => format!("'{}' failed", kind.keyword()),
    }
}

/// The property because of which another one is required; `None` where it always is.
pub(super) fn condition(error: &ValidationError<'_>, schema: &Value) -> Option<String> {
    let Kind::Required { property } = error.kind() else { return None };
    let path = error.schema_path().to_string();
    let keywords = ["/dependentRequired", "/dependencies"];
    let ends = keywords.iter().filter_map(|keyword| Some(path.rfind(keyword)? + keyword.len()));
    let end = ends.max()?;
    let conditions = schema.pointer(path.get(..end)?)?.as_object()?;
    let value = error.instance().as_object()?;
    let requires = |wanted: &Value| wanted.as_array().is_some_and(|wanted| wanted.contains(property));
    conditions.iter().find(|(name, wanted)| value.contains_key(*name) && requires(wanted)).map(|(name, _)| name.clone())
}

/// `text` between single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.escape_debug().to_string().replace("\\\"", "\"").replace('\'', "\\'").replace("\\\\'", "\\'"))
}

fn names(names: &[String]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.sort();
    names.join(", ")
}

fn one_of(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Option<Vec<String>> = options.iter().map(plain).collect();
    match texts.as_deref() {
        Some([one]) => format!("value must be {one}"),
        Some(texts) => format!("value must be one of {}", texts.join(", ")),
        None => "'enum' failed".to_owned(),
    }
}

/// What a schema wants, if that has no parts.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Array(_) | Value::Object(_) => None,
        Value::String(text) => Some(quoted(text)),
        other => Some(shown(other)),
    }
}

/// A number as Go's validator prints it; of other values only the type.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float.to_string(),
            _ => separated(number),
        },
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        other => found(other).to_owned(),
    }
}

/// A whole number with a comma before every three digits.
fn separated(number: impl ToString) -> String {
    let number = number.to_string();
    let (sign, digits) = number.strip_prefix('-').map_or(("", number.as_str()), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    const ORDER: [(JsonType, &str); 7] = [
        (JsonType::Null, "null"),
        (JsonType::Boolean, "boolean"),
        (JsonType::Number, "number"),
        (JsonType::Integer, "integer"),
        (JsonType::String, "string"),
        (JsonType::Array, "array"),
        (JsonType::Object, "object"),
    ];
    let is_wanted = |json_type: JsonType| match kind {
        TypeKind::Single(wanted) => *wanted == json_type,
        TypeKind::Multiple(wanted) => wanted.contains(json_type),
    };
    let wanted: Vec<&str> =
        ORDER.iter().filter(|(json_type, _)| is_wanted(*json_type)).map(|(_, name)| *name).collect();
    wanted.join(" or ")
}

/// Which two items are the same, where that is soon found.
fn unique(value: &Value) -> String {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    for (second, item) in items.iter().enumerate().take(1000) {
        if let Some(first) = items.iter().take(second).position(|earlier| earlier == item) {
            return format!("items at {first} and {second} are equal");
        }
    }
    "items are equal".to_owned()
}
