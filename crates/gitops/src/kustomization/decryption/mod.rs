//! Decryption with SOPS, as kustomize-controller does it: files that generators and patches read before a render, objects and
//! values of Secrets behind it.

mod files;
mod keys;
mod objects;
mod unsealed;

use cowherd_apply::mask::Mask;
use cowherd_sops::{Keys, SopsError};
use cowherd_tree::{TreeError, TreePath};

pub use keys::DecryptionKeys;
pub(super) use keys::{Decryption, KeysError};
pub(super) use objects::{is_closed, is_encrypted, opened};
pub(super) use unsealed::Unsealed;

/// The most bytes that all encrypted files of one render may have.
const MAX_FILES: usize = 16 * 1024 * 1024;
/// The most values that are decrypted for one render: each is looked for in whatever is told.
const MAX_VALUES: usize = 50_000;
/// Texts that are longer are told by no message as a whole.
const LONGEST_TOLD: usize = 64 * 1024;

/// Why something cannot be decrypted. The texts quote nothing of what is encrypted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecryptionError {
    /// A file that a generator or a patch reads.
    #[error("error decrypting sources: {path}: {error}")]
    File {
        /// The file.
        path: TreePath,
        /// What is wrong.
        error: SopsError,
    },
    /// A file could not be read.
    #[error("error decrypting sources: {0}")]
    Tree(#[from] TreeError),
    /// There are too many encrypted files.
    #[error(
        "error decrypting sources: the encrypted files have more than {} bytes in all; split the Kustomization",
        MAX_FILES
    )]
    TooMany,
    /// An object.
    #[error("decryption failed for '{object}': {field}{error}")]
    Object {
        /// Its kind and name.
        object: String,
        /// The key of a Secret with `: `; empty for the whole object.
        field: String,
        /// What is wrong.
        error: SopsError,
    },
}

/// What was decrypted in a render.
#[derive(Default)]
pub(super) struct Found {
    /// What must not be shown.
    pub(super) secrets: Vec<String>,
    /// Whether anything was encrypted.
    pub(super) any: bool,
    /// The files that were changed since they were encrypted.
    pub(super) changed: Vec<TreePath>,
}

impl Found {
    /// Has `mask` hide what was decrypted.
    pub(super) fn hide(&self, mask: &mut Mask) {
        for secret in &self.secrets {
            if secret.len() <= LONGEST_TOLD {
                mask.add_text(secret);
            } else {
                secret.lines().filter(|line| line.len() <= LONGEST_TOLD).for_each(|line| mask.add_text(line));
            }
        }
    }
}

/// Keys with what they opened.
pub(super) struct Opener<'k> {
    keys: &'k Keys,
    /// Whether what no key opens is left as it is.
    leaves_closed: bool,
    pub(super) found: Found,
}

impl<'k> Opener<'k> {
    /// Opens with these keys.
    pub(super) fn new(keys: &'k Keys) -> Self {
        Self { keys, leaves_closed: false, found: Found::default() }
    }

    /// Opens what these keys open, and leaves the rest.
    pub(super) fn lenient(keys: &'k Keys) -> Self {
        Self { leaves_closed: true, ..Self::new(keys) }
    }
}
