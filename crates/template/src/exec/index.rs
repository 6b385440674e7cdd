//! `index`, `slice` and `len`.

use crate::value::{Kind, List, Text, Value};

/// What Go says of an index that is just behind the end.
const JUST_BEHIND: &str = "reflect: slice index out of range";

/// The item at the indexes, one inside the other.
pub(super) fn index(values: &[Value]) -> Result<Value, String> {
    let Some((item, indexes)) = values.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("index of untyped nil".into());
    };
    let mut item = item.clone();
    for index in indexes {
        item = match &item {
            Value::Nil => return Err("index of nil pointer".into()),
            Value::Map(map) => map.get(&key(index)?).unwrap_or_else(|| map.zero()),
            Value::List(list) => list.get(position(index, list.len())?).cloned().ok_or(JUST_BEHIND)?,
            Value::String(text) => byte(text.as_bytes(), index)?,
            Value::Bytes(bytes) => byte(bytes, index)?,
            Value::Object(object) if object.kind() == Kind::Map => object.field(&key(index)?).unwrap_or_default(),
            other => match other.items() {
                Some(items) => items.get(position(index, items.len())?).cloned().ok_or(JUST_BEHIND)?,
                None => return Err(format!("can't index item of type {}", other.type_name())),
            },
        };
    }
    Ok(item)
}

fn key(index: &Value) -> Result<String, String> {
    match index {
        Value::String(text) => Ok(text.to_str().into_owned()),
        Value::Nil => Err("value is nil; should be of type string".into()),
        other => Err(format!("value has type {}; should be string", other.type_name())),
    }
}

fn byte(bytes: &[u8], index: &Value) -> Result<Value, String> {
    bytes.get(position(index, bytes.len())?).map(|byte| Value::Byte(*byte)).ok_or_else(|| JUST_BEHIND.to_owned())
}

/// The index as a position in something of this length.
fn position(index: &Value, length: usize) -> Result<usize, String> {
    if index.is_nil() {
        return Err("cannot index slice/array with nil".into());
    }
    let Some(number) = index.as_integer() else {
        return Err(format!("cannot index slice/array with type {}", index.type_name()));
    };
    usize::try_from(number).ok().filter(|at| *at <= length).ok_or_else(|| format!("index out of range: {number}"))
}

/// A part of a string or a list.
pub(super) fn slice(values: &[Value]) -> Result<Value, String> {
    let Some((item, indexes)) = values.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("slice of untyped nil".into());
    };
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let length = match item {
        Value::String(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = position(index, length)?;
    }
    let [from, to, end] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if indexes.len() == 3 && to > end {
        return Err(format!("invalid slice index: {to} > {end}"));
    }
    Ok(match item {
        Value::String(text) => Value::String(Text::from_bytes(part(text.as_bytes(), from, to).to_vec())),
        Value::Bytes(bytes) => Value::Bytes(part(bytes, from, to).into()),
        Value::List(list) => Value::List(List::of(list.element_type(), part(list, from, to).iter().cloned())),
        _ => Value::Nil,
    })
}

fn part<T>(items: &[T], from: usize, to: usize) -> &[T] {
    items.get(from..to).unwrap_or_default()
}

pub(super) fn length(values: &[Value]) -> Result<Value, String> {
    let item = values.first().unwrap_or(&Value::Nil);
    let length = match item {
        Value::Nil => return Err("len of nil pointer".into()),
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Object(object) => match (object.items(), object.entries()) {
            (Some(items), _) => items.len(),
            (None, Some(entries)) => entries.len(),
            (None, None) => return Err(format!("len of type {}", item.type_name())),
        },
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}
