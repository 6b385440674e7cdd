//! Values as SOPS encrypts them: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

use aes_gcm::aead::array::typenum::{U12, U16, U32};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::tree::Value;

/// The length of a data key in bytes.
pub(crate) const KEY_LENGTH: usize = 32;

/// Opens values with a data key.
pub(crate) struct Cipher {
    /// The vectors of SOPS itself have 32 bytes, those of others may be shorter.
    long: AesGcm<Aes256, U32>,
    middle: AesGcm<Aes256, U16>,
    short: AesGcm<Aes256, U12>,
}

/// What was encrypted.
#[derive(Debug, PartialEq)]
pub(crate) enum Opened {
    Value(Value),
    Comment(String),
}

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let key = key.into();
        Self { long: AesGcm::new(key), middle: AesGcm::new(key), short: AesGcm::new(key) }
    }

    /// What `text` holds, which was encrypted for the place that `aad` names; why not, in words that quote nothing of it.
    pub(crate) fn open(&self, text: &str, aad: &str) -> Result<Opened, &'static str> {
        // An empty text is not encrypted.
        if text.is_empty() {
            return Ok(Opened::Value(Value::Text(String::new())));
        }
        let Sealed { mut data, vector, tag, datatype } = Sealed::parse(text)?;
        data.extend(tag);
        let payload = Payload { msg: &data, aad: aad.as_bytes() };
        let opened = match vector.len() {
            32 => Nonce::try_from(vector.as_slice()).ok().and_then(|nonce| self.long.decrypt(&nonce, payload).ok()),
            16 => Nonce::try_from(vector.as_slice()).ok().and_then(|nonce| self.middle.decrypt(&nonce, payload).ok()),
            12 => Nonce::try_from(vector.as_slice()).ok().and_then(|nonce| self.short.decrypt(&nonce, payload).ok()),
            _ => return Err("its initialization vector has a length that SOPS does not use"),
        };
        let bytes =
            opened.ok_or("it was not encrypted with the document's data key for this place, or was changed since")?;
        typed(bytes, datatype)
    }
}

/// What stands in the brackets.
struct Sealed<'t> {
    data: Vec<u8>,
    vector: Vec<u8>,
    tag: Vec<u8>,
    datatype: &'t str,
}

impl<'t> Sealed<'t> {
    fn parse(text: &'t str) -> Result<Self, &'static str> {
        const MISFIT: &str = "it is to be encrypted, and has not the form of SOPS";
        let fields = text.strip_prefix("ENC[AES256_GCM,data:").ok_or(MISFIT)?;
        let (data, fields) = fields.split_once(",iv:").ok_or(MISFIT)?;
        let (vector, fields) = fields.split_once(",tag:").ok_or(MISFIT)?;
        let (tag, fields) = fields.split_once(",type:").ok_or(MISFIT)?;
        let (datatype, _) = fields.split_once(']').ok_or(MISFIT)?;
        let decoded = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| "what is encrypted there is no base64");
        Ok(Self { data: decoded(data)?, vector: decoded(vector)?, tag: decoded(tag)?, datatype })
    }
}

fn typed(bytes: Vec<u8>, datatype: &str) -> Result<Opened, &'static str> {
    const MISFIT: &str = "what was encrypted is not of the type that it says";
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| MISFIT);
    Ok(Opened::Value(match datatype {
        "str" | "bytes" => Value::of_bytes(bytes),
        "int" => Value::Int(text(bytes)?.parse().map_err(|_| MISFIT)?),
        "float" => Value::Float(text(bytes)?.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(MISFIT)?),
        "bool" => match bytes.as_slice() {
            b"True" | b"true" | b"TRUE" | b"t" | b"T" | b"1" => Value::Bool(true),
            b"False" | b"false" | b"FALSE" | b"f" | b"F" | b"0" => Value::Bool(false),
            _ => return Err(MISFIT),
        },
        "time" => Value::Time(text(bytes)?),
        "comment" => return Ok(Opened::Comment(String::from_utf8_lossy(&bytes).into_owned())),
        _ => return Err("it is of a type that SOPS does not know"),
    }))
}
