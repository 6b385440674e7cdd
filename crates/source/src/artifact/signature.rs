//! Signatures of artifacts, as `cosign sign --key` puts them beside what they are of.
//!
//! A signature is an artifact of its own, under a tag made of the digest: each of its layers is a text that names the digest, and
//! is signed by a key. What the text says besides is nobody's business here, and whether a transparency log has it neither: who
//! gives keys trusts the keys, as with Flux.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde::Deserialize;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::Digest;
use crate::registry::{Descriptor, Manifest};

/// Under which name a layer has its signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// The most signatures of an artifact that are looked at.
pub(super) const MAX_SIGNATURES: usize = 64;

/// The most bytes that a signed text may have.
pub(super) const MAX_TEXT: u64 = 128 << 10;

/// What a name of a Secret that holds a key ends with.
const KEY_FILE: &str = ".pub";

const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EDWARDS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The public keys of those who may sign.
#[derive(Clone, Debug)]
pub struct PublicKeys(Arc<Vec<Key>>);

/// Why there are no keys to verify with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// There are none.
    #[error("it has no public key; put one in under a name that ends with .pub, as cosign.pub")]
    None,
    /// One cannot be used.
    #[error(
        "its {0} is no public key that is understood: those are P-256, P-384, RSA of 2048 bits or more and Ed25519, in PEM format"
    )]
    Unreadable(String),
}

#[derive(Clone, Debug)]
struct Key {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

impl PublicKeys {
    /// The keys in the data of a Secret: those under names that end with `.pub`.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, KeysError> {
        let files = data.iter().filter(|(name, _)| name.ends_with(KEY_FILE));
        let keys = files.map(|(name, pem)| Key::read(pem).ok_or_else(|| KeysError::Unreadable(name.clone())));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeysError::None) } else { Ok(Self(Arc::new(keys))) }
    }

    /// Whether one of the keys has signed the text, which is the content of `layer` and names `digest`.
    pub(super) fn have_signed(&self, digest: Digest, layer: &Descriptor, text: &[u8]) -> bool {
        let signature = layer.annotation(SIGNATURE).and_then(|signature| STANDARD.decode(signature.trim()).ok());
        let is_signed = signature.is_some_and(|signature| self.0.iter().any(|key| key.has_signed(text, &signature)));
        is_signed && named(text) == Some(digest)
    }
}

/// The layers of a manifest that may be signatures.
pub(super) fn signatures(manifest: &Manifest) -> impl Iterator<Item = &Descriptor> {
    manifest.layers.iter().filter(|layer| layer.annotation(SIGNATURE).is_some()).take(MAX_SIGNATURES)
}

/// The tag under which the signatures of a manifest are.
pub(super) fn tag(digest: Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

/// The digest that a signed text names.
fn named(text: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct Text {
        critical: Critical,
    }
    #[derive(Deserialize)]
    struct Critical {
        image: Image,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Image {
        docker_manifest_digest: String,
    }
    let text: Text = serde_json::from_slice(text).ok()?;
    let digest = text.critical.image.docker_manifest_digest;
    digest.starts_with("sha256:").then(|| digest.parse().ok()).flatten()
}

impl Key {
    /// Reads a key in PEM format, of any public key or of RSA alone.
    fn read(pem: &[u8]) -> Option<Self> {
        let pem = std::str::from_utf8(pem).ok()?;
        let (label, der) = decode(pem)?;
        match label {
            "RSA PUBLIC KEY" => Some(Self { kind: Kind::Rsa, bytes: der }),
            "PUBLIC KEY" => {
                let info = SubjectPublicKeyInfoRef::from_der(&der).ok()?;
                let bytes = info.subject_public_key.as_bytes()?.to_vec();
                let curve = || info.algorithm.parameters_oid().ok();
                let kind = match info.algorithm.oid {
                    RSA => Kind::Rsa,
                    EDWARDS => Kind::Ed25519,
                    ELLIPTIC if curve() == Some(P256) => Kind::P256,
                    ELLIPTIC if curve() == Some(P384) => Kind::P384,
                    _ => return None,
                };
                Some(Self { kind, bytes })
            }
            _ => None,
        }
    }

    fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self.kind {
            Kind::P256 => &ECDSA_P256_SHA256_ASN1,
            Kind::P384 => &ECDSA_P384_SHA256_ASN1,
            Kind::Rsa => &RSA_PKCS1_2048_8192_SHA256,
            Kind::Ed25519 => &ED25519,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(text, signature).is_ok()
    }
}

/// The label and the content of the first block of a text in PEM format.
fn decode(pem: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    Some((label, STANDARD.decode(body).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by openssl, over the words "the message".
    const KEYS: [(&str, &str, &str); 5] = [
        (
            "PUBLIC KEY",
            P256_KEY,
            "MEUCIGWCNU2Vjm7cm6DDGojosLXTT6KGIv6H7QngJzK0AIyMAiEAxxxl4FaU6P2aRj2FBcbmU6ZN867b7RNGpw5T4B38pSY=",
        ),
        (
            "PUBLIC KEY",
            P384_KEY,
            "MGQCMB21YEFKrvyALqqrx4Qvbv+tDoaYUg2TjYRbf4Mu4fnU5pJGXy7V4YciWr4f2kBtnAIwFuf1EqeCNFMIW/iP2Z/Bb/Kk0431bnGjdYNnw+BFfBZ70PTEhZZ80KL6gjBH16g2",
        ),
        (
            "PUBLIC KEY",
            ED25519_KEY,
            "Nkmw94bJjvX61CLsuLob7iCxksu1l2R53rxNfarw8NDoke4gbn/S2lxB/cKOY8qUlSm3G1zMQymz6Py97bT6Ag==",
        ),
        ("PUBLIC KEY", RSA_KEY, RSA_SIGNATURE),
        ("RSA PUBLIC KEY", RSA_KEY_ALONE, RSA_SIGNATURE),
    ];
    const P256_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVF62e5hh+Jvwb86laGfKEyWwclW5X4YUS6wCjCioX+0VyPm/t1a6aPvbPo2oRFqw\
         DZfnt6hZ060XFl6GuznT+g==";
    const P384_KEY: &str = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAErK9u6CRbm7JfoEvPNHsercN/yg/DgTamyP/ZyZh8VdM+uSYBpSLOBvZPrawiIyECNaEu\
         oKYc7Vc1vT3JU/JLKHGXlnp+Zfxbqd3HFE7auPg8qcg8cJDb3SABnPZk22rS";
    const ED25519_KEY: &str = "MCowBQYDK2VwAyEA5+9ct//7BQc/b7dO2w16/aADgJXfj9c6c/H+brboYaU=";
    const RSA_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo4zzMalVxOpYTnZXOAwaW5/jWqdxNas5tPAACSTW4Z4UU64IcCqEjORU\
         d9vzyGMUP/w9xorvlO3smxpFkRqOOLDGdTnWp3Dd48a4E6B0HXsgyfLfjbJiN/LZVZnWBOxsoK7bdR5VPbUyV91lZV8dhkGnECtc\
         0okZuITWPPBzIXZkv596v34Pn8C2UfajwM6XFxx39gLLRGFQCQeHchhJ9ddm+s6JBbC8Ix/jFS8t1kXGEYAXGV0BVD9YAL24UNTy\
         WiVNPPdkveyrvTUmeFJFWstv+N12KaxG0ZOkq/gbefBNlbthppeUJFIjwQJ4m51K31Ex10X3cPW3kudxIzJhswIDAQAB";
    const RSA_KEY_ALONE: &str = "MIIBCgKCAQEAo4zzMalVxOpYTnZXOAwaW5/jWqdxNas5tPAACSTW4Z4UU64IcCqEjORUd9vzyGMUP/w9xorvlO3smxpFkRqOOLDG\
         dTnWp3Dd48a4E6B0HXsgyfLfjbJiN/LZVZnWBOxsoK7bdR5VPbUyV91lZV8dhkGnECtc0okZuITWPPBzIXZkv596v34Pn8C2Ufaj\
         wM6XFxx39gLLRGFQCQeHchhJ9ddm+s6JBbC8Ix/jFS8t1kXGEYAXGV0BVD9YAL24UNTyWiVNPPdkveyrvTUmeFJFWstv+N12KaxG\
         0ZOkq/gbefBNlbthppeUJFIjwQJ4m51K31Ex10X3cPW3kudxIzJhswIDAQAB";
    const RSA_SIGNATURE: &str = "QClMSmzU/CbniScgr4k0uLPD5oyvJDNgeCywmFpZ2ZXHKFQg+lacb/c37jzvotSKljrnVd+njeQPqrr5uRdkFrub4PTkUNTrPHqN\
         6DdZwgk15qAw8TQtjL04hFBb7flqM36+NT9Qeeat2iOz2VgKBDOPSxNRr6XUDSWYxGZeoHaPStAyjfxwB3k8hmQlz/3Dh4+MNnBI\
         gfGoA0YwJKZkHhNZHSajkYmnqQ5/gUaFHq67Q/lPwO6sJKYl2ow6Rcly1/Q99/hr6PdaqAasl2NWLwISFGP6WXs5VX/gDY6fFJcT\
         iXieP9x8ADr0/RDPcc2drLRzPX8nooSvfF5d3VKBbw==";
    /// A key of a curve that is not understood.
    const P521_KEY: &str = "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQA2TW94s29L7f4Moouc+oe1zdI5DlpTzqoS2otCSxFZCvT4v0nMB+k3tWaTeOJTXtw\
         GnkH1wr9YpmzUwbIjFggzsMB8OVe3Mi6aj6C76QZgnHMeSbVsZIMkL4gX9LPR7rb8niSdxq6RditA1IYdgdkfkqy6UHVRcf6jREI\
         XfdvztsLcTU=";

    fn pem(label: &str, body: &str) -> Vec<u8> {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
    }

    #[test]
    fn a_key_of_each_kind_verifies_what_it_signed_and_nothing_else() {
        for (label, key, signature) in KEYS {
            let key = Key::read(&pem(label, key)).unwrap();
            let signature = STANDARD.decode(signature).unwrap();
            assert!(key.has_signed(b"the message", &signature), "{key:?}");
            assert!(!key.has_signed(b"the messagE", &signature), "{key:?}");
            let mut other = signature.clone();
            *other.last_mut().unwrap() ^= 1;
            assert!(!key.has_signed(b"the message", &other), "{key:?}");
            assert!(!key.has_signed(b"the message", b""), "{key:?}");
        }
    }

    #[test]
    fn keys_are_read_from_names_that_end_as_keys_do() {
        let read = |data: &[(&str, Vec<u8>)]| {
            PublicKeys::read(&data.iter().map(|(name, pem)| ((*name).to_owned(), pem.clone())).collect())
        };
        let key = pem("PUBLIC KEY", P256_KEY);
        assert_eq!(read(&[("cosign.pub", key.clone()), ("note", b"x".to_vec())]).unwrap().0.len(), 1);
        assert_eq!(read(&[("cosign.key", key)]).unwrap_err(), KeysError::None);
        for (name, pem) in [
            ("curve", pem("PUBLIC KEY", P521_KEY)),
            ("private", pem("PRIVATE KEY", P256_KEY)),
            ("damaged", pem("PUBLIC KEY", &P256_KEY[10..])),
            ("text", b"no key".to_vec()),
        ] {
            let name = format!("{name}.pub");
            assert_eq!(read(&[(&name, pem)]).unwrap_err(), KeysError::Unreadable(name.clone()));
        }
    }

    #[test]
    fn a_text_names_one_digest() {
        let digest = format!("sha256:{}", "1".repeat(64));
        let text =
            |digest: &str| format!("{{\"critical\": {{\"image\": {{\"docker-manifest-digest\": {digest:?}}}}}}}");
        assert_eq!(named(text(&digest).as_bytes()), digest.parse().ok());
        for text in [text("sha256:1"), text(&"1".repeat(64)), "{}".to_owned(), "[]".to_owned(), String::new()] {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
    }
}
