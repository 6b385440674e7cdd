//! Keys of those who may sign, as a Secret has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::encoding::pem;
use crate::key::{Hash, Key};

/// What a name of a Secret that holds a key ends with.
const KEY_FILE: &str = ".pub";

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

impl PublicKeys {
    /// The keys in the data of a Secret: those under names that end with `.pub`.
    ///
    /// # Errors
    /// When there is none, or one that is not understood.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, KeysError> {
        let files = data.iter().filter(|(name, _)| name.ends_with(KEY_FILE));
        let keys = files.map(|(name, pem)| read(pem).ok_or_else(|| KeysError::Unreadable(name.clone())));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeysError::None) } else { Ok(Self(Arc::new(keys))) }
    }

    /// Whether one of the keys signed the text, by SHA-256.
    pub(crate) fn have_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|key| key.has_signed(Hash::Sha256, text, signature))
    }

    /// Whether one of the keys signed the text, by SHA-256 or by the hash of the key.
    pub(crate) fn have_signed_somehow(&self, text: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|key| key.has_signed_somehow(text, signature))
    }
}

/// Reads a key in PEM format, of any public key or of RSA alone.
fn read(text: &[u8]) -> Option<Key> {
    match pem(std::str::from_utf8(text).ok()?)? {
        ("RSA PUBLIC KEY", der) => Some(Key::of_rsa(der)),
        ("PUBLIC KEY", der) => Key::of_info(&der),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
            let key = read(&pem(label, key)).unwrap();
            let signature = STANDARD.decode(signature).unwrap();
            assert!(key.has_signed(Hash::Sha256, b"the message", &signature), "{key:?}");
            assert!(!key.has_signed(Hash::Sha256, b"the messagE", &signature), "{key:?}");
            let mut other = signature.clone();
            *other.last_mut().unwrap() ^= 1;
            assert!(!key.has_signed(Hash::Sha256, b"the message", &other), "{key:?}");
            assert!(!key.has_signed(Hash::Sha256, b"the message", b""), "{key:?}");
        }
    }

    #[test]
    fn keys_are_read_from_names_that_end_as_keys_do() {
        let keys = |data: &[(&str, Vec<u8>)]| {
            PublicKeys::read(&data.iter().map(|(name, pem)| ((*name).to_owned(), pem.clone())).collect())
        };
        let key = pem("PUBLIC KEY", P256_KEY);
        assert_eq!(keys(&[("cosign.pub", key.clone()), ("note", b"x".to_vec())]).unwrap().0.len(), 1);
        assert_eq!(keys(&[("cosign.key", key)]).unwrap_err(), KeysError::None);
        for (name, pem) in [
            ("curve", pem("PUBLIC KEY", P521_KEY)),
            ("private", pem("PRIVATE KEY", P256_KEY)),
            ("damaged", pem("PUBLIC KEY", &P256_KEY[10..])),
            ("text", b"no key".to_vec()),
        ] {
            let name = format!("{name}.pub");
            assert_eq!(keys(&[(&name, pem)]).unwrap_err(), KeysError::Unreadable(name.clone()));
        }
    }
}
