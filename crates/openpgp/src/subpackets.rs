//! What a signature says besides what it is of.

use crate::KeyId;
use crate::packet::Body;

/// What is known of what may stand there; whatever else is marked as critical makes a signature void.
const KNOWN: &[u8] = &[2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35];
/// A note, of which nobody knows what it means: it must not be critical.
const NOTATION: u8 = 20;
/// By this flag a key signs.
const SIGNS: u8 = 0x02;

/// What a signature says besides what it is of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subpackets {
    /// When it was made, in seconds since 1970.
    pub(crate) created: Option<u64>,
    /// After how many seconds it means nothing any more.
    pub(crate) expires: Option<u64>,
    /// After how many seconds the key that it is of means nothing any more.
    pub(crate) key_expires: Option<u64>,
    /// Whether the key that it is of signs, where it says so.
    pub(crate) signs: Option<bool>,
    /// Who made it, as far as it says so.
    pub(crate) issuer: Option<KeyId>,
    pub(crate) issuer_fingerprint: Option<[u8; 20]>,
    /// A signature within it.
    pub(crate) embedded: Option<Vec<u8>>,
    /// Whether it says something that must not be passed over, and is not known.
    pub(crate) is_beyond: bool,
}

impl Subpackets {
    /// Reads both parts, of which the second is not signed: only who made the signature is taken from there, which is a hint, and a
    /// signature within it, which stands for itself.
    pub(crate) fn read(signed: &[u8], unsigned: &[u8]) -> Option<Self> {
        let mut all = Self::one(signed)?;
        let hints = Self::one(unsigned)?;
        all.issuer = all.issuer.or(hints.issuer);
        all.issuer_fingerprint = all.issuer_fingerprint.or(hints.issuer_fingerprint);
        all.embedded = all.embedded.or(hints.embedded);
        Some(all)
    }

    fn one(bytes: &[u8]) -> Option<Self> {
        let (mut all, mut bytes) = (Self::default(), Body(bytes));
        while !bytes.0.is_empty() {
            let length = length(&mut bytes)?;
            let (kind, content) = bytes.take(length)?.split_first()?;
            let (kind, is_critical) = (kind & 0x7f, kind & 0x80 != 0);
            all.is_beyond |= is_critical && (kind == NOTATION || !KNOWN.contains(&kind));
            match kind {
                2 => all.created = Some(seconds(content)?),
                3 => all.expires = Some(seconds(content)?).filter(|after| *after > 0),
                9 => all.key_expires = Some(seconds(content)?).filter(|after| *after > 0),
                16 => all.issuer = KeyId::read(content),
                27 => all.signs = Some(content.first().is_some_and(|flags| flags & SIGNS != 0)),
                32 => all.embedded = Some(content.to_vec()),
                33 => all.issuer_fingerprint = content.strip_prefix(&[4]).and_then(|rest| rest.try_into().ok()),
                _ => {}
            }
        }
        Some(all)
    }
}

fn length(bytes: &mut Body<'_>) -> Option<usize> {
    Some(match bytes.byte()? {
        first @ 0..=191 => usize::from(first),
        first @ 192..=254 => ((usize::from(first) - 192) << 8) + usize::from(bytes.byte()?) + 192,
        255 => usize::try_from(seconds(bytes.take(4)?)?).ok()?,
    })
}

fn seconds(bytes: &[u8]) -> Option<u64> {
    (bytes.len() == 4).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
