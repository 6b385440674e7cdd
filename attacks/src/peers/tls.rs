//! Connections to the API over which nothing was said yet.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::stage::Stage;

/// A connection after the handshake.
pub type Stream = TlsStream<TcpStream>;

/// Connects without a certificate of one's own, to speak this protocol (`h2` or `http/1.1`).
pub async fn connect(stage: &Stage, protocol: &str) -> Result<Stream> {
    let authority = stage.program.data_dir().join("pki/ca.crt");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(&stage.people().address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(TlsConnector::from(Arc::new(config)).connect("127.0.0.1".try_into()?, stream).await?)
}
