//! Secrets of the namespace of a source, read when they are needed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use cowherd_apply::mask::Mask;
use cowherd_source::Auth;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{Api, Client};
use serde_json::{Map, Value};

use crate::hidden::Hidden;

/// The data of a Secret.
pub(crate) type Data = BTreeMap<String, Vec<u8>>;

/// Why something of the namespace was not to be had. It says nothing of what a Secret holds.
#[derive(Debug, thiserror::Error)]
#[error("failed to get the {what} '{name}' of {field}: {cause}")]
pub(crate) struct Unread {
    what: &'static str,
    name: String,
    field: &'static str,
    cause: String,
}

impl Unread {
    /// A Secret that says something else than it should.
    pub(crate) fn unusable(name: &str, field: &'static str, cause: impl std::fmt::Display) -> Self {
        Self { what: "Secret", name: name.to_owned(), field, cause: cause.to_string() }
    }
}

/// The namespace of a source of a kind.
pub(crate) struct Namespace<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
    pub(crate) kind: &'static str,
    /// Is told what is in its Secrets.
    pub(crate) hidden: &'a Hidden,
}

/// What of a Secret everybody may see: names, addresses, and the public halves of keys.
const PUBLIC: &[&str] = &[
    "accesskey",
    "address",
    "ca.crt",
    "caFile",
    "certFile",
    "githubAppBaseURL",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppInstallationOwner",
    "identity.pub",
    "known_hosts",
    "tls.crt",
    "trusted_root.json",
    "username",
];

/// What must not be shown of a Secret: its values, and what is in those that are documents of credentials.
fn mask_of(data: &Data) -> Mask {
    let mut mask = Mask::default();
    for (_, value) in data.iter().filter(|(key, _)| !PUBLIC.contains(&key.as_str())) {
        mask.add_text(&String::from_utf8_lossy(value));
        if let Ok(Value::Object(document)) = serde_json::from_slice(value) {
            hide_passwords(&mut mask, &document);
        }
    }
    mask
}

/// Those in a document of docker's: `password`, `identitytoken`, and `auth`, which is base64 of a name and a password.
fn hide_passwords(mask: &mut Mask, document: &Map<String, Value>) {
    for (key, value) in document {
        match value {
            Value::Object(inner) => hide_passwords(mask, inner),
            Value::String(text) if key == "auth" => {
                mask.add_text(text);
                let pair = BASE64.decode(text).ok().and_then(|pair| String::from_utf8(pair).ok());
                if let Some((_, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                    mask.add_text(password);
                }
            }
            Value::String(text) if ["password", "identitytoken", "registrytoken"].contains(&key.as_str()) => {
                mask.add_text(text);
            }
            _ => {}
        }
    }
}

impl Namespace<'_> {
    /// The data of the Secret that a field of the spec names.
    pub(crate) async fn secret(&self, name: &str, field: &'static str) -> Result<Data, Unread> {
        must_be_name("Secret", name, field)?;
        let api: Api<Secret> = Api::namespaced(self.client.clone(), self.name);
        let secret = self.found("Secret", name, field, api.get_opt(name).await)?;
        let data: Data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
        self.hidden.join(&mask_of(&data));
        Ok(data)
    }

    /// Whom a Secret that a field of the spec names has us trust, and what we show to servers by it.
    pub(crate) async fn certificates(&self, name: &str, field: &'static str) -> Result<Auth, Unread> {
        let data = self.secret(name, field).await?;
        let Auth { ca, client_certificate, client_key, .. } = Auth::from_secret(&data);
        if ca.is_none() && client_certificate.is_none() && client_key.is_none() {
            return Err(Unread::unusable(name, field, "it has none of ca.crt, tls.crt and tls.key"));
        }
        Ok(Auth { ca, client_certificate, client_key, ..Auth::default() })
    }

    /// The names of the Secrets by which a ServiceAccount pulls images.
    pub(crate) async fn pull_secrets(&self, account: &str, field: &'static str) -> Result<Vec<String>, Unread> {
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

    #[test]
    fn what_a_secret_has_is_hidden_but_for_what_everybody_may_see() {
        let auth = BASE64.encode("robot:auth-5ecret");
        let docker =
            format!(r#"{{"auths":{{"ghcr.io":{{"username":"robot","password":"p4ss-word","auth":"{auth}"}}}}}}"#);
        let data = [("username", "git"), ("password", "hunter2-pass"), (".dockerconfigjson", docker.as_str())];
        let data = data.into_iter().map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).collect();
        let told = mask_of(&data).text(&format!("git hunter2-pass robot at ghcr.io p4ss-word auth-5ecret {auth}"));
        assert_eq!(told, "git ***** robot at ghcr.io ***** ***** *****");
    }

    #[tokio::test]
    async fn a_name_that_would_make_another_request_is_not_asked_for() {
        let service = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other(format!("asked {}", request.uri())))
        });
        let client = Client::new(service, "default");
        let namespace =
            Namespace { client: &client, name: "team-red", kind: "GitRepository", hidden: &Hidden::default() };
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
