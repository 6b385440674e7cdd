//! Private keys of age.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use x25519_dalek::{PublicKey, StaticSecret};

use super::header::Stanza;
use super::{FILE_KEY, derive, unseal};
use crate::KeyError;

/// How private keys begin.
const PRIVATE: &str = "AGE-SECRET-KEY-";
/// How public keys begin.
const PUBLIC: Hrp = Hrp::parse_unchecked("age");

/// A private key.
#[derive(Clone)]
pub(crate) struct Identity {
    secret: StaticSecret,
    public: PublicKey,
}

impl Identity {
    /// The keys in `text`: one on a line, beside empty lines and comments.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        lines.map(|(line, text)| Self::parse(text).map_err(|problem| KeyError::Age { line, problem })).collect()
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("AGE-PLUGIN-") {
            return Err("it is that of a plugin, and nothing is run here; encrypt for a key of age itself besides");
        }
        if text.starts_with("AGE-SECRET-KEY-PQ-") {
            return Err("keys for hybrid encryption are not supported yet; encrypt for an X25519 key (age1…) besides");
        }
        if text.starts_with("age1") {
            return Err("it is a public key; the private one begins with AGE-SECRET-KEY-1");
        }
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE") {
            return Err(
                "it is encrypted with a passphrase, which nobody can be asked for; give it as `age -d` prints it",
            );
        }
        if text.starts_with("-----BEGIN ") {
            return Err("keys of SSH are not supported; encrypt for an X25519 key (age1…) besides");
        }
        const MISFIT: &str = "it has to begin with AGE-SECRET-KEY-1, and to be whole";
        let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|_| MISFIT)?;
        if !checked.hrp().as_str().eq_ignore_ascii_case(PRIVATE) {
            return Err(MISFIT);
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| MISFIT)?;
        let secret = StaticSecret::from(bytes);
        let public = PublicKey::from(&secret);
        Ok(Self { secret, public })
    }

    /// For whom is encrypted what it opens.
    pub(crate) fn recipient(&self) -> String {
        bech32::encode::<Bech32>(PUBLIC, self.public.as_bytes()).unwrap_or_default()
    }

    /// The file's key, if the stanza has it for this one.
    pub(super) fn unwrap(&self, stanza: &Stanza) -> Option<[u8; FILE_KEY]> {
        let [kind, share] = stanza.words.as_slice() else { return None };
        if kind != "X25519" {
            return None;
        }
        let share: [u8; 32] = BASE64_STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(share));
        if !shared.was_contributory() {
            return None;
        }
        let salt = [share, *self.public.as_bytes()].concat();
        let key = derive(shared.as_bytes(), &salt, b"age-encryption.org/v1/X25519")?;
        unseal(&key, [0; 12], &stanza.body)?.try_into().ok()
    }
}
