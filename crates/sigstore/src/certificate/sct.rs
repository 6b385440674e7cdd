//! Promises of a log of certificates that stand in one: that the log has it. They are about the certificate as it was before
//! they were put in.

use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode as _, Reader as _, SliceReader};
use x509_cert::ext::Extension;

use super::{Certificate, explicit, inside};
use crate::Refusal;
use crate::encoding::{hex, sha256};
use crate::key::{Hash, Kind};
use crate::root::Log;

const PROMISES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// The most promises of a certificate that are looked at.
const MAX_PROMISES: usize = 16;

/// The codes of hashes and signatures, as TLS has them.
const SHA256: u8 = 4;
const RSA: u8 = 1;
const ECDSA: u8 = 3;

/// A promise.
struct Promise<'a> {
    log: &'a [u8],
    /// Milliseconds since 1970.
    time: u64,
    extensions: &'a [u8],
    hash: u8,
    algorithm: u8,
    signature: &'a [u8],
}

/// Sees whether one of the logs that are trusted promised to have the certificate that `issuer` gave.
pub(crate) fn verify(leaf: &Certificate, issuer: &Certificate, logs: &[Log]) -> Result<(), Refusal> {
    let list = leaf.value(PROMISES).ok_or(Refusal::NoPromise)?;
    let promises = read(list).ok_or(Refusal::PromiseUnreadable)?;
    let before = without(&leaf.signed, PROMISES).ok_or(Refusal::PromiseUnreadable)?;
    let known = |promise: &&Promise<'_>| logs.iter().any(|log| log.id == promise.log);
    if !promises.iter().any(|promise| known(&promise)) {
        let log = promises.first().map(|promise| hex(promise.log)).unwrap_or_default();
        return Err(Refusal::UnknownCertificateLog { log });
    }
    let is_kept = |promise: &Promise<'_>| {
        let of_it = logs.iter().filter(|log| log.id == promise.log);
        of_it.into_iter().any(|log| promise.is_of(log, issuer, &before))
    };
    if promises.iter().any(is_kept) { Ok(()) } else { Err(Refusal::PromiseBroken) }
}

impl Promise<'_> {
    /// Whether the log made it, of the certificate without promises that `issuer` gave.
    fn is_of(&self, log: &Log, issuer: &Certificate, certificate: &[u8]) -> bool {
        let Ok(time) = i64::try_from(self.time / 1000) else { return false };
        let algorithm = match log.key.kind() {
            Kind::P256 | Kind::P384 => ECDSA,
            Kind::Rsa => RSA,
            Kind::Ed25519 => return false,
        };
        let Some(text) = self.text(issuer, certificate) else { return false };
        log.period.contains(time)
            && (self.hash, self.algorithm) == (SHA256, algorithm)
            && log.key.has_signed(Hash::Sha256, &text, self.signature)
    }

    /// What is signed: RFC 6962, section 3.2.
    fn text(&self, issuer: &Certificate, certificate: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(certificate.len()).ok().filter(|length| *length < 1 << 24)?;
        let of_extensions = u16::try_from(self.extensions.len()).ok()?;
        Some(
            [
                // The first version, a promise, and of a certificate before it was one.
                &[0, 0][..],
                &self.time.to_be_bytes(),
                &[0, 1],
                &sha256(&issuer.info),
                &length.to_be_bytes()[1..],
                certificate,
                &of_extensions.to_be_bytes(),
                self.extensions,
            ]
            .concat(),
        )
    }
}

/// The promises of an extension, of the first version.
fn read(extension: &[u8]) -> Option<Vec<Promise<'_>>> {
    let list: &[u8] = <&OctetStringRef>::from_der(extension).ok()?.as_bytes();
    let (mut list, rest) = part::<2>(list)?;
    if !rest.is_empty() {
        return None;
    }
    let mut promises = Vec::new();
    while !list.is_empty() {
        let (promise, rest) = part::<2>(list)?;
        if promises.len() == MAX_PROMISES {
            return None;
        }
        promises.push(promise_of(promise)?);
        list = rest;
    }
    Some(promises)
}

fn promise_of(bytes: &[u8]) -> Option<Promise<'_>> {
    let (version, rest) = bytes.split_first()?;
    let (log, rest) = rest.split_at_checked(32)?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (extensions, rest) = part::<2>(rest)?;
    let ([hash, algorithm], rest) = rest.split_first_chunk::<2>()?;
    let (signature, rest) = part::<2>(rest)?;
    let promise =
        Promise { log, time: u64::from_be_bytes(*time), extensions, hash: *hash, algorithm: *algorithm, signature };
    (*version == 0 && rest.is_empty()).then_some(promise)
}

/// The part at the beginning whose length stands before it in `N` bytes, and the rest.
fn part<const N: usize>(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<N>()?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// What is signed of a certificate, without one of its extensions.
fn without(signed: &[u8], id: ObjectIdentifier) -> Option<Vec<u8>> {
    let mut fields = inside(signed)?;
    let (mut kept, mut extensions) = (Vec::new(), None);
    while !fields.is_finished() {
        let field = fields.tlv_bytes().ok()?;
        match explicit(field) {
            Some(list) => extensions = Some(list),
            None => kept.extend_from_slice(field),
        }
    }
    let mut list = inside(extensions?)?;
    let mut others = Vec::new();
    while !list.is_finished() {
        let extension = list.tlv_bytes().ok()?;
        if Extension::decode(&mut SliceReader::new(extension).ok()?).ok()?.extn_id != id {
            others.extend_from_slice(extension);
        }
    }
    kept.extend(wrapped(0xa3, &wrapped(0x30, &others)));
    Some(wrapped(0x30, &kept))
}

/// Content with its tag and its length, as DER has it.
fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut bytes = vec![tag];
    if content.len() < 0x80 {
        bytes.push(content.len() as u8);
    } else {
        bytes.push(0x80 | significant.len() as u8);
        bytes.extend_from_slice(significant);
    }
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_der_has_them() {
        assert_eq!(wrapped(4, &[]), [4, 0]);
        assert_eq!(wrapped(4, &[1; 0x7f])[..3], [4, 0x7f, 1]);
        assert_eq!(wrapped(4, &[1; 0x80])[..4], [4, 0x81, 0x80, 1]);
        assert_eq!(wrapped(4, &[1; 0x1234])[..5], [4, 0x82, 0x12, 0x34, 1]);
    }

    #[test]
    fn parts_end_where_they_say() {
        assert_eq!(part::<2>(&[0, 1, 7, 8]), Some((&[7][..], &[8][..])));
        assert_eq!(part::<2>(&[0, 3, 7, 8]), None);
        assert_eq!(part::<2>(&[0]), None);
    }
}
