//! Webhooks: who hosts a repository, or an image, tells that it changed, and what a Receiver names is reconciled at once.
//!
//! [`reconcile`] keeps the status of Receivers, with the paths of their webhooks; [`Hooks`] answers at these. Both read the same
//! [`Receivers`].

mod filter;
mod hooks;
mod measured;
mod requests;
mod room;
mod rounds;
mod serving;
mod status;
mod verified;

pub use filter::{WrongFilter, wrong_filters};
pub use hooks::Hooks;
pub use status::reconcile;

use std::sync::Arc;

use cowherd_api::flux::notification::v1::Receiver;
use cowherd_runtime::{Answers, Health, Metrics, Shard};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use sha2::{Digest as _, Sha256};

use crate::store::Store;

/// The Receivers of a cluster as one watch brings them, for those who answer webhooks and for those who keep the status. Clones are
/// the same; the watch ends with the last of them.
#[derive(Clone)]
pub struct Receivers(Store<Receiver>, Answers);

impl Receivers {
    /// Follows those of a shard.
    pub fn follow(client: &Client, shard: &Shard, health: &Health, metrics: &Metrics) -> Self {
        Self(Store::follow(client, &shard.to_string(), health, metrics), metrics.webhooks())
    }

    /// How webhooks of them were answered.
    fn answers(&self) -> &Answers {
        &self.1
    }

    /// Those that are known.
    fn all(&self) -> Vec<Arc<Receiver>> {
        self.0.all()
    }
}

/// Where webhooks are.
const ROOT: &str = "/hook/";

/// Why a Receiver has no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    /// The Secret could not be read.
    #[error("unable to read token from secret '{name}' error: {cause}")]
    Unread { name: String, cause: String },
    /// The Secret has none.
    #[error("invalid '{0}' secret data: required fields 'token'")]
    Absent(String),
    /// Nobody said where it is.
    #[error("secretRef is required when type is not generic-oidc")]
    Unnamed,
}

/// The token of a Receiver, which senders know too.
pub(crate) async fn token(client: &Client, receiver: &Receiver) -> Result<Vec<u8>, NoToken> {
    let reference = receiver.spec.secret_ref.as_ref().ok_or(NoToken::Unnamed)?;
    let namespace = receiver.namespace().unwrap_or_default();
    let name = format!("{namespace}/{}", reference.name);
    let unread = |cause: String| NoToken::Unread { name: name.clone(), cause };
    if !cowherd_apply::is_path_segment(&reference.name) {
        return Err(unread("no object can have this name".to_owned()));
    }
    let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let secret = match api.get_opt(&reference.name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(unread("there is none".to_owned())),
        Err(kube::Error::Api(status)) => return Err(unread(status.message.clone())),
        Err(error) => return Err(unread(error.to_string())),
    };
    let token = secret.data.unwrap_or_default().remove("token").map(|token| token.0);
    // With an empty one, everybody would know it.
    token.filter(|token| !token.is_empty()).ok_or(NoToken::Absent(name))
}

/// The path of the webhook of a Receiver with this token, as Flux makes it. Whoever knows it may call it.
pub(crate) fn path(receiver: &Receiver, token: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(token);
    hasher.update(receiver.name_any());
    hasher.update(receiver.namespace().unwrap_or_default());
    hasher.finalize().iter().fold(ROOT.to_owned(), |path, byte| path + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_path_is_that_of_flux() {
        let receiver: Receiver = serde_json::from_value(json!({
            "apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
            "metadata": { "name": "receiver", "namespace": "default" }, "spec": { "type": "generic", "resources": [] },
        }))
        .unwrap();
        // echo -n tokenreceiverdefault | sha256sum
        let expected = "/hook/8cc3207cffc97dc881eed557d9eb9348edf632357f3132b4f4d30188c54fc63d";
        assert_eq!(path(&receiver, b"token"), expected);
    }
}
