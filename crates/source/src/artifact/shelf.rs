//! What is kept of one repository.

use std::sync::Arc;

use super::layer::Layer;
use super::layers::Layers;
use crate::Digest;
use crate::cache::Cache;

/// What is kept of one repository, for those who have the same servers answer for it.
///
/// What another repository names is not found by it: who may read one may not read the others. Neither is what was kept in
/// another scope: whoever chooses who answers has every digest that they have heard of confirmed.
pub(super) struct Shelf<'a> {
    pub(super) manifests: &'a Cache,
    pub(super) layers: &'a Layers,
    /// Who chose the servers that answer; nobody where it is empty.
    pub(super) scope: &'a str,
    /// The URL below which everything of the repository is.
    pub(super) base: String,
}

impl Shelf<'_> {
    /// The manifest, or the signed text, with this digest.
    pub(super) fn text(&self, digest: Digest) -> Option<Vec<u8>> {
        let held = self.manifests.get(&self.place(digest))?.content.bytes().ok()?;
        (Digest::of(&held) == digest).then_some(held)
    }

    /// Keeps a manifest or a signed text. Whoever asked has it anyway: a full disk costs the next look.
    pub(super) fn keep(&self, digest: Digest, content: &[u8]) {
        if let Err(error) = self.manifests.put(&self.place(digest), "", content) {
            tracing::warn!(directory = %self.manifests.directory().display(), %error, "a manifest was not kept");
        }
    }

    /// The layer with this digest.
    pub(super) fn layer(&self, digest: Digest) -> Option<Arc<Layer>> {
        self.layers.get(&self.place(digest))
    }

    /// Under which name something is kept.
    pub(super) fn place(&self, digest: Digest) -> String {
        Digest::of(format!("{}\n{}\n{digest}", self.scope, self.base).as_bytes()).hex()
    }
}
