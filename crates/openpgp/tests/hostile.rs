//! Whatever a key or a signature holds, it is read or refused, without a panic, and nothing but what was signed counts as signed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_openpgp::{Certificates, CertificatesError, Signature, SignatureError, Unverified, armor};
use proptest::prelude::*;

/// The key C690 4567 83AB 6E3E 46A2 68FA 0905 73EB 29FE 416F of Jane, of the first day of 2024, and a signature by its subkey, which is not
/// used for anything else; by gpg 2.2.40.
const KEY: &str = include_str!("jane.asc");
const SIGNATURE: &str = include_str!("signature.asc");
const SIGNED: &[u8] = b"what was signed\n";
/// A time after both, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

fn verify(key: &str, signature: &str, signed: &[u8], now: u64) -> Option<String> {
    let certificates = Certificates::read(key).ok()?;
    let signature = Signature::read(signature).ok()?;
    certificates.verify(&signature, signed, now).ok().map(|id| id.to_string())
}

fn armored(kind: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n\n{}\n-----END {kind}-----\n", BASE64_STANDARD.encode(bytes))
}

const PUBLIC_KEY: &str = "PGP PUBLIC KEY BLOCK";
const OF_SIGNATURE: &str = "PGP SIGNATURE";

#[test]
fn what_was_signed_counts_from_its_day_on() {
    assert_eq!(verify(KEY, SIGNATURE, SIGNED, NOW).as_deref(), Some("090573EB29FE416F"));
    assert_eq!(verify(KEY, SIGNATURE, b"what was signed", NOW), None);
    let untimely = Certificates::read(KEY).unwrap().verify(&Signature::read(SIGNATURE).unwrap(), SIGNED, 1_600_000_000);
    assert!(matches!(untimely, Err(Unverified::Unbound(_))), "nothing was said of the key yet: {untimely:?}");
}

#[test]
fn each_byte_of_a_signature_counts() {
    let bytes = armor::decode(SIGNATURE, OF_SIGNATURE).unwrap();
    assert!(verify(KEY, &armored(OF_SIGNATURE, &bytes), SIGNED, NOW).is_some());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // What is not signed itself is a hint of who signed, which leads nowhere else; and a number has some bits more or less of zeros.
        let told = verify(KEY, &armored(OF_SIGNATURE, &changed), SIGNED, NOW);
        let (is_hint, is_length) = ((37..49).contains(&at), at == 52);
        assert!(told.is_none() || is_hint || is_length, "byte {at}");
        assert_eq!(verify(KEY, &armored(OF_SIGNATURE, &bytes[..at]), SIGNED, NOW), None);
    }
}

#[test]
fn of_a_key_nothing_counts_that_it_did_not_say_itself() {
    let bytes = armor::decode(KEY, PUBLIC_KEY).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // No panic; and whoever it is by then, it is Jane whose key it is.
        let told = verify(&armored(PUBLIC_KEY, &changed), SIGNATURE, SIGNED, NOW);
        assert!(told.is_none_or(|id| id == "090573EB29FE416F"), "byte {at}");
        let _ = verify(&armored(PUBLIC_KEY, &bytes[..at]), SIGNATURE, SIGNED, NOW);
    }
    assert!(matches!(Certificates::read(SIGNATURE), Err(CertificatesError::NotArmored)));
    assert!(matches!(Certificates::read(&"x".repeat(2 << 20)), Err(CertificatesError::TooLarge)));
    assert!(matches!(Certificates::read(&armored(PUBLIC_KEY, b"")), Err(CertificatesError::None)));
    assert!(matches!(Signature::read(KEY), Err(SignatureError::Unreadable(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), first in 0u8..64) {
        let bytes = [&[0xc0 | first][..], &bytes].concat();
        prop_assert_eq!(verify(&armored(PUBLIC_KEY, &bytes), SIGNATURE, SIGNED, NOW), None);
        prop_assert_eq!(verify(KEY, &armored(OF_SIGNATURE, &bytes), SIGNED, NOW), None);
        let key = armor::decode(KEY, PUBLIC_KEY).unwrap();
        let mixed = [&key[..], &bytes].concat();
        let _ = verify(&armored(PUBLIC_KEY, &mixed), SIGNATURE, SIGNED, NOW);
    }
}
