//! The certificates of a control plane: its own authority, the server's certificate, the admin's.
//!
//! They are made at the first start, in a directory that only its owner may read, and again when they are about to
//! expire. Replacing the authority replaces all of them.

mod authority;
mod certificate;
mod files;
mod kubeconfig;

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use crate::{claims::ServiceNetwork, identity::User};

pub use kubeconfig::Kubeconfig;

/// What went wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("{}: {source}; make the directory readable and writable for this user", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A certificate or key is not what it should be.
    #[error("{}: {detail}; remove the file to have it made again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The certificates cannot be used to serve.
    #[error("cannot serve with these certificates: {0}")]
    Tls(String),
}

/// The certificates of a control plane.
#[derive(Clone)]
pub struct Pki {
    directory: PathBuf,
    authority: String,
    server: Identity,
    admin: Identity,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
struct Identity {
    certificate: String,
    key: String,
}

/// Leaves the keys out.
impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Pki {
    /// The certificates in `directory`, made where they are missing, expire soon, or do not name an address that
    /// the server listens on or that its Service has. Blocks on files.
    pub fn open(directory: impl AsRef<Path>, listen: SocketAddr, network: ServiceNetwork) -> Result<Self, PkiError> {
        let directory = directory.as_ref().to_owned();
        files::make_directory(&directory)?;
        authority::open(&directory, &server_names(listen.ip(), network))
    }

    /// The authority's certificate, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What a server needs to speak TLS and to know its clients by their certificates.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, PkiError> {
        let tls = |error: &dyn std::fmt::Display| PkiError::Tls(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority).map_err(|error| tls(&error))? {
            roots.add(certificate).map_err(|error| tls(&error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .map_err(|error| tls(&error))?;
        let chain = certificates(&self.server.certificate).map_err(|error| tls(&error))?;
        let key = PrivateKeyDer::from_pem_slice(self.server.key.as_bytes()).map_err(|error| tls(&error))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| tls(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// How the admin reaches the server at this URL.
    pub fn kubeconfig(&self, server: impl Into<String>) -> Kubeconfig<'_> {
        Kubeconfig {
            server: server.into(),
            authority: &self.authority,
            certificate: &self.admin.certificate,
            key: &self.admin.key,
        }
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect()
}

/// Every name that the server is reached by.
fn server_names(listen: IpAddr, network: ServiceNetwork) -> Vec<String> {
    let mut names: Vec<String> = [
        "localhost",
        "127.0.0.1",
        "::1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push(network.api().to_string());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().to_lowercase();
    let named = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    names.extend(Some(host).filter(|_| named));
    names.extend(Some(listen).filter(|address| !address.is_unspecified()).map(|address| address.to_string()));
    names.sort();
    names.dedup();
    names
}

/// The user that a client's certificate names: its common name, with its organizations as groups.
pub(crate) fn user(certificate: &[u8]) -> Option<User> {
    let subject = certificate::Certificate::parse(certificate).ok()?.subject;
    let name = subject.common_name?;
    Some(User::authenticated(&name, subject.organizations.iter().map(String::as_str)))
}
