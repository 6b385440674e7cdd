//! Why it is not said that something was signed by somebody.

use crate::KeyId;

/// Why it is not said that something was signed by somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The signature names nobody.
    #[error("its signature does not say by which key it is")]
    Nameless,
    /// None of the keys is the one that signed.
    #[error("it is signed by the key {0}, which is not among those that may sign")]
    Stranger(String),
    /// The key is none by which signatures are verified.
    #[error(
        "it is signed by the key {0}, of a kind that is not supported: those are RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, and Ed25519"
    )]
    Unsupported(KeyId),
    /// The signature is of something else.
    #[error(
        "its signature by the key {0} is not of what stands there: that was changed after it was signed, or the signature was"
    )]
    Changed(KeyId),
    /// The key was revoked.
    #[error("it is signed by the key {0}, which was revoked")]
    Revoked(KeyId),
    /// The key has expired.
    #[error("it is signed by the key {0}, which has expired")]
    KeyExpired(KeyId),
    /// The key may not sign.
    #[error("it is signed by the key {0}, which is not one for signatures, by what it says itself")]
    NotForSigning(KeyId),
    /// The key does not say of itself that it is one.
    #[error("it is signed by the key {0}, which has no valid signature of its own by which it counts")]
    Unbound(KeyId),
    /// The signature has expired.
    #[error("its signature by the key {0} has expired")]
    Expired(KeyId),
    /// The signature is from the future.
    #[error("its signature by the key {0} says that it is from the future, or older than the key")]
    Untimely(KeyId),
    /// The signature says something that must not be passed over.
    #[error("its signature by the key {0} says something critical about itself that is not known")]
    Beyond(KeyId),
}
