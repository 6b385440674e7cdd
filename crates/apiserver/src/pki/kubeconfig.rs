//! The file by which kubectl and others find the server and prove who they are.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{PkiError, files};

/// How somebody reaches a server.
#[derive(Clone)]
pub struct Kubeconfig<'a> {
    pub(super) server: String,
    pub(super) authority: &'a str,
    pub(super) certificate: &'a str,
    pub(super) key: &'a str,
}

impl Kubeconfig<'_> {
    /// The document.
    pub fn to_value(&self) -> Value {
        let encode = |pem: &str| BASE64_STANDARD.encode(pem);
        json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{
                "name": "cowherd",
                "cluster": {"server": self.server, "certificate-authority-data": encode(self.authority)},
            }],
            "users": [{
                "name": "admin",
                "user": {
                    "client-certificate-data": encode(self.certificate), "client-key-data": encode(self.key),
                },
            }],
            "contexts": [{"name": "cowherd", "context": {"cluster": "cowherd", "user": "admin"}}],
            "current-context": "cowherd",
            "preferences": {},
        })
    }

    /// Writes the file, readable for its owner only. Blocks on files.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), PkiError> {
        files::write(path.as_ref(), &cowherd_yaml::to_string(&self.to_value()))
    }
}
