//! The few parts of an X.509 certificate that are needed: who it is for, and until when.
//!
//! Only certificates that TLS has verified, or that this crate wrote itself, are read here.

/// What a certificate says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Who it is for.
    pub subject: Subject,
    /// When it stops being valid, as the text of the certificate: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
    pub not_after: String,
}

/// Who a certificate is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `CN`
    pub common_name: Option<String>,
    /// `O`, every one.
    pub organizations: Vec<String>,
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const VERSION: u8 = 0xa0;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.10
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

impl Certificate {
    /// Reads a certificate; `None` where it is none.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (mut certificate, _) = take_as(der, SEQUENCE)?;
        let (mut fields, _) = {
            let (body, rest) = take_as(certificate, SEQUENCE)?;
            certificate = rest;
            (body, certificate)
        };
        if fields.first() == Some(&VERSION) {
            fields = take(fields)?.2;
        }
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            fields = take(fields)?.2;
        }
        let (validity, fields) = take_as(fields, SEQUENCE)?;
        let (_, _, validity) = take(validity)?;
        let (_, not_after, _) = take(validity)?;
        let (subject, _) = take_as(fields, SEQUENCE)?;
        Some(Self { subject: read_subject(subject)?, not_after: String::from_utf8_lossy(not_after).into_owned() })
    }

    /// When the certificate stops being valid.
    pub fn expiry(&self) -> Option<jiff::Timestamp> {
        let text = &self.not_after;
        let full = match text.len() {
            // Years of two digits are those of 1950 to 2049.
            13 => format!("{}{text}", if text.get(..2)? < "50" { "20" } else { "19" }),
            _ => text.clone(),
        };
        let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", full).ok()?;
        time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    }
}

fn read_subject(mut names: &[u8]) -> Option<Subject> {
    let mut subject = Subject::default();
    while !names.is_empty() {
        let (mut attributes, rest) = take_as(names, SET)?;
        names = rest;
        while !attributes.is_empty() {
            let (attribute, rest) = take_as(attributes, SEQUENCE)?;
            attributes = rest;
            let (kind, value) = take_as(attribute, OBJECT_IDENTIFIER)?;
            let (_, value, _) = take(value)?;
            let text = || String::from_utf8(value.to_vec()).ok();
            match kind {
                COMMON_NAME => subject.common_name = text(),
                ORGANIZATION => subject.organizations.extend(text()),
                _ => {}
            }
        }
    }
    Some(subject)
}

/// The content of the element of this tag, and what follows it.
fn take_as(bytes: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = take(bytes)?;
    (tag == wanted).then_some((content, rest))
}

/// The tag and the content of the first element, and what follows it.
fn take(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, bytes) = bytes.split_first()?;
    let (first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        short @ 0..=0x7f => (usize::from(*short), bytes),
        long @ 0x81..=0x84 => {
            let (length, rest) = bytes.split_at_checked(usize::from(long & 0x7f))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Vec<u8> {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
        params.distinguished_name.push(rcgen::DnType::CommonName, "jane");
        params.not_after = rcgen::date_time_ymd(2040, 5, 6);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_subject_and_the_expiry_are_read() {
        let certificate = Certificate::parse(&certificate()).unwrap();
        assert_eq!(certificate.subject.common_name.as_deref(), Some("jane"));
        assert_eq!(certificate.subject.organizations, ["system:masters"]);
        assert_eq!(certificate.expiry().unwrap().to_string(), "2040-05-06T00:00:00Z");
    }

    #[test]
    fn what_is_cut_short_is_no_certificate() {
        let whole = certificate();
        for length in 0..whole.len() {
            assert_eq!(Certificate::parse(&whole[..length]), None);
        }
    }
}
