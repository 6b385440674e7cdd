//! Why a signature is not believed.

use jiff::Timestamp;

/// Why a signature is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is larger than anything that is looked at.
    #[error("it is larger than is read")]
    TooLarge,
    /// It is no signature at all.
    #[error("it is no signature of cosign: {0}")]
    Unreadable(&'static str),
    /// It is a bundle of another version.
    #[error("it is a bundle of the type {0:?}; those of the versions 0.1 to 0.3 are understood")]
    BundleVersion(String),
    /// It signs a blob and no manifest.
    #[error(
        "it is a bundle of a signed blob (messageSignature); of artifacts those are verified that sign a statement (dsseEnvelope)"
    )]
    SignedBlob,
    /// It is about another artifact.
    #[error("it is about another artifact")]
    OtherArtifact,
    /// It was not made with the key that it is said to be of.
    #[error("the signature is not by the key of its certificate")]
    Forged,
    /// None of the keys made it.
    #[error("it is by none of the keys")]
    OtherKey,
    /// It has a certificate where a key is asked for.
    #[error("it is by a certificate, and not by a key")]
    NotByKey,
    /// It has a key where a certificate is asked for.
    #[error("it is by a key and has no certificate; give the public key in a Secret that verify.secretRef names")]
    NoCertificate,
    /// Its certificate is none.
    #[error("its certificate cannot be read, or has a key that is not understood")]
    CertificateUnreadable,
    /// Its certificate has an extension that must be understood and is not.
    #[error("its certificate has a critical extension that is not understood")]
    CertificateNotUnderstood,
    /// Its certificate is for something else.
    #[error("its certificate is not for signing code")]
    NotForCode,
    /// Its certificate did not count when the log had the signature.
    #[error("its certificate counted from {} to {}, but the log had the signature at {}", at(.not_before), at(.not_after), at(.time))]
    OutOfTime {
        /// From when, in seconds since 1970.
        not_before: i64,
        /// Until when.
        not_after: i64,
        /// When the log had it.
        time: i64,
    },
    /// Its certificate is of nobody who is trusted.
    #[error("its certificate is not by an authority of the trusted root, as that was at the time of the signature")]
    UnknownAuthority,
    /// Its certificate does not say who it is of.
    #[error("its certificate says nobody's name")]
    NoName,
    /// Its certificate does not say clearly who vouched.
    #[error("its certificate does not say clearly who vouched for the signer")]
    NoIssuer,
    /// Its certificate is in no log.
    #[error("its certificate has no promise of a log of certificates in it")]
    NoPromise,
    /// The promise in its certificate is none.
    #[error("the promise of a log in its certificate cannot be read")]
    PromiseUnreadable,
    /// Its certificate is in a log that is not trusted.
    #[error("the promise in its certificate is of the log {log}, which the trusted root does not have")]
    UnknownCertificateLog {
        /// The log's name.
        log: String,
    },
    /// The promise in its certificate is not by the log.
    #[error("the promise in its certificate is not by the log that it names, or not about this certificate")]
    PromiseBroken,
    /// Somebody else signed it.
    #[error("it is by {subject} on the word of {issuer}, whom matchOIDCIdentity does not include")]
    OtherIdentity {
        /// Who did.
        subject: String,
        /// Who vouched for them.
        issuer: String,
    },
    /// Anybody may sign, which is not so for bundles.
    #[error("matchOIDCIdentity says nobody; a bundle, as cosign 3 signs, is verified only where it says who may sign")]
    Anybody,
    /// No log has it.
    #[error(
        "it has no entry of the log Rekor with it, and Rekor is not asked for one; sign again without --tlog-upload=false, so that \
         the entry is put beside the signature"
    )]
    NoEntry,
    /// Its entry is none.
    #[error("the entry of the log cannot be read")]
    EntryUnreadable,
    /// Its entry is of a kind that is not done.
    #[error(
        "the entry of the log is of the kind {kind:?} {version:?}, which is not supported for this form of signature"
    )]
    EntryKind {
        /// What is logged.
        kind: String,
        /// The version of that.
        version: String,
    },
    /// Its entry is of the second generation of the log.
    #[error(
        "the entry of the log is of Rekor v2 (hashedrekord 0.0.2), whose time stands in an RFC 3161 timestamp; neither is supported \
         yet; sign with Rekor v1 (of cosign, `--use-signing-config=false`)"
    )]
    SecondRekor,
    /// Its entry is of a log that is not trusted.
    #[error("the entry is of the log {log}, which the trusted root does not have, or not for that time")]
    UnknownLog {
        /// The log's name.
        log: String,
    },
    /// The log did not promise to have its entry.
    #[error("the log's promise to have the entry (signedEntryTimestamp) is missing, or not by the log")]
    EntryNotPromised,
    /// The log is not proven to have its entry.
    #[error("the proof that the log has the entry does not hold")]
    EntryNotProven,
    /// The proof is not by the log.
    #[error("the checkpoint of the proof is not by the log, or of another tree")]
    CheckpointBroken,
    /// Its entry is about another signature.
    #[error("the entry of the log is about another signature")]
    OtherEntry,
    /// What is signed is no statement.
    #[error("what is signed is no statement of in-toto about artifacts")]
    NoStatement,
}

/// A time as people read it.
fn at(seconds: &i64) -> String {
    Timestamp::from_second(*seconds).map(|time| time.to_string()).unwrap_or_else(|_| "no time".to_owned())
}
