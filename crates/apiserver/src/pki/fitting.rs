//! Whether a certificate, its key and its authority belong together.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::server::WebPkiClientVerifier;

use super::{Identity, PkiError, certificate::Certificate, serving};

/// What everybody calls a server, so that each certificate of one names it.
const SERVER: &str = "localhost";

/// Whether an authority can go on: its certificate is readable, that of its key, and good for a while.
///
/// # Errors
/// What is wrong with it, for people.
pub fn authority(identity: &Identity, now: Timestamp) -> Result<(), String> {
    let der = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).map_err(|error| error.to_string())?;
    let parsed = Certificate::parse(&der).map_err(|error| format!("no X.509 certificate: {error}"))?;
    if parsed.not_after <= now {
        return Err(format!("it was good until {}", parsed.not_after));
    }
    serving::certified(identity).map(drop).map_err(|error| match error {
        PkiError::Tls(detail) => format!("it does not fit its key, or that is none: {detail}"),
        other => other.to_string(),
    })
}

/// Whether a certificate is that of its key, and was made by the authority: for a server or for a client.
pub fn is_of(identity: &Identity, authority: &Identity) -> bool {
    serving::certified(identity).is_ok() && was_made_by(identity, authority).unwrap_or(false)
}

/// `None` where one of them cannot be read.
fn was_made_by(identity: &Identity, authority: &Identity) -> Option<bool> {
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let certificate = read(&identity.certificate)?;
    let mut roots = RootCertStore::empty();
    roots.add(read(&authority.certificate)?).ok()?;
    let (roots, now) = (Arc::new(roots), UnixTime::now());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build().ok()?;
    let client = WebPkiClientVerifier::builder_with_provider(roots, provider).build().ok()?;
    let name = ServerName::try_from(SERVER).ok()?;
    Some(
        server.verify_server_cert(&certificate, &[], &name, &[], now).is_ok()
            || client.verify_client_cert(&certificate, &[], now).is_ok(),
    )
}
