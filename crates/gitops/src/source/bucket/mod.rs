//! Buckets: the objects of a bucket of object storage as a tree.

mod credentials;
mod error;
mod fetch;

use std::sync::Arc;

use cowherd_api::flux::source::v1::Bucket;
use kube::ResourceExt;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName};

pub use fetch::refusal;

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("Bucket");

impl Source for Bucket {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] = &["url", "observedIgnore"];

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

fn name(object: &Bucket) -> SourceName {
    SourceName::new(KIND, object.namespace().unwrap_or_default(), object.name_any())
}
