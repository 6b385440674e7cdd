//! Copies values with all that they hold.

use cowherd_template::{Fault, List, Map, Value};

use crate::functions::call::arguments::{Call, NO_TYPE, Outcome};
use crate::functions::call::limits::{MAX_ITEMS, deeper};

/// A copy that shares no map with the original.
pub(crate) fn deep(call: &mut Call<'_, '_>, value: &Value) -> Outcome {
    if value.is_nil() {
        return Err(NO_TYPE.into());
    }
    let mut count = 0;
    let copied = copy(value, &mut count, 0)?;
    call.spend(count as u64)?;
    Ok(copied)
}

fn copy(value: &Value, count: &mut usize, depth: usize) -> Outcome {
    *count += 1;
    if *count > MAX_ITEMS {
        return Err(Fault::Message(format!("more than {MAX_ITEMS} values are too many to copy")));
    }
    match value {
        Value::List(list) => deeper(depth, |depth| {
            let items = list.iter().map(|item| copy(item, count, depth)).collect::<Result<Vec<_>, Fault>>()?;
            Ok(Value::List(List::of(list.element_type(), items)))
        }),
        Value::Map(map) if map.is_nil() => Ok(value.clone()),
        Value::Map(map) => deeper(depth, |depth| {
            let entries = map.entries().into_iter().map(|(key, value)| Ok((key, copy(&value, count, depth)?)));
            let copied = Map::of("map[string]interface {}", entries.collect::<Result<Vec<_>, Fault>>()?);
            Ok(Value::Map(match map.methods() {
                Some(methods) => copied.with_methods(map.type_name(), methods),
                None => copied.as_type(map.type_name()),
            }))
        }),
        other => Ok(other.clone()),
    }
}
