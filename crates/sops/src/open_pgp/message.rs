//! Messages.

use std::io::Read;

use aes_gcm::aead::array::typenum::U16;
use aes_gcm::aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::aes::{Aes128, Aes192, Aes256};
use cowherd_openpgp::packet::{self, Body, Packet};
use flate2::read::{DeflateDecoder, ZlibDecoder};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rsa::Pkcs1v15Encrypt;

use super::key::{Material, PrivateKey};
use crate::data_key::Attempts;

/// The most bytes of what is in a message.
const MAX_CONTENT: u64 = 4096;
/// The size of a block of AES.
const BLOCK: usize = 16;
/// The length of the packet with the code behind the content.
const CODE: usize = 22;

pub(super) fn open(
    bytes: &[u8],
    keys: &[PrivateKey],
    attempts: &mut Attempts,
) -> Result<Option<Vec<u8>>, &'static str> {
    let packets = packet::all(bytes)?;
    let sealed = packets.iter().find(|packet| matches!(packet.tag, 9 | 18 | 20)).ok_or("nothing in it is encrypted")?;
    for session in packets.iter().filter(|packet| packet.tag == 1) {
        for key in keys {
            if !concerns(session, key) {
                continue;
            }
            attempts.spend(key.work())?;
            if let Some(session) = session_key(&session.body, key) {
                return content(sealed, &session).map(Some);
            }
        }
    }
    Ok(None)
}

/// Whether a session's key is for this one, or it is not said for whom.
fn concerns(session: &Packet<'_>, key: &PrivateKey) -> bool {
    let id = session.body.get(1..9);
    session.body.first() == Some(&3) && id.is_some_and(|id| id == key.id() || id == [0; 8])
}

/// A session's key behind the number of its cipher.
fn session_key(body: &[u8], key: &PrivateKey) -> Option<(u8, Vec<u8>)> {
    let mut body = Body(body.get(9..)?);
    let algorithm = body.byte()?;
    let opened = match (&key.material, algorithm) {
        (Material::Rsa(key), 1 | 2) => {
            let number = body.integer()?;
            let size = rsa::traits::PublicKeyParts::size(&**key);
            let padding = vec![0; size.checked_sub(number.len())?];
            key.decrypt(Pkcs1v15Encrypt, &[padding.as_slice(), number].concat()).ok()?
        }
        (Material::Curve25519(curve), 18) => curve.unwrap(&mut body, &key.fingerprint)?,
        _ => return None,
    };
    let (cipher, rest) = opened.split_first()?;
    let (session, checksum) = rest.split_at_checked(rest.len().checked_sub(2)?)?;
    let sum = session.iter().fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    (checksum == sum.to_be_bytes()).then(|| (*cipher, session.to_vec()))
}

fn content(sealed: &Packet<'_>, (cipher, key): &(u8, Vec<u8>)) -> Result<Vec<u8>, &'static str> {
    match (sealed.tag, sealed.body.first()) {
        (18, Some(1)) => {}
        (18 | 20, _) => {
            return Err("it is encrypted with authentication (AEAD), which is not supported; encrypt with --rfc4880");
        }
        _ => return Err("it has no code that tells whether it was changed"),
    }
    const MISFIT: &str = "the key of its session has not the length of its cipher";
    let data = &sealed.body[1..];
    let plain = match cipher {
        7 => feedback(&Aes128::new_from_slice(key).map_err(|_| MISFIT)?, data),
        8 => feedback(&Aes192::new_from_slice(key).map_err(|_| MISFIT)?, data),
        9 => feedback(&Aes256::new_from_slice(key).map_err(|_| MISFIT)?, data),
        _ => return Err("its cipher is not AES; encrypt with --cipher-algo AES256"),
    };
    let length = plain.len().checked_sub(CODE).filter(|length| *length >= BLOCK + 2).ok_or("it ends early")?;
    let (covered, code) = plain.split_at(length + 2);
    if covered[length..] != [0xd3, 0x14] || digest(&SHA1_FOR_LEGACY_USE_ONLY, covered).as_ref() != code {
        return Err("it was changed since it was encrypted");
    }
    literal(&plain[BLOCK + 2..length], 0)
}

/// The content of a packet that may be packed.
fn literal(bytes: &[u8], depth: usize) -> Result<Vec<u8>, &'static str> {
    let packets = packet::all(bytes)?;
    let packet = packets.iter().find(|packet| matches!(packet.tag, 8 | 11)).ok_or("it holds no data")?;
    if packet.tag == 11 {
        let mut body = Body(&packet.body);
        let head = body.byte().and_then(|_| body.counted()).and_then(|_| body.take(4));
        head.ok_or("its content ends early")?;
        return Ok(body.0.to_vec());
    }
    let (algorithm, packed) = packet.body.split_first().ok_or("its content ends early")?;
    let mut unpacked = Vec::new();
    let read = match algorithm {
        _ if depth > 1 => return Err("it is packed again and again"),
        0 => packed.take(MAX_CONTENT).read_to_end(&mut unpacked),
        1 => DeflateDecoder::new(packed).take(MAX_CONTENT).read_to_end(&mut unpacked),
        2 => ZlibDecoder::new(packed).take(MAX_CONTENT).read_to_end(&mut unpacked),
        _ => return Err("it is packed by bzip2, which is not supported"),
    };
    read.map_err(|_| "it cannot be unpacked")?;
    literal(&unpacked, depth + 1)
}

/// Cipher feedback, from zeros on.
fn feedback(cipher: &impl BlockCipherEncrypt<BlockSize = U16>, data: &[u8]) -> Vec<u8> {
    let mut before = [0; BLOCK];
    let mut plain = Vec::with_capacity(data.len());
    for chunk in data.chunks(BLOCK) {
        let mut block = before.into();
        cipher.encrypt_block(&mut block);
        plain.extend(chunk.iter().zip(block.iter()).map(|(sealed, key)| sealed ^ key));
        before[..chunk.len()].copy_from_slice(chunk);
    }
    plain
}
