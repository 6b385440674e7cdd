//! GitRepositories: a commit of a repository as a tree.

mod content;
mod credentials;
mod error;
mod fetch;
mod include;
mod tokens;
mod verification;
mod writable;

use std::sync::Arc;

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_source::{LocalWatch, RepositoryUrl};
use kube::ResourceExt;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName};
#[cfg(test)]
pub(crate) use content::content;
pub use fetch::{SourceRefusal, refusal};
pub(crate) use tokens::Tokens;
pub(crate) use writable::{Unwritable, Writable};

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("GitRepository");

impl Source for GitRepository {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] = &[
        "includedArtifacts",
        "observedIgnore",
        "observedRecurseSubmodules",
        "observedInclude",
        "observedSparseCheckout",
        "sourceVerificationMode",
    ];

    fn interval(&self) -> &cowherd_api::Duration {
        &self.spec.interval
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    fn made_of(&self) -> Vec<SourceName> {
        fetch::made_of(self)
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

    fn watch(&self, shared: &Shared) -> Option<LocalWatch> {
        let url = RepositoryUrl::parse(&self.spec.url).ok()?;
        let access = shared.config.policy.of_source(&name(self), &url);
        let path = url.local_path().filter(|path| access.local.allows(path))?;
        let watch = shared.config.budgets.watches.watch(path);
        watch.inspect_err(|error| tracing::debug!(%error, "a local repository is not watched")).ok()
    }
}

fn name(object: &GitRepository) -> SourceName {
    SourceName::new(KIND, object.namespace().unwrap_or_default(), object.name_any())
}
