//! The objects of a build, in order and without two of the same identity.

use std::collections::HashMap;

use crate::error::{Cause, RenderError};

use super::resource::{Id, Resource};

/// The objects of a build.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResourceSet {
    resources: Vec<Resource>,
}

impl ResourceSet {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Resource> {
        self.resources.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }

    pub(crate) fn into_vec(self) -> Vec<Resource> {
        self.resources
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Resource> {
        self.resources.get_mut(index)
    }

    /// Adds objects; one that is already there is an error.
    pub(crate) fn append(&mut self, added: Vec<Resource>) -> Result<(), RenderError> {
        self.resources.extend(added);
        self.check_unique()
    }

    /// Adds an object of which the caller knows that it is new.
    pub(crate) fn push(&mut self, resource: Resource) {
        self.resources.push(resource);
    }

    /// Fails if two objects have the same identity.
    pub(crate) fn check_unique(&self) -> Result<(), RenderError> {
        let mut seen: HashMap<Id<'_>, &Resource> = HashMap::with_capacity(self.resources.len());
        for resource in &self.resources {
            if let Some(other) = seen.insert(resource.id(), resource) {
                let cause = Cause::Duplicate { id: resource.id().to_string(), other: other.place() };
                let error = RenderError::new(&resource.file, cause);
                return Err(match resource.line {
                    Some(line) => error.at_line(line),
                    None => error,
                });
            }
        }
        Ok(())
    }

    /// The indexes of the objects that have or had the identity `id`.
    pub(crate) fn with_any_id(&self, id: Id<'_>) -> Vec<usize> {
        let matches = |resource: &Resource| resource.ids().any(|other| other == id);
        self.resources.iter().enumerate().filter(|(_, resource)| matches(resource)).map(|(index, _)| index).collect()
    }

    /// Keeps the objects that `keep` says yes to.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Resource) -> bool) {
        self.resources.retain(keep);
    }

    /// Whether the objects are those of `other`, except that they may have the label `label`.
    pub(crate) fn is_same_but_for_label(&self, other: &Self, label: &str) -> bool {
        let same = |(a, b): (&Resource, &Resource)| {
            let mut value = a.value.clone();
            if let Some(labels) = value.pointer_mut("/metadata/labels").and_then(serde_json::Value::as_object_mut) {
                labels.remove(label);
            }
            let is_empty = |labels: &serde_json::Value| labels.as_object().is_some_and(serde_json::Map::is_empty);
            if value.pointer("/metadata/labels").is_some_and(is_empty)
                && let Some(metadata) = value.get_mut("metadata").and_then(serde_json::Value::as_object_mut)
            {
                metadata.remove("labels");
            }
            value == b.value && a.previous == b.previous && a.prefixes == b.prefixes && a.suffixes == b.suffixes
        };
        self.len() == other.len() && self.iter().zip(other.iter()).all(same)
    }
}
