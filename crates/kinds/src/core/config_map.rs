//! ConfigMaps: plain settings.

use std::collections::BTreeSet;

use cowherd_schema::{ErrorKind, FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Read, same};
use crate::kind::Kind;
use crate::names;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["cm"],
    rules: Rules {
        validate,
        validate_update: |new, old, errors| keeps_promise(new, old, &["data", "binaryData"], errors),
        columns: &[NAME, Column::number("Data", "How many keys it holds."), AGE],
        cells: |map, now| {
            let keys = map.entries("data").count() + map.entries("binaryData").count();
            vec![table::name(map), keys.into(), table::age(map, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "ConfigMap", "configmaps", "configmap", "io.k8s.api.core.v1.ConfigMap")
};

/// The most that the values of a ConfigMap or Secret may hold in all, in bytes.
pub(super) const SIZE_LIMIT: usize = 1024 * 1024;

fn validate(map: &Value, errors: &mut Errors) {
    let mut size = 0;
    let mut taken = BTreeSet::new();
    for (key, value) in map.entries("data") {
        taken.insert(key);
        checks::refuse(key, &FieldPath::new("data").key(key), names::data_key(key), errors);
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in map.entries("binaryData") {
        let field = FieldPath::new("binaryData").key(key);
        checks::refuse(key, &field, names::data_key(key), errors);
        if taken.contains(key) {
            errors.push(FieldError::invalid(&field, key, "duplicate of key present in data"));
        }
        match super::secret::decoded_size(value) {
            Some(bytes) => size += bytes,
            None => errors.push(FieldError::new(ErrorKind::Invalid, &field, None, "illegal base64 data")),
        }
    }
    if size > SIZE_LIMIT {
        errors.push(too_long(&FieldPath::new("[]")));
    }
}

pub(super) fn too_long(path: &FieldPath) -> FieldError {
    FieldError::new(ErrorKind::TooLong, path, None, format!("may not be more than {SIZE_LIMIT} bytes"))
}

/// What was marked immutable stays as it is, mark included. The values stay out of the errors.
pub(super) fn keeps_promise(new: &Value, old: &Value, fields: &[&str], errors: &mut Errors) {
    if !old.flag("immutable") {
        return;
    }
    let mut refuse = |field: &str| {
        let why = "field is immutable when `immutable` is set";
        errors.push(FieldError::forbidden(&FieldPath::new(field), why));
    };
    if !new.flag("immutable") {
        refuse("immutable");
    }
    fields.iter().filter(|field| !same(&new[**field], &old[**field])).for_each(|field| refuse(field));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    #[test]
    fn keys_have_a_form_and_stand_once() {
        let map = json!({
            "metadata": {"name": "a", "namespace": "b"},
            "data": {"a/b": "1", "c": "2"},
            "binaryData": {"c": "AA==", "d": "%"},
        });
        assert_eq!(
            texts(&KIND.validate_create(&map)),
            [
                "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', \
                 '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
                 '[-._a-zA-Z0-9]+')",
                "binaryData[c]: Invalid value: \"c\": duplicate of key present in data",
                "binaryData[d]: Invalid value: illegal base64 data",
            ]
        );
    }

    #[test]
    fn what_is_immutable_stays() {
        let old = json!({"metadata": {"name": "a"}, "immutable": true, "data": {"a": "1"}});
        let new = json!({"metadata": {"name": "a"}, "data": {"a": "2"}});
        assert_eq!(
            texts(&KIND.validate_update(&new, &old)),
            [
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set"
            ]
        );
    }
}
