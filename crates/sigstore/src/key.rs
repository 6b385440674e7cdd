//! Public keys, and what was signed with them.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey,
    VerificationAlgorithm,
};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EDWARDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    kind: Kind,
    bytes: Vec<u8>,
}

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

/// Of what a signature is; Ed25519 has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Key {
    /// Reads a SubjectPublicKeyInfo.
    pub(crate) fn of_info(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
        let bytes = info.subject_public_key.as_bytes()?.to_vec();
        let curve = || info.algorithm.parameters_oid().ok();
        let kind = match info.algorithm.oid {
            RSA => Kind::Rsa,
            EDWARDS => Kind::Ed25519,
            ELLIPTIC if curve() == Some(P256) => Kind::P256,
            ELLIPTIC if curve() == Some(P384) => Kind::P384,
            _ => return None,
        };
        Some(Self { kind, bytes })
    }

    /// A key of RSA alone, as PKCS#1 has it.
    pub(crate) fn of_rsa(der: Vec<u8>) -> Self {
        Self { kind: Kind::Rsa, bytes: der }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The hash that belongs to the key where nothing else is said.
    pub(crate) fn hash(&self) -> Hash {
        match self.kind {
            Kind::P256 | Kind::Rsa => Hash::Sha256,
            Kind::P384 => Hash::Sha384,
            Kind::Ed25519 => Hash::Sha512,
        }
    }

    /// Whether the private key signed the text.
    pub(crate) fn has_signed(&self, hash: Hash, text: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, hash) {
            (Kind::P256, Hash::Sha256) => &ECDSA_P256_SHA256_ASN1,
            (Kind::P256, Hash::Sha384) => &ECDSA_P256_SHA384_ASN1,
            (Kind::P384, Hash::Sha256) => &ECDSA_P384_SHA256_ASN1,
            (Kind::P384, Hash::Sha384) => &ECDSA_P384_SHA384_ASN1,
            (Kind::P256 | Kind::P384, Hash::Sha512) => return false,
            (Kind::Rsa, Hash::Sha256) => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, Hash::Sha384) => &RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, Hash::Sha512) => &RSA_PKCS1_2048_8192_SHA512,
            (Kind::Ed25519, _) => &ED25519,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(text, signature).is_ok()
    }

    /// Whether the private key signed the text as older and newer programs do: by SHA-256, or by the hash of the key.
    pub(crate) fn has_signed_somehow(&self, text: &[u8], signature: &[u8]) -> bool {
        self.has_signed(self.hash(), text, signature)
            || (self.hash() != Hash::Sha256 && self.has_signed(Hash::Sha256, text, signature))
    }
}
