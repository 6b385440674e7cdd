//! OCIRepositories: the layer of an artifact of a registry as a tree.

mod credentials;
mod error;
mod fetch;
mod verification;

use std::sync::Arc;

use cowherd_api::flux::source::v1::OCIRepository;
use kube::ResourceExt;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName};

pub(crate) use credentials::{Named, to_registry};
pub use fetch::refusal;
pub(crate) use fetch::shown;

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("OCIRepository");

impl Source for OCIRepository {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] = &["url", "observedIgnore", "observedLayerSelector"];

    const STORED_FOR: &'static str = "digest";

    fn interval(&self) -> &cowherd_api::Duration {
        &self.spec.interval
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    fn status(&self) -> Status {
        Status::read(self.status.as_ref())
    }

    async fn fetch(&self, shared: &Shared) -> Result<Found, Problem> {
        fetch::fetch(shared, self).await.map_err(Problem::from)
    }

    async fn held(&self, shared: &Shared) -> Option<Arc<Artifact>> {
        fetch::held(shared, self).await
    }
}

fn name(object: &OCIRepository) -> SourceName {
    SourceName::new(KIND, object.namespace().unwrap_or_default(), object.name_any())
}
