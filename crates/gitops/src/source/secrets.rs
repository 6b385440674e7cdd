//! Secrets of the namespace of a source, read when they are needed.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{Api, Client};

/// The data of a Secret.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// Why something of the namespace was not to be had. It says nothing of what a Secret holds.
#[derive(Debug, thiserror::Error)]
#[error("failed to get the {what} '{name}' of {field}: {cause}")]
pub(super) struct Unread {
    what: &'static str,
    name: String,
    field: &'static str,
    cause: String,
}

impl Unread {
    /// A Secret that says something else than it should.
    pub(super) fn unusable(name: &str, field: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { what: "Secret", name: name.to_owned(), field, cause: cause.to_string() }
    }
}

/// The namespace of a source of a kind.
pub(super) struct Namespace<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
    pub(super) kind: &'static str,
}

impl Namespace<'_> {
    /// The data of the Secret that a field of the spec names.
    pub(super) async fn secret(&self, name: &str, field: &'static str) -> Result<Data, Unread> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), self.name);
        let secret = self.found("Secret", name, field, api.get_opt(name).await)?;
        Ok(secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect())
    }

    /// The names of the Secrets by which a ServiceAccount pulls images.
    pub(super) async fn pull_secrets(&self, account: &str, field: &'static str) -> Result<Vec<String>, Unread> {
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), self.name);
        let account = self.found("ServiceAccount", account, field, api.get_opt(account).await)?;
        let secrets = account.image_pull_secrets.unwrap_or_default().into_iter();
        Ok(secrets.map(|reference| reference.name).filter(|name| !name.is_empty()).collect())
    }

    fn found<T>(
        &self,
        what: &'static str,
        name: &str,
        field: &'static str,
        answer: kube::Result<Option<T>>,
    ) -> Result<T, Unread> {
        let cause = match answer {
            Ok(Some(object)) => return Ok(object),
            Ok(None) => format!("there is no such {what} in the namespace of the {}", self.kind),
            Err(kube::Error::Api(status)) => status.message.clone(),
            Err(other) => other.to_string(),
        };
        Err(Unread { what, name: name.to_owned(), field, cause })
    }
}
