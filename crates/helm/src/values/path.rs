//! Paths with dots into values.

use serde_json::{Map, Value};

/// The mapping at `path`.
pub(crate) fn table<'a>(values: &'a Map<String, Value>, path: &str) -> Option<&'a Map<String, Value>> {
    path.split('.').try_fold(values, |map, key| map.get(key)?.as_object())
}

/// The value at `path`, unless it is a mapping.
pub(crate) fn path_value<'a>(values: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (map, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (table(values, parent)?, key),
        None => (values, path),
    };
    map.get(key).filter(|value| !value.is_object())
}
