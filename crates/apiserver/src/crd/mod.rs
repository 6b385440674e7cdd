//! CustomResourceDefinitions: what they say, and how their objects behave.

mod acceptance;
mod definition;
mod document;
mod printing;
mod version;

pub use acceptance::{accept, set_condition, storage_schema_errors};
pub use definition::{CustomResource, Names};
pub use document::SchemaDocument;
pub use printing::PrintColumn;
pub use version::CustomVersion;

/// The finalizer that keeps a definition until its objects are gone.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";
