//! What cosign says of signatures, in both of its forms: `tests/recorded/cosign.json`, as docs/testing.md tells.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cowherd_sigstore::{Bundle, Digest, Identities, Layer, PublicKeys, Refusal, Trust, TrustedRoot};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// What differs from cosign on purpose, and why.
const DIFFERENT: [(&str, &str); 7] = [
    ("layer: issuer in the newer extension alone", "who vouched is read of either extension in both forms"),
    ("layer: two issuers", "of two it is not clear which one vouched"),
    ("layer: key of Ed25519", "the log's own library does not read its entry; the signature is good"),
    ("layer: for everything", "Fulcio's certificates say that they are for code"),
    ("layer: for nothing in particular", "Fulcio's certificates say that they are for code"),
    ("bundle: the second of two identities", "cosign does not support two with bundles"),
    ("bundle by key: of P-384 by SHA-384", "it is by the key"),
];

#[derive(Deserialize)]
struct Recorded {
    roots: BTreeMap<String, Value>,
    keys: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    root: Option<String>,
    key: Option<String>,
    #[serde(default)]
    identities: Vec<(String, String)>,
    digest: String,
    text: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    bundle: Option<Value>,
    /// What cosign says; nothing where it verifies it.
    cosign: String,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("recorded/cosign.json")).unwrap()
}

impl Recorded {
    /// Who is believed in a case; `None` where one of its expressions is none.
    fn trust(&self, case: &Case) -> Option<Trust> {
        if let Some(key) = &case.key {
            let data = BTreeMap::from([("cosign.pub".to_owned(), self.keys[key].clone().into_bytes())]);
            return Some(Trust::Keys(PublicKeys::read(&data).unwrap()));
        }
        let root = match case.root.as_deref().unwrap() {
            "public" => TrustedRoot::public().unwrap(),
            name => TrustedRoot::read(self.roots[name].to_string().as_bytes()).unwrap(),
        };
        let identities = case.identities.iter().map(|(issuer, subject)| (issuer.as_str(), subject.as_str()));
        Some(Trust::Identities { root: Arc::new(root), identities: Identities::new(identities).ok()? })
    }

    fn case(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap()
    }
}

impl Case {
    fn digest(&self) -> Digest {
        let byte = |index| u8::from_str_radix(&self.digest[index..index + 2], 16).unwrap();
        std::array::from_fn(|index| byte(2 * index))
    }

    fn verify(&self, trust: &Trust) -> Result<(), Refusal> {
        match &self.bundle {
            Some(bundle) => Bundle::read(bundle.to_string().as_bytes())?.verify(&self.digest(), trust),
            None => {
                let text = STANDARD.decode(self.text.as_ref().unwrap()).unwrap();
                verify_layer(&text, &self.annotations, &self.digest(), trust)
            }
        }
    }
}

fn verify_layer(
    text: &[u8],
    annotations: &BTreeMap<String, String>,
    digest: &Digest,
    trust: &Trust,
) -> Result<(), Refusal> {
    let layer = Layer::new(text, |name| annotations.get(name).map(String::as_str)).unwrap();
    layer.verify(digest, trust)
}

#[test]
fn what_cosign_verifies_is_verified_and_nothing_else() {
    let recorded = recorded();
    let mut wrong = Vec::new();
    for case in &recorded.cases {
        let said = recorded.trust(case).map(|trust| case.verify(&trust));
        let is_verified = said.as_ref().is_some_and(Result::is_ok);
        let differs = DIFFERENT.iter().any(|(name, _)| *name == case.name);
        if (is_verified == case.cosign.is_empty()) == differs {
            wrong.push(format!("{}: {said:?}, and cosign: {:?}", case.name, case.cosign));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(DIFFERENT.iter().all(|(name, _)| recorded.case(name).name == *name));
}

#[test]
fn what_is_wrong_is_said() {
    let recorded = recorded();
    let said = |name: &str| {
        let case = recorded.case(name);
        case.verify(&recorded.trust(case).unwrap()).unwrap_err().to_string()
    };
    for (name, words) in [
        ("layer: no entry", "it has no entry of the log Rekor with it, and Rekor is not asked for one; sign again"),
        ("layer: an entry of Rekor v2", "the entry of the log is of Rekor v2 (hashedrekord 0.0.2)"),
        (
            "layer: an entry of another kind",
            "the entry of the log is of the kind \"helm\" \"0.0.1\", which is not supported",
        ),
        (
            "layer: another subject",
            "it is by https://github.com/team/apps/.github/workflows/release.yml@refs/tags/v1.0.0 on the word of \
             https://token.actions.githubusercontent.com, whom matchOIDCIdentity does not include",
        ),
        (
            "layer: logged after the certificate",
            "its certificate counted from 2026-06-01T10:00:00Z to 2026-06-01T10:10:00Z, but the log had the signature at \
             2026-06-01T10:11:00Z",
        ),
        ("layer: a strange authority", "its certificate is not by an authority of the trusted root"),
        ("layer: for servers", "its certificate is not for signing code"),
        ("layer: no promise in the certificate", "its certificate has no promise of a log of certificates in it"),
        ("layer: a promise of an unknown log", "the promise in its certificate is of the log "),
        ("layer: a broken promise", "the promise in its certificate is not by the log that it names"),
        ("layer: a broken word of the log", "the log's promise to have the entry (signedEntryTimestamp) is missing"),
        ("layer: an unknown log", "the entry is of the log "),
        ("layer: an entry about another signature", "the entry of the log is about another signature"),
        ("layer: another of the signed artifacts", "it is about another artifact"),
        (
            "bundle: nobody in particular",
            "matchOIDCIdentity says nobody; a bundle, as cosign 3 signs, is verified only",
        ),
        ("bundle: a signed blob", "it is a bundle of a signed blob (messageSignature)"),
        ("bundle: of version 0.4", "it is a bundle of the type \"application/vnd.dev.sigstore.bundle.v0.4+json\""),
        ("bundle: a checkpoint by another key", "the checkpoint of the proof is not by the log"),
        ("bundle: a proof with another hash", "the proof that the log has the entry does not hold"),
        ("bundle: another artifact", "it is about another artifact"),
        ("bundle: a key", "it is by a key and has no certificate"),
        ("bundle by key: a certificate", "it is by a certificate, and not by a key"),
        ("bundle by key: another key", "it is by none of the keys"),
    ] {
        let said = said(name);
        assert!(said.starts_with(words), "{name}: {said}");
    }
}

/// Where a bit of what a good signature has is another one, it is one of those that say nothing: it may be verified or refused,
/// but of what is signed and of who signed none may change.
#[test]
fn no_bit_of_what_is_signed_may_change() {
    let recorded = recorded();
    let case = recorded.case("layer: good");
    let trust = recorded.trust(case).unwrap();
    let text = STANDARD.decode(case.text.as_ref().unwrap()).unwrap();
    for bit in 0..text.len() * 8 {
        let mut other = text.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        verify_layer(&other, &case.annotations, &case.digest(), &trust).unwrap_err();
    }
    let pem = &case.annotations["dev.sigstore.cosign/certificate"];
    let der = pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = STANDARD.decode(der).unwrap();
    for bit in 0..der.len() * 8 {
        let mut other = der.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let mut annotations = case.annotations.clone();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&other));
        annotations.insert("dev.sigstore.cosign/certificate".to_owned(), pem);
        verify_layer(&text, &annotations, &case.digest(), &trust).unwrap_err();
    }
}

proptest! {
    #[test]
    fn anything_ends_in_a_refusal(text in any::<Vec<u8>>(), root in ".{0,200}") {
        prop_assert!(Bundle::read(&text).is_err());
        prop_assert!(TrustedRoot::read(root.as_bytes()).is_err());
        prop_assert!(cowherd_sigstore::names(&text).is_none());
    }

    /// A good signature with some bytes of its parts being others brings nothing down.
    #[test]
    fn what_is_almost_good_brings_nothing_down(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let recorded = recorded();
        let case = which.get(&recorded.cases);
        let Some(trust) = recorded.trust(case) else { return Ok(()) };
        let change = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (place, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            bytes
        };
        if let Some(bundle) = &case.bundle {
            if let Ok(bundle) = Bundle::read(&change(bundle.to_string().as_bytes())) {
                let _ = bundle.verify(&case.digest(), &trust);
            }
            return Ok(());
        }
        for name in case.annotations.keys() {
            let mut annotations = case.annotations.clone();
            let changed = String::from_utf8_lossy(&change(annotations[name].as_bytes())).into_owned();
            annotations.insert(name.clone(), changed);
            let _ = verify_layer(case.text.as_ref().unwrap().as_bytes(), &annotations, &case.digest(), &trust);
        }
    }
}
