//! Brings what an ExternalArtifact stands for.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::annotations::ORIGIN_REVISION;
use cowherd_api::flux::source::v1::{self, ExternalArtifact};
use cowherd_source::Published;
use kube::ResourceExt as _;
use serde_json::Map;

use super::super::{Artifact, Found, Origin, Shared, SourceName, is_requested};
use super::error::Error;
use super::{generator, made};
use crate::NamespacedName;
use crate::artifact_generator::GENERATOR;
use crate::fetches::Purpose;

/// What its generator has made for it, or what somebody else has published.
pub(super) async fn fetch(shared: &Shared, object: &ExternalArtifact) -> Result<Found, Error> {
    match generator(object) {
        Some(generator) => generated(shared, object, generator).map(found),
        None => published(shared, object).await.map(found),
    }
}

/// What the generator has made last. It works in whichever shard it is wanted.
fn generated(shared: &Shared, object: &ExternalArtifact, generator: NamespacedName) -> Result<Arc<Artifact>, Error> {
    shared.wanted.note(&SourceName { kind: GENERATOR, name: generator.clone() });
    let latest = shared.shelf.follow(&made(object)).borrow().artifact.clone();
    latest.ok_or(Error::NotMade(generator))
}

/// What somebody else says that it is, on the terms on which anything is fetched for the namespace.
async fn published(shared: &Shared, object: &ExternalArtifact) -> Result<Arc<Artifact>, Error> {
    let said = object.status.as_ref().and_then(|status| status.artifact.clone()).ok_or(Error::NoArtifact)?;
    let v1::Artifact { url, revision, digest, metadata, .. } = said;
    let wanted = digest.starts_with("sha256:").then(|| digest.parse().ok()).flatten();
    let wanted = wanted.ok_or_else(|| {
        let shown: String = digest.chars().take(100).collect();
        Error::Digest(format!("{shown:?} is none that is compared here; it takes sha256: and 64 hexadecimal digits"))
    })?;
    let artifacts = shared.config.artifacts.clone().ok_or(Error::NoPlace)?;
    let namespace = object.namespace().unwrap_or_default();
    let mut wanted = Published::new(&url, wanted, &namespace);
    let host = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
    wanted.access = shared.config.policy.of_tenant(&namespace);
    let purpose = Purpose { namespace, host, is_own: false };
    (wanted.is_requested, wanted.tenant) = (is_requested(object), shared.fetches.tenant(&purpose));
    let work = move |cancel| {
        wanted.cancel = cancel;
        artifacts.published(&wanted)
    };
    let fetched = shared.fetches.run(&purpose, work).await?;
    let tree = fetched.map_err(|cause| Error::Fetch { revision: revision.clone(), cause })?;
    let origin = metadata.filter(|metadata| metadata.contains_key(ORIGIN_REVISION)).map(|said| Origin::of(&said));
    Ok(Arc::new(Artifact { revision, digest, origin, tree: tree.clone(), all: tree, ..Artifact::nothing() }))
}

/// Nothing but the content is told of it.
fn found(artifact: Arc<Artifact>) -> Found {
    Found {
        artifact,
        url: String::new(),
        path: String::new(),
        news: String::new(),
        stored: None,
        metadata: BTreeMap::new(),
        verified: None,
        observed: Map::new(),
    }
}
