//! OpenPGP (RFC 4880 and RFC 9580), as far as it is met here.
//!
//! [`armor`] and [`packet`] are what messages, keys and signatures are made of. [`Certificates`] are public keys as people
//! publish them, and [`Certificates::verify`] tells whose [`Signature`] something bears: one signature over bytes as they are, by a
//! key of the fourth version, of RSA (2048 to 8192 bits), ECDSA (P-256, P-384, P-521) or Ed25519, over a digest of the SHA-2 family.
//!
//! What a key may do is what its own signatures say, each of which is verified: a subkey, a user or a date that somebody else put
//! beside a key means nothing. Nothing here reads a clock.

pub mod armor;
mod certificate;
mod key;
pub mod packet;
mod signature;
mod subpackets;
mod unverified;
mod validity;

pub use certificate::{Certificates, CertificatesError};
pub use key::{KeyId, fingerprint};
pub use signature::{Signature, SignatureError};
pub use unverified::Unverified;
