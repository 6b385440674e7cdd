//! Public keys, and what was made by one.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use ring::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY};
use ring::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::packet::Body;

/// How the curves are named in keys.
const ED25519_LEGACY: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// What stands before a point that is one number.
const NATIVE: u8 = 0x40;
/// How many bytes the longest numbers of a signature have: those of RSA with 8192 bits.
const MAX_NUMBER: usize = 1024;

/// By which number people name a key: the end of its fingerprint, in 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// That of the key with this fingerprint.
    pub fn of(fingerprint: &[u8; 20]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&fingerprint[12..]);
        Self(id)
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a key of the fourth version is told by: a digest of its public part.
pub fn fingerprint(public: &[u8]) -> [u8; 20] {
    let hashed = digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, &framed(public));
    let mut fingerprint = [0; 20];
    fingerprint.copy_from_slice(hashed.as_ref());
    fingerprint
}

/// The public part of a key as it goes into digests.
pub(crate) fn framed(public: &[u8]) -> Vec<u8> {
    let length = u16::try_from(public.len()).unwrap_or_default().to_be_bytes();
    [&[0x99][..], &length[..], public].concat()
}

/// By what a message was digested before it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(crate) fn read(number: u8) -> Option<Self> {
        Some(match number {
            2 => Self::Sha1,
            8 => Self::Sha256,
            9 => Self::Sha384,
            10 => Self::Sha512,
            _ => return None,
        })
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn rsa(self) -> &'static RsaParameters {
        match self {
            Self::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        }
    }

    pub(crate) fn digest(self, signed: &[u8]) -> digest::Digest {
        digest::digest(self.algorithm(), signed)
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct PublicKey {
    pub(crate) fingerprint: [u8; 20],
    /// When it was made, in seconds since 1970.
    pub(crate) created: u64,
    /// The public part, as it is written.
    pub(crate) body: Vec<u8>,
    algorithm: u8,
    /// What cannot be used is `None`.
    material: Option<Material>,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// Reads the content of a packet; `None` where it is none of the fourth version.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let mut body = Body(packet);
        if body.byte()? != 4 {
            return None;
        }
        let created = body.take(4)?.iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
        let algorithm = body.byte()?;
        let material = Material::read(algorithm, &mut body);
        Some(Self { fingerprint: fingerprint(packet), created, body: packet.to_vec(), algorithm, material })
    }

    pub(crate) fn id(&self) -> KeyId {
        KeyId::of(&self.fingerprint)
    }

    /// Whether it is of a kind by which signatures are verified here.
    pub(crate) fn is_usable(&self) -> bool {
        self.material.is_some()
    }

    /// Whether the numbers are a signature by this key of what was signed.
    pub(crate) fn made(&self, algorithm: u8, hash: Hash, signed: &[u8], numbers: &[u8]) -> bool {
        // RSA has two numbers, of which one is for keys that do nothing else.
        let is_same = algorithm == self.algorithm || (matches!(algorithm, 1 | 3) && matches!(self.algorithm, 1 | 3));
        is_same && self.material.as_ref().and_then(|material| material.made(algorithm, hash, signed, numbers)).is_some()
    }
}

impl Material {
    fn read(algorithm: u8, body: &mut Body<'_>) -> Option<Self> {
        match algorithm {
            1 | 3 => {
                let (modulus, exponent) = (body.integer()?, body.integer()?);
                Some(Self::Rsa { modulus: without_zeros(modulus), exponent: without_zeros(exponent) })
            }
            19 => {
                let (curve, point) = (body.counted()?, body.integer()?);
                match curve {
                    P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P256),
                    P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384),
                    P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(|key| Self::P521(Box::new(key))),
                    _ => None,
                }
            }
            22 if body.counted()? == ED25519_LEGACY => {
                let point = body.integer()?.strip_prefix(&[NATIVE])?;
                point.try_into().ok().map(Self::Ed25519)
            }
            27 => body.take(32)?.try_into().ok().map(Self::Ed25519),
            _ => None,
        }
    }

    fn made(&self, algorithm: u8, hash: Hash, signed: &[u8], numbers: &[u8]) -> Option<()> {
        let mut numbers = Body(numbers);
        match self {
            Self::Rsa { modulus, exponent } => {
                let number = padded(numbers.integer()?, modulus.len())?;
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(hash.rsa(), signed, &number).ok()
            }
            Self::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(&pair(&mut numbers, 32)?).ok()?;
                key.verify_prehash(hash.digest(signed).as_ref(), &signature).ok()
            }
            Self::P384(key) => {
                let signature = p384::ecdsa::Signature::from_slice(&pair(&mut numbers, 48)?).ok()?;
                key.verify_prehash(hash.digest(signed).as_ref(), &signature).ok()
            }
            Self::P521(key) => {
                let signature = p521::ecdsa::Signature::from_slice(&pair(&mut numbers, 66)?).ok()?;
                key.verify_prehash(hash.digest(signed).as_ref(), &signature).ok()
            }
            Self::Ed25519(key) => {
                let signature = if algorithm == 27 { numbers.take(64)?.to_vec() } else { pair(&mut numbers, 32)? };
                UnparsedPublicKey::new(&ED25519, key).verify(hash.digest(signed).as_ref(), &signature).ok()
            }
        }
    }
}

/// Two numbers behind each other, each of so many bytes.
fn pair(numbers: &mut Body<'_>, size: usize) -> Option<Vec<u8>> {
    let first = padded(numbers.integer()?, size)?;
    Some([first, padded(numbers.integer()?, size)?].concat())
}

/// A number with zeros before it.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let padding = size.min(MAX_NUMBER).checked_sub(number.len())?;
    Some([&vec![0; padding], number].concat())
}

fn without_zeros(number: &[u8]) -> Vec<u8> {
    number.iter().skip_while(|byte| **byte == 0).copied().collect()
}
