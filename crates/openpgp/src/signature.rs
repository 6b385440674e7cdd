//! Signatures.

use crate::armor;
use crate::key::{Hash, PublicKey};
use crate::packet::{self, Body};
use crate::subpackets::Subpackets;

/// The most bytes of a signature in its armor.
const MAX_SIZE: usize = 64 * 1024;
/// The tag of a packet that is a signature.
pub(crate) const SIGNATURE: u8 = 2;

/// Why something is no signature that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It cannot be read.
    #[error("its signature cannot be read: {0}")]
    Unreadable(&'static str),
    /// There are several.
    #[error("it has {0} signatures, of which nobody can say which one counts; sign it once")]
    Several(usize),
    /// It is a signature of something else than bytes as they are.
    #[error("its signature is of the kind {0:#04x}, not one of bytes as they are (0x00)")]
    Kind(u8),
    /// The digest is none that is looked at.
    #[error(
        "its signature is over a digest that is not accepted (the number {0}); sign by SHA-256, SHA-384 or SHA-512"
    )]
    Digest(u8),
}

/// A signature over bytes as they are.
#[derive(Clone, Debug)]
pub struct Signature(pub(crate) Packet);

/// A signature of any kind.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) kind: u8,
    pub(crate) hash: Hash,
    pub(crate) about: Subpackets,
    algorithm: u8,
    /// What of it is signed itself.
    signed: Vec<u8>,
    /// The beginning of the digest.
    check: [u8; 2],
    numbers: Vec<u8>,
}

impl Signature {
    /// Reads a text that is one armored signature, and nothing besides.
    ///
    /// # Errors
    /// When it is none, or one that is not looked at.
    pub fn read(text: &str) -> Result<Self, SignatureError> {
        if text.len() > MAX_SIZE {
            return Err(SignatureError::Unreadable("it is too large"));
        }
        let bytes =
            armor::only(text, "PGP SIGNATURE").ok_or(SignatureError::Unreadable("it is not one armored signature"))?;
        let packets = packet::all(&bytes).map_err(SignatureError::Unreadable)?;
        let signature = match packets.as_slice() {
            [signature] if signature.tag == SIGNATURE => signature,
            [] | [_] => return Err(SignatureError::Unreadable("there is none in its armor")),
            several => return Err(SignatureError::Several(several.len())),
        };
        let packet = Packet::parse(&signature.body)?;
        match (packet.kind, packet.hash) {
            (0, Hash::Sha1) => Err(SignatureError::Digest(2)),
            (0, _) => Ok(Self(packet)),
            (kind, _) => Err(SignatureError::Kind(kind)),
        }
    }
}

impl Packet {
    /// Reads the content of a packet.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        Self::parse(packet).ok()
    }

    fn parse(packet: &[u8]) -> Result<Self, SignatureError> {
        const SHORT: SignatureError = SignatureError::Unreadable("it ends early");
        let mut body = Body(packet);
        if body.byte() != Some(4) {
            return Err(SignatureError::Unreadable("it is of another version than 4"));
        }
        let (kind, algorithm, hash) = (body.byte().ok_or(SHORT)?, body.byte().ok_or(SHORT)?, body.byte().ok_or(SHORT)?);
        let about = sized(&mut body).ok_or(SHORT)?;
        let signed = packet[..packet.len() - body.0.len()].to_vec();
        let unsigned = sized(&mut body).ok_or(SHORT)?;
        let check = body.take(2).and_then(|check| check.try_into().ok()).ok_or(SHORT)?;
        let about = Subpackets::read(about, unsigned)
            .ok_or(SignatureError::Unreadable("what it says of itself makes no sense"))?;
        let hash = Hash::read(hash).ok_or(SignatureError::Digest(hash))?;
        Ok(Self { kind, hash, about, algorithm, signed, check, numbers: body.0.to_vec() })
    }

    /// Whether the key made it of what was signed.
    pub(crate) fn is_by(&self, key: &PublicKey, signed: &[u8]) -> bool {
        let length = u32::try_from(self.signed.len()).unwrap_or_default().to_be_bytes();
        let signed = [signed, &self.signed, &[4, 0xff], &length].concat();
        self.hash.digest(&signed).as_ref().starts_with(&self.check)
            && key.made(self.algorithm, self.hash, &signed, &self.numbers)
    }

    /// Whether it means something at that time, in seconds since 1970.
    pub(crate) fn holds_at(&self, now: u64) -> bool {
        let created = self.about.created.filter(|created| *created <= now);
        let expires = created.zip(self.about.expires).map(|(created, after)| created + after);
        created.is_some() && !self.about.is_beyond && expires.is_none_or(|expires| now < expires)
    }

    /// When it was made.
    pub(crate) fn created(&self) -> u64 {
        self.about.created.unwrap_or_default()
    }
}

/// Bytes behind their length, which is two of them.
fn sized<'b>(body: &mut Body<'b>) -> Option<&'b [u8]> {
    let length = body.take(2)?;
    body.take(usize::from(length[0]) << 8 | usize::from(length[1]))
}
