//! Hashes of passwords, and passwords that follow from others.

use cowherd_template::{Fault, Value};
use ring::hmac;

use crate::functions::call::arguments::{Call, Outcome, bytes, int, string};
use crate::functions::call::limits::price;

/// How often bcrypt repeats itself, as a power of two.
const COST: u32 = 10;

/// The longest password that bcrypt takes, in bytes.
const MAX_BCRYPT: usize = 72;

pub(crate) fn bcrypt(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    hashed(call, bytes(arguments, 0)).map(Value::from)
}

fn hashed(call: &mut Call<'_, '_>, password: &[u8]) -> Result<String, Fault> {
    let failed = |why: &str| format!("failed to encrypt string with bcrypt: {why}");
    if password.len() > MAX_BCRYPT {
        return Ok(failed("bcrypt: password length exceeds 72 bytes"));
    }
    call.spend(price::BCRYPT)?;
    let mut salt = [0; 16];
    call.context().random().fill(&mut salt);
    Ok(match bcrypt::hash_with_salt(password, COST, salt) {
        Ok(hash) => hash.format_for_version(bcrypt::Version::TwoA),
        Err(error) => failed(&error.to_string()),
    })
}

/// A line of a password file.
pub(crate) fn htpasswd(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let user = string(arguments, 0);
    if user.contains(':') {
        return Ok(Value::from(format!("invalid username: {user}")));
    }
    Ok(Value::from(format!("{user}:{}", hashed(call, bytes(arguments, 1))?)))
}

/// What the algorithm of Master Password starts from.
const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The kinds of passwords: of each the shapes that it can have, a letter for each class of characters.
const SHAPES: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// The characters of a class.
fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A password that follows from another one, a user and a site.
pub(crate) fn derive(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let counter = u32::try_from(int(arguments, 0)).map_err(|_| "expected unsigned integer that fits into uint32")?;
    let kind = string(arguments, 1);
    let (password, user, site) = (bytes(arguments, 2), bytes(arguments, 3), bytes(arguments, 4));
    let Some((_, shapes)) = SHAPES.iter().find(|(name, _)| *name == kind) else {
        return Ok(Value::from(format!("cannot find password template {kind}")));
    };
    call.spend(price::SCRYPT)?;
    let sized = |text: &[u8]| [SEED, &u32::try_from(text.len()).unwrap_or_default().to_be_bytes(), text].concat();
    let mut key = [0; 64];
    let parameters = scrypt::Params::new(15, 8, 2).map_err(|error| error.to_string())?;
    scrypt::scrypt(password, &sized(user), &parameters, &mut key).map_err(|error| error.to_string())?;
    let message = [sized(site).as_slice(), &counter.to_be_bytes()].concat();
    let seed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let (first, rest) = seed.as_ref().split_first().ok_or("a signature is empty")?;
    let shape = shapes.get(usize::from(*first) % shapes.len()).copied().unwrap_or_default();
    let letter = |(class, number): (u8, &u8)| {
        let characters = characters(class);
        characters.get(usize::from(*number) % characters.len()).map(|byte| char::from(*byte))
    };
    Ok(Value::from(shape.bytes().zip(rest).filter_map(letter).collect::<String>()))
}
