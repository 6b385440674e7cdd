//! The forms that documents are written in, part by part: what a part says depends on nothing that others say, so that
//! parts can be made once and kept.

use std::collections::BTreeSet;

use super::schemas::Dialect;
use super::{Resource, ResourceSchema, custom, v2, v3};

/// How many bytes a part of the built-in definitions has, roughly.
const PART: usize = 128 * 1024;

/// A form that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Version 2, as JSON.
    V2,
    /// Version 2, as the protobuf message `openapi.v2.Document` of gnostic.
    V2Protobuf,
    /// Version 3, as JSON.
    V3,
}

/// What stands around the parts of a document, and between any two of them that are not empty.
#[derive(Debug)]
pub struct Frame {
    /// Before the definitions.
    pub begin: Vec<u8>,
    /// Between the definitions and the paths.
    pub between: Vec<u8>,
    /// After the paths.
    pub end: Vec<u8>,
    /// Between one part and the next.
    pub separator: &'static str,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::V2, Self::V2Protobuf, Self::V3];

    /// What stands around the parts.
    pub fn frame(self) -> Frame {
        match self {
            Self::V2 => v2::frame(),
            Self::V2Protobuf => v2::protobuf_frame(),
            Self::V3 => v3::frame(),
        }
    }

    /// Writes the built-in definitions of these names, and all that they refer to, in parts of limited size.
    pub fn built_in(self, names: &BTreeSet<String>, mut write: impl FnMut(Vec<u8>)) {
        let mut part = self.entries();
        crate::builtin::visit_documents(names.iter().map(String::as_str), |name, schema| {
            part.definition(name, &self.dialect().built_in(name, schema));
            if part.bytes().len() >= PART {
                write(std::mem::replace(&mut part, self.entries()).finish());
            }
        });
        if !part.bytes().is_empty() {
            write(part.finish());
        }
    }

    /// The definitions that a resource brings itself; empty for a built-in one.
    pub fn definitions(self, resource: &Resource<'_>) -> Vec<u8> {
        let mut part = self.entries();
        for (name, schema) in custom::definitions(resource, self.dialect()) {
            part.definition(&name, &schema);
        }
        part.finish()
    }

    /// The paths of a resource.
    pub fn paths(self, resource: &Resource<'_>) -> Vec<u8> {
        let mut part = self.entries();
        let mut endpoints = super::endpoints::endpoints(resource);
        endpoints.sort_by(|one, other| one.path.cmp(&other.path));
        for endpoint in endpoints {
            let item = match self.dialect() {
                Dialect::V2 => v2::path_item(&endpoint),
                Dialect::V3 => v3::path_item(&endpoint),
            };
            part.path(&endpoint.path, &item);
        }
        part.finish()
    }

    /// The whole document of these resources.
    pub(super) fn document(self, resources: &[Resource<'_>]) -> Vec<u8> {
        let Frame { begin, between, end, separator } = self.frame();
        let mut definitions = Vec::new();
        self.built_in(&built_in_names(resources), |part| definitions.push(part));
        definitions.extend(resources.iter().map(|resource| self.definitions(resource)));
        let paths = resources.iter().map(|resource| self.paths(resource)).collect();
        let joined = |mut parts: Vec<Vec<u8>>| {
            parts.retain(|part| !part.is_empty());
            parts.join(separator.as_bytes())
        };
        [begin, joined(definitions), between, joined(paths), end].concat()
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::V2 | Self::V2Protobuf => Dialect::V2,
            Self::V3 => Dialect::V3,
        }
    }

    fn entries(self) -> Entries {
        match self {
            Self::V2 | Self::V3 => Entries::Json(super::writer::Entries::default()),
            Self::V2Protobuf => Entries::Protobuf(super::gnostic::Entries::default()),
        }
    }
}

/// The names of the built-in definitions that documents of `resources` need at the least.
pub fn built_in_names(resources: &[Resource<'_>]) -> BTreeSet<String> {
    let meta = |name: &str| format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}");
    let mut names = BTreeSet::from([meta("DeleteOptions"), meta("Patch"), meta("Status")]);
    for resource in resources {
        match resource.schema {
            ResourceSchema::Definition(name) => {
                names.insert(name.to_owned());
                if resource.is_listed() {
                    names.insert(resource.list_definition());
                }
            }
            ResourceSchema::Custom(_) => names.extend([meta("ListMeta"), meta("ObjectMeta")]),
        }
        names.extend(resource.subresources.iter().filter_map(|sub| sub.definition.map(str::to_owned)));
    }
    names
}

/// Definitions or paths in the writing.
enum Entries {
    Json(super::writer::Entries),
    Protobuf(super::gnostic::Entries),
}

impl Entries {
    fn definition(&mut self, name: &str, schema: &serde_json::Value) {
        match self {
            Self::Json(entries) => entries.add(name, schema),
            Self::Protobuf(entries) => entries.definition(name, schema),
        }
    }

    fn path(&mut self, path: &str, item: &serde_json::Value) {
        match self {
            Self::Json(entries) => entries.add(path, item),
            Self::Protobuf(entries) => entries.path(path, item),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Json(entries) => &entries.0,
            Self::Protobuf(entries) => entries.bytes(),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Json(entries) => entries.0,
            Self::Protobuf(entries) => entries.finish(),
        }
    }
}
