//! What an entry says: a signature, what it is of, and by which certificate.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::MAX_BODY;
use crate::Refusal;
use crate::encoding::{Bytes, decoded, pem};

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) form: Form,
    /// The SHA-256 of what is signed.
    pub(crate) digest: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// The certificate, in DER.
    pub(crate) certificate: Vec<u8>,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text.
    Text,
    /// The payload of an envelope.
    Envelope,
}

impl Body {
    /// Reads what an entry says.
    pub(crate) fn read(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > MAX_BODY {
            return Err(Refusal::TooLarge);
        }
        let written: Written<'_> = serde_json::from_slice(json).map_err(|_| Refusal::EntryUnreadable)?;
        match (written.kind.as_str(), written.api_version.as_str()) {
            ("hashedrekord" | "rekord", "0.0.1") => of::<Hashed>(written.spec)?.body(),
            ("dsse", "0.0.1") => of::<Dsse>(written.spec)?.body(),
            ("intoto", "0.0.2") => of::<Intoto>(written.spec)?.body(),
            ("hashedrekord", "0.0.2") => Err(Refusal::SecondRekor),
            (kind, version) => {
                let shown = |text: &str| text.chars().take(40).collect();
                Err(Refusal::EntryKind { kind: shown(kind), version: shown(version) })
            }
        }
    }
}

fn of<T: DeserializeOwned>(spec: &RawValue) -> Result<T, Refusal> {
    serde_json::from_str(spec.get()).map_err(|_| Refusal::EntryUnreadable)
}

/// A certificate in PEM format, alone in its text.
fn certificate(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let text = std::str::from_utf8(text).map_err(|_| Refusal::EntryUnreadable)?;
    match pem(text) {
        Some(("CERTIFICATE", der)) => Ok(der),
        _ => Err(Refusal::EntryUnreadable),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    kind: String,
    api_version: String,
    #[serde(borrow)]
    spec: &'a RawValue,
}

#[derive(Deserialize)]
struct Sum {
    algorithm: String,
    value: String,
}

impl Sum {
    /// The bytes of a SHA-256.
    fn sha256(&self) -> Result<Vec<u8>, Refusal> {
        let digits = self.value.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let is_sum = self.algorithm == "sha256" && digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
        let bytes = is_sum.then(|| digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()).flatten();
        bytes.ok_or(Refusal::EntryUnreadable)
    }
}

/// A signature of a text, `hashedrekord` and `rekord`.
#[derive(Deserialize)]
struct Hashed {
    data: HashedData,
    signature: HashedSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: Sum,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSignature {
    content: Bytes,
    public_key: HashedKey,
}

#[derive(Deserialize)]
struct HashedKey {
    content: Bytes,
}

impl Hashed {
    fn body(self) -> Result<Body, Refusal> {
        Ok(Body {
            form: Form::Text,
            digest: self.data.hash.sha256()?,
            signature: self.signature.content.0,
            certificate: certificate(&self.signature.public_key.content.0)?,
        })
    }
}

/// A signature of an envelope, `dsse`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse {
    payload_hash: Sum,
    signatures: Vec<DsseSignature>,
}

#[derive(Deserialize)]
struct DsseSignature {
    signature: Bytes,
    verifier: Bytes,
}

impl Dsse {
    fn body(self) -> Result<Body, Refusal> {
        let [signature] = <[DsseSignature; 1]>::try_from(self.signatures).map_err(|_| Refusal::EntryUnreadable)?;
        Ok(Body {
            form: Form::Envelope,
            digest: self.payload_hash.sha256()?,
            signature: signature.signature.0,
            certificate: certificate(&signature.verifier.0)?,
        })
    }
}

/// The same as older programs have it, `intoto`.
#[derive(Deserialize)]
struct Intoto {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: Sum,
}

#[derive(Deserialize)]
struct IntotoEnvelope {
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    public_key: Bytes,
    sig: Bytes,
}

impl Intoto {
    fn body(self) -> Result<Body, Refusal> {
        let signatures = self.content.envelope.signatures;
        let [signature] = <[IntotoSignature; 1]>::try_from(signatures).map_err(|_| Refusal::EntryUnreadable)?;
        // It is encoded twice.
        let inner = std::str::from_utf8(&signature.sig.0).ok().and_then(decoded);
        Ok(Body {
            form: Form::Envelope,
            digest: self.content.payload_hash.sha256()?,
            signature: inner.ok_or(Refusal::EntryUnreadable)?,
            certificate: certificate(&signature.public_key.0)?,
        })
    }
}
