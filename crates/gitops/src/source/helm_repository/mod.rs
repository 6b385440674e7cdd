//! HelmRepositories: the index of a repository of charts, or a place in a registry, which has none.

mod asked;
mod credentials;
mod error;
mod fetch;

use std::sync::Arc;

use cowherd_api::flux::source::v1::HelmRepository;
use kube::ResourceExt;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName};

pub(super) use asked::asked;
pub(super) use error::{Error, FIELDS};

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("HelmRepository");

/// How often it is looked at that says nothing of that. Flux lets it be left out for registries.
static DEFAULT_INTERVAL: std::sync::LazyLock<cowherd_api::Duration> =
    std::sync::LazyLock::new(|| cowherd_api::Duration::new("1m"));

impl Source for HelmRepository {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] = &["url"];

    fn interval(&self) -> &cowherd_api::Duration {
        self.spec.interval.as_ref().unwrap_or(&DEFAULT_INTERVAL)
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    fn is_static(&self) -> bool {
        is_registry(self)
    }

    fn status(&self) -> Status {
        Status::read(self.status.as_ref())
    }

    async fn fetch(&self, shared: &Shared) -> Result<Found, Problem> {
        fetch::fetch(shared, self).await.map_err(Problem::from)
    }

    async fn held(&self, shared: &Shared) -> Option<Arc<Artifact>> {
        fetch::held(shared, self)
    }
}

/// Whether it names a place in a registry.
pub(super) fn is_registry(object: &HelmRepository) -> bool {
    object.spec.kind.as_deref() == Some("oci")
}

fn name(object: &HelmRepository) -> SourceName {
    SourceName::new(KIND, object.namespace().unwrap_or_default(), object.name_any())
}
