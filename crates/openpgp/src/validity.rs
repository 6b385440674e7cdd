//! Whether a key is to be believed at a time, by what it says of itself.

use crate::certificate::{Certificate, Subkey, User};
use crate::key::{PublicKey, framed};
use crate::signature::Packet;
use crate::{KeyId, Unverified};

/// Kinds of signatures.
const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
const OF_SUBKEY: u8 = 0x18;
const BY_SUBKEY: u8 = 0x19;
const OF_KEY: u8 = 0x1f;
const REVOCATION_OF_KEY: u8 = 0x20;
const REVOCATION_OF_SUBKEY: u8 = 0x28;
const REVOCATION_OF_USER: u8 = 0x30;

/// Which of the keys that belong together one is.
pub(crate) enum Role {
    Primary,
    Subkey(usize),
}

impl Role {
    pub(crate) fn key<'c>(&self, certificate: &'c Certificate) -> &'c PublicKey {
        match self {
            Self::Primary => &certificate.primary,
            Self::Subkey(index) => &certificate.subkeys[*index].key,
        }
    }
}

impl Certificate {
    /// Whether the signature is of these bytes, by this key, which is to be believed now.
    pub(crate) fn judge(&self, role: &Role, signature: &Packet, signed: &[u8], now: u64) -> Result<KeyId, Unverified> {
        let key = role.key(self);
        let id = key.id();
        if !key.is_usable() {
            return Err(Unverified::Unsupported(id));
        }
        if !signature.is_by(key, signed) {
            return Err(Unverified::Changed(id));
        }
        self.is_believed(now)?;
        let of_primary = self.latest(now).ok_or(Unverified::Unbound(self.primary.id()))?;
        let may_sign = match role {
            // What does not say what it is for is for everything.
            Role::Primary => of_primary.about.signs.unwrap_or(true),
            Role::Subkey(index) => self.may_sign(&self.subkeys[*index], now)?,
        };
        if !may_sign {
            return Err(Unverified::NotForSigning(id));
        }
        if signature.about.is_beyond {
            return Err(Unverified::Beyond(id));
        }
        if signature.about.created.is_none_or(|created| created > now || created < key.created) {
            return Err(Unverified::Untimely(id));
        }
        if !signature.holds_at(now) {
            return Err(Unverified::Expired(id));
        }
        Ok(self.primary.id())
    }

    /// Whether the first key is there at that time, and neither revoked nor expired.
    fn is_believed(&self, now: u64) -> Result<(), Unverified> {
        let (id, framed) = (self.primary.id(), self.framed());
        let is_revoked = self.own.iter().any(|own| own.kind == REVOCATION_OF_KEY && own.is_by(&self.primary, &framed));
        if is_revoked {
            return Err(Unverified::Revoked(id));
        }
        let latest = self.latest(now).ok_or(Unverified::Unbound(id))?;
        match is_current(&self.primary, latest, now) {
            true => Ok(()),
            false => Err(Unverified::KeyExpired(id)),
        }
    }

    /// What it said of itself last, that means something at that time.
    fn latest(&self, now: u64) -> Option<&Packet> {
        let framed = self.framed();
        let of_key = self.own.iter().filter(|own| own.kind == OF_KEY && own.is_by(&self.primary, &framed));
        let of_users = self.users.iter().filter_map(|user| self.latest_of(user, now));
        of_key.filter(|own| own.holds_at(now)).chain(of_users).max_by_key(|own| own.created())
    }

    /// The same of one user, unless it was revoked since.
    fn latest_of<'c>(&'c self, user: &'c User, now: u64) -> Option<&'c Packet> {
        let framed = [self.framed(), user.framed.clone()].concat();
        let own = || user.own.iter().filter(|own| own.is_by(&self.primary, &framed));
        let latest = own()
            .filter(|own| CERTIFICATIONS.contains(&own.kind) && own.holds_at(now))
            .max_by_key(|own| own.created())?;
        let is_revoked = own().any(|own| own.kind == REVOCATION_OF_USER && own.created() >= latest.created());
        (!is_revoked).then_some(latest)
    }

    /// Whether a subkey is to be believed at that time, and signs: both keys must have said so.
    fn may_sign(&self, subkey: &Subkey, now: u64) -> Result<bool, Unverified> {
        let id = subkey.key.id();
        let framed = [self.framed(), framed(&subkey.key.body)].concat();
        let own = || subkey.own.iter().filter(|own| own.is_by(&self.primary, &framed));
        if own().any(|own| own.kind == REVOCATION_OF_SUBKEY) {
            return Err(Unverified::Revoked(id));
        }
        let latest = own().filter(|own| own.kind == OF_SUBKEY && own.holds_at(now)).max_by_key(|own| own.created());
        let latest = latest.ok_or(Unverified::Unbound(id))?;
        if !is_current(&subkey.key, latest, now) {
            return Err(Unverified::KeyExpired(id));
        }
        if latest.about.signs != Some(true) {
            return Ok(false);
        }
        let back = latest.about.embedded.as_deref().and_then(Packet::read);
        let agrees = |back: &Packet| back.kind == BY_SUBKEY && back.holds_at(now) && back.is_by(&subkey.key, &framed);
        match back.filter(agrees) {
            Some(_) => Ok(true),
            None => Err(Unverified::Unbound(id)),
        }
    }
}

/// Whether a key is there at that time, and has not expired, by what is said of it.
fn is_current(key: &PublicKey, latest: &Packet, now: u64) -> bool {
    let expires = latest.about.key_expires.map(|after| key.created + after);
    key.created <= now && expires.is_none_or(|expires| now < expires)
}
