//! Values as Kubernetes' own types hold them.
//!
//! Kubernetes reads an object into Go's types and writes it from them again, so what it answers is not what it was
//! sent: `null` in a map of texts is the empty text, an empty list that may be left out is gone, a structure that is no
//! pointer is there though nobody gave it, amounts and times have one way to be written. What two manifests mean alike
//! is stored alike, and no rollout starts because somebody took an empty field away.
//!
//! `tests/values.rs` compares all of it, field by field, with what Kubernetes' types make of the same values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cowherd_schema::{GoField, Presence, Schema, Type};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::quantity;

/// What a type of Go's is, as far as it decides how a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A text, number or flag; bytes count as a text.
    Scalar,
    List,
    Map,
    Structure,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    /// JSON that nobody looks into.
    Raw,
}

impl Class {
    fn of(schema: &Schema) -> Self {
        let format = schema.format.as_deref();
        match schema.value_type {
            Type::String if format == Some("date-time") => Self::Time,
            Type::String if format == Some("micro-time") => Self::MicroTime,
            Type::IntOrString if format == Some("quantity") => Self::Quantity,
            Type::IntOrString => Self::IntOrString,
            Type::Array => Self::List,
            Type::Any => Self::Raw,
            Type::Object if !schema.go_fields().is_empty() => Self::Structure,
            Type::Object if schema.additional().is_some() => Self::Map,
            Type::Object if schema.preserve_unknown_fields => Self::Raw,
            Type::Object => Self::Structure,
            Type::String | Type::Integer | Type::Number | Type::Boolean => Self::Scalar,
        }
    }
}

/// Makes of an object, or a part of one, what the Go type with this schema writes after it has read it.
///
/// What the type could not read is left as it is; [`Schema::decoding_error`] tells.
pub fn settle(value: &mut Value, schema: &Schema) {
    let class = Class::of(schema);
    if value.is_null() {
        *value = zero(class, schema);
    }
    match (class, value) {
        (Class::Structure, Value::Object(map)) => structure(map, schema),
        (Class::Map, Value::Object(map)) => {
            let Some(schema) = schema.additional() else { return };
            map.values_mut().for_each(|value| settle(value, schema));
        }
        (Class::List, Value::Array(items)) => {
            let Some(schema) = schema.items() else { return };
            items.iter_mut().for_each(|item| settle(item, schema));
        }
        (Class::Time, value) => time(value, "%Y-%m-%dT%H:%M:%SZ"),
        (Class::MicroTime, value) => time(value, "%Y-%m-%dT%H:%M:%S%.6fZ"),
        (Class::Quantity, value) => quantity::canonicalize(value),
        (Class::Scalar, Value::String(text)) if schema.format.as_deref() == Some("byte") => bytes(text),
        _ => {}
    }
}

/// Puts in the place of `null` what it means, in an object that says only what somebody wants: in a structure that
/// nothing was said, in a map or a list the zero of what it holds.
pub fn without_nulls(value: &mut Value, schema: &Schema) {
    match (Class::of(schema), value) {
        (Class::Structure, Value::Object(map)) => {
            map.retain(|_, value| !value.is_null());
            for (name, value) in map {
                schema.property(name).into_iter().for_each(|schema| without_nulls(value, schema));
            }
        }
        (Class::Map, Value::Object(map)) => {
            let Some(schema) = schema.additional() else { return };
            map.values_mut().for_each(|value| zero_for_null(value, schema));
        }
        (Class::List, Value::Array(items)) => {
            let Some(schema) = schema.items() else { return };
            items.iter_mut().for_each(|item| zero_for_null(item, schema));
        }
        _ => {}
    }
}

fn zero_for_null(value: &mut Value, schema: &Schema) {
    if value.is_null() {
        *value = zero(Class::of(schema), schema);
    }
    without_nulls(value, schema);
}

/// The value of a type to which nothing was given.
fn zero(class: Class, schema: &Schema) -> Value {
    match class {
        Class::Scalar => match schema.value_type {
            Type::Boolean => false.into(),
            Type::Integer | Type::Number => 0.into(),
            _ => "".into(),
        },
        Class::Structure => Map::new().into(),
        Class::Quantity => "0".into(),
        Class::IntOrString => 0.into(),
        Class::List | Class::Map | Class::Time | Class::MicroTime | Class::Raw => Value::Null,
    }
}

fn structure(map: &mut Map<String, Value>, schema: &Schema) {
    map.retain(|name, value| match schema.go_field(name) {
        Some(field) => keeps(value, field, schema),
        None => true,
    });
    for (name, value) in schema.ungiven(|field| ungiven(field, schema)) {
        map.entry(&**name).or_insert_with(|| value.clone());
    }
}

/// Makes of a field that was given what is written of it; whether anything is.
fn keeps(value: &mut Value, field: &GoField, schema: &Schema) -> bool {
    if value.is_null() {
        // As if nothing was given.
        return !schema.has_property(&field.name);
    }
    let Some(type_of) = schema.property(&field.name) else { return true };
    settle(value, type_of);
    let class = Class::of(type_of);
    if is_left_out(value, class, field.presence) {
        return false;
    }
    // In between, Kubernetes writes objects in a form that knows no difference between empty and none.
    if matches!(class, Class::List | Class::Map) && is_empty(value) {
        *value = Value::Null;
    }
    true
}

/// What is written of a field that nobody gave, if anything is.
fn ungiven(field: &GoField, schema: &Schema) -> Option<Value> {
    if field.presence == Presence::Pointer {
        return None;
    }
    let type_of = schema.property(&field.name)?;
    let mut value = Value::Null;
    if field.presence != Presence::KeptPointer {
        settle(&mut value, type_of);
    }
    (!is_left_out(&value, Class::of(type_of), field.presence)).then_some(value)
}

/// Whether a field with this value is not written.
fn is_left_out(value: &Value, class: Class, presence: Presence) -> bool {
    match presence {
        Presence::Kept | Presence::KeptPointer | Presence::Pointer => false,
        Presence::NonZero => is_empty(value),
        Presence::NonEmpty => matches!(class, Class::Scalar | Class::List | Class::Map) && is_empty(value),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        scalar => crate::json::is_zero(scalar),
    }
}

/// Times are kept in UTC, without fractions that their form has no place for. The first moment of the first year is
/// Go's word for none.
fn time(value: &mut Value, form: &str) {
    const NONE: i64 = -62_135_596_800;
    let Some(time) = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else { return };
    *value = match time.as_second() {
        NONE => Value::Null,
        _ => time.strftime(form).to_string().into(),
    };
}

/// Line ends may stand in base64, and are not kept.
fn bytes(text: &mut String) {
    if text.contains(['\r', '\n']) {
        text.retain(|c| !matches!(c, '\r' | '\n'));
    }
    if let Ok(decoded) = BASE64.decode(text.as_bytes()) {
        *text = BASE64.encode(decoded);
    }
}
