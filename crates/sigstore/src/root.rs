//! What is trusted of a Sigstore: its authorities and its logs, each for a time.

use jiff::Timestamp;
use serde::Deserialize;

use crate::certificate::{Authority, Certificate};
use crate::encoding::Bytes;
use crate::key::Key;

/// The root of trust of the public instance, as the Go module github.com/sigstore/sigstore 1.10.8 brings it.
const PUBLIC: &str = include_str!("../data/trusted_root.json");

/// The most bytes that a root of trust may have.
const MAX_ROOT: usize = 1 << 20;

/// The most authorities, certificates of one, and logs of a kind.
const MAX_AUTHORITIES: usize = 64;
const MAX_CERTIFICATES: usize = 8;
const MAX_LOGS: usize = 64;

/// How the type of a root of trust begins.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot";

/// What is trusted of a Sigstore.
#[derive(Clone, Debug)]
pub struct TrustedRoot {
    pub(crate) authorities: Vec<Authority>,
    /// The logs of what was signed.
    pub(crate) signatures: Vec<Log>,
    /// The logs of certificates.
    pub(crate) certificates: Vec<Log>,
}

/// A log that signs what it says.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) id: Vec<u8>,
    pub(crate) key: Key,
    pub(crate) period: Period,
}

/// A time from and until which something counts, in seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Period {
    start: Option<i64>,
    end: Option<i64>,
}

/// Why a text is no root of trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// It is larger than one is read.
    #[error("it is larger than {MAX_ROOT} bytes")]
    TooLarge,
    /// It is no document of the kind.
    #[error("it is no trusted_root.json: {0}")]
    Unreadable(String),
    /// It is of another kind.
    #[error("its mediaType is {0:?}, and not {MEDIA_TYPE}+json;version=0.1 or one like it")]
    MediaType(String),
    /// It has more than is read.
    #[error("it has more {0} than are read")]
    TooMany(&'static str),
    /// A certificate in it cannot be used.
    #[error("a certificate of its {0} cannot be read, or has a key that is not understood")]
    Certificate(&'static str),
    /// A key in it cannot be used.
    #[error("a key of its {0} is none that is understood: those are P-256, P-384, RSA and Ed25519, as PKIX has them")]
    Key(&'static str),
    /// A time in it is none.
    #[error("a time in it is none: {0:?}")]
    Time(String),
    /// Nothing can be verified with it.
    #[error("it has no {0}, without which nothing is verified")]
    Missing(&'static str),
}

impl TrustedRoot {
    /// That of the public instance, as it was when this program was made.
    ///
    /// # Errors
    /// Never, but for a mistake in the data that come with the program.
    pub fn public() -> Result<Self, RootError> {
        Self::read(PUBLIC.as_bytes())
    }

    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    /// When it is none, is larger than one is read, or has a part that is not understood.
    pub fn read(json: &[u8]) -> Result<Self, RootError> {
        if json.len() > MAX_ROOT {
            return Err(RootError::TooLarge);
        }
        let written: Written =
            serde_json::from_slice(json).map_err(|error| RootError::Unreadable(error.to_string()))?;
        if !written.media_type.starts_with(MEDIA_TYPE) {
            return Err(RootError::MediaType(written.media_type.chars().take(100).collect()));
        }
        let root = Self {
            authorities: authorities(written.certificate_authorities)?,
            signatures: logs(written.tlogs, "tlogs")?,
            certificates: logs(written.ctlogs, "ctlogs")?,
        };
        let missing = [
            ("certificateAuthorities", root.authorities.is_empty()),
            ("tlogs", root.signatures.is_empty()),
            ("ctlogs", root.certificates.is_empty()),
        ];
        match missing.iter().find(|(_, is_missing)| *is_missing) {
            Some((name, _)) => Err(RootError::Missing(name)),
            None => Ok(root),
        }
    }
}

impl Period {
    /// Whether a time is in it.
    pub(crate) fn contains(self, time: i64) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

fn authorities(written: Vec<WrittenAuthority>) -> Result<Vec<Authority>, RootError> {
    const NAME: &str = "certificateAuthorities";
    if written.len() > MAX_AUTHORITIES {
        return Err(RootError::TooMany(NAME));
    }
    let authority = |written: WrittenAuthority| {
        let chain = written.cert_chain.certificates;
        if chain.len() > MAX_CERTIFICATES {
            return Err(RootError::TooMany("certificates of an authority"));
        }
        let read = |written: &Raw| Certificate::read(&written.raw_bytes.0).ok_or(RootError::Certificate(NAME));
        let certificates = chain.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(RootError::Certificate(NAME));
        }
        Ok(Authority::new(certificates, period(written.valid_for)?))
    };
    written.into_iter().map(authority).collect()
}

fn logs(written: Vec<WrittenLog>, name: &'static str) -> Result<Vec<Log>, RootError> {
    if written.len() > MAX_LOGS {
        return Err(RootError::TooMany(name));
    }
    let log = |written: WrittenLog| {
        let key = Key::of_info(&written.public_key.raw_bytes.0).ok_or(RootError::Key(name))?;
        Ok(Log { id: written.log_id.key_id.0, key, period: period(written.public_key.valid_for)? })
    };
    written.into_iter().map(log).collect()
}

fn period(written: Option<WrittenPeriod>) -> Result<Period, RootError> {
    let time = |text: Option<String>| {
        let parsed = text.map(|text| text.parse::<Timestamp>().map_err(|_| RootError::Time(text)));
        Ok(parsed.transpose()?.map(Timestamp::as_second))
    };
    let written = written.unwrap_or_default();
    Ok(Period { start: time(written.start)?, end: time(written.end)? })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<WrittenLog>,
    #[serde(default)]
    certificate_authorities: Vec<WrittenAuthority>,
    #[serde(default)]
    ctlogs: Vec<WrittenLog>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenLog {
    public_key: WrittenKey,
    log_id: WrittenId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenKey {
    raw_bytes: Bytes,
    valid_for: Option<WrittenPeriod>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenId {
    key_id: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenAuthority {
    cert_chain: WrittenChain,
    valid_for: Option<WrittenPeriod>,
}

#[derive(Deserialize)]
struct WrittenChain {
    #[serde(default)]
    certificates: Vec<Raw>,
}

/// Something in DER.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Raw {
    pub(crate) raw_bytes: Bytes,
}

#[derive(Default, Deserialize)]
struct WrittenPeriod {
    start: Option<String>,
    end: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_the_public_instance_is_understood() {
        let root = TrustedRoot::public().unwrap();
        assert_eq!((root.authorities.len(), root.signatures.len(), root.certificates.len()), (2, 1, 2));
        let ended = root.certificates[0].period;
        assert!(ended.contains(1_640_995_200) && !ended.contains(1_700_000_000));
    }

    #[test]
    fn what_is_no_root_is_told_apart() {
        let change = |from: &str, to: &str| TrustedRoot::read(PUBLIC.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(TrustedRoot::read(b"{"), Err(RootError::Unreadable(_))));
        assert_eq!(TrustedRoot::read(&vec![b' '; MAX_ROOT + 1]).unwrap_err(), RootError::TooLarge);
        assert!(matches!(change("trustedroot+json", "bundle+json"), RootError::MediaType(_)));
        assert_eq!(change("\"ctlogs\"", "\"others\""), RootError::Missing("ctlogs"));
        assert_eq!(change("\"tlogs\"", "\"others\""), RootError::Missing("tlogs"));
        assert_eq!(change("\"certificateAuthorities\"", "\"others\""), RootError::Missing("certificateAuthorities"));
        assert_eq!(change("2022-10-20T00:00:00.000Z", "soon"), RootError::Time("soon".to_owned()));
        assert_eq!(change("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y", "AAAA"), RootError::Key("tlogs"));
    }
}
