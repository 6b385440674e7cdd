//! Private keys.

use cowherd_openpgp::fingerprint;
use cowherd_openpgp::packet::{self, Body};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PrivateKey as RsaPrivateKey};

use super::ecdh::Curve25519;

/// Tags of packets with private keys.
const SECRET_KEYS: [u8; 2] = [5, 7];
/// The tag of the first of several keys that belong together.
const PRIMARY: u8 = 5;
/// The most bits of a key: what it takes to work with one grows with the third power.
const MAX_BITS: usize = 8192;

/// A private key that decrypts.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    /// That of the key which it belongs to, by which people name it.
    primary: [u8; 20],
    pub(super) fingerprint: [u8; 20],
    pub(super) material: Material,
}

#[derive(Clone)]
pub(super) enum Material {
    Rsa(Box<RsaPrivateKey>),
    Curve25519(Box<Curve25519>),
}

impl PrivateKey {
    /// The fingerprint by which people name it, in hexadecimal digits.
    pub(crate) fn recipient(&self) -> String {
        self.primary.iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"))
    }

    /// How much work it is to try it, as attempts are counted.
    pub(super) fn work(&self) -> usize {
        match &self.material {
            Material::Rsa(key) => work_of_rsa(PublicKeyParts::size(&**key) * 8),
            Material::Curve25519(_) => 1,
        }
    }

    /// The number that messages name it by.
    pub(super) fn id(&self) -> &[u8] {
        &self.fingerprint[12..]
    }
}

/// The work of a number of so many bits: it grows with the third power, and one of 700 bits takes as long as a curve.
fn work_of_rsa(bits: usize) -> usize {
    (bits.pow(3) / 700_usize.pow(3)).max(1)
}

/// The keys in `bytes` that may decrypt. Those that only sign are passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<PrivateKey>, &'static str> {
    let (mut keys, mut primary) = (Vec::new(), [0; 20]);
    for packet in packet::all(bytes)?.iter().filter(|packet| SECRET_KEYS.contains(&packet.tag)) {
        let (fingerprint, material) = one(&packet.body)?;
        if packet.tag == PRIMARY {
            primary = fingerprint;
        }
        keys.extend(material.map(|material| PrivateKey { primary, fingerprint, material }));
    }
    match keys.is_empty() {
        true => Err("none of its keys decrypts by RSA or Curve25519, which are those that are supported"),
        false => Ok(keys),
    }
}

/// The fingerprint of a key, and what decrypts of it.
fn one(packet: &[u8]) -> Result<([u8; 20], Option<Material>), &'static str> {
    const SHORT: &str = "a key of it ends early";
    let mut body = Body(packet);
    if body.byte() != Some(4) {
        return Err("a key of it is of another version than 4");
    }
    body.take(4).ok_or(SHORT)?;
    let algorithm = body.byte().ok_or(SHORT)?;
    let public = match algorithm {
        1..=3 => Public::Rsa(body.integer().ok_or(SHORT)?, body.integer().ok_or(SHORT)?),
        18 => {
            let curve = body.counted().ok_or(SHORT)?;
            let point = body.integer().ok_or(SHORT)?;
            let derivation = body.counted().ok_or(SHORT)?;
            Public::Ecdh { curve, point, derivation }
        }
        19 | 22 => {
            body.counted().and_then(|_| body.integer()).ok_or(SHORT)?;
            Public::Signing
        }
        17 => {
            (0..4).try_for_each(|_| body.integer().map(drop)).ok_or(SHORT)?;
            Public::Signing
        }
        _ => return Ok(([0; 20], None)),
    };
    let length = packet.len() - body.0.len();
    let fingerprint = fingerprint(&packet[..length]);
    if !matches!(public, Public::Signing) && body.byte() != Some(0) {
        return Err("it is protected with a passphrase, which nobody can be asked for; export one without");
    }
    let material = match public {
        Public::Signing => return Ok((fingerprint, None)),
        Public::Rsa(modulus, exponent) => {
            let (d, p, q) = (body.integer(), body.integer(), body.integer());
            match (d, p, q) {
                (Some(d), Some(p), Some(q)) => Material::Rsa(Box::new(rsa(modulus, exponent, d, [p, q])?)),
                _ => return Err(SHORT),
            }
        }
        Public::Ecdh { curve, point, derivation } => {
            let secret = body.integer().ok_or(SHORT)?;
            match Curve25519::read(curve, point, derivation, secret) {
                Some(key) => Material::Curve25519(Box::new(key)),
                None => return Err("a key of it is on another curve than Curve25519, or of a form that is not known"),
            }
        }
    };
    Ok((fingerprint, Some(material)))
}

enum Public<'b> {
    Rsa(&'b [u8], &'b [u8]),
    Signing,
    Ecdh { curve: &'b [u8], point: &'b [u8], derivation: &'b [u8] },
}

fn rsa(modulus: &[u8], exponent: &[u8], d: &[u8], primes: [&[u8]; 2]) -> Result<RsaPrivateKey, &'static str> {
    if modulus.len() * 8 > MAX_BITS {
        return Err("it has more than 8192 bits");
    }
    let bits = modulus.len() as u32 * 8;
    let number =
        |bytes: &[u8], bits: u32| BoxedUint::from_be_slice(bytes, bits).map_err(|_| "a number of it is too large");
    let primes = primes.into_iter().map(|prime| number(prime, bits.div_ceil(2))).collect::<Result<Vec<_>, _>>()?;
    let key = RsaPrivateKey::from_components(number(modulus, bits)?, number(exponent, 64)?, number(d, bits)?, primes);
    key.map_err(|_| "its numbers do not fit together")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_number_is_tried_less_often_than_a_small_one() {
        // A document may be tried 4096 times; an attempt with 8192 bits takes a tenth of a second.
        assert_eq!([512, 2048, 4096, MAX_BITS].map(|bits| 4096 / work_of_rsa(bits)), [4096, 163, 20, 2]);
    }
}
