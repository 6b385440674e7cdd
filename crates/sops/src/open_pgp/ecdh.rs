//! Keys on Curve25519, and how a session's key is wrapped for one (RFC 6637).

use aes_gcm::aes::cipher::{BlockCipherDecrypt, KeyInit};
use aes_gcm::aes::{Aes128, Aes192, Aes256};
use cowherd_openpgp::packet::Body;
use ring::digest::{self, Algorithm};
use x25519_dalek::{PublicKey, StaticSecret};

/// How the curve is named in keys.
const CURVE: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01];
/// What stands before a point that is one number.
const NATIVE: u8 = 0x40;

/// A private key.
#[derive(Clone)]
pub(super) struct Curve25519 {
    secret: StaticSecret,
    /// How the key that wraps is derived.
    hash: Hash,
    cipher: u8,
    /// The same as it is written.
    derivation: [u8; 3],
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl Curve25519 {
    pub(super) fn read(curve: &[u8], point: &[u8], derivation: &[u8], secret: &[u8]) -> Option<Self> {
        if curve != CURVE || point.first() != Some(&NATIVE) || secret.len() > 32 {
            return None;
        }
        let derivation: [u8; 3] = derivation.try_into().ok()?;
        let [1, hash, cipher] = derivation else { return None };
        let hash = match hash {
            8 => Hash::Sha256,
            9 => Hash::Sha384,
            10 => Hash::Sha512,
            _ => return None,
        };
        // It is written with its last byte first, and without zeros there.
        let mut bytes = [0; 32];
        bytes[32 - secret.len()..].copy_from_slice(secret);
        bytes.reverse();
        Some(Self { secret: StaticSecret::from(bytes), hash, cipher, derivation })
    }

    /// What is wrapped in the rest of a packet for the key of this fingerprint.
    pub(super) fn unwrap(&self, body: &mut Body<'_>, fingerprint: &[u8; 20]) -> Option<Vec<u8>> {
        let point: [u8; 32] = body.integer()?.strip_prefix(&[NATIVE])?.try_into().ok()?;
        let wrapped = body.counted()?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(point));
        if !shared.was_contributory() {
            return None;
        }
        let curve = [&[CURVE.len() as u8][..], &CURVE[..]].concat();
        let parameters =
            [&curve[..], &[18, 3][..], &self.derivation[..], b"Anonymous Sender    ", &fingerprint[..]].concat();
        let key = digest::digest(
            self.hash.algorithm(),
            &[&[0, 0, 0, 1][..], &shared.as_bytes()[..], &parameters[..]].concat(),
        );
        let padded = match self.cipher {
            7 => unwrapped(&Aes128::new_from_slice(key.as_ref().get(..16)?).ok()?, wrapped),
            8 => unwrapped(&Aes192::new_from_slice(key.as_ref().get(..24)?).ok()?, wrapped),
            9 => unwrapped(&Aes256::new_from_slice(key.as_ref().get(..32)?).ok()?, wrapped),
            _ => None,
        }?;
        let padding = usize::from(*padded.last()?);
        let length = padded.len().checked_sub(padding)?;
        (1..=40).contains(&padding).then(|| padded[..length].to_vec())
    }
}

/// AES key wrap (RFC 3394).
fn unwrapped(
    cipher: &impl BlockCipherDecrypt<BlockSize = aes_gcm::aead::array::typenum::U16>,
    wrapped: &[u8],
) -> Option<Vec<u8>> {
    if !wrapped.len().is_multiple_of(8) || !(24..=256).contains(&wrapped.len()) {
        return None;
    }
    let (first, rest) = wrapped.split_at(8);
    let (mut check, mut blocks) = (first.to_vec(), rest.to_vec());
    let count = blocks.len() / 8;
    for round in (0..6).rev() {
        for index in (0..count).rev() {
            let step = (round * count + index + 1) as u64;
            let mixed: Vec<u8> = check.iter().zip(step.to_be_bytes()).map(|(byte, step)| byte ^ step).collect();
            let joined: [u8; 16] = [&mixed[..], &blocks[index * 8..index * 8 + 8]].concat().try_into().ok()?;
            let mut block = joined.into();
            cipher.decrypt_block(&mut block);
            check = block[..8].to_vec();
            blocks[index * 8..index * 8 + 8].copy_from_slice(&block[8..]);
        }
    }
    (check == [0xa6; 8]).then_some(blocks)
}
