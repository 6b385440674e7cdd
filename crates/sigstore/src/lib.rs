//! Signatures of artifacts as cosign makes them, with Sigstore or with a key.
//!
//! Whoever signs without a key of their own has one for some minutes: a certificate of Fulcio says whose it was, and the log Rekor that
//! something was signed with it meanwhile. What is trusted for that is a [`TrustedRoot`]; who may sign are [`Identities`]. There are two
//! forms of signatures: [`Layer`]s of a manifest beside the artifact, and [`Bundle`]s that refer to it.
//!
//! Nothing here asks anybody, or looks at a clock: the time of a signature is the one that the log's promise says. All that is read
//! may be written by anybody.

mod bundle;
mod certificate;
mod encoding;
mod identity;
mod key;
mod keys;
mod layer;
mod refusal;
mod rekor;
mod root;
mod statement;

pub use bundle::Bundle;
pub use identity::{Identities, IdentitiesError, Signer};
pub use keys::{KeysError, PublicKeys};
pub use layer::{Layer, SIGNATURE, names};
pub use refusal::Refusal;
pub use root::{RootError, TrustedRoot};

/// The SHA-256 of a manifest.
pub type Digest = [u8; 32];

/// Who is believed to have signed something.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Who has the private key of one of these.
    Keys(PublicKeys),
    /// Who proved to be one of these when they signed.
    Identities {
        /// Whose word it is.
        root: std::sync::Arc<TrustedRoot>,
        /// Who may sign.
        identities: Identities,
    },
}
