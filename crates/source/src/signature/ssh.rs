//! Signatures by keys of SSH, as `ssh-keygen -Y sign` makes them (PROTOCOL.sshsig of OpenSSH).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ssh_key::encoding::Decode as _;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PublicKey, SshSig};

/// What signatures of git are for, as they say themselves: one for something else is none.
const NAMESPACE: &str = "git";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The most bytes of a signature in its armor.
const MAX_SIZE: usize = 64 * 1024;
/// The fewest bits of an RSA key.
const MIN_RSA: usize = 2048;

/// Why a signature is no good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SshProblem {
    #[error("its signature cannot be read: {0}")]
    Unreadable(String),
    #[error("its signature is one for {0:?}, where git's are for \"git\"")]
    Namespace(String),
    #[error("it is signed by the key {0}, which is not among those that may sign")]
    Stranger(String),
    #[error(
        "it is signed by the key {0}, of a kind that is not supported: those are Ed25519, ECDSA and RSA of 2048 bits or more, also on security keys, and no certificates"
    )]
    Unsupported(String),
    #[error(
        "its signature by the key {0} is not of what stands there, or by a digest that is not accepted: that was changed after it was signed, or the signature was"
    )]
    Changed(String),
}

/// Why a file has no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SshKeysError {
    #[error(
        "its line {0} is no public key as `ssh-keygen` writes it into a file that ends with .pub; options before a key are not looked at, so that it must have none"
    )]
    Line(usize),
    #[error("it has no key")]
    None,
}

/// Public keys.
#[derive(Debug, Default)]
pub(super) struct SshKeys(Vec<PublicKey>);

impl SshKeys {
    /// Reads a file with a key in each line, as `authorized_keys` has them, but for options.
    pub(super) fn read(text: &str) -> Result<Self, SshKeysError> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys =
            lines.map(|(number, line)| PublicKey::from_openssh(line).map_err(|_| SshKeysError::Line(number + 1)));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(SshKeysError::None) } else { Ok(Self(keys)) }
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By which of the keys the signature is of the payload, by the fingerprint that people know.
    pub(super) fn verify(&self, signature: &str, payload: &[u8]) -> Result<String, SshProblem> {
        let signature = read(signature)?;
        let name = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
        if signature.namespace() != NAMESPACE {
            return Err(SshProblem::Namespace(super::shown(signature.namespace())));
        }
        let key = self.0.iter().find(|key| key.key_data() == signature.public_key());
        let key = key.ok_or_else(|| SshProblem::Stranger(name.clone()))?;
        if !is_supported(key.key_data()) {
            return Err(SshProblem::Unsupported(name));
        }
        match key.verify(NAMESPACE, payload, &signature) {
            Ok(()) => Ok(name),
            Err(_) => Err(SshProblem::Changed(name)),
        }
    }
}

/// Reads a text that is one armored signature, and nothing besides.
fn read(text: &str) -> Result<SshSig, SshProblem> {
    let unreadable = |problem: &dyn std::fmt::Display| SshProblem::Unreadable(problem.to_string());
    if text.len() > MAX_SIZE {
        return Err(unreadable(&"it is too large"));
    }
    let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let digits: String = body.into_iter().flat_map(|body| body.split_whitespace()).collect();
    let bytes = BASE64_STANDARD.decode(digits).map_err(|_| unreadable(&"it is not one armored signature"))?;
    let mut rest = bytes.as_slice();
    let signature = SshSig::decode(&mut rest).map_err(|error| unreadable(&error))?;
    if !rest.is_empty() || !signature.reserved().is_empty() || signature.version() != SshSig::VERSION {
        return Err(unreadable(&"there is more in it than should be"));
    }
    Ok(signature)
}

fn is_supported(key: &KeyData) -> bool {
    match key {
        KeyData::Rsa(key) => key.n().as_positive_bytes().is_some_and(|modulus| modulus.len() * 8 >= MIN_RSA),
        KeyData::Dsa(_) | KeyData::Certificate(_) | KeyData::Other(_) => false,
        _ => true,
    }
}
