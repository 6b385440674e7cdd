//! Checksums, encryption and password hashes.

mod passwords;

use aes::Aes256;
use aes::cipher::{
    BlockModeDecrypt, BlockModeEncrypt, KeyIvInit,
    block_padding::{NoPadding, Pkcs7},
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowherd_template::{Function, Type, Value};
use ring::digest::{self, Algorithm};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, bytes, made};
use crate::functions::call::limits::check_text;
use crate::functions::formats::encoding;

const ONE: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("sha1sum", ONE, |_, given| Ok(checksum(&digest::SHA1_FOR_LEGACY_USE_ONLY, given))),
        Function::new("sha256sum", ONE, |_, given| Ok(checksum(&digest::SHA256, given))),
        Function::new("sha512sum", ONE, |_, given| Ok(checksum(&digest::SHA512, given))),
        Function::new("adler32sum", ONE, |_, given| Ok(Value::from(adler32(bytes(given, 0)).to_string()))),
        Function::new("encryptAES", TWO, encrypt),
        Function::new("decryptAES", TWO, decrypt),
        Function::new("bcrypt", ONE, passwords::bcrypt),
        Function::new("htpasswd", TWO, passwords::htpasswd),
        Function::new(
            "derivePassword",
            &[Type::Int, Type::String, Type::String, Type::String, Type::String],
            passwords::derive,
        ),
    ]
    .into_iter()
}

fn checksum(algorithm: &'static Algorithm, arguments: &[Value]) -> Value {
    let sum = digest::digest(algorithm, bytes(arguments, 0));
    Value::from(sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65521;
    let (mut a, mut b) = (1, 0);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}

/// The size of a block of AES.
const BLOCK: usize = 16;

/// The password, cut or filled up with zeros.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().zip(password) {
        *place = *byte;
    }
    key
}

fn encrypt(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (password, plain) = (bytes(arguments, 0), bytes(arguments, 1));
    if plain.is_empty() {
        return Ok(Value::from(""));
    }
    check_text(plain.len())?;
    let mut start = [0; BLOCK];
    call.context().random().fill(&mut start);
    let cipher = cbc::Encryptor::<Aes256>::new(&key(password).into(), &start.into());
    let encrypted = cipher.encrypt_padded_vec::<Pkcs7>(plain);
    Ok(Value::from(STANDARD.encode([start.as_slice(), &encrypted].concat())))
}

fn decrypt(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (password, text) = (bytes(arguments, 0), bytes(arguments, 1));
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let data = encoding::base64(text).map_err(|error| error.to_string())?;
    let Some((start, encrypted)) = data.split_first_chunk::<BLOCK>() else {
        return Err(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {}",
            text.len() / 4 * 3
        )
        .into());
    };
    let cipher = cbc::Decryptor::<Aes256>::new(&key(password).into(), &(*start).into());
    let plain = cipher.decrypt_padded_vec::<NoPadding>(encrypted);
    let plain = plain.map_err(|_| "crypto/cipher: input not full blocks")?;
    let Some(padding) = plain.last() else { return Err("runtime error: index out of range [-1]".into()) };
    match plain.len().checked_sub(usize::from(*padding)).and_then(|end| plain.get(..end)) {
        Some(text) => made(text),
        None => {
            let end = plain.len() as i64 - i64::from(*padding);
            Err(format!("runtime error: slice bounds out of range [:{end}]").into())
        }
    }
}
