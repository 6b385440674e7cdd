//! Statements about artifacts, and the envelopes in which they are signed: in-toto in DSSE.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::encoding::Bytes;
use crate::layer::from_hex;
use crate::{Digest, Refusal};

/// The type of what is signed.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// How the type of a statement begins.
const STATEMENT: &str = "https://in-toto.io/Statement/";

/// The most artifacts that a statement is about, and digests of one.
const MAX_SUBJECTS: usize = 1024;
const MAX_DIGESTS: usize = 32;

/// What is signed, and the signature.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    payload: Bytes,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Clone, Debug, Deserialize)]
struct Signed {
    sig: Bytes,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

impl Envelope {
    /// The payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload.0
    }

    /// The signature, of which there has to be one.
    pub(crate) fn signature(&self) -> Result<&[u8], Refusal> {
        match self.signatures.as_slice() {
            [one] => Ok(&one.sig.0),
            _ => Err(Refusal::Unreadable("its envelope has not one signature")),
        }
    }

    /// What the signature is over.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let (kind, payload) = (&self.payload_type, self.payload());
        let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }

    /// Sees whether it is about the artifact with this digest.
    pub(crate) fn is_about(&self, digest: &Digest) -> Result<(), Refusal> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::NoStatement);
        }
        let statement: Statement = serde_json::from_slice(self.payload()).map_err(|_| Refusal::NoStatement)?;
        let subjects = &statement.subject;
        let is_small =
            subjects.len() <= MAX_SUBJECTS && subjects.iter().all(|subject| subject.digest.len() <= MAX_DIGESTS);
        if !statement.kind.starts_with(STATEMENT) || !is_small {
            return Err(Refusal::NoStatement);
        }
        let is_it = |subject: &Subject| {
            subject.digest.get("sha256").and_then(|digits| from_hex(digits)).as_ref() == Some(digest)
        };
        if subjects.iter().any(is_it) { Ok(()) } else { Err(Refusal::OtherArtifact) }
    }
}
