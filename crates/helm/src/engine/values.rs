//! The methods of `.Values`.

use cowherd_template::{Map, Methods, Value};

/// What Helm calls the type of `.Values`.
const TYPE: &str = "common.Values";

struct ValuesMethods;

/// The map as Helm's type for values.
pub(crate) fn typed(map: &Map) -> Map {
    map.with_methods(TYPE, &ValuesMethods)
}

impl Methods for ValuesMethods {
    fn has(&self, name: &str) -> bool {
        matches!(name, "AsMap" | "Table" | "PathValue" | "YAML")
    }

    fn call(&self, map: &Map, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let text = || match arguments {
            [Value::String(text)] => Ok(text.to_str().into_owned()),
            [other] => Err(format!("wrong type for value; expected string; got {}", other.type_name())),
            other => Err(format!("wrong number of args for {name}: want 1 got {}", other.len())),
        };
        Some(match name {
            "AsMap" => Ok(Value::Map(map.as_type("map[string]interface {}"))),
            "Table" => text().and_then(|path| table(map, &path)),
            "PathValue" => text().and_then(|path| path_value(map, &path)),
            "YAML" => crate::functions::to_yaml(&Value::Map(map.clone())).map(Value::from),
            _ => return None,
        })
    }
}

fn table(map: &Map, path: &str) -> Result<Value, String> {
    let mut found = map.clone();
    for name in path.split('.') {
        let Some(Value::Map(next)) = found.get(name) else {
            return Err(format!("\"{name}\" is not a table"));
        };
        found = next;
    }
    Ok(Value::Map(typed(&found)))
}

fn path_value(map: &Map, path: &str) -> Result<Value, String> {
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (table(map, parent).ok(), key),
        None => (Some(Value::Map(map.clone())), path),
    };
    let value = match parent {
        Some(Value::Map(map)) => map.get(key),
        _ => None,
    };
    value.filter(|value| !matches!(value, Value::Map(_))).ok_or_else(|| format!("\"{key}\" is not a value"))
}
