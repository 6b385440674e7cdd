//! Lets go of values inside each other, however deep.

use super::Value;

/// Takes the lists and maps out of `values`, which nobody else has, and drops them one after the other. What they hold
/// waits in a list: on the stack, a template could make it overflow by putting lists into each other.
pub(super) fn release<'v>(values: impl Iterator<Item = &'v mut Value>) {
    let mut waiting: Vec<Value> = nested(values).collect();
    while let Some(mut value) = waiting.pop() {
        match &mut value {
            Value::List(list) => waiting.extend(list.sole().into_iter().flat_map(|items| nested(items.iter_mut()))),
            Value::Map(map) => waiting.extend(map.sole().into_iter().flat_map(|entries| nested(entries.values_mut()))),
            _ => {}
        }
    }
}

fn nested<'v>(values: impl Iterator<Item = &'v mut Value>) -> impl Iterator<Item = Value> {
    values.filter(|value| matches!(value, Value::List(_) | Value::Map(_))).map(std::mem::take)
}
