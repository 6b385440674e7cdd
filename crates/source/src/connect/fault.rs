//! What TLS refuses, in words that say what to do.

mod names;

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};
use x509_cert::der::DateTime;

use crate::Auth;

/// What can be done about a certificate, in words that follow a semicolon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsRemedies {
    /// About an authority that is not known.
    pub authority: &'static str,
    /// About a certificate for other names.
    pub name: &'static str,
    /// About the certificate that is shown to the server.
    pub own: &'static str,
}

/// What can be done about the certificate of a server that a source is fetched from.
pub(crate) const OF_SOURCES: TlsRemedies = TlsRemedies {
    authority: "if that is right, give the certificate of the authority: --ca-file of `cowherd up`, ca.crt in the Secret that \
                spec.secretRef of a GitRepository or spec.certSecretRef of an OCIRepository, a Bucket or a HelmRepository names, or have \
                this machine trust it",
    name: "use a name that it has, or give the server a certificate for this one",
    own: "give one as tls.crt and tls.key in the Secret of the source",
};

/// What is wrong with TLS, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    what: String,
    /// What it is about that something can be done about.
    about: Option<About>,
    remedies: &'static TlsRemedies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Authority,
    Name,
    Own,
    /// What answers does not speak TLS.
    Nothing,
}

impl TlsFault {
    /// A fault of which it is only known what is wrong.
    pub(crate) fn plain(what: impl Into<String>) -> Self {
        Self { what: what.into(), about: None, remedies: &OF_SOURCES }
    }

    fn about(about: About, what: impl Into<String>) -> Self {
        Self { about: Some(about), ..Self::plain(what) }
    }

    /// The same for whom other things can be done.
    pub fn with_remedies(self, remedies: &'static TlsRemedies) -> Self {
        Self { remedies, ..self }
    }

    /// Whether the certificate is for other names than the one by which the server was asked.
    pub fn is_about_a_name(&self) -> bool {
        self.about == Some(About::Name)
    }

    /// Whether what answers does not speak TLS.
    pub fn is_no_tls(&self) -> bool {
        self.about == Some(About::Nothing)
    }

    /// The same without credentials.
    pub(crate) fn scrubbed(self, auth: &Auth) -> Self {
        Self { what: auth.scrub(&self.what), ..self }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.about {
            None | Some(About::Nothing) => Ok(()),
            Some(About::Authority) => write!(f, "; {}", self.remedies.authority),
            Some(About::Name) => write!(f, "; {}", self.remedies.name),
            Some(About::Own) => write!(f, "; {}", self.remedies.own),
        }
    }
}

/// What is wrong with TLS; `None` where an error is of something else.
pub fn tls_fault(error: &(dyn Error + 'static)) -> Option<TlsFault> {
    let error = find(error)?;
    let fault = match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::NoCertificatesPresented => TlsFault::plain("it shows no certificate"),
        rustls::Error::InvalidMessage(_) => TlsFault::about(
            About::Nothing,
            "what answers there does not speak TLS; check the port, or whether it is to be asked by http",
        ),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            TlsFault::plain(format!(
                "it has no version or cipher of TLS that is accepted here ({error}); it needs TLS 1.2 or later"
            ))
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked,
        ) => TlsFault::about(
            About::Own,
            format!("it does not accept the certificate that it is shown, or wants one ({error})"),
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
            TlsFault::about(About::Own, "it says that the certificate that it is shown has expired")
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            TlsFault::plain("it has no certificate for this name; check the host name")
        }
        other => TlsFault::plain(other.to_string()),
    };
    Some(fault)
}

fn of_certificate(error: &CertificateError) -> TlsFault {
    match error {
        CertificateError::NotValidForNameContext { expected, presented } => TlsFault::about(
            About::Name,
            format!("its certificate is for {}, not for {}", names::told(presented, expected), expected.to_str()),
        ),
        CertificateError::NotValidForName => TlsFault::about(About::Name, "its certificate is for another name"),
        CertificateError::ExpiredContext { time, not_after } => TlsFault::plain(format!(
            "its certificate expired on {}, and it is {}; renew it, or set the clock of this machine",
            date(*not_after),
            date(*time)
        )),
        CertificateError::Expired => {
            TlsFault::plain("its certificate has expired; renew it, or set the clock of this machine")
        }
        CertificateError::NotValidYetContext { time, not_before } => TlsFault::plain(format!(
            "its certificate is valid from {} on, and it is {}; set the clock of the one who is wrong",
            date(*not_before),
            date(*time)
        )),
        CertificateError::NotValidYet => TlsFault::plain(
            "its certificate is not valid yet; set the clock of this machine, or of the one that issued it",
        ),
        // A signature that is wrong is that of an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsFault::about(About::Authority, "its certificate is of an authority that is not known here")
        }
        CertificateError::Revoked => TlsFault::plain("its certificate was revoked; give the server another"),
        // Of one that is an authority itself, and of forms that are not read.
        _ => TlsFault::about(About::Authority, format!("its certificate is not accepted ({error})")),
    }
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
