//! Signatures of artifacts, as `cosign sign` puts them beside what they are of.
//!
//! cosign puts them there in two ways. Before its version 3, they are the layers of an artifact under a tag that is made of the digest.
//! Since then, each is an artifact that refers to the signed one: the registry lists those, or they are listed under another tag of
//! that kind. Whose signature it is, [`cowherd_sigstore`] says.

use cowherd_sigstore::{Bundle, Layer, Refusal, SIGNATURE, Trust};

use super::error::ArtifactProblem;
use super::find;
use super::shelf::Shelf;
use super::source::ArtifactSource;
use crate::registry::{Descriptor, Manifest, Registry};
use crate::{Digest, WebProblem};

/// The most signatures of an artifact that are looked at.
const MAX_SIGNATURES: usize = 64;

/// The most of those that refer to it: they are larger.
const MAX_BUNDLES: usize = 32;

/// The most bytes that a signed text may have.
const MAX_TEXT: u64 = 128 << 10;

/// The most bytes that a bundle may have.
const MAX_BUNDLE: u64 = 2 << 20;

/// The most reasons that are told of why signatures are not believed.
const MAX_REASONS: usize = 3;

/// Why there was nobody: the reasons that differ.
#[derive(Default)]
struct Reasons(Vec<String>);

impl Reasons {
    fn note(&mut self, refusal: &Refusal) {
        let reason = refusal.to_string();
        if self.0.len() < MAX_REASONS && !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    fn hint(self) -> String {
        match self.0.as_slice() {
            [] => "; sign it with `cosign sign`".to_owned(),
            reasons => format!(": {}", reasons.join("; ")),
        }
    }
}

/// Sees whether somebody who is trusted has signed the manifest with this digest: each time, since both may change.
pub(super) fn verify(
    registry: &Registry<'_>,
    shelf: &Shelf<'_>,
    source: &ArtifactSource,
    digest: Digest,
    trust: &Trust,
) -> Result<(), ArtifactProblem> {
    let signed = Signed { registry, shelf, digest, trust };
    let mut reasons = Reasons::default();
    if signed.by_layer(&mut reasons)? || signed.by_bundle(&mut reasons)? {
        return Ok(());
    }
    Err(ArtifactProblem::Unsigned { name: format!("{}@{digest}", source.repository), hint: reasons.hint() })
}

/// What may be signed, and by whom.
struct Signed<'a> {
    registry: &'a Registry<'a>,
    shelf: &'a Shelf<'a>,
    digest: Digest,
    trust: &'a Trust,
}

impl Signed<'_> {
    /// Whether a layer of the artifact under the tag for signatures is one.
    fn by_layer(&self, reasons: &mut Reasons) -> Result<bool, ArtifactProblem> {
        let Some(found) = self.under(&format!("sha256-{}.sig", self.digest.hex()))? else { return Ok(false) };
        let is_one = |layer: &&Descriptor| layer.annotation(SIGNATURE).is_some();
        for layer in found.layers.iter().filter(is_one).take(MAX_SIGNATURES) {
            let Some(text) = self.content(layer, MAX_TEXT)? else { continue };
            let Some(signature) = Layer::new(&text, |name| layer.annotation(name)) else { continue };
            match signature.verify(self.digest.as_bytes(), self.trust) {
                Ok(()) => return Ok(true),
                Err(refusal) => reasons.note(&refusal),
            }
        }
        Ok(false)
    }

    /// Whether one of those that refer to the artifact is one.
    fn by_bundle(&self, reasons: &mut Reasons) -> Result<bool, ArtifactProblem> {
        let found = match self.registry.referrers(self.digest)? {
            Some(list) => Some(Manifest::parse(&list, self.registry.base())?),
            None => self.under(&format!("sha256-{}", self.digest.hex()))?,
        };
        let referring = found.iter().flat_map(|found| &found.manifests);
        for referring in referring.filter(|referring| referring.may_be(Bundle::MEDIA_TYPE)).take(MAX_BUNDLES) {
            let Some(bundle) = self.bundle(referring)? else { continue };
            match Bundle::read(&bundle).and_then(|bundle| bundle.verify(self.digest.as_bytes(), self.trust)) {
                Ok(()) => return Ok(true),
                Err(refusal) => reasons.note(&refusal),
            }
        }
        Ok(false)
    }

    /// The bundle in an artifact, if that is what it has.
    fn bundle(&self, referring: &Descriptor) -> Result<Option<Vec<u8>>, ArtifactProblem> {
        let Ok(digest) = referring.digest(self.registry.base()) else { return Ok(None) };
        let manifest = match find(self.registry, self.shelf, &digest.to_string(), Some(digest)) {
            Err(WebProblem::NotFound { .. } | WebProblem::Digest { .. } | WebProblem::TooLarge { .. }) => {
                return Ok(None);
            }
            found => found?.0,
        };
        // Anybody may refer to it with anything.
        let Ok(manifest) = Manifest::parse(&manifest, self.registry.base()) else { return Ok(None) };
        match manifest.layers.as_slice() {
            [layer] if layer.media_type.starts_with(Bundle::MEDIA_TYPE) => self.content(layer, MAX_BUNDLE),
            _ => Ok(None),
        }
    }

    /// The manifest under a tag, if there is one.
    fn under(&self, tag: &str) -> Result<Option<Manifest>, ArtifactProblem> {
        match find(self.registry, self.shelf, tag, None) {
            Err(WebProblem::NotFound { .. }) => Ok(None),
            found => Ok(Some(Manifest::parse(&found?.0, self.registry.base())?)),
        }
    }

    /// What a descriptor names; nothing where it is not what it is said to be: anybody may put something beside the good one.
    fn content(&self, layer: &Descriptor, limit: u64) -> Result<Option<Vec<u8>>, ArtifactProblem> {
        let Ok(digest) = layer.digest(self.registry.base()) else { return Ok(None) };
        if let Some(held) = self.shelf.text(digest) {
            return Ok(Some(held));
        }
        let mut content = Vec::new();
        match self.registry.blob(layer, limit, &mut content) {
            Ok(()) => self.shelf.keep(digest, &content),
            Err(WebProblem::TooLarge { .. } | WebProblem::NotFound { .. } | WebProblem::Digest { .. }) => {
                return Ok(None);
            }
            Err(problem) => return Err(problem.into()),
        }
        Ok(Some(content))
    }
}
