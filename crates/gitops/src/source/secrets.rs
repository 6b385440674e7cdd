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
        must_be_name("Secret", name, field)?;
        let api: Api<Secret> = Api::namespaced(self.client.clone(), self.name);
        let secret = self.found("Secret", name, field, api.get_opt(name).await)?;
        Ok(secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect())
    }

    /// The names of the Secrets by which a ServiceAccount pulls images.
    pub(super) async fn pull_secrets(&self, account: &str, field: &'static str) -> Result<Vec<String>, Unread> {
        must_be_name("ServiceAccount", account, field)?;
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

/// Refuses a name that would make another request of the one about the object.
fn must_be_name(what: &'static str, name: &str, field: &'static str) -> Result<(), Unread> {
    if cowherd_apply::is_path_segment(name) {
        return Ok(());
    }
    Err(Unread { what, name: name.to_owned(), field, cause: "no object can have this name".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_would_make_another_request_is_not_asked_for() {
        let service = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other(format!("asked {}", request.uri())))
        });
        let client = Client::new(service, "default");
        let namespace = Namespace { client: &client, name: "team-red", kind: "GitRepository" };
        for name in ["../../team-blue/secrets/s", "s?watch=1", "..", "s/status"] {
            let secret = namespace.secret(name, "spec.secretRef").await.unwrap_err().to_string();
            let account = namespace.pull_secrets(name, "spec.serviceAccountName").await.unwrap_err().to_string();
            for refused in [secret, account] {
                assert!(refused.contains(name) && refused.contains("no object can have this name"), "{refused}");
            }
        }
        assert!(namespace.secret("s", "spec.secretRef").await.unwrap_err().to_string().contains("asked "));
    }
}
