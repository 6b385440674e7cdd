//! Labels and annotations that every object gets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Sets `labels` and `annotations` on every object, over what it has: `commonMetadata` of Flux's Kustomization.
pub fn set_common_metadata(
    objects: &mut [Value],
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) {
    for object in objects {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            continue;
        };
        set(metadata, "labels", labels);
        set(metadata, "annotations", annotations);
    }
}

fn set(metadata: &mut Map<String, Value>, field: &str, entries: &BTreeMap<String, String>) {
    if entries.is_empty() {
        return;
    }
    let map = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !map.is_object() {
        *map = Value::Object(Map::new());
    }
    if let Value::Object(map) = map {
        map.extend(entries.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_object_gets_the_labels_and_keeps_its_own() {
        let mut objects = [json!({"metadata": {"name": "a", "labels": {"x": "1", "y": "1"}}}), json!({"metadata": {}})];
        let labels = BTreeMap::from([("y".to_owned(), "2".to_owned())]);
        set_common_metadata(&mut objects, &labels, &BTreeMap::new());
        assert_eq!(objects[0]["metadata"], json!({"name": "a", "labels": {"x": "1", "y": "2"}}));
        assert_eq!(objects[1]["metadata"], json!({"labels": {"y": "2"}}));
    }
}
