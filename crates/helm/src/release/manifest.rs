//! Manifests, and what Helm reads of them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::go::{self, DecodeError, Place};

/// A manifest that is no hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template that it comes from.
    pub path: String,
    /// The text, without spaces around it.
    pub content: String,
    /// The kind of the object; empty where it says none.
    pub kind: String,
}

/// What is read of a manifest to sort it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
}

/// The type of the metadata as Go prints it.
const METADATA: &str =
    "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";

impl Head {
    /// The head of the first document of `text`.
    pub(super) fn read(text: &str, limits: &cowherd_yaml::Limits) -> Result<Self, DecodeError> {
        let document = go::first_document(text.as_bytes(), limits)?;
        let mut head = Self::default();
        let map = match &document {
            Value::Null => return Ok(head),
            Value::Object(map) => map,
            other => return Err(DecodeError::Root { found: go::kind(other), expected: "util.SimpleHead" }),
        };
        for (key, value) in map {
            let Some(field) = go::field_of(key, &["apiVersion", "kind", "metadata"]) else { continue };
            let place = Place::new("SimpleHead", field);
            match field {
                "apiVersion" => place.text(value, &mut String::new())?,
                "kind" => place.text(value, &mut head.kind)?,
                _ => head.metadata(place.map(value, METADATA)?)?,
            }
        }
        Ok(head)
    }

    fn metadata(&mut self, map: Option<&serde_json::Map<String, Value>>) -> Result<(), DecodeError> {
        for (key, value) in map.into_iter().flatten() {
            match go::field_of(key, &["name", "annotations"]) {
                Some("name") => Place::new("", "metadata.name").text(value, &mut self.name)?,
                Some(_) => {
                    self.annotations = Place::new("", "metadata.annotations").text_map(value)?.unwrap_or_default();
                }
                None => {}
            }
        }
        Ok(())
    }
}
