//! Applies JSON 6902 operations, within bounds.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

/// The most nodes and bytes that the copies of one patch may add to an object.
const MAX_COPIED: usize = 4 * 1024 * 1024;
/// How deep values may stand in each other afterwards.
const MAX_DEPTH: usize = 256;

/// Applies `patch` to `object`. Operations before one that fails stay applied.
pub(crate) fn apply(object: &mut Value, patch: &Patch) -> Result<(), String> {
    let mut copied = 0;
    for (at, operation) in patch.0.iter().enumerate() {
        check(object, operation, &mut copied).map_err(|error| format!("operation {at}: {error}"))?;
        if adds_by_replacing(object, operation) {
            continue;
        }
        json_patch::patch(object, std::slice::from_ref(operation))
            .map_err(|error| format!("operation {at} on {:?}: {}", error.path.to_string(), error.kind))?;
    }
    Ok(())
}

/// Replaces what is not there, which kustomize takes for an addition as long as there is a mapping for it; whether it was
/// that.
fn adds_by_replacing(object: &mut Value, operation: &PatchOperation) -> bool {
    let PatchOperation::Replace(replace) = operation else { return false };
    let Some((parent, name)) = replace.path.split_back() else { return false };
    let Some(Value::Object(map)) = object.pointer_mut(parent.as_str()) else { return false };
    let name = name.decoded();
    if map.contains_key(&*name) {
        return false;
    }
    map.insert(name.into_owned(), replace.value.clone());
    true
}

/// Copies can double an object with each operation, and additions stack up without end.
fn check(object: &Value, operation: &PatchOperation, copied: &mut usize) -> Result<(), &'static str> {
    let (path, value) = match operation {
        PatchOperation::Add(add) => (&add.path, Some(&add.value)),
        PatchOperation::Replace(replace) => (&replace.path, Some(&replace.value)),
        PatchOperation::Copy(copy) => (&copy.path, object.pointer(copy.from.as_str())),
        PatchOperation::Move(moved) => (&moved.path, object.pointer(moved.from.as_str())),
        _ => return Ok(()),
    };
    let Some(value) = value else { return Ok(()) };
    let Extent { weight, depth } = extent(value);
    if let PatchOperation::Copy(_) = operation {
        *copied += weight;
        if *copied > MAX_COPIED {
            return Err("the patch copies too much");
        }
    }
    if path.tokens().count() + depth > MAX_DEPTH {
        return Err("the patch nests values too deeply");
    }
    Ok(())
}

struct Extent {
    /// Nodes plus bytes of text.
    weight: usize,
    /// Collections inside each other.
    depth: usize,
}

fn extent(value: &Value) -> Extent {
    let of_children = |children: &mut dyn Iterator<Item = &Value>| {
        children.map(extent).fold(Extent { weight: 1, depth: 1 }, |all, child| Extent {
            weight: all.weight + child.weight,
            depth: all.depth.max(child.depth + 1),
        })
    };
    match value {
        Value::Array(items) => of_children(&mut items.iter()),
        Value::Object(map) => {
            let keys: usize = map.keys().map(String::len).sum();
            let all = of_children(&mut map.values());
            Extent { weight: all.weight + keys, ..all }
        }
        Value::String(text) => Extent { weight: 1 + text.len(), depth: 0 },
        _ => Extent { weight: 1, depth: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(operations: Value) -> Patch {
        serde_json::from_value(operations).unwrap()
    }

    #[test]
    fn a_patch_that_doubles_an_object_again_and_again_is_refused() {
        // Chains of one key, each put at the end of itself.
        let chain = |length: usize| "/x".repeat(length);
        let deep: Vec<Value> = (0..60)
            .scan(0usize, |length, _| {
                let path = format!("/a{}", chain(*length + 1));
                *length = (*length * 2 + 1).min(1_000);
                Some(json!({"op": "copy", "from": "/a", "path": path}))
            })
            .collect();
        assert!(apply(&mut json!({"a": {}}), &patch(deep.into())).unwrap_err().contains("too deeply"));
        let wide: Vec<Value> = (0..60).map(|_| json!({"op": "copy", "from": "/a", "path": "/a/-"})).collect();
        assert!(apply(&mut json!({"a": ["x"]}), &patch(wide.into())).is_err());
        let large = "x".repeat(1024 * 1024);
        let flat: Vec<Value> = (0..60).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/b{n}")})).collect();
        assert!(apply(&mut json!({"a": large}), &patch(flat.into())).unwrap_err().contains("copies too much"));
    }

    #[test]
    fn what_is_not_there_is_added_by_replacing_it() {
        let mut object = json!({"a": {}});
        let replace = |path: &str| patch(json!([{"op": "replace", "path": path, "value": 1}]));
        apply(&mut object, &replace("/a/b~1c")).unwrap();
        assert_eq!(object, json!({"a": {"b/c": 1}}));
        assert!(apply(&mut object, &replace("/x/y")).is_err());
        assert!(apply(&mut json!({"a": [1]}), &replace("/a/4")).is_err());
    }

    #[test]
    fn operations_apply_in_order_and_say_which_one_failed() {
        let mut object = json!({"a": [1]});
        let operations = json!([{"op": "add", "path": "/a/-", "value": 2}, {"op": "remove", "path": "/b"}]);
        let error = apply(&mut object, &patch(operations)).unwrap_err();
        assert!(error.starts_with("operation 1 on \"/b\""), "{error}");
        assert_eq!(object, json!({"a": [1, 2]}));
    }
}
