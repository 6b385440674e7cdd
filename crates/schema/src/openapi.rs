//! OpenAPI documents of what an API server serves: version 3 per group and version, version 2 of everything.
//!
//! Documents are written part by part: one for the built-in definitions, one for each resource's own. Parts can be kept and
//! put together again ([`Form`]), and never stand in memory as trees, all of them at once. Clients need them to explain kinds (`kubectl explain`), to see what the server can do (`fieldValidation`
//! and `dryRun` of patches) and to compute patches (merge keys).

mod custom;
mod endpoints;
mod form;
mod gnostic;
mod parameters;
mod protobuf;
mod schemas;
pub mod v2;
pub mod v3;
mod writer;

use std::borrow::Cow;
use std::fmt::Debug;

use serde_json::Value;

pub use custom::definition_name;
pub use form::{Form, Frame, built_in_names};

/// A resource in one version, as the documents describe it.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The version within the group.
    pub version: &'a str,
    /// The kind of its objects.
    pub kind: &'a str,
    /// The kind of its lists.
    pub list_kind: &'a str,
    /// The name in URLs.
    pub plural: &'a str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What clients may do: `create`, `get`, …
    pub verbs: Vec<&'a str>,
    /// What is served below its objects.
    pub subresources: Vec<Subresource<'a>>,
    /// What its objects look like.
    pub schema: ResourceSchema<'a>,
}

/// A subresource such as `status` or `scale`.
#[derive(Clone, Debug)]
pub struct Subresource<'a> {
    /// The last part of its URL.
    pub name: &'a str,
    /// The group of what it takes and gives.
    pub group: &'a str,
    /// The version of what it takes and gives.
    pub version: &'a str,
    /// The kind of what it takes and gives.
    pub kind: &'a str,
    /// What clients may do: `get`, `update`, `patch`, `create`.
    pub verbs: Vec<&'a str>,
    /// The definition of what it takes and gives: that of the resource itself where there is none.
    pub definition: Option<&'a str>,
}

impl<'a> Subresource<'a> {
    /// `status` of a resource.
    pub fn status(group: &'a str, version: &'a str, kind: &'a str) -> Self {
        Self { name: "status", group, version, kind, verbs: vec!["get", "patch", "update"], definition: None }
    }

    /// `scale` of a resource.
    pub fn scale() -> Self {
        Self {
            name: "scale",
            group: "autoscaling",
            version: "v1",
            kind: "Scale",
            verbs: vec!["get", "patch", "update"],
            definition: Some("io.k8s.api.autoscaling.v1.Scale"),
        }
    }
}

/// What the objects of a resource look like.
#[derive(Clone, Copy, Debug)]
pub enum ResourceSchema<'a> {
    /// A definition of [`crate::builtin`].
    Definition(&'a str),
    /// `openAPIV3Schema` of a CustomResourceDefinition.
    Custom(&'a dyn Source),
}

/// Where a schema comes from: each is asked for when its turn comes, so that they never are all in memory.
pub trait Source: Debug + Send + Sync {
    /// The schema.
    fn schema(&self) -> Cow<'_, Value>;
}

impl Source for Value {
    fn schema(&self) -> Cow<'_, Value> {
        Cow::Borrowed(self)
    }
}

impl Resource<'_> {
    /// The name of its definition in the documents.
    pub(crate) fn definition(&self) -> String {
        match self.schema {
            ResourceSchema::Definition(name) => name.to_owned(),
            ResourceSchema::Custom(_) => definition_name(self.group, self.version, self.kind),
        }
    }

    /// The name of the definition of its lists.
    pub(crate) fn list_definition(&self) -> String {
        let definition = self.definition();
        let package = definition.rsplit_once('.').map_or("", |(package, _)| package);
        format!("{package}.{}", self.list_kind)
    }

    fn is_listed(&self) -> bool {
        self.verbs.contains(&"list")
    }
}
