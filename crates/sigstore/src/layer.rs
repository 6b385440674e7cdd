//! Signatures as layers of a manifest that has its place beside the artifact: a text that names the artifact, and annotations with
//! all that is said of it. So signs cosign before its version 3.

use serde::Deserialize;

use crate::certificate::{Certificate, verify_chain, verify_promises};
use crate::encoding::{Bytes, decoded, pem, sha256};
use crate::key::Hash;
use crate::rekor::{Body, Entry, Form, MAX_BODY};
use crate::{Digest, Identities, Refusal, Trust, TrustedRoot};

/// Under which name a layer has its signature.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";

/// The most bytes of an annotation.
const MAX_ANNOTATION: usize = 2 * MAX_BODY;

/// The most letters of a name that are told.
const MAX_SHOWN: usize = 200;

/// A layer that may be a signature.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// What is signed.
    pub text: &'a [u8],
    /// The signature, in base64.
    signature: &'a str,
    /// The certificate of who signed, in PEM format.
    certificate: Option<&'a str>,
    /// The entry of the log.
    entry: Option<&'a str>,
}

impl<'a> Layer<'a> {
    /// The signature of a text by the annotations of its layer; `None` where there is none.
    pub fn new(text: &'a [u8], annotation: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let signature = annotation(SIGNATURE)?;
        Some(Self { text, signature, certificate: annotation(CERTIFICATE), entry: annotation(BUNDLE) })
    }

    /// Sees whether somebody who is trusted signed the manifest with this digest by it.
    ///
    /// # Errors
    /// When nobody did, or it cannot be told.
    pub fn verify(&self, digest: &Digest, trust: &Trust) -> Result<(), Refusal> {
        let annotations = [Some(self.signature), self.certificate, self.entry];
        if annotations.into_iter().flatten().any(|text| text.len() > MAX_ANNOTATION) {
            return Err(Refusal::TooLarge);
        }
        let signature = decoded(self.signature).ok_or(Refusal::Unreadable("the signature is not in base64"))?;
        match trust {
            Trust::Keys(keys) if keys.have_signed(self.text, &signature) => {}
            Trust::Keys(_) => return Err(Refusal::OtherKey),
            Trust::Identities { root, identities } => self.verify_identity(&signature, root, identities)?,
        }
        if names(self.text).as_ref() == Some(digest) { Ok(()) } else { Err(Refusal::OtherArtifact) }
    }

    /// Sees whether one of the identities signed the text while its certificate counted.
    fn verify_identity(&self, signature: &[u8], root: &TrustedRoot, identities: &Identities) -> Result<(), Refusal> {
        let certificate = self.certificate.ok_or(Refusal::NoCertificate)?;
        let certificate = pem(certificate).filter(|(label, _)| *label == "CERTIFICATE").map(|(_, der)| der);
        let certificate = certificate.as_deref().and_then(Certificate::read).ok_or(Refusal::CertificateUnreadable)?;
        let entry = entry(self.entry.ok_or(Refusal::NoEntry)?)?;
        let said = Body::read(&entry.body)?;
        entry.verify(&root.signatures)?;
        let is_of_it = said.form == Form::Text
            && said.signature == signature
            && said.certificate == certificate.der()
            && said.digest == sha256(self.text);
        if !is_of_it {
            return Err(Refusal::OtherEntry);
        }
        verify_certificate(&certificate, entry.time, root, identities)?;
        if certificate.key().has_signed(Hash::Sha256, self.text, signature) { Ok(()) } else { Err(Refusal::Forged) }
    }
}

/// Sees whether a certificate counted at a time, is in a log, and is of one of the identities.
pub(crate) fn verify_certificate(
    certificate: &Certificate,
    time: i64,
    root: &TrustedRoot,
    identities: &Identities,
) -> Result<(), Refusal> {
    let issuer = verify_chain(certificate, &root.authorities, time)?;
    verify_promises(certificate, issuer, &root.certificates)?;
    let signer = certificate.signer()?;
    if identities.include(&signer) {
        return Ok(());
    }
    let shown = |text: &str| text.chars().take(MAX_SHOWN).collect();
    let subject = signer.subjects.first().map_or_else(String::new, |subject| shown(subject));
    Err(Refusal::OtherIdentity { subject, issuer: shown(&signer.issuer) })
}

/// The digest that a signed text names.
pub fn names(text: &[u8]) -> Option<Digest> {
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
    from_hex(text.critical.image.docker_manifest_digest.strip_prefix("sha256:")?)
}

/// A SHA-256 as it is written.
pub(crate) fn from_hex(digits: &str) -> Option<Digest> {
    let digits = digits.as_bytes();
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 64 || !digits.iter().all(is_digit) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// The entry of an annotation.
fn entry(json: &str) -> Result<Entry, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Written {
        signed_entry_timestamp: Bytes,
        payload: Payload,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload {
        body: Bytes,
        integrated_time: i64,
        log_index: i64,
        #[serde(rename = "logID")]
        log: String,
    }
    let Written { signed_entry_timestamp, payload } =
        serde_json::from_str(json).map_err(|_| Refusal::EntryUnreadable)?;
    let log = from_hex(&payload.log.to_ascii_lowercase()).ok_or(Refusal::EntryUnreadable)?;
    Ok(Entry {
        body: payload.body.0,
        time: payload.integrated_time,
        index: payload.log_index,
        log: log.to_vec(),
        promise: signed_entry_timestamp.0,
        proof: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_one_digest() {
        let digest = format!("sha256:{}", "1f".repeat(32));
        let text =
            |digest: &str| format!("{{\"critical\": {{\"image\": {{\"docker-manifest-digest\": {digest:?}}}}}}}");
        assert_eq!(names(text(&digest).as_bytes()), Some([0x1f; 32]));
        for text in [
            text("sha256:1"),
            text(&"1".repeat(64)),
            text(&digest.to_uppercase()),
            "{}".to_owned(),
            "[]".to_owned(),
            String::new(),
        ] {
            assert_eq!(names(text.as_bytes()), None, "{text}");
        }
    }
}
