//! What TLS refuses, in words that say what to do.

use std::error::Error;
use std::io;
use std::time::Duration;

use cowherd_text::{harmless, listed_of};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use x509_cert::der::DateTime;

/// How many of the names of a certificate are told.
const NAMED: usize = 5;
/// How long each may be, in characters; no host has a longer one.
const LONGEST: usize = 253;

/// What can be done about a certificate, in words that follow a semicolon.
#[derive(Clone, Copy, Debug)]
pub struct TlsRemedies {
    /// About an authority that is not known.
    pub authority: &'static str,
    /// About a certificate for other names.
    pub name: &'static str,
}

/// What can be done about the certificate of a server that something is fetched from.
pub(crate) const OF_SOURCES: TlsRemedies = TlsRemedies {
    authority: "if that is right, give the certificate of the authority: --ca-file of `cowherd up`, ca.crt in the Secret that \
                spec.secretRef of a GitRepository or spec.certSecretRef of an OCIRepository names, or have this machine trust it",
    name: "use a name that it has, or give the server a certificate for this one",
};

/// What is wrong with TLS, and what to do about it; `None` where an error is of something else.
pub fn tls_fault(error: &(dyn Error + 'static), remedies: &TlsRemedies) -> Option<String> {
    let error = find(error)?;
    let fault = match error {
        rustls::Error::InvalidCertificate(error) => return Some(of_certificate(error, remedies)),
        rustls::Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        rustls::Error::InvalidMessage(_) => {
            "what answers there does not speak TLS; check the port, or whether it is to be asked by http".to_owned()
        }
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            format!("it has no version or cipher of TLS that is accepted here ({error}); it needs TLS 1.2 or later")
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked,
        ) => format!(
            "it does not accept the certificate that we show, or wants one ({error}); give one as tls.crt and tls.key in the \
             Secret of the source"
        ),
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "it has no certificate for this name; check the host name".to_owned()
        }
        other => other.to_string(),
    };
    Some(fault)
}

fn of_certificate(error: &CertificateError, TlsRemedies { authority, name: other }: &TlsRemedies) -> String {
    match error {
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<String> = presented.iter().map(|presented| name(presented)).collect();
            let of = match names.as_slice() {
                [] => "no name".to_owned(),
                names => listed_of(names, names.len(), NAMED),
            };
            format!("its certificate is for {of}, not for {}; {other}", expected.to_str())
        }
        CertificateError::NotValidForName => {
            format!("its certificate is for another name; {other}")
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "its certificate expired on {}, and it is {}; renew it, or set the clock of this machine",
            date(*not_after),
            date(*time)
        ),
        CertificateError::Expired => {
            "its certificate has expired; renew it, or set the clock of this machine".to_owned()
        }
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "its certificate is valid from {} on, and it is {}; set the clock of the one who is wrong",
            date(*not_before),
            date(*time)
        ),
        CertificateError::NotValidYet => {
            "its certificate is not valid yet; set the clock of this machine, or of the one that issued it".to_owned()
        }
        // A signature that is wrong is that of an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("its certificate is of an authority that is not known here; {authority}")
        }
        CertificateError::Revoked => "its certificate was revoked; give the server another".to_owned(),
        // Of one that is an authority itself, and of forms that are not read.
        _ => format!("its certificate is not accepted ({error}); {authority}"),
    }
}

/// A name of a certificate. The server wrote it: it may be anything.
fn name(presented: &str) -> String {
    let bare = presented.split_once("(\"").and_then(|(_, rest)| rest.strip_suffix("\")"));
    let short: String = bare.unwrap_or(presented).chars().take(LONGEST).collect();
    harmless(&short.replace(['\n', '\t'], " ")).into_owned()
}

fn date(time: UnixTime) -> String {
    let seconds = Duration::from_secs(time.as_secs());
    DateTime::from_unix_duration(seconds).map_or_else(|_| format!("{} s", time.as_secs()), |date| date.to_string())
}

/// The error of TLS that is behind another one. Those of input and output, and of ureq, do not name the one that they carry.
fn find<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = match (carried, error.downcast_ref()) {
            (Some(carried), _) => find(carried),
            (None, Some(ureq::Error::Io(error))) => find(error),
            (None, Some(ureq::Error::Rustls(error))) => Some(error),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}
