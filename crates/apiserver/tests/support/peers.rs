//! Peers that speak to a server over TLS as they like.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Served, request::post};

impl Served {
    /// A connection over which a token says who asks.
    pub async fn connect_as_nobody(&self) -> TlsStream<TcpStream> {
        self.connect_with(self.tls().with_no_client_auth()).await.unwrap()
    }

    pub fn tls(&self) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("pki").join("ca.crt")).unwrap()).unwrap();
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }

    pub async fn connect_with(&self, config: rustls::ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect("127.0.0.1".try_into().unwrap(), stream).await
    }

    /// The token of an account that may write in a new namespace.
    pub async fn tenant(&self, namespace: &str) -> String {
        let (client, metadata) = (self.server.client(), json!({"name": "writer"}));
        let binding = json!({
            "metadata": metadata, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "writer", "namespace": namespace}],
        });
        let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        for (path, body) in [
            ("/api/v1/namespaces", json!({"metadata": {"name": namespace}})),
            (accounts.as_str(), json!({"metadata": metadata})),
            (bindings.as_str(), binding),
        ] {
            assert_eq!(post(&client, path, body).await.0, 201, "{path}");
        }
        let (_, answer) = post(&client, &format!("{accounts}/writer/token"), json!({"spec": {}})).await;
        answer["status"]["token"].as_str().unwrap().to_owned()
    }
}
