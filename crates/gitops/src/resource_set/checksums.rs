//! Checksums of what ConfigMaps and Secrets hold, written where an annotation asks for them, so that what uses them is made anew
//! when they change.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cowherd_api::flux::annotations::{CHECKSUM_FROM, SET_CHECKSUM};
use cowherd_apply::is_path_segment;
use serde_json::Value;

use super::copies::{CopyError, Data, Held, itself, kind};

/// How deep it is looked for the annotation.
const DEEPEST: usize = 100;

/// Adds what the annotations of the object name, wherever in it there is metadata.
pub(super) fn named(object: &Value, found: &mut Vec<Held>) -> Result<(), CopyError> {
    walk(object, DEEPEST, &mut |said| {
        found.extend(references(said)?);
        Ok(())
    })
}

fn walk(node: &Value, depth: usize, see: &mut dyn FnMut(&str) -> Result<(), CopyError>) -> Result<(), CopyError> {
    if depth == 0 {
        return Ok(());
    }
    match node {
        Value::Object(map) => {
            let said =
                map.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(CHECKSUM_FROM)?.as_str());
            if let Some(said) = said.filter(|said| !said.is_empty()) {
                see(said)?;
            }
            map.values().try_for_each(|value| walk(value, depth - 1, see))
        }
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, depth - 1, see)),
        _ => Ok(()),
    }
}

/// What the value of the annotation names.
fn references(said: &str) -> Result<Vec<Held>, CopyError> {
    let parts = said.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(reference).collect()
}

fn reference(text: &str) -> Result<Held, CopyError> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_name = |text: &str| !text.is_empty() && is_path_segment(text);
    let (name, namespace, kind_name) = match parts[..] {
        [kind, namespace, name] if !kind.is_empty() && is_name(namespace) && is_name(name) => (name, namespace, kind),
        _ => {
            let (annotation, value) = (CHECKSUM_FROM, text.to_owned());
            return Err(CopyError::Malformed { annotation, value, format: "Kind/namespace/name" });
        }
    };
    let kind = kind(kind_name).ok_or_else(|| CopyError::Kind(kind_name.to_owned()))?;
    Ok(Held { kind, namespace: namespace.to_owned(), name: name.to_owned() })
}

/// Writes the checksums beside the annotations. What the objects are themselves counts as they are; of all else `there` knows.
pub(super) fn fill(objects: &mut [Value], there: impl Fn(&Held) -> Result<Data, CopyError>) -> Result<(), CopyError> {
    let own: BTreeMap<Held, Data> = objects.iter().filter_map(|object| Some((itself(object)?, data(object)))).collect();
    let of = |held: &Held| own.get(held).cloned().map_or_else(|| there(held), Ok);
    objects.iter_mut().try_for_each(|object| write(object, DEEPEST, &of))
}

fn write(node: &mut Value, depth: usize, of: &dyn Fn(&Held) -> Result<Data, CopyError>) -> Result<(), CopyError> {
    if depth == 0 {
        return Ok(());
    }
    match node {
        Value::Object(map) => {
            let annotations = map.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
            if let Some(annotations) = annotations.and_then(Value::as_object_mut)
                && let Some(said) = annotations.get(CHECKSUM_FROM).and_then(Value::as_str)
                && !said.is_empty()
            {
                let sum = sum(&references(said)?, of)?;
                annotations.insert(SET_CHECKSUM.to_owned(), Value::String(sum));
            }
            map.values_mut().try_for_each(|value| write(value, depth - 1, of))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| write(item, depth - 1, of)),
        _ => Ok(()),
    }
}

fn sum(held: &[Held], of: &dyn Fn(&Held) -> Result<Data, CopyError>) -> Result<String, CopyError> {
    let mut bytes = Vec::new();
    let mut put = |part: &[u8]| {
        bytes.extend_from_slice(part);
        bytes.push(0);
    };
    for held in held {
        put(held.to_string().as_bytes());
        for (key, value) in of(held)? {
            put(key.as_bytes());
            put(&value);
        }
    }
    Ok(crate::source::digest(&bytes))
}

/// What a ConfigMap or a Secret holds that is written here. What is no base64 is told when it is applied.
fn data(object: &Value) -> Data {
    let texts = |field: &str| object.get(field).and_then(Value::as_object).into_iter().flatten();
    let plain = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.as_bytes().to_vec()));
    let decoded = |(key, value): (&String, &Value)| {
        Some((key.clone(), BASE64_STANDARD.decode(value.as_str()?).unwrap_or_default()))
    };
    match object.get("kind").and_then(Value::as_str) {
        Some("Secret") => texts("data").filter_map(decoded).chain(texts("stringData").filter_map(plain)).collect(),
        _ => texts("data").filter_map(plain).chain(texts("binaryData").filter_map(decoded)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A Deployment whose Pods have the annotation, and a ConfigMap.
    fn objects(said: &str, value: &str) -> [Value; 2] {
        let template = json!({ "metadata": { "annotations": { CHECKSUM_FROM: said } } });
        [
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d", "namespace": "n" },
                "spec": { "template": template } }),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m", "namespace": "n" },
                "data": { "b": value, "a": "1" } }),
        ]
    }

    fn filled(said: &str, value: &str) -> Result<String, String> {
        let mut objects = objects(said, value);
        let there = |held: &Held| Ok(Data::from([("k".to_owned(), held.name.as_bytes().to_vec())]));
        fill(&mut objects, there).map_err(|error| error.to_string())?;
        let annotations = &objects[0]["spec"]["template"]["metadata"]["annotations"];
        assert_eq!(annotations[CHECKSUM_FROM], said);
        Ok(annotations[SET_CHECKSUM].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_checksum_is_one_of_all_that_is_named_in_their_order() {
        // As the Flux Operator computes it: sha256 of the name and the sorted keys and values, each ended by a zero.
        let expected = crate::source::digest(b"ConfigMap/n/m\0a\x001\0b\x002\0");
        assert_eq!(filled("ConfigMap/n/m", "2").unwrap(), expected);
        assert_eq!(filled(" ConfigMap/n/m ,\n", "2").unwrap(), expected);
        assert_ne!(filled("ConfigMap/n/m", "3").unwrap(), expected);
        let both = crate::source::digest(b"Secret/x/s\0k\0s\0ConfigMap/n/m\0a\x001\0b\x002\0");
        assert_eq!(filled("Secret/x/s,ConfigMap/n/m", "2").unwrap(), both);
    }

    #[test]
    fn what_is_no_reference_is_told() {
        for (said, says) in [
            ("ConfigMap/m", "must be in the format 'Kind/namespace/name'"),
            ("Deployment/n/d", "unsupported kind 'Deployment'"),
            ("Secret/../s", "must be in the format"),
        ] {
            let error = filled(said, "2").unwrap_err();
            assert!(error.contains(says), "{said}: {error}");
        }
    }

    #[test]
    fn what_is_named_is_found_wherever_there_is_metadata() {
        let mut found = Vec::new();
        named(&objects("Secret/x/s", "2")[0], &mut found).unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Secret/x/s"]);
    }
}
