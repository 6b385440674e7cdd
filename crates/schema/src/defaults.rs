//! Defaults of fields that were not given.

use serde_json::Value;

use crate::model::Schema;

impl Schema {
    /// Sets what the schema gives defaults for and `object` leaves out. A `null` where none may stand counts as
    /// left out. Defaults are taken below values that are there; a default may itself be completed.
    ///
    /// A small object can ask for a large default a hundred thousand times: defaults of more than `limit` bytes of JSON
    /// in all are refused, and the rest is left out.
    pub fn apply_defaults(&self, object: &mut Value, limit: usize) -> Result<(), DefaultsTooLarge> {
        drop_nulls(object, self);
        let mut room = limit;
        set_defaults(object, self, &mut room)
    }

    fn refuses_null(&self) -> bool {
        !self.nullable
    }
}

/// An object whose defaults would be larger than an object may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the defaults of this object are larger than an object may be")]
pub struct DefaultsTooLarge;

/// A copy of a default, if there is room for it.
fn copy(default: &Value, room: &mut usize) -> Result<Value, DefaultsTooLarge> {
    *room = room.checked_sub(size(default)).ok_or(DefaultsTooLarge)?;
    Ok(default.clone())
}

/// About how many bytes a value has in JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
    }
}

/// Drops the fields that are `null`, may not be, and have no default.
fn drop_nulls(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(map) => map.retain(|name, value| match schema.field(name) {
            Some(field) if value.is_null() => field.nullable || field.default.is_some(),
            Some(field) => {
                drop_nulls(value, field);
                true
            }
            None => true,
        }),
        Value::Array(list) => {
            let Some(schema) = schema.items() else { return };
            list.iter_mut().for_each(|item| drop_nulls(item, schema));
        }
        _ => {}
    }
}

fn set_defaults(value: &mut Value, schema: &Schema, room: &mut usize) -> Result<(), DefaultsTooLarge> {
    match value {
        Value::Object(map) => {
            for (name, field) in schema.properties() {
                let Some(default) = &field.default else { continue };
                match map.get_mut(name) {
                    None => {
                        *room = room.checked_sub(name.len() + 4).ok_or(DefaultsTooLarge)?;
                        map.insert(name.to_owned(), copy(default, room)?);
                    }
                    Some(given) if given.is_null() && field.refuses_null() => *given = copy(default, room)?,
                    Some(_) => {}
                }
            }
            for (name, value) in map {
                if let Some(field) = schema.field(name) {
                    set_value_default(value, field, room)?;
                }
            }
            Ok(())
        }
        Value::Array(list) => {
            let Some(schema) = schema.items() else { return Ok(()) };
            list.iter_mut().try_for_each(|item| set_value_default(item, schema, room))
        }
        _ => Ok(()),
    }
}

/// A value of a map or list: its default stands in for a `null` that may not be.
fn set_value_default(value: &mut Value, schema: &Schema, room: &mut usize) -> Result<(), DefaultsTooLarge> {
    if value.is_null()
        && schema.refuses_null()
        && let Some(default) = &schema.default
    {
        *value = copy(default, room)?;
    }
    set_defaults(value, schema, room)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_defaults(schema: Value, mut object: Value) -> Value {
        Schema::from_openapi(&schema).unwrap().apply_defaults(&mut object, usize::MAX).unwrap();
        object
    }

    fn schema() -> Value {
        json!({ "type": "object", "properties": {
            "replicas": { "type": "integer", "default": 1 },
            "mode": { "type": "string", "nullable": true, "default": "auto" },
            "note": { "type": "string" },
            "deep": { "type": "object", "properties": { "on": { "type": "boolean", "default": true } } },
            "filled": { "type": "object", "default": {}, "properties": { "on": { "type": "boolean", "default": true } } },
            "items": { "type": "array", "items": { "type": "object", "properties": { "n": { "type": "integer", "default": 7 } } } },
            "named": { "type": "object", "additionalProperties": {
                "type": "object", "default": { "a": 1 }, "properties": { "n": { "type": "integer", "default": 8 } } } },
        } })
    }

    #[test]
    fn defaults_fill_what_was_left_out_below_what_is_there() {
        assert_eq!(
            with_defaults(schema(), json!({})),
            json!({ "replicas": 1, "mode": "auto", "filled": { "on": true } })
        );
        assert_eq!(
            with_defaults(
                schema(),
                json!({ "replicas": 0, "deep": {}, "items": [{}, { "n": 1 }], "named": { "x": {} } })
            ),
            json!({ "replicas": 0, "mode": "auto", "filled": { "on": true }, "deep": { "on": true },
                    "items": [{ "n": 7 }, { "n": 1 }], "named": { "x": { "n": 8 } } })
        );
    }

    #[test]
    fn null_means_left_out_unless_it_may_stand() {
        assert_eq!(
            with_defaults(schema(), json!({ "replicas": null, "mode": null, "note": null, "named": { "x": null } })),
            json!({ "replicas": 1, "mode": null, "filled": { "on": true }, "named": { "x": { "a": 1, "n": 8 } } })
        );
    }

    #[test]
    fn defaults_larger_than_an_object_may_be_are_refused() {
        let schema = json!({ "type": "array", "items": { "type": "object", "properties": {
            "a": { "type": "string", "default": "x".repeat(1000) } } } });
        let schema = Schema::from_openapi(&schema).unwrap();
        let mut object = Value::from(vec![json!({}); 100_000]);
        assert_eq!(schema.apply_defaults(&mut object, 1_000_000), Err(DefaultsTooLarge));
        let mut object = json!([{}, {}]);
        assert_eq!(schema.apply_defaults(&mut object, 1_000_000), Ok(()));
    }
}
