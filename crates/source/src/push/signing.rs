//! Who signs a commit: a key of SSH, as `git commit -S` with `gpg.format=ssh` does it.

use std::fmt;

use ssh_key::{HashAlg, LineEnding, PrivateKey};

/// What signatures of git are for.
const NAMESPACE: &str = "git";

/// The fewest bits of an RSA key.
const MIN_RSA: u32 = 2048;

/// A key that signs commits.
#[derive(Clone)]
pub struct CommitSigner(PrivateKey);

/// Why a key signs nothing. Nothing of the key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// It is no key.
    #[error("it is no private key as `ssh-keygen -t ed25519` writes it")]
    Unreadable,
    /// It cannot be opened.
    #[error(
        "the key has a passphrase, with which it cannot be opened to sign; give one without (`ssh-keygen -p -N ''`)"
    )]
    Encrypted,
    /// It is too small.
    #[error("the key is an RSA key of less than {MIN_RSA} bits; give a larger one, or one of ed25519")]
    Small,
    /// It does not sign.
    #[error("the key does not sign; give one of ed25519, ecdsa or RSA")]
    Unsupported,
}

impl CommitSigner {
    /// Reads a private key of SSH.
    ///
    /// # Errors
    /// When it is none, or one that does not sign here.
    pub fn ssh(key: &[u8]) -> Result<Self, SigningError> {
        let key = PrivateKey::from_openssh(key).map_err(|_| SigningError::Unreadable)?;
        if key.is_encrypted() {
            return Err(SigningError::Encrypted);
        }
        if key.public_key().key_data().rsa().is_some_and(|rsa| rsa.key_size() < MIN_RSA) {
            return Err(SigningError::Small);
        }
        let signer = Self(key);
        signer.sign(b"")?;
        Ok(signer)
    }

    /// The signature of something, in its armor.
    pub(super) fn sign(&self, content: &[u8]) -> Result<String, SigningError> {
        let signature = self.0.sign(NAMESPACE, HashAlg::Sha512, content).map_err(|_| SigningError::Unsupported)?;
        signature.to_pem(LineEnding::LF).map_err(|_| SigningError::Unsupported)
    }
}

impl fmt::Debug for CommitSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitSigner")
    }
}
