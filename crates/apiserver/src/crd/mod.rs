//! CustomResourceDefinitions: what they say, and how their objects behave.

mod acceptance;
mod definition;
mod document;
mod printing;
mod version;
mod view;

pub use acceptance::{accept, set_condition, storage_schema_errors};
pub use definition::{CustomResource, Names};
pub use document::SchemaDocument;
pub use printing::PrintColumn;
pub use version::CustomVersion;
pub use view::{Definitions, News};

use crate::resource::Resource;

/// The finalizer that keeps a definition until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Whether objects of the resource define resources.
pub fn defines(resource: &Resource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}
