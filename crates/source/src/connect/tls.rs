//! Which servers are trusted over TLS, and how we show ourselves to them.

use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::Attempt;
use crate::{FetchError, Scheme};

/// How TLS is spoken with the server of `attempt`, or with another one that it sends us to: the latter never sees
/// our certificate.
pub(super) fn config(attempt: &Attempt, with_client_certificate: bool) -> Result<TlsConfig, FetchError> {
    let config = TlsConfig::builder().root_certs(roots(attempt)?);
    let client = if with_client_certificate { client_certificate(attempt)? } else { None };
    Ok(config.client_cert(client).build())
}

/// The system's certificate authorities and those that came with the credentials; the ones that are built in
/// where the system has none.
fn roots(attempt: &Attempt) -> Result<RootCerts, FetchError> {
    if attempt.url().scheme() == Scheme::Http && attempt.auth().ca.is_none() {
        return Ok(RootCerts::WebPki);
    }
    let system = rustls_native_certs::load_native_certs().certs;
    let mut roots: Vec<_> = system.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    if let Some(bundle) = &attempt.auth().ca {
        let given = certificates(bundle).filter(|given| !given.is_empty());
        roots.extend(given.ok_or_else(|| attempt.credentials("ca.crt holds no certificate in PEM format"))?);
    } else if roots.is_empty() {
        return Ok(RootCerts::WebPki);
    }
    Ok(RootCerts::Specific(Arc::new(roots)))
}

fn client_certificate(attempt: &Attempt) -> Result<Option<ClientCert>, FetchError> {
    let (chain, key) = match (&attempt.auth().client_certificate, &attempt.auth().client_key) {
        (Some(chain), Some(key)) => (chain, key),
        (None, None) => return Ok(None),
        _ => return Err(attempt.credentials("tls.crt and tls.key belong together, and one of them is missing")),
    };
    let chain = certificates(chain)
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| attempt.credentials("tls.crt holds no certificate in PEM format"))?;
    let key = PrivateKey::from_pem(key.expose())
        .map_err(|_| attempt.credentials("tls.key holds no private key in PEM format"))?;
    Ok(Some(ClientCert::new_with_certs(&chain, key)))
}

fn certificates(pem: &[u8]) -> Option<Vec<Certificate<'static>>> {
    parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Some(certificate)),
            Ok(_) => None,
            Err(_) => Some(None),
        })
        .collect()
}
