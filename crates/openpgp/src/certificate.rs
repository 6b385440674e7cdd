//! Public keys with what belongs to them, as people publish them.

use crate::key::{PublicKey, framed};
use crate::signature::{Packet, SIGNATURE};
use crate::validity::Role;
use crate::{KeyId, Signature, Unverified, armor, packet};

/// The most bytes of a file of keys: what a Secret has room for.
const MAX_SIZE: usize = 1 << 20;
/// The most signatures of its own that are kept of one key, subkeys and users.
const MAX_OWN: usize = 256;

/// Tags of packets.
const PUBLIC_KEY: u8 = 6;
const PUBLIC_SUBKEY: u8 = 14;
const USER: u8 = 13;
const USER_ATTRIBUTE: u8 = 17;

/// Why a file has no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificatesError {
    /// It is no armored file of public keys.
    #[error("it is not what `gpg --export --armor` prints")]
    NotArmored,
    /// It is too large.
    #[error("it has more than 1 MiB")]
    TooLarge,
    /// Its packets cannot be read.
    #[error("{0}")]
    Unreadable(&'static str),
    /// There is none of the version that is read.
    #[error("it has no public key of version 4")]
    None,
}

/// Public keys, each with its subkeys and users.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Vec<Certificate>);

/// A public key with what belongs to it. Signatures by others are left out.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) primary: PublicKey,
    /// What it says of itself.
    pub(crate) own: Vec<Packet>,
    pub(crate) users: Vec<User>,
    pub(crate) subkeys: Vec<Subkey>,
    /// How many signatures of its own there are.
    count: usize,
}

/// Somebody whose key it is.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// As it goes into digests.
    pub(crate) framed: Vec<u8>,
    pub(crate) own: Vec<Packet>,
}

/// Another key that belongs to the first one.
#[derive(Clone, Debug)]
pub(crate) struct Subkey {
    pub(crate) key: PublicKey,
    pub(crate) own: Vec<Packet>,
}

impl Certificates {
    /// Reads a file as `gpg --export --armor` prints it; several behind each other are one.
    ///
    /// # Errors
    /// When there is no key in it, or it cannot be read.
    pub fn read(text: &str) -> Result<Self, CertificatesError> {
        if text.len() > MAX_SIZE {
            return Err(CertificatesError::TooLarge);
        }
        let blocks: Option<Vec<Vec<u8>>> = armor::all(text, "PGP PUBLIC KEY BLOCK").collect();
        let blocks = blocks.filter(|blocks| !blocks.is_empty()).ok_or(CertificatesError::NotArmored)?;
        let mut all = Vec::new();
        for block in &blocks {
            read(block, &mut all).map_err(CertificatesError::Unreadable)?;
        }
        if all.is_empty() { Err(CertificatesError::None) } else { Ok(Self(all)) }
    }

    /// These and those.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose signature it is of these bytes, at a time in seconds since 1970: by which number people name the key.
    ///
    /// # Errors
    /// When it is by none of these keys, or not of these bytes, or the key must not be believed at that time.
    pub fn verify(&self, signature: &Signature, signed: &[u8], now: u64) -> Result<KeyId, Unverified> {
        let Signature(signature) = signature;
        let (issuer, fingerprint) = (signature.about.issuer, signature.about.issuer_fingerprint);
        let is_named = |key: &PublicKey| match (fingerprint, issuer) {
            (Some(fingerprint), _) => key.fingerprint == fingerprint,
            (None, Some(id)) => key.id() == id,
            (None, None) => false,
        };
        let mut outcomes = Vec::new();
        for certificate in &self.0 {
            let roles = certificate.roles().filter(|role| is_named(role.key(certificate)));
            outcomes.extend(roles.map(|role| certificate.judge(&role, signature, signed, now)));
        }
        // One copy of a key may know more than another: what was revoked is, wherever that is said.
        if let Some(revoked) = outcomes.iter().find(|outcome| matches!(outcome, Err(Unverified::Revoked(_)))) {
            return revoked.clone();
        }
        if let Some(good) = outcomes.iter().find(|outcome| outcome.is_ok()) {
            return good.clone();
        }
        let named = fingerprint.map(|fingerprint| KeyId::of(&fingerprint)).or(issuer);
        outcomes
            .into_iter()
            .next()
            .unwrap_or_else(|| Err(named.map_or(Unverified::Nameless, |id| Unverified::Stranger(id.to_string()))))
    }
}

/// What it is that signatures come of next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Primary,
    User,
    Subkey,
    /// A subkey that is not read.
    OtherSubkey,
    /// A key that is not read, with all that belongs to it.
    OtherKey,
}

fn read(bytes: &[u8], all: &mut Vec<Certificate>) -> Result<(), &'static str> {
    let mut about = About::OtherKey;
    for packet in &packet::all(bytes)? {
        if packet.tag == PUBLIC_KEY {
            let primary = PublicKey::read(&packet.body);
            about = if primary.is_some() { About::Primary } else { About::OtherKey };
            all.extend(primary.map(Certificate::new));
        } else if let Some(certificate) = all.last_mut().filter(|_| about != About::OtherKey) {
            about = certificate.add(packet.tag, &packet.body, about)?;
        }
    }
    Ok(())
}

impl Certificate {
    fn new(primary: PublicKey) -> Self {
        Self { primary, own: Vec::new(), users: Vec::new(), subkeys: Vec::new(), count: 0 }
    }

    /// Takes in a packet that belongs to it; what signatures behind it are of.
    fn add(&mut self, tag: u8, body: &[u8], about: About) -> Result<About, &'static str> {
        match tag {
            USER | USER_ATTRIBUTE => {
                self.users.push(User { framed: framed_user(tag, body), own: Vec::new() });
                Ok(About::User)
            }
            PUBLIC_SUBKEY => {
                let key = PublicKey::read(body);
                let about = if key.is_some() { About::Subkey } else { About::OtherSubkey };
                self.subkeys.extend(key.map(|key| Subkey { key, own: Vec::new() }));
                Ok(about)
            }
            SIGNATURE => {
                self.sign(body, about)?;
                Ok(about)
            }
            _ => Ok(about),
        }
    }

    /// Keeps a signature that says to be its own.
    fn sign(&mut self, body: &[u8], about: About) -> Result<(), &'static str> {
        let is_own = |signature: &Packet| signature.about.issuer.is_none_or(|id| id == self.primary.id());
        let Some(signature) = Packet::read(body).filter(is_own) else { return Ok(()) };
        let kept = match about {
            About::Primary => Some(&mut self.own),
            About::User => self.users.last_mut().map(|user| &mut user.own),
            About::Subkey => self.subkeys.last_mut().map(|subkey| &mut subkey.own),
            About::OtherSubkey | About::OtherKey => None,
        };
        kept.into_iter().for_each(|kept| kept.push(signature.clone()));
        self.count += 1;
        if self.count > MAX_OWN { Err("a key of it has too many signatures of its own") } else { Ok(()) }
    }

    /// Its keys.
    fn roles(&self) -> impl Iterator<Item = Role> {
        std::iter::once(Role::Primary).chain((0..self.subkeys.len()).map(Role::Subkey))
    }

    /// The public part as it goes into digests.
    pub(crate) fn framed(&self) -> Vec<u8> {
        framed(&self.primary.body)
    }
}

fn framed_user(tag: u8, id: &[u8]) -> Vec<u8> {
    let mark = if tag == USER { 0xb4 } else { 0xd1 };
    let length = u32::try_from(id.len()).unwrap_or_default().to_be_bytes();
    [&[mark][..], &length, id].concat()
}
