//! `--set` and its relatives.

use cowherd_helm::values;
use serde_json::{Map, Value};

/// Sets values with every line of `data` as an expression, in every one of the five languages.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    type Set<'a> = &'a dyn Fn(&str, &mut Map<String, Value>) -> bool;
    let read = |path: &str| if path.is_empty() { Err("no such file".to_owned()) } else { Ok(path.repeat(2)) };
    let languages: [Set<'_>; 5] = [
        &|expression, values| values::set(expression, values).is_ok(),
        &|expression, values| values::set_string(expression, values).is_ok(),
        &|expression, values| values::set_json(expression, values).is_ok(),
        &|expression, values| values::set_literal(expression, values).is_ok(),
        &|expression, values| values::set_file(expression, values, &read).is_ok(),
    ];
    for set in languages {
        let mut values = Map::new();
        for line in text.lines() {
            set(line, &mut values);
        }
        let again = serde_json::to_value(&values).expect("values are JSON");
        assert_eq!(again, Value::Object(values));
    }
}
