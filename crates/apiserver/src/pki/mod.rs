//! The certificates of a control plane: its own authority, the server's certificate, the admin's.
//!
//! They are made at the first start, in a directory that only its owner may read, and again when they are about to
//! expire. The authority is not: replacing it replaces all of them, and what was handed out is worthless then, so one that is
//! lost is refused until somebody says that another one is meant.

mod authority;
mod certificate;
mod files;
mod fitting;
mod kubeconfig;
mod names;
mod serving;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use crate::identity::User;
use serving::Serving;

pub use kubeconfig::Kubeconfig;
pub use names::{AlternativeName, Names};

/// What went wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("{}: {source}; {}", path.display(), files::remedy(source))]
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
    /// The authority is lost.
    #[error(
        "{}: {detail}. With another authority than that of before, every kubeconfig that was handed out would be refused: put \
         ca.crt and ca.key back there from a copy, or have another one made on purpose, by a start with --new-ca",
        path.display()
    )]
    Lost {
        /// The file at fault.
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

/// What is known of the authority of a directory before one looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// There may never have been one: it is made, unless something is left of an earlier one.
    #[default]
    Unknown,
    /// It was there, for others have what it made: it is never made.
    Known,
    /// If it is lost, another one takes its place, and whatever it made is worthless.
    Replaceable,
}

/// The certificates of a control plane.
#[derive(Clone)]
pub struct Pki {
    directory: PathBuf,
    names: Names,
    authority: String,
    admin: Identity,
    server: Identity,
    serving: Arc<Serving>,
    has_new_authority: bool,
}

/// A certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
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
    /// The certificates in `directory`, made where they are missing, expire soon, are not of the authority, or do not name what
    /// the server is reached by. Blocks on files.
    ///
    /// # Errors
    /// When the authority is lost, unless it is [`Replaceable`](Authority::Replaceable); when files cannot be read or written.
    pub fn open(directory: impl AsRef<Path>, names: Names, authority: Authority) -> Result<Self, PkiError> {
        let directory = directory.as_ref().to_owned();
        files::make_directory(&directory)?;
        let found = authority::open(&directory, &names.now(), authority)?;
        let serving = Arc::new(Serving::new(&found.server)?);
        let authority::Found { authority, server, admin, is_new } = found;
        Ok(Self { directory, names, authority, admin, server, serving, has_new_authority: is_new })
    }

    /// Whether its authority was made when it was opened.
    pub fn has_new_authority(&self) -> bool {
        self.has_new_authority
    }

    /// Makes those certificates again that expire soon, or do not name what the server is reached by any more. Whoever connects
    /// from now on sees the new one. Whether any was made. Blocks on files.
    ///
    /// # Errors
    /// When one cannot be made, or the authority is lost or is another one, which takes a new start; the old ones are shown as
    /// before.
    pub fn renew(&mut self) -> Result<bool, PkiError> {
        let found = authority::open(&self.directory, &self.names.now(), Authority::Known)?;
        if found.authority != self.authority {
            return Err(PkiError::Tls("the authority was replaced; start again to serve with the new one".to_owned()));
        }
        let is_new = found.server != self.server || found.admin != self.admin;
        if found.server != self.server {
            self.serving.replace(&found.server)?;
        }
        (self.server, self.admin) = (found.server, found.admin);
        Ok(is_new)
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
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(self.serving.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// How the admin reaches the server of this cluster at this URL.
    pub fn kubeconfig(&self, cluster: impl Into<String>, server: impl Into<String>) -> Kubeconfig<'_> {
        Kubeconfig {
            cluster: cluster.into(),
            server: server.into(),
            authority: &self.authority,
            certificate: &self.admin.certificate,
            key: &self.admin.key,
        }
    }
}

/// Until when a certificate in PEM is good; `None` where it is none. Of several it is the first, which is shown as whose they are.
pub fn good_until(pem: &[u8]) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    Some(certificate::Certificate::parse(&der).ok()?.not_after)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect()
}

/// The user that a client's certificate names: its common name, with its organizations as groups.
pub(crate) fn user(certificate: &[u8]) -> Option<User> {
    let subject = certificate::Certificate::parse(certificate).ok()?.subject;
    let name = subject.common_name?;
    Some(User::authenticated(&name, subject.organizations.iter().map(String::as_str)))
}
