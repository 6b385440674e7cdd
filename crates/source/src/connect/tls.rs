//! Which servers are trusted over TLS, and how we show ourselves to them.

use std::sync::{Arc, OnceLock};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::Auth;

/// The certificate authorities that the system trusts, read when first needed.
#[derive(Clone, Default)]
pub(crate) struct Authorities(Arc<OnceLock<Arc<Vec<Certificate<'static>>>>>);

impl Authorities {
    fn get(&self) -> &Arc<Vec<Certificate<'static>>> {
        self.0.get_or_init(|| {
            let system = rustls_native_certs::load_native_certs().certs;
            Arc::new(system.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
        })
    }
}

/// How TLS is spoken: which servers are trusted, and, if `with_client_certificate`, how we show ourselves to them. An
/// error says which part of `auth` cannot be used.
pub(crate) fn config(
    auth: &Auth,
    authorities: &Authorities,
    with_client_certificate: bool,
) -> Result<TlsConfig, &'static str> {
    let config = TlsConfig::builder().root_certs(roots(auth, authorities)?);
    let client = if with_client_certificate { client_certificate(auth)? } else { None };
    Ok(config.client_cert(client).build())
}

/// The system's certificate authorities and those that came with the credentials; the ones that are built in
/// where the system has none.
fn roots(auth: &Auth, authorities: &Authorities) -> Result<RootCerts, &'static str> {
    let Some(bundle) = &auth.ca else {
        if authorities.get().is_empty() {
            return Ok(RootCerts::WebPki);
        }
        return Ok(RootCerts::Specific(authorities.get().clone()));
    };
    let given = certificates(bundle).filter(|given| !given.is_empty());
    let given = given.ok_or("ca.crt holds no certificate in PEM format")?;
    Ok(RootCerts::Specific(Arc::new(authorities.get().iter().cloned().chain(given).collect())))
}

fn client_certificate(auth: &Auth) -> Result<Option<ClientCert>, &'static str> {
    let (chain, key) = match (&auth.client_certificate, &auth.client_key) {
        (Some(chain), Some(key)) => (chain, key),
        (None, None) => return Ok(None),
        _ => return Err("tls.crt and tls.key belong together, and one of them is missing"),
    };
    let chain =
        certificates(chain).filter(|chain| !chain.is_empty()).ok_or("tls.crt holds no certificate in PEM format")?;
    let key = PrivateKey::from_pem(key.expose()).map_err(|_| "tls.key holds no private key in PEM format")?;
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
