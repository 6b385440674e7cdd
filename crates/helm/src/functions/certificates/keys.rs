//! Private keys: made, read, written, and what they sign.

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::{Pkcs1v15Sign, PrivateKey as RsaPrivateKey};
use x509_cert::der::Tag;

use super::der;
use super::pem;
use crate::functions::call::limits::price;
use crate::functions::chance::random::{self, Generator, Random};

/// Object identifiers, as their bytes.
mod oid {
    pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    pub(crate) const RSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    pub(crate) const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
}

/// How many bits an RSA key has at the most, and about how many bytes it is then.
const LONGEST_MODULUS: usize = 8192;
const LONGEST_RSA: usize = 5 * 1024;

/// How many bytes an RSA key of 2048 bits is.
const USUAL_RSA: u64 = 1200;

/// A private key.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(Box<SigningKey>),
    Ed25519 {
        /// What the key follows from.
        seed: Vec<u8>,
        pair: Box<Ed25519KeyPair>,
    },
}

impl PrivateKey {
    /// A new RSA key.
    pub(crate) fn rsa(bits: usize, random: &mut dyn Random) -> Result<Self, String> {
        let key = RsaPrivateKey::new(&mut Generator(random), bits).map_err(|error| error.to_string())?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// A new key on the curve P-256.
    pub(crate) fn p256(random: &mut dyn Random) -> Self {
        loop {
            // Nearly all numbers are keys.
            if let Ok(key) = SigningKey::from_slice(&random::bytes::<32>(random)) {
                return Self::P256(Box::new(key));
            }
        }
    }

    /// A new Ed25519 key.
    pub(crate) fn ed25519(random: &mut dyn Random) -> Result<Self, String> {
        Self::ed25519_of(&random::bytes::<32>(random))
    }

    fn ed25519_of(seed: &[u8]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| error.to_string())?;
        Ok(Self::Ed25519 { seed: seed.to_vec(), pair: Box::new(pair) })
    }

    /// The key of a text in PEM.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.label == "PRIVATE KEY" {
            return Self::from_pkcs8(&block.data).map_err(|why| format!("decoding PEM as PKCS#8: {why}"));
        }
        let kind = block.label.strip_suffix(" PRIVATE KEY");
        match kind.ok_or_else(|| format!("no private key data in PEM block of type {}", block.label))? {
            "RSA" => Self::from_pkcs1(&block.data).map_err(|why| format!("parsing RSA private key from PEM: {why}")),
            "EC" => Self::from_sec1(&block.data, None).map_err(|why| format!("parsing EC private key from PEM: {why}")),
            "DSA" => Err("DSA keys sign no certificates; use an RSA, ECDSA or Ed25519 key".into()),
            kind => Err(format!("invalid private key type {kind}")),
        }
    }

    /// How many steps it takes to read the key of a text in PEM, or to sign with it: for RSA, the third power of its length.
    pub(crate) fn price(text: &str) -> u64 {
        let length = pem::decode(text).map_or(0, |block| block.data.len().min(LONGEST_RSA)) as u64;
        price::SMALL.max(price::SMALL * length.pow(3) / USUAL_RSA.pow(3))
    }

    fn from_pkcs1(data: &[u8]) -> Result<Self, String> {
        // Whether a key is one is found out in a time that grows much faster than the key.
        let modulus = der::read_as(data, Tag::Sequence)
            .and_then(|(content, _)| der::read_as(content, Tag::Integer))
            .and_then(|(_, rest)| der::read_as(rest, Tag::Integer))
            .map_or(0, |(modulus, _)| modulus.len());
        // The modulus may begin with a zero.
        if data.len() > LONGEST_RSA || modulus > LONGEST_MODULUS / 8 + 1 {
            return Err(format!(
                "the RSA key has more than {LONGEST_MODULUS} bits, which is the limit; use a smaller one"
            ));
        }
        let key = RsaPrivateKey::from_pkcs1_der(data).map_err(|error| error.to_string())?;
        Ok(Self::Rsa(Box::new(key)))
    }

    /// An `ECPrivateKey` of RFC 5915, which may name its curve.
    fn from_sec1(data: &[u8], curve: Option<&[u8]>) -> Result<Self, String> {
        let malformed = "x509: failed to parse EC private key";
        let (content, _) = der::read_as(data, Tag::Sequence).ok_or(malformed)?;
        let (_, rest) = der::read_as(content, Tag::Integer).ok_or(malformed)?;
        let (secret, rest) = der::read_as(rest, Tag::OctetString).ok_or(malformed)?;
        let named = der::read_as(rest, der::context(0))
            .and_then(|(inner, _)| der::read_as(inner, Tag::ObjectIdentifier))
            .map(|(oid, _)| oid);
        if curve.or(named) != Some(oid::P256) {
            return Err("x509: unknown elliptic curve; P-256 is the one that is known here".into());
        }
        let key = SigningKey::from_slice(secret).map_err(|_| "x509: invalid elliptic curve private key value")?;
        Ok(Self::P256(Box::new(key)))
    }

    fn from_pkcs8(data: &[u8]) -> Result<Self, String> {
        let malformed = "x509: failed to parse private key";
        let (content, _) = der::read_as(data, Tag::Sequence).ok_or(malformed)?;
        let (_, rest) = der::read_as(content, Tag::Integer).ok_or(malformed)?;
        let (algorithm, rest) = der::read_as(rest, Tag::Sequence).ok_or(malformed)?;
        let (key, _) = der::read_as(rest, Tag::OctetString).ok_or(malformed)?;
        let (kind, parameters) = der::read_as(algorithm, Tag::ObjectIdentifier).ok_or(malformed)?;
        match kind {
            oid::RSA => Self::from_pkcs1(key),
            oid::EC => Self::from_sec1(key, der::read_as(parameters, Tag::ObjectIdentifier).map(|(oid, _)| oid)),
            oid::ED25519 => Self::ed25519_of(der::read_as(key, Tag::OctetString).ok_or(malformed)?.0),
            _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".into()),
        }
    }

    /// The key in PEM, in the form that is usual for its kind.
    pub(crate) fn to_pem(&self) -> Result<String, String> {
        Ok(match self {
            Self::Rsa(key) => {
                let data = key.to_pkcs1_der().map_err(|error| error.to_string())?;
                pem::encode("RSA PRIVATE KEY", data.as_bytes())
            }
            Self::P256(key) => {
                let public = der::bit_string(&self.public_bits()?);
                let data = der::sequence([
                    der::integer(&[1]),
                    der::value(Tag::OctetString, key.to_bytes()),
                    der::value(der::context(0), der::value(Tag::ObjectIdentifier, oid::P256)),
                    der::value(der::context(1), public),
                ]);
                pem::encode("EC PRIVATE KEY", &data)
            }
            Self::Ed25519 { seed, .. } => {
                let data = der::sequence([
                    der::integer(&[0]),
                    der::sequence([der::value(Tag::ObjectIdentifier, oid::ED25519)]),
                    der::value(Tag::OctetString, der::value(Tag::OctetString, seed)),
                ]);
                pem::encode("PRIVATE KEY", &data)
            }
        })
    }

    /// The public key without what says of which kind it is.
    pub(crate) fn public_bits(&self) -> Result<Vec<u8>, String> {
        Ok(match self {
            Self::Rsa(key) => {
                let public = key.to_public_key().to_pkcs1_der().map_err(|error| error.to_string())?;
                public.as_bytes().to_vec()
            }
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519 { pair, .. } => pair.public_key().as_ref().to_vec(),
        })
    }

    /// The public key as certificates have it.
    pub(crate) fn public_info(&self) -> Result<Vec<u8>, String> {
        let algorithm = match self {
            Self::Rsa(_) => vec![der::value(Tag::ObjectIdentifier, oid::RSA), der::value(Tag::Null, [])],
            Self::P256(_) => {
                vec![der::value(Tag::ObjectIdentifier, oid::EC), der::value(Tag::ObjectIdentifier, oid::P256)]
            }
            Self::Ed25519 { .. } => vec![der::value(Tag::ObjectIdentifier, oid::ED25519)],
        };
        Ok(der::sequence([der::sequence(algorithm), der::bit_string(&self.public_bits()?)]))
    }

    /// The algorithm with which the key signs.
    pub(crate) fn signature_algorithm(&self) -> Vec<u8> {
        der::sequence(match self {
            Self::Rsa(_) => vec![der::value(Tag::ObjectIdentifier, oid::RSA_WITH_SHA256), der::value(Tag::Null, [])],
            Self::P256(_) => vec![der::value(Tag::ObjectIdentifier, oid::ECDSA_WITH_SHA256)],
            Self::Ed25519 { .. } => vec![der::value(Tag::ObjectIdentifier, oid::ED25519)],
        })
    }

    /// The signature of a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, message);
                let signature = key.sign(Pkcs1v15Sign::new::<rsa::sha2::Sha256>(), hash.as_ref());
                signature.map_err(|error| error.to_string())
            }
            Self::P256(key) => {
                let signature: Signature = key.sign(message);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::Ed25519 { pair, .. } => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}
