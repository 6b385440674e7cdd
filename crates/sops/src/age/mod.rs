//! Files of age (age-encryption.org/v1), as far as a data key is in one.

mod armor;
mod header;
mod identity;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

use crate::data_key::Attempts;
use header::Header;
pub(crate) use identity::Identity;

/// The length of the key that a file is encrypted with.
const FILE_KEY: usize = 16;
/// The most bytes of an encrypted data key that are looked at.
const MAX_SIZE: usize = 256 * 1024;
/// The most bytes of content: more is no data key.
const MAX_CONTENT: usize = 1024;

/// What the armored file `text` holds, if one of `identities` opens it. `None` where none does; why where it is no such file.
pub(crate) fn open(
    text: &str,
    identities: &[Identity],
    attempts: &mut Attempts,
) -> Result<Option<Vec<u8>>, &'static str> {
    if text.len() > MAX_SIZE {
        return Err("it is too large for a data key");
    }
    let file = armor::decode(text)?;
    let header = Header::parse(&file)?;
    for stanza in &header.stanzas {
        for identity in identities {
            attempts.spend(1)?;
            if let Some(key) = identity.unwrap(stanza) {
                return content(&header, &key).map(Some);
            }
        }
    }
    Ok(None)
}

fn content(header: &Header<'_>, file_key: &[u8; FILE_KEY]) -> Result<Vec<u8>, &'static str> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &derive(file_key, &[], b"header").ok_or(BROKEN)?);
    hmac::verify(&key, header.signed, &header.mac).map_err(|_| "its header was changed")?;
    let (nonce, sealed) = header.payload.split_at_checked(16).ok_or(BROKEN)?;
    if sealed.len() > MAX_CONTENT {
        return Err("it holds more than a data key");
    }
    let key = derive(file_key, nonce, b"payload").ok_or(BROKEN)?;
    // The only chunk is the last one.
    let mut chunk = [0; 12];
    chunk[11] = 1;
    unseal(&key, chunk, sealed).ok_or("its content was changed")
}

/// What is said where a length does not fit.
const BROKEN: &str = "it ends early";

/// HKDF with SHA-256.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt);
    salt.extract(secret).expand(&[info], hkdf::HKDF_SHA256).ok()?.fill(&mut key).ok()?;
    Some(key)
}

/// What `sealed` holds, by ChaCha20-Poly1305.
fn unseal(key: &[u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let mut bytes = sealed.to_vec();
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes).ok()?;
    Some(opened.to_vec())
}
