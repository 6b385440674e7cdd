//! JSON merge patch (RFC 7386).

use serde_json::Value;

use crate::MAX_DEPTH;

/// Merges `patch` into `doc`: maps field by field, all else replaced, null removes.
pub fn merge_patch(doc: &Value, patch: &Value) -> Value {
    let mut merged = doc.clone();
    merge(&mut merged, patch, 0);
    merged
}

fn merge(target: &mut Value, patch: &Value, depth: usize) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *target, patch) else {
        let was_map = target.is_object();
        *target = patch.clone();
        if !was_map {
            drop_nulls(target, depth);
        }
        return;
    };
    for (name, change) in changes {
        match (change, fields.get_mut(name)) {
            (Value::Null, _) => {
                fields.remove(name);
            }
            (_, Some(field)) if depth < MAX_DEPTH && !field.is_null() => merge(field, change, depth + 1),
            _ => {
                let mut field = change.clone();
                drop_nulls(&mut field, depth);
                fields.insert(name.clone(), field);
            }
        }
    }
}

/// Drops the fields that are null, also those of objects in lists, as the API server does.
pub(crate) fn drop_nulls(value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(map) => map.retain(|_, value| {
            drop_nulls(value, depth + 1);
            !value.is_null()
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| drop_nulls(item, depth + 1)),
        _ => (),
    }
}
