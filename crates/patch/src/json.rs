//! JSON patch (RFC 6902) with the liberties that Kubernetes takes: places of lists may count from the end, and
//! replacing a field that is not there adds it.

use serde_json::{Map, Value};

use crate::error::PatchError;

/// How many operations a patch may have.
const MAX_OPERATIONS: usize = 10_000;
/// How much the copies and moves of one patch may add up to, in what a value takes. A few operations could otherwise
/// double an object again and again.
const MAX_COPIED: usize = 1_000_000;
/// How many items all operations of one patch together may push along in lists, to make place for one or to close a gap.
const MAX_PUSHED: usize = 50_000_000;
/// What a map with something in it takes, in what other values take.
const MAP: usize = 20;
/// How deep a patched object may become: not so deep that it could not be read again.
const MAX_PATCHED_DEPTH: usize = 100;

/// Applies a JSON patch.
pub fn json_patch(doc: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = operations(patch)?;
    let mut patched = Patched { doc: doc.clone(), copied: 0, pushed: 0 };
    for operation in operations {
        patched.apply(operation).map_err(PatchError::Unprocessable)?;
    }
    Ok(patched.doc)
}

fn operations(patch: &Value) -> Result<Vec<&Map<String, Value>>, PatchError> {
    let fail = |what: &str, into: &str| {
        let detail =
            format!("error decoding patch: json: cannot unmarshal {what} into Go value of type jsonpatch.{into}");
        PatchError::Malformed(detail)
    };
    let operations = patch.as_array().ok_or_else(|| fail(type_name(patch), "Patch"))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations { allowed: MAX_OPERATIONS, got: operations.len() });
    }
    let objects = operations.iter().map(|one| one.as_object().ok_or_else(|| fail(type_name(one), "Operation")));
    objects.collect()
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A document under patching.
struct Patched {
    doc: Value,
    copied: usize,
    pushed: usize,
}

/// What holds the target of a path, and its name or place there.
struct Target<'d> {
    container: &'d mut Value,
    /// How many items were pushed along so far.
    pushed: &'d mut usize,
    key: String,
    /// How deep the container is.
    depth: usize,
}

impl Patched {
    fn apply(&mut self, operation: &Map<String, Value>) -> Result<(), String> {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let path = text("path");
        let value = || operation.get("value").cloned().unwrap_or_default();
        match text("op").unwrap_or("unknown") {
            "add" => self.add(path.ok_or("add operation failed to decode path: missing value")?, value()),
            "remove" => self.remove(path.ok_or("remove operation failed to decode path: missing value")?),
            "replace" => self.replace(path.ok_or_else(|| no_path("replace"))?, value()),
            "test" => self.test(path.ok_or_else(|| no_path("test"))?, &value()),
            "move" => self.move_value(text("from").ok_or_else(|| no_from("move"))?, path),
            "copy" => self.copy(text("from").ok_or_else(|| no_from("copy"))?, path),
            other => Err(format!("Unexpected kind: {other}")),
        }
    }

    fn add(&mut self, path: &str, value: Value) -> Result<(), String> {
        let missing = || format!("add operation does not apply: doc is missing path: {path:?}: missing value");
        let target = self.target(path).ok_or_else(missing)?;
        target.add(value).map_err(|error| format!("error in add for path: '{path}': {error}"))
    }

    fn remove(&mut self, path: &str) -> Result<(), String> {
        let missing = || format!("remove operation does not apply: doc is missing path: {path:?}: missing value");
        let target = self.target(path).ok_or_else(missing)?;
        target.remove().map(drop).map_err(|error| format!("error in remove for path: '{path}': {error}"))
    }

    fn replace(&mut self, path: &str, value: Value) -> Result<(), String> {
        if path.is_empty() {
            if !value.is_object() && !value.is_array() {
                return Err("replace operation value must be object or array".to_owned());
            }
            self.doc = value;
            return Ok(());
        }
        let missing =
            |what: &str| format!("replace operation does not apply: doc is missing {what}: {path}: missing value");
        let target = self.target(path).ok_or_else(|| missing("path"))?;
        target.get().map_err(|_| missing("key"))?;
        target.set(value).map_err(|error| format!("error in remove for path: '{path}': {error}"))
    }

    fn test(&mut self, path: &str, expected: &Value) -> Result<(), String> {
        let failed = || format!("testing value {path} failed: test failed");
        if path.is_empty() {
            return (self.doc == *expected).then_some(()).ok_or_else(failed);
        }
        let missing = || format!("test operation does not apply: is missing path: {path}: missing value");
        let target = self.target(path).ok_or_else(missing)?;
        let found = target.get().map_err(|error| format!("error in test for path: '{path}': {error}"))?;
        (found.unwrap_or(&Value::Null) == expected).then_some(()).ok_or_else(failed)
    }

    fn move_value(&mut self, from: &str, path: Option<&str>) -> Result<(), String> {
        let missing = || format!("move operation does not apply: doc is missing from path: {from}: missing value");
        let source = self.target(from).ok_or_else(missing)?;
        let key = source.key.clone();
        let value = source.remove().map_err(|error| format!("error in move for path: '{key}': {error}"))?;
        let path = path.ok_or_else(|| no_path("move"))?;
        self.spend(&value)?;
        let missing =
            || format!("move operation does not apply: doc is missing destination path: {path}: missing value");
        let target = self.target(path).ok_or_else(missing)?;
        target.add(value).map_err(|error| format!("error in move for path: '{path}': {error}"))
    }

    fn copy(&mut self, from: &str, path: Option<&str>) -> Result<(), String> {
        let missing = || format!("copy operation does not apply: doc is missing from path: {from}: missing value");
        let source = self.target(from).ok_or_else(missing)?;
        let found = source.get().map_err(|error| format!("error in copy for from: '{from}': {error}"))?;
        let value = found.cloned().unwrap_or_default();
        let path = path.ok_or("copy operation failed to decode path: missing value")?;
        self.spend(&value)?;
        let missing =
            || format!("copy operation does not apply: doc is missing destination path: {path}: missing value");
        let target = self.target(path).ok_or_else(missing)?;
        target.add(value).map_err(|error| format!("error while adding value during copy: {error}"))
    }

    fn spend(&mut self, value: &Value) -> Result<(), String> {
        self.copied = self.copied.saturating_add(size(value));
        let exceeded = || format!("the copies and moves of the patch add up to more than {MAX_COPIED} values");
        (self.copied <= MAX_COPIED).then_some(()).ok_or_else(exceeded)
    }

    /// The container that the last part of `path` is in; `None` if the path leads nowhere. What comes before the
    /// first slash is not looked at.
    fn target(&mut self, path: &str) -> Option<Target<'_>> {
        let (_, path) = path.split_once('/')?;
        let mut parts: Vec<String> = path.split('/').map(unescape).collect();
        let key = parts.pop()?;
        let mut container = &mut self.doc;
        for part in &parts {
            container = match container {
                Value::Object(map) => map.get_mut(part)?,
                Value::Array(items) => {
                    let place = place(part, items.len()).ok()?;
                    items.get_mut(place)?
                }
                _ => return None,
            };
        }
        (container.is_object() || container.is_array()).then_some(Target {
            container,
            pushed: &mut self.pushed,
            key,
            depth: parts.len(),
        })
    }
}

impl Target<'_> {
    fn get(&self) -> Result<Option<&Value>, String> {
        match &*self.container {
            Value::Object(map) => Ok(map.get(&self.key)),
            Value::Array(items) => Ok(items.get(existing(&self.key, items.len())?)),
            _ => Ok(None),
        }
    }

    fn check_depth(&self, value: &Value) -> Result<(), String> {
        let exceeded = || format!("the object would be deeper than {MAX_PATCHED_DEPTH} levels");
        (self.depth + depth(value) < MAX_PATCHED_DEPTH).then_some(()).ok_or_else(exceeded)
    }

    fn set(self, value: Value) -> Result<(), String> {
        self.check_depth(&value)?;
        match self.container {
            Value::Object(map) => {
                map.insert(self.key, value);
            }
            Value::Array(items) => {
                let place = existing(&self.key, items.len())?;
                if let Some(item) = items.get_mut(place) {
                    *item = value;
                }
            }
            _ => (),
        }
        Ok(())
    }

    fn add(self, value: Value) -> Result<(), String> {
        self.check_depth(&value)?;
        match self.container {
            Value::Object(map) => {
                map.insert(self.key, value);
            }
            Value::Array(items) if self.key == "-" => items.push(value),
            Value::Array(items) => {
                let wrong = |error| format!("value was not a proper array index: '{}': {error}", self.key);
                number(&self.key).map_err(wrong)?;
                let place = existing(&self.key, items.len() + 1)?;
                push_along(self.pushed, items.len() - place)?;
                items.insert(place, value);
            }
            _ => (),
        }
        Ok(())
    }

    fn remove(self) -> Result<Value, String> {
        match self.container {
            Value::Object(map) => {
                let missing = || format!("Unable to remove nonexistent key: {}: missing value", self.key);
                map.remove(&self.key).ok_or_else(missing)
            }
            Value::Array(items) => {
                let place = existing(&self.key, items.len())?;
                push_along(self.pushed, items.len() - place)?;
                Ok(items.remove(place))
            }
            _ => Ok(Value::Null),
        }
    }
}

fn push_along(pushed: &mut usize, items: usize) -> Result<(), String> {
    *pushed = pushed.saturating_add(items);
    let exceeded = || format!("the operations of the patch push more than {MAX_PUSHED} items along");
    (*pushed <= MAX_PUSHED).then_some(()).ok_or_else(exceeded)
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: invalid syntax"))
}

/// A place in a list; negative ones count from its end. May lie beyond the end.
fn place(text: &str, length: usize) -> Result<usize, String> {
    let number = number(text)?;
    let place = if number < 0 { number.saturating_add_unsigned(length as u64) } else { number };
    usize::try_from(place).map_err(|_| format!("Unable to access invalid index: {number}: invalid index referenced"))
}

fn existing(text: &str, length: usize) -> Result<usize, String> {
    let place = place(text, length)?;
    let invalid = || format!("Unable to access invalid index: {place}: invalid index referenced");
    (place < length).then_some(place).ok_or_else(invalid)
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn no_path(operation: &str) -> String {
    format!("{operation} operation failed to decode path: operation missing path field: missing value")
}

fn no_from(operation: &str) -> String {
    format!("{operation} operation failed to decode from: operation, missing from field: missing value")
}

/// How many levels a value has.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 1,
    }
}

/// What a value takes, roughly.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(map) if map.is_empty() => 1,
        Value::Object(map) => MAP + map.values().map(size).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 32,
        _ => 1,
    }
}
