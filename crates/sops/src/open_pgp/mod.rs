//! Messages of OpenPGP (RFC 4880 and RFC 9580), as far as a data key is in one: encrypted for RSA or Curve25519, by AES, with a
//! code that tells changes.
//!
//! Keys with a passphrase, other curves and ciphers of earlier times are refused by name.

mod ecdh;
mod key;
mod message;

use cowherd_openpgp::armor;

use crate::KeyError;
use crate::data_key::Attempts;
pub(crate) use key::PrivateKey;

/// The most bytes of a message or of a file of keys.
const MAX_SIZE: usize = 256 * 1024;

/// What the armored message `text` holds, if one of `keys` opens it. `None` where none does; why where it cannot be read.
pub(crate) fn open(text: &str, keys: &[PrivateKey], attempts: &mut Attempts) -> Result<Option<Vec<u8>>, &'static str> {
    if text.len() > MAX_SIZE {
        return Err("it is too large for a data key");
    }
    let bytes = armor::decode(text, "PGP MESSAGE").ok_or("it is no armored message of OpenPGP")?;
    message::open(&bytes, keys, attempts)
}

/// The private keys in an armored file that may decrypt.
pub(crate) fn keys(armored: &[u8]) -> Result<Vec<PrivateKey>, KeyError> {
    let misfit = |problem: &str| KeyError::OpenPgp(problem.to_owned());
    if armored.len() > MAX_SIZE {
        return Err(misfit("it is too large"));
    }
    let text = String::from_utf8_lossy(armored);
    let Some(bytes) = armor::decode(&text, "PGP PRIVATE KEY BLOCK") else {
        return Err(misfit(match text.contains("PGP PUBLIC KEY BLOCK") {
            true => "it is a public key; `gpg --export-secret-keys --armor` prints the private one",
            false => "it has to be what `gpg --export-secret-keys --armor` prints",
        }));
    };
    key::read(&bytes).map_err(misfit)
}
