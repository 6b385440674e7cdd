//! Certificates: who signed, on whose word, and in which minutes.

mod chain;
mod sct;
mod subject;

use std::collections::BTreeSet;

use x509_cert::der::asn1::{BitStringRef, ObjectIdentifier};
use x509_cert::der::{Decode, Header, Reader as _, SliceReader, Tag};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierRef;
use x509_cert::time::{Time, Validity};

pub(crate) use chain::{Authority, verify as verify_chain};
pub(crate) use sct::verify as verify_promises;

use crate::key::{Hash, Key, Kind};

/// The most bytes that a certificate may have.
const MAX_CERTIFICATE: usize = 64 << 10;

/// The most extensions that one may have.
const MAX_EXTENSIONS: usize = 64;

/// Whether a kind of key can have made a signature.
type IsOf = fn(Kind) -> bool;

/// A certificate that was read, with the parts that are signed or compared as they stand there.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    /// What is signed.
    signed: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// Seconds since 1970, both of them included.
    not_before: i64,
    not_after: i64,
    info: Vec<u8>,
    key: Key,
    extensions: Vec<Extension>,
    hash: Hash,
    is_of: IsOf,
    signature: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate; `None` where it is none, or has an algorithm that is not understood.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_CERTIFICATE {
            return None;
        }
        let mut outer = inside(der)?;
        let signed = outer.tlv_bytes().ok()?;
        let algorithm = outer.tlv_bytes().ok()?;
        let signature = BitStringRef::decode(&mut outer).ok()?.as_bytes()?.to_vec();
        outer.finish().ok()?;
        let (is_of, hash) = algorithm_of(algorithm)?;

        let mut fields = inside(signed)?;
        // The third version, in which there are extensions.
        if fields.tlv_bytes().ok()? != [0xa0, 3, 2, 1, 2] {
            return None;
        }
        let _serial = fields.tlv_bytes().ok()?;
        if fields.tlv_bytes().ok()? != algorithm {
            return None;
        }
        let issuer = fields.tlv_bytes().ok()?.to_vec();
        let validity: Validity = Validity::from_der(fields.tlv_bytes().ok()?).ok()?;
        let subject = fields.tlv_bytes().ok()?.to_vec();
        let info = fields.tlv_bytes().ok()?.to_vec();
        let extensions = extensions(fields.tlv_bytes().ok()?)?;
        fields.finish().ok()?;
        Some(Self {
            der: der.to_vec(),
            signed: signed.to_vec(),
            issuer,
            subject,
            not_before: seconds(validity.not_before)?,
            not_after: seconds(validity.not_after)?,
            key: Key::of_info(&info)?,
            info,
            extensions,
            hash,
            is_of,
            signature,
        })
    }

    /// The certificate as it was read.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key of whom it is.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Whether it counts at a time, in seconds since 1970.
    fn is_valid_at(&self, time: i64) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    /// Whether it is `issuer` that signed it.
    fn is_signed_by(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
            && (self.is_of)(issuer.key.kind())
            && issuer.key.has_signed(self.hash, &self.signed, &self.signature)
    }

    /// An extension, read as what it is: `Err` where it cannot be.
    fn extension<'a, T: Decode<'a>>(&'a self, id: ObjectIdentifier) -> Result<Option<T>, ()> {
        let Some(value) = self.value(id) else { return Ok(None) };
        T::from_der(value).map(Some).map_err(|_| ())
    }

    /// What an extension has in it.
    fn value(&self, id: ObjectIdentifier) -> Option<&[u8]> {
        self.extensions.iter().find(|extension| extension.extn_id == id).map(|found| found.extn_value.as_bytes())
    }
}

/// What is in a sequence that has nothing behind it.
fn inside(der: &[u8]) -> Option<SliceReader<'_>> {
    let mut outer = SliceReader::new(der).ok()?;
    let header = Header::peek(&outer).ok()?;
    if header.tag() != Tag::Sequence {
        return None;
    }
    outer.tlv_bytes().ok()?;
    outer.finish().ok()?;
    let length = usize::try_from(header.length()).ok()?;
    SliceReader::new(&der[der.len().checked_sub(length)?..]).ok()
}

/// The extensions of a certificate, of which each has another name.
fn extensions(tagged: &[u8]) -> Option<Vec<Extension>> {
    let mut list = inside(explicit(tagged)?)?;
    let (mut found, mut names) = (Vec::new(), BTreeSet::new());
    while !list.is_finished() {
        let extension = Extension::decode(&mut list).ok()?;
        if found.len() == MAX_EXTENSIONS || !names.insert(extension.extn_id) {
            return None;
        }
        found.push(extension);
    }
    Some(found)
}

/// What is in the tag of a certificate's extensions.
fn explicit(tagged: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(tagged).ok()?;
    let header = Header::peek(&reader).ok()?;
    if tagged.first() != Some(&0xa3) {
        return None;
    }
    reader.tlv_bytes().ok()?;
    reader.finish().ok()?;
    let length = usize::try_from(header.length()).ok()?;
    Some(&tagged[tagged.len().checked_sub(length)?..])
}

fn seconds(time: Time) -> Option<i64> {
    i64::try_from(time.to_unix_duration().as_secs()).ok()
}

/// By what a certificate is signed, and the kind of key that does it.
fn algorithm_of(der: &[u8]) -> Option<(IsOf, Hash)> {
    const ELLIPTIC_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
    const ELLIPTIC_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
    const RSA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    const RSA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
    const RSA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
    const EDWARDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    let is_elliptic: IsOf = |kind| matches!(kind, Kind::P256 | Kind::P384);
    let is_rsa: IsOf = |kind| kind == Kind::Rsa;
    match AlgorithmIdentifierRef::from_der(der).ok()?.oid {
        ELLIPTIC_256 => Some((is_elliptic, Hash::Sha256)),
        ELLIPTIC_384 => Some((is_elliptic, Hash::Sha384)),
        RSA_256 => Some((is_rsa, Hash::Sha256)),
        RSA_384 => Some((is_rsa, Hash::Sha384)),
        RSA_512 => Some((is_rsa, Hash::Sha512)),
        EDWARDS => Some((|kind| kind == Kind::Ed25519, Hash::Sha512)),
        _ => None,
    }
}
