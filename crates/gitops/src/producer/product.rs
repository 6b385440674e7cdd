//! What a producer made.

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
}

impl Product {
    /// The product of these manifests, in which everything is filled in.
    pub(crate) fn of(manifests: Vec<Manifest>) -> Self {
        let mut digest = Sha256::new();
        for manifest in &manifests {
            digest.update(serde_json::to_vec(manifest.object()).unwrap_or_default());
            digest.update(b"\n");
        }
        let digest = digest.finalize().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
        Self { manifests, digest, unset: None }
    }

    /// What was made earlier, of its objects, its identity and what was not filled in.
    pub(crate) fn again(objects: Vec<Value>, digest: String, unset: Option<String>) -> Result<Self, ManifestError> {
        let manifests = objects.into_iter().map(Manifest::new).collect::<Result<_, _>>()?;
        Ok(Self { manifests, digest, unset })
    }

    /// The objects.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Value> {
        self.manifests.iter().map(Manifest::object)
    }
}
