//! What a producer made.

use std::collections::BTreeSet;

use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, ManifestError};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Manifests.
pub(crate) struct Product {
    pub(crate) manifests: Vec<Manifest>,
    /// The identity of the manifests, as `sha256:<hex>`.
    pub(crate) digest: String,
    /// What was to be filled in and has no value, in a sentence.
    pub(crate) unset: Option<String>,
    /// What of the owner has no effect, in a sentence.
    pub(crate) without_effect: Option<String>,
    /// What was found out that must not be shown.
    pub(crate) mask: Mask,
    /// What of it was made of values of Secrets, and cannot be known of these.
    pub(crate) made: BTreeSet<String>,
    /// Whether it has what was encrypted where it came from, and is to lie nowhere as it is.
    pub(crate) is_decrypted: bool,
}

impl Product {
    /// The product of these manifests, in which everything is filled in.
    pub(crate) fn of(manifests: Vec<Manifest>) -> Self {
        Self::with_salt(manifests, "")
    }

    /// The same, with an identity of which nobody learns what was encrypted by trying, who does not know `salt`.
    pub(crate) fn decrypted(manifests: Vec<Manifest>, salt: &str, mask: Mask) -> Self {
        Self { mask, is_decrypted: true, ..Self::with_salt(manifests, salt) }
    }

    fn with_salt(manifests: Vec<Manifest>, salt: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(salt);
        for manifest in &manifests {
            digest.update(serde_json::to_vec(manifest.object()).unwrap_or_default());
            digest.update(b"\n");
        }
        let digest = digest.finalize().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        Self {
            manifests,
            digest,
            unset: None,
            without_effect: None,
            mask: Mask::default(),
            made: BTreeSet::new(),
            is_decrypted: false,
        }
    }

    /// The same with what was made of values of Secrets, which must not be shown either.
    pub(crate) fn hiding(mut self, made: BTreeSet<String>) -> Self {
        made.iter().for_each(|text| self.mask.add_text(text));
        Self { made, ..self }
    }

    /// What was made earlier, of its objects, its identity, what was not filled in and what was made of values of Secrets.
    pub(crate) fn again(
        objects: Vec<Value>,
        digest: String,
        unset: Option<String>,
        made: BTreeSet<String>,
    ) -> Result<Self, ManifestError> {
        let manifests = objects.into_iter().map(Manifest::new).collect::<Result<_, _>>()?;
        let (mask, without_effect) = Default::default();
        let again = Self { manifests, digest, unset, without_effect, mask, made: BTreeSet::new(), is_decrypted: false };
        Ok(again.hiding(made))
    }

    /// The objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Value> {
        self.manifests.iter().map(Manifest::object)
    }
}
