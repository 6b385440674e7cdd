//! What a certificate says that matters here: who it is for, and until when.

use jiff::Timestamp;
use x509_cert::{
    certificate::{CertificateInner, Raw},
    der::{Decode, Result, asn1::ObjectIdentifier},
    ext::pkix::name::DirectoryString,
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// What a certificate says.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Who it is for.
    pub subject: Subject,
    /// When it stops being valid.
    pub not_after: Timestamp,
}

/// Who a certificate is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `CN`; the last one where there are several, as for Go.
    pub common_name: Option<String>,
    /// `O`, every one.
    pub organizations: Vec<String>,
}

impl Certificate {
    /// Reads a certificate. A name in it that is no text is an error: half a subject is somebody else.
    pub fn parse(der: &[u8]) -> Result<Self> {
        // What other authorities write need not keep to RFC 5280 in what is of no interest here.
        let certificate = CertificateInner::<Raw>::from_der(der)?;
        let certificate = certificate.tbs_certificate();
        let mut subject = Subject::default();
        for attribute in certificate.subject().iter() {
            let text = || attribute.value.decode_as::<DirectoryString>().map(|text| text.value().into_owned());
            match attribute.oid {
                COMMON_NAME => subject.common_name = Some(text()?),
                ORGANIZATION => subject.organizations.push(text()?),
                _ => {}
            }
        }
        let not_after = certificate.validity().not_after.to_unix_duration();
        Ok(Self { subject, not_after: Timestamp::UNIX_EPOCH.saturating_add(not_after).unwrap_or(Timestamp::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(organizations: &[&str], year: i32) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        for organization in organizations {
            params.distinguished_name.push(rcgen::DnType::OrganizationName, *organization);
        }
        params.distinguished_name.push(rcgen::DnType::CommonName, "jané");
        params.not_after = rcgen::date_time_ymd(year, 5, 6);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_subject_and_the_expiry_are_read() {
        // Years up to 2049 are written with two digits, later ones with four.
        for year in [2040, 2060] {
            let certificate = Certificate::parse(&certificate(&["system:masters"], year)).unwrap();
            assert_eq!(certificate.subject.common_name.as_deref(), Some("jané"));
            assert_eq!(certificate.subject.organizations, ["system:masters"]);
            assert_eq!(certificate.not_after.to_string(), format!("{year}-05-06T00:00:00Z"));
        }
    }

    #[test]
    fn what_is_cut_short_is_no_certificate() {
        let whole = certificate(&["system:masters"], 2040);
        for length in 0..whole.len() {
            assert!(Certificate::parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
