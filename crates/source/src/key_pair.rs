//! Keys of SSH that are made here: what a server is told, and what stays with who logs in.

use ring::rand::{SecureRandom as _, SystemRandom};
use ssh_key::private::RsaKeypair;
use ssh_key::rand_core::{TryCryptoRng, TryRng, UnwrapErr};
use ssh_key::{Algorithm, EcdsaCurve, LineEnding, PrivateKey};

use crate::Secret;

/// The fewest bits of an RSA key, and the most.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA on the curve P-256 of NIST.
    EcdsaP256,
    /// ECDSA on the curve P-384 of NIST.
    EcdsaP384,
    /// ECDSA on the curve P-521 of NIST.
    EcdsaP521,
    /// RSA with so many bits.
    Rsa(usize),
}

/// Why no key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPairError {
    /// The system gives no random bytes.
    #[error("the system has no randomness")]
    NoRandomness,
    /// An RSA key cannot have so many bits.
    #[error("an RSA key of {0} bits is not made; say from {from} to {to}, by 8", from = RSA_BITS.start(), to = RSA_BITS.end())]
    Bits(usize),
    /// The library makes none.
    #[error("no key of this kind can be made")]
    Unsupported,
}

/// A key of SSH.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// What stays with who logs in, as OpenSSH writes it, without a passphrase.
    pub private: Secret,
    /// What the server is told, in one line.
    pub public: String,
}

impl KeyPair {
    /// Makes one by chance. Blocks the thread: RSA takes its time.
    ///
    /// # Errors
    /// When the system has no randomness, or an RSA key is to have too few or too many bits.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyPairError> {
        // Whoever has none is told so, before others rely on it.
        let random = SystemRandom::new();
        random.fill(&mut [0]).map_err(|_| KeyPairError::NoRandomness)?;
        let mut random = UnwrapErr(Chance(random));
        let ecdsa = |curve| Algorithm::Ecdsa { curve };
        let key = match algorithm {
            KeyAlgorithm::Ed25519 => PrivateKey::random(&mut random, Algorithm::Ed25519),
            KeyAlgorithm::EcdsaP256 => PrivateKey::random(&mut random, ecdsa(EcdsaCurve::NistP256)),
            KeyAlgorithm::EcdsaP384 => PrivateKey::random(&mut random, ecdsa(EcdsaCurve::NistP384)),
            KeyAlgorithm::EcdsaP521 => PrivateKey::random(&mut random, ecdsa(EcdsaCurve::NistP521)),
            KeyAlgorithm::Rsa(bits) if !RSA_BITS.contains(&bits) || !bits.is_multiple_of(8) => {
                return Err(KeyPairError::Bits(bits));
            }
            KeyAlgorithm::Rsa(bits) => RsaKeypair::random(&mut random, bits).map(PrivateKey::from),
        };
        let key = key.map_err(|_| KeyPairError::Unsupported)?;
        let private = key.to_openssh(LineEnding::LF).map_err(|_| KeyPairError::Unsupported)?;
        let public = key.public_key().to_openssh().map_err(|_| KeyPairError::Unsupported)?;
        Ok(Self { private: Secret::from(private.as_str()), public: public.trim_end().to_owned() })
    }

    /// The public key that belongs to a private one, if it is as OpenSSH writes it; it takes no passphrase.
    pub fn public_of(private: &Secret) -> Option<String> {
        let key = PrivateKey::from_openssh(private.expose()).ok()?;
        Some(key.public_key().to_openssh().ok()?.trim_end().to_owned())
    }
}

/// The system's random bytes, as what makes keys wants them.
struct Chance(SystemRandom);

/// There are none.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness")]
struct NoRandomness;

impl Chance {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

impl TryRng for Chance {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        self.bytes().map(u64::from_be_bytes)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(bytes).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for Chance {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_key_is_made_anew_and_can_be_read() {
        for (algorithm, name) in [
            (KeyAlgorithm::Ed25519, "ssh-ed25519 "),
            (KeyAlgorithm::EcdsaP256, "ecdsa-sha2-nistp256 "),
            (KeyAlgorithm::EcdsaP384, "ecdsa-sha2-nistp384 "),
            (KeyAlgorithm::EcdsaP521, "ecdsa-sha2-nistp521 "),
        ] {
            let pair = KeyPair::generate(algorithm).unwrap();
            assert!(pair.public.starts_with(name) && !pair.public.contains('\n'), "{}", pair.public);
            assert_eq!(KeyPair::public_of(&pair.private).as_deref(), Some(pair.public.as_str()));
            assert_ne!(KeyPair::generate(algorithm).unwrap().public, pair.public);
            assert!(!format!("{pair:?}").contains("PRIVATE KEY"));
        }
    }

    #[test]
    fn an_rsa_key_is_neither_small_nor_endless() {
        for bits in [0, 1024, 2049, 1 << 20] {
            assert_eq!(KeyPair::generate(KeyAlgorithm::Rsa(bits)).unwrap_err(), KeyPairError::Bits(bits));
        }
    }
}
