//! ExternalArtifacts: what an ArtifactGenerator makes here, or somebody else publishes, as a tree.
//!
//! Nothing is said in their status: whoever makes one says it there.

mod error;
mod fetch;

use std::sync::{Arc, LazyLock};

use cowherd_api::flux::source::v1::ExternalArtifact;
use kube::ResourceExt;

use super::status::Status;
use super::{Artifact, Found, Problem, Shared, Source, SourceKind, SourceName};
use crate::NamespacedName;
use crate::artifact_generator::{GENERATOR_GROUP, GENERATOR_KIND, MADE};

/// The kind.
pub(crate) const KIND: SourceKind = SourceKind("ExternalArtifact");

/// How often one is looked at of which nobody says anything new.
static INTERVAL: LazyLock<cowherd_api::Duration> = LazyLock::new(|| cowherd_api::Duration::new("1h"));

impl Source for ExternalArtifact {
    const KIND: SourceKind = KIND;

    const STATUS_FIELDS: &'static [&'static str] = &[];

    const IS_REPORTED: bool = false;

    fn interval(&self) -> &cowherd_api::Duration {
        &INTERVAL
    }

    fn is_suspended(&self) -> bool {
        false
    }

    fn made_of(&self) -> Vec<SourceName> {
        generator(self).map(|_| made(self)).into_iter().collect()
    }

    fn told(&self) -> Option<String> {
        // What a generator says of its own was told here before it is written.
        let artifact = self.status.as_ref()?.artifact.as_ref().filter(|_| generator(self).is_none())?;
        Some(format!("{} {} {}", artifact.revision, artifact.digest, artifact.url))
    }

    fn status(&self) -> Status {
        Status::default()
    }

    async fn fetch(&self, shared: &Shared) -> Result<Found, Problem> {
        fetch::fetch(shared, self).await.map_err(Problem::from)
    }

    /// What was made before the start is made again as soon as its sources are there.
    async fn held(&self, _shared: &Shared) -> Option<Arc<Artifact>> {
        None
    }
}

/// The ArtifactGenerator that makes it, if one of its namespace does.
pub(crate) fn generator(object: &ExternalArtifact) -> Option<NamespacedName> {
    let reference = object.spec.source_ref.as_ref()?;
    let group = reference.api_version.as_deref().and_then(|version| version.split_once('/')).map(|(group, _)| group);
    let namespace = object.namespace().unwrap_or_default();
    let is_here = reference.namespace.as_ref().is_none_or(|other| *other == namespace);
    let is_one = is_here && group == Some(GENERATOR_GROUP) && reference.kind == GENERATOR_KIND;
    is_one.then(|| NamespacedName::new(namespace, &reference.name))
}

/// Under which name what a generator made for it is on the shelf.
fn made(object: &ExternalArtifact) -> SourceName {
    SourceName { kind: MADE, name: NamespacedName::of(object) }
}
