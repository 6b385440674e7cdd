//! Documents that SOPS encrypted.
//!
//! [`decrypt`] gives back what was encrypted, in the form in which the `sops` program writes it. [`Keys`] are the private keys
//! that may open it: age's and OpenPGP's. Whatever the document is, its work is bounded, and no error quotes a value of it.
//!
//! ```
//! use cowherd_sops::{Format, Keys, SopsError, decrypt};
//!
//! let error = decrypt(b"a: 1\n", Format::Yaml, Format::Yaml, &Keys::default()).unwrap_err();
//! assert!(matches!(error, SopsError::NotEncrypted));
//! assert_eq!(Format::of_path("config/app.env"), Format::Dotenv);
//! ```

mod age;
mod cipher;
mod data_key;
mod document;
mod error;
mod format;
mod keys;
mod metadata;
mod number;
mod open_pgp;
mod rules;
mod shamir;
mod tree;

pub use document::{Decrypted, MAX_SIZE, decrypt};
pub use error::{KeyError, SopsError};
pub use format::Format;
pub use keys::Keys;
