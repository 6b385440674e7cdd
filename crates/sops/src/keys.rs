//! The private keys that may open documents.

use sha2::{Digest, Sha256};

use crate::KeyError;
use crate::age::Identity;
use crate::open_pgp::{self, PrivateKey};

/// Private keys. Nothing of them is shown but for whom they open.
#[derive(Clone, Default)]
pub struct Keys {
    pub(crate) age: Vec<Identity>,
    pub(crate) open_pgp: Vec<PrivateKey>,
    digest: Sha256,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.recipients()).finish()
    }
}

impl Keys {
    /// Adds private keys of age: one on a line, beside empty lines and comments.
    ///
    /// # Errors
    /// When a line is none. Then none of them is added.
    pub fn add_age(&mut self, text: &str) -> Result<(), KeyError> {
        self.age.extend(Identity::parse_all(text)?);
        self.note(text.as_bytes());
        Ok(())
    }

    /// Adds private keys of OpenPGP, armored.
    ///
    /// # Errors
    /// When they are none, or cannot be used.
    pub fn add_open_pgp(&mut self, armored: &[u8]) -> Result<(), KeyError> {
        self.open_pgp.extend(open_pgp::keys(armored)?);
        self.note(armored);
        Ok(())
    }

    fn note(&mut self, key: &[u8]) {
        self.digest.update((key.len() as u64).to_be_bytes());
        self.digest.update(key);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.age.is_empty() && self.open_pgp.is_empty()
    }

    /// For whom is encrypted what they open: public keys and fingerprints.
    pub fn recipients(&self) -> Vec<String> {
        let age = self.age.iter().map(Identity::recipient);
        age.chain(self.open_pgp.iter().map(|key| format!("OpenPGP {}", key.recipient()))).collect()
    }

    /// What tells these keys from others, in hexadecimal digits. They cannot be found out from it.
    pub fn identity(&self) -> String {
        self.digest.clone().finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}
