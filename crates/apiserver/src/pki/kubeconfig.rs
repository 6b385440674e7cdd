//! The file by which kubectl and others find the server and prove who they are.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{PkiError, files};

/// How somebody reaches a server.
#[derive(Clone)]
pub struct Kubeconfig<'a> {
    pub(super) cluster: String,
    pub(super) server: String,
    pub(super) authority: &'a str,
    pub(super) certificate: &'a str,
    pub(super) key: &'a str,
}

impl Kubeconfig<'_> {
    /// The document. Everything in it carries the name of the cluster, so that it can be merged with others.
    pub fn to_value(&self) -> Value {
        let (name, user) = (&self.cluster, format!("{}-admin", self.cluster));
        let encode = |pem: &str| BASE64_STANDARD.encode(pem);
        json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{
                "name": name,
                "cluster": {"server": self.server, "certificate-authority-data": encode(self.authority)},
            }],
            "users": [{
                "name": user,
                "user": {
                    "client-certificate-data": encode(self.certificate), "client-key-data": encode(self.key),
                },
            }],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
            "current-context": name,
            "preferences": {},
        })
    }

    /// Writes the file, readable for its owner only. One that says the same is left alone but for its mode, so that a full disk
    /// stops nobody. Blocks on files.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), PkiError> {
        let (path, text) = (path.as_ref(), cowherd_yaml::to_string(&self.to_value()));
        if files::read(path).is_ok_and(|found| found.as_deref() == Some(text.as_str())) {
            return files::close_to_others(path);
        }
        files::write(path, &text)
    }
}
