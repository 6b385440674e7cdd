//! The public keys of those who may sign.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_openpgp::{Certificates, Signature};

use super::ssh::SshKeys;
use super::{Refusal, SignatureProblem};

/// How names end under which a Secret has keys, as Flux reads them.
const OF_OPENPGP: &str = ".asc";
const OF_SSH: &str = ".sshpub";

/// What signatures begin with.
const BY_OPENPGP: &str = "-----BEGIN PGP SIGNATURE-----";
const BY_SSH: &str = "-----BEGIN SSH SIGNATURE-----";
const BY_X509: &str = "-----BEGIN SIGNED MESSAGE-----";

/// The public keys of those who may sign.
#[derive(Clone, Debug, Default)]
pub struct Signers(Arc<Keys>);

#[derive(Debug, Default)]
struct Keys {
    openpgp: Certificates,
    ssh: SshKeys,
    /// What could not be read, by its name: a key that is not known lets nobody in.
    unread: Vec<String>,
}

impl Signers {
    /// The keys in the data of a Secret: of SSH under names that end with `.sshpub`, of OpenPGP under all others, which should end with
    /// `.asc`.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut keys = Keys::default();
        for (name, value) in data {
            let read = match std::str::from_utf8(value) {
                Err(_) => Err("it is no text".to_owned()),
                Ok(text) if name.ends_with(OF_SSH) => {
                    SshKeys::read(text).map(|found| keys.ssh.extend(found)).map_err(|error| error.to_string())
                }
                Ok(text) => {
                    Certificates::read(text).map(|found| keys.openpgp.extend(found)).map_err(|error| error.to_string())
                }
            };
            keys.unread.extend(read.err().map(|problem| format!("{name} ({problem})")));
        }
        Self(Arc::new(keys))
    }

    /// By which of the keys the signature is of the payload, as people name it.
    pub(super) fn verify(&self, signature: &str, payload: &[u8], now: u64) -> Result<String, SignatureProblem> {
        let keys = &*self.0;
        let signature = signature.trim();
        let no_keys = |what, ending| SignatureProblem::NoKeys { what, ending, unread: self.unread() };
        let verified: Result<String, Refusal> = if signature.starts_with(BY_OPENPGP) {
            if keys.openpgp.is_empty() {
                return Err(no_keys("OpenPGP", OF_OPENPGP));
            }
            let read = Signature::read(signature).map_err(Refusal::from);
            read.and_then(|read| Ok(keys.openpgp.verify(&read, payload, now)?.to_string()))
        } else if signature.starts_with(BY_SSH) {
            if keys.ssh.is_empty() {
                return Err(no_keys("SSH", OF_SSH));
            }
            keys.ssh.verify(signature, payload).map_err(Refusal::from)
        } else if signature.starts_with(BY_X509) {
            return Err(SignatureProblem::Unsupported("X.509"));
        } else {
            return Err(SignatureProblem::Unsupported("something unknown"));
        };
        verified.map_err(|refusal| SignatureProblem::Refused { cause: refusal.to_string(), unread: self.unread() })
    }

    /// What of the Secret could not be read, to stand behind what is wrong.
    fn unread(&self) -> String {
        match self.0.unread.as_slice() {
            [] => String::new(),
            unread => format!("; of the Secret this could not be read: {}", cowherd_text::listed(unread, MAX_NAMED)),
        }
    }
}

/// How many entries of a Secret are named that could not be read.
const MAX_NAMED: usize = 3;
