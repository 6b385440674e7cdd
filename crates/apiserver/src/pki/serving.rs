//! The certificate that a server shows, which may become another one while it serves.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Identity, PkiError, certificates};

/// The certificate that new connections are shown.
#[derive(Debug)]
pub struct Serving(RwLock<Arc<CertifiedKey>>);

impl Serving {
    /// Shows this one.
    pub fn new(identity: &Identity) -> Result<Self, PkiError> {
        Ok(Self(RwLock::new(certified(identity)?)))
    }

    /// Shows another one to whoever connects from now on.
    pub fn replace(&self, identity: &Identity) -> Result<(), PkiError> {
        let next = certified(identity)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A certificate with its key, which is the one of the certificate.
pub fn certified(identity: &Identity) -> Result<Arc<CertifiedKey>, PkiError> {
    let tls = |error: &dyn std::fmt::Display| PkiError::Tls(error.to_string());
    let chain = certificates(&identity.certificate).map_err(|error| tls(&error))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|error| tls(&error))?;
    let provider = rustls::crypto::ring::default_provider();
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &provider).map_err(|error| tls(&error))?))
}
