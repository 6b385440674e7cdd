//! Why a document cannot be decrypted, and why a key is none. Nothing here quotes a value.

use crate::Format;

/// Why a document cannot be decrypted.
#[derive(Debug, thiserror::Error)]
pub enum SopsError {
    /// There is no metadata of SOPS in it.
    #[error("it is not encrypted: the metadata of SOPS is not there")]
    NotEncrypted,
    /// It is no document of its format.
    #[error("it cannot be read as {format}: {problem}")]
    Unreadable {
        /// The format.
        format: Format,
        /// What is wrong.
        problem: String,
    },
    /// Its metadata cannot be understood.
    #[error("the metadata of SOPS cannot be read: {0}")]
    Metadata(String),
    /// It is larger than what is decrypted.
    #[error("it has {size} bytes; at most {limit} are decrypted")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The most that is decrypted, in bytes.
        limit: usize,
    },
    /// It has more encrypted values than can be kept from being told.
    #[error("there are more than {limit} encrypted values; encrypt fewer of them (--encrypted-regex), or split it")]
    TooManyValues {
        /// The most that there may be.
        limit: usize,
    },
    /// None of the keys opens it.
    #[error("no key that is given opens it: {0}")]
    NoKey(String),
    /// A value cannot be decrypted.
    #[error("{path}: {problem}")]
    Value {
        /// Where it stands.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// What was decrypted cannot be written in the format that is asked for.
    #[error("what it holds cannot be written as {format}: {problem}")]
    Unwritable {
        /// The format.
        format: Format,
        /// What is in the way.
        problem: String,
    },
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is none of age's.
    #[error("line {line} is no private key of age: {problem}")]
    Age {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// It is none of OpenPGP's.
    #[error("it is no private key of OpenPGP: {0}")]
    OpenPgp(String),
}
