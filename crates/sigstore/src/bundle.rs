//! Bundles, which refer to what they sign and have everything that is said of that in them. So signs cosign since its version 3.

use serde::Deserialize;

use crate::certificate::Certificate;
use crate::encoding::{Bytes, Number, sha256};
use crate::layer::verify_certificate;
use crate::rekor::{Body, Entry, Form, Proof};
use crate::root::Raw;
use crate::statement::Envelope;
use crate::{Digest, Identities, Refusal, Trust, TrustedRoot};

/// The most bytes of a bundle.
const MAX_BUNDLE: usize = 8 << 20;

/// The most entries of logs.
const MAX_ENTRIES: usize = 32;

/// A bundle that was read.
#[derive(Debug)]
pub struct Bundle {
    version: Version,
    certificate: Option<Vec<u8>>,
    entries: Vec<WrittenEntry>,
    envelope: Envelope,
}

/// The version of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    First,
    Second,
    Third,
}

impl Bundle {
    /// How the type of a layer begins that is a bundle.
    pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle";

    /// Reads a bundle in JSON.
    ///
    /// # Errors
    /// When it is none, or of a kind that is not verified here.
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > MAX_BUNDLE {
            return Err(Refusal::TooLarge);
        }
        let written: Written =
            serde_json::from_slice(json).map_err(|_| Refusal::Unreadable("it is no bundle in JSON"))?;
        let version = version(&written.media_type)?;
        let Material { certificate, x509_certificate_chain, tlog_entries, .. } = written.verification_material;
        if written.message_signature.is_some() {
            return Err(Refusal::SignedBlob);
        }
        let envelope = written.dsse_envelope.ok_or(Refusal::Unreadable("it has no envelope"))?;
        if tlog_entries.len() > MAX_ENTRIES {
            return Err(Refusal::TooLarge);
        }
        if x509_certificate_chain.is_some() && version == Version::Third {
            return Err(Refusal::Unreadable("it has a chain of certificates, which bundles of version 0.3 have not"));
        }
        let of_chain = x509_certificate_chain.and_then(|chain| chain.certificates.into_iter().next());
        let certificate = certificate.or(of_chain).map(|certificate| certificate.raw_bytes.0);
        Ok(Self { version, certificate, entries: tlog_entries, envelope })
    }

    /// Sees whether somebody who is trusted signed something about the manifest with this digest by it.
    ///
    /// # Errors
    /// When nobody did, or it cannot be told.
    pub fn verify(&self, digest: &Digest, trust: &Trust) -> Result<(), Refusal> {
        match trust {
            Trust::Keys(_) if self.certificate.is_some() => return Err(Refusal::NotByKey),
            Trust::Keys(keys) => {
                if !keys.have_signed_somehow(&self.envelope.signed(), self.envelope.signature()?) {
                    return Err(Refusal::OtherKey);
                }
            }
            Trust::Identities { root, identities } => self.verify_identity(root, identities)?,
        }
        self.envelope.is_about(digest)
    }

    /// Sees whether one of the identities signed the envelope while its certificate counted.
    fn verify_identity(&self, root: &TrustedRoot, identities: &Identities) -> Result<(), Refusal> {
        if identities.is_anybody() {
            return Err(Refusal::Anybody);
        }
        let certificate = self.certificate.as_deref().ok_or(Refusal::NoCertificate)?;
        let certificate = Certificate::read(certificate).ok_or(Refusal::CertificateUnreadable)?;
        let time = self.time(&certificate, root)?;
        verify_certificate(&certificate, time, root, identities)?;
        let is_signed = certificate.key().has_signed_somehow(&self.envelope.signed(), self.envelope.signature()?);
        if is_signed { Ok(()) } else { Err(Refusal::Forged) }
    }

    /// When a log that is trusted had the signature: by the first of its entries that holds.
    fn time(&self, certificate: &Certificate, root: &TrustedRoot) -> Result<i64, Refusal> {
        let mut refusal = Refusal::NoEntry;
        for written in &self.entries {
            match self.time_of(written, certificate, root) {
                Ok(time) => return Ok(time),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// When a log had the signature, by one entry.
    fn time_of(&self, written: &WrittenEntry, certificate: &Certificate, root: &TrustedRoot) -> Result<i64, Refusal> {
        let entry = written.entry()?;
        let said = Body::read(&entry.body)?;
        if self.version > Version::First && entry.proof.is_none() {
            return Err(Refusal::EntryNotProven);
        }
        entry.verify(&root.signatures)?;
        let is_of_it = said.form == Form::Envelope
            && said.signature == self.envelope.signature()?
            && said.certificate == certificate.der()
            && said.digest == sha256(self.envelope.payload());
        if is_of_it { Ok(entry.time) } else { Err(Refusal::OtherEntry) }
    }
}

/// The version by the type of a bundle, which is written in two ways.
fn version(media_type: &str) -> Result<Version, Refusal> {
    let rest = media_type.strip_prefix(Bundle::MEDIA_TYPE);
    match rest {
        Some("+json;version=0.1" | ".v0.1+json") => Ok(Version::First),
        Some("+json;version=0.2" | ".v0.2+json") => Ok(Version::Second),
        Some("+json;version=0.3" | ".v0.3+json" | ".v0.3.0+json" | ".v0.3.1+json" | ".v0.3.2+json") => {
            Ok(Version::Third)
        }
        _ => Err(Refusal::BundleVersion(media_type.chars().take(100).collect())),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    certificate: Option<Raw>,
    x509_certificate_chain: Option<Chain>,
    #[serde(default)]
    tlog_entries: Vec<WrittenEntry>,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEntry {
    #[serde(default)]
    log_index: Number,
    log_id: Option<LogId>,
    kind_version: KindVersion,
    #[serde(default)]
    integrated_time: Number,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<WrittenProof>,
    canonicalized_body: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Bytes,
}

#[derive(Debug, Deserialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Bytes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenProof {
    #[serde(default)]
    log_index: Number,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<Bytes>,
    checkpoint: WrittenCheckpoint,
}

#[derive(Debug, Deserialize)]
struct WrittenCheckpoint {
    envelope: String,
}

impl WrittenEntry {
    fn entry(&self) -> Result<Entry, Refusal> {
        // What it says it is of is what it is of; the second generation of the log writes no time and no promise.
        if (self.kind_version.kind.as_str(), self.kind_version.version.as_str()) == ("hashedrekord", "0.0.2") {
            return Err(Refusal::SecondRekor);
        }
        let log = self.log_id.as_ref().ok_or(Refusal::EntryUnreadable)?;
        let promise = self.inclusion_promise.as_ref().ok_or(Refusal::EntryNotPromised)?;
        Ok(Entry {
            body: self.canonicalized_body.0.clone(),
            time: self.integrated_time.0,
            index: self.log_index.0,
            log: log.key_id.0.clone(),
            promise: promise.signed_entry_timestamp.0.clone(),
            proof: self.inclusion_proof.as_ref().map(WrittenProof::proof).transpose()?,
        })
    }
}

impl WrittenProof {
    fn proof(&self) -> Result<Proof, Refusal> {
        let number = |number: Number| u64::try_from(number.0).map_err(|_| Refusal::EntryUnreadable);
        Ok(Proof {
            index: number(self.log_index)?,
            size: number(self.tree_size)?,
            hashes: self.hashes.iter().map(|hash| hash.0.clone()).collect(),
            checkpoint: self.checkpoint.envelope.clone(),
        })
    }
}
