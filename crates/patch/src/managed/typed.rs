//! Whether an applied configuration fits its schema well enough to be merged.

use cowherd_schema::{Schema, Type};
use serde_json::Value;

use super::conflict::ApplyError;
use super::shape::Place;
use crate::MAX_DEPTH;

/// How many faults an error lists; what else is wrong is told when those are mended.
const MAX_FAULTS: usize = 20;

/// Checks that every field is known, has its type, and that the items of lists can be told apart.
pub(super) fn check(applied: &Value, schema: &Schema) -> Result<(), ApplyError> {
    let mut check = Check { path: Vec::new(), faults: Vec::new(), fields: Vec::new(), repeated: Vec::new() };
    check.value(Place::root(schema), applied);
    let detail = match check.faults.as_slice() {
        [] => return Ok(()),
        [fault] => fault.clone(),
        faults => format!("errors:\n  {}", faults.join("\n  ")),
    };
    Err(ApplyError::Untyped { object: describe(applied), detail })
}

/// The lists of an object in which two items have the same key, so that it cannot be applied: each with the field of the second
/// item and the key, as errors have it.
pub fn repeated(object: &Value, schema: &Schema) -> Vec<(String, String)> {
    let mut check = Check { path: Vec::new(), faults: Vec::new(), fields: Vec::new(), repeated: Vec::new() };
    check.value(Place::root(schema), object);
    check.repeated
}

/// `namespace/name; apps/v1, Kind=Deployment`.
fn describe(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    format!("{namespace}/{name}; {}, Kind={}", text("/apiVersion"), text("/kind"))
}

struct Check {
    path: Vec<String>,
    faults: Vec<String>,
    /// The same way as `path`, with numbers for the items of lists.
    fields: Vec<String>,
    /// Items whose key another one has, by their fields.
    repeated: Vec<(String, String)>,
}

impl Check {
    fn fault(&mut self, detail: &str) {
        if self.faults.len() == MAX_FAULTS {
            return;
        }
        let path = self.path.concat();
        let separator = if path.is_empty() { "" } else { ": " };
        self.faults.push(format!("{path}{separator}{detail}"));
    }

    fn value(&mut self, place: Place<'_>, value: &Value) {
        if self.path.len() >= MAX_DEPTH {
            return;
        }
        let Some(schema) = place.schema() else { return };
        match value {
            Value::Null => (),
            Value::Object(map) if matches!(schema.value_type, Type::Object | Type::Any) => {
                for (name, value) in map {
                    self.path.push(format!(".{name}"));
                    self.fields.push(if name.contains('.') { format!("[{name}]") } else { format!(".{name}") });
                    if place.allows(name) {
                        self.value(place.field(name), value);
                    } else {
                        self.fault("field not declared in schema");
                    }
                    self.path.pop();
                    self.fields.pop();
                }
            }
            Value::Array(items) if matches!(schema.value_type, Type::Array | Type::Any) => self.list(place, items),
            _ => self.scalar(schema.value_type, value),
        }
    }

    fn list(&mut self, place: Place<'_>, items: &[Value]) {
        let mut seen = std::collections::BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let mut name = format!("[{index}]");
            let field = name.clone();
            if place.merges_lists() {
                match place.element(item) {
                    Ok(element) => {
                        name = element.to_string();
                        if !seen.insert(element) {
                            self.fault(&format!("duplicate entries for key {name}"));
                            let fields = format!("{}{field}", self.fields.concat());
                            self.repeated.push((fields.trim_start_matches('.').to_owned(), name.clone()));
                        }
                    }
                    Err(detail) => return self.fault(&format!("element {index}: {detail}")),
                }
            }
            self.path.push(name);
            self.fields.push(field);
            self.value(place.item(), item);
            self.path.pop();
            self.fields.pop();
        }
    }

    fn scalar(&mut self, wanted: Type, value: &Value) {
        let found = match value {
            Value::Object(_) => "map",
            Value::Array(_) => "list",
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            _ => "number",
        };
        let (fits, wanted) = match wanted {
            Type::Any => (true, "anything"),
            Type::Object => (false, "map"),
            Type::Array => (false, "list"),
            Type::String => (value.is_string(), "string"),
            Type::Integer | Type::Number => (value.is_number(), "numeric (int or float)"),
            Type::Boolean => (value.is_boolean(), "boolean"),
            Type::IntOrString => (value.is_string() || value.is_number(), "number or string"),
        };
        if !fits {
            self.fault(&format!("expected {wanted}, got {found}"));
        }
    }
}
