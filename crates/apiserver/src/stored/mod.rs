//! Stored objects on their way to those who asked for many of them: most go out nearly as they lie in the store, without
//! being read into trees.

mod list;
mod text;

use std::sync::Arc;

use cowherd_store::Revision;
use serde_json::Value;

use crate::{
    answer::metadata_only,
    made::Made,
    negotiation::{Accepted, Format, Shape},
    resource::Resource,
    selector::Selection,
    status::{ApiError, ApiResult},
};

pub(crate) use list::List;
use text::Text;

/// What is written of an object that need not be read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// Its metadata, as a `PartialObjectMetadata`.
    Metadata,
}

/// A stored object, read as far as it is needed.
#[derive(Debug)]
pub enum Stored<'a> {
    /// As it lies in the store, and the revision that it has.
    Text(Text<'a>, Revision),
    /// The object in the resource's version.
    Tree(Value),
}

/// Which objects of a resource somebody wants, and in which form.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// The resource.
    pub resource: Arc<Resource>,
    /// Which of its objects are meant.
    pub selection: Selection,
    /// What is written of them; nothing where they must be read for it.
    pub form: Option<Form>,
}

impl Outlet {
    /// For a client that accepts this.
    pub fn new(resource: &Arc<Resource>, selection: Selection, accepted: Accepted) -> Self {
        let form = match (accepted.format, accepted.shape) {
            (Format::Json, Shape::Whole | Shape::Discovery) => {
                Some(Form::Whole).filter(|_| resource.is_kept_as_served())
            }
            (Format::Json, Shape::Metadata) => Some(Form::Metadata).filter(|_| resource.keeps_metadata_as_served()),
            (Format::Json, Shape::Table) | (Format::Yaml, _) => None,
        };
        Self { resource: resource.clone(), selection, form }
    }

    /// Looks at a stored object.
    pub fn read<'a>(&self, value: &'a [u8], revision: Revision) -> ApiResult<Stored<'a>> {
        if self.form.is_some()
            && self.selection.looks_at_marks_only()
            && let Some(text) = Text::of(value)
        {
            if let Some(version) = self.resource.custom_version() {
                // Asked here and not before: a collection without objects, as most are, needs no schema.
                version.must_be_readable()?;
            }
            return Ok(Stored::Text(text, revision));
        }
        // Also what is damaged, which is said here.
        self.resource.decode(value, revision).map(Stored::Tree)
    }

    /// Whether the object is meant.
    pub fn means(&self, object: &Stored<'_>) -> bool {
        if self.selection.is_everything() {
            return true;
        }
        match object {
            Stored::Text(text, _) => text.marks().is_some_and(|marks| self.selection.matches(&self.resource, &marks)),
            Stored::Tree(object) => self.selection.matches(&self.resource, object),
        }
    }
}

impl Stored<'_> {
    /// The object in the resource's version.
    pub fn into_tree(self, resource: &Resource) -> ApiResult<Value> {
        match self {
            Self::Text(text, revision) => resource.decode(text.as_bytes(), revision),
            Self::Tree(object) => Ok(object),
        }
    }
}

impl Form {
    /// Writes an object in this form.
    pub fn write(self, object: Stored<'_>, out: &mut Made) -> ApiResult<()> {
        match (self, object) {
            (Self::Whole, Stored::Text(text, revision)) => text.write(revision, out),
            (Self::Metadata, Stored::Text(text, revision)) => {
                out.push(br#"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":"#);
                text.write_metadata(revision, out);
                out.push(b"}");
            }
            (Self::Whole, Stored::Tree(object)) => write(&object, out)?,
            (Self::Metadata, Stored::Tree(object)) => write(&metadata_only(object), out)?,
        }
        Ok(())
    }
}

fn write(object: &Value, out: &mut Made) -> ApiResult<()> {
    serde_json::to_writer(out, object).map_err(ApiError::internal)
}
