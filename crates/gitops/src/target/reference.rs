//! Reads what says how another cluster is reached, from the objects that `spec.kubeConfig` names.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use tokio::time::Instant;

use super::TargetError;
use super::issued::Issued;
use super::kubeconfig::{self, Connection};
use crate::Policy;
use crate::owner::{KubeConfig, KubeConfigSource};

/// The keys under which a Secret has the kubeconfig where none is said, as Flux has them.
const KEYS: [&str; 2] = ["value", "value.yaml"];

/// What was found.
pub(super) struct Found {
    /// The version of the object that it is of; nothing where there is none.
    pub(super) version: Option<String>,
    /// When it is to be looked at again, though nothing changed: a token ends.
    pub(super) until: Option<Instant>,
    pub(super) connection: Result<Connection, TargetError>,
}

/// How the cluster is reached, as an object says now.
pub(super) async fn read(client: &Client, policy: &Policy, issued: &Issued, said: &KubeConfig) -> Found {
    let nothing = |error| Found { version: None, until: None, connection: Err(error) };
    let object = said.object();
    if let Err(error) = said.check() {
        return nothing(TargetError::Unusable { object, cause: error.to_string() });
    }
    match &said.from {
        KubeConfigSource::Secret { name, key } => {
            let api: Api<Secret> = Api::namespaced(client.clone(), &said.namespace);
            match api.get_opt(name).await {
                Ok(Some(secret)) => Found {
                    version: secret.metadata.resource_version.clone(),
                    until: None,
                    connection: of_secret(&secret, key.as_deref(), object, policy.insecure_kubeconfig_tls),
                },
                Ok(None) => nothing(TargetError::Missing { object }),
                Err(error) => nothing(unread(object, &error)),
            }
        }
        KubeConfigSource::ConfigMap { name } => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), &said.namespace);
            match api.get_opt(name).await {
                Ok(Some(map)) => {
                    let version = map.metadata.resource_version.clone();
                    match issued.connection(client, said, &map).await {
                        Ok((connection, until)) => Found { version, until: Some(until), connection: Ok(connection) },
                        Err(error) => Found { version, until: None, connection: Err(error) },
                    }
                }
                Ok(None) => nothing(TargetError::Missing { object }),
                Err(error) => nothing(unread(object, &error)),
            }
        }
        KubeConfigSource::Nothing => nothing(TargetError::Missing { object }),
    }
}

fn of_secret(
    secret: &Secret,
    key: Option<&str>,
    object: String,
    allows_insecure: bool,
) -> Result<Connection, TargetError> {
    let data = secret.data.as_ref();
    let held = |key: &str| data.and_then(|data| data.get(key)).map(|value| value.0.as_slice());
    let found = match key {
        Some(key) => held(key),
        None => KEYS.into_iter().find_map(held),
    };
    let Some(text) = found else {
        let keys = key.map_or_else(|| format!("{:?} or {:?}", KEYS[0], KEYS[1]), |key| format!("{key:?}"));
        return Err(TargetError::NoKey { object, keys });
    };
    kubeconfig::read(text, allows_insecure).map_err(|cause| TargetError::Wrong { object, cause })
}

fn unread(object: String, error: &kube::Error) -> TargetError {
    let cause = match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    };
    TargetError::Unread { object, cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;
    use serde_json::json;

    #[test]
    fn the_kubeconfig_is_under_the_key_that_is_said_or_those_of_flux() {
        let config = |server: &str| {
            let config = json!({ "current-context": "c",
                "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
                "clusters": [{ "name": "c", "cluster": { "server": server } }],
                "users": [{ "name": "u", "user": {} }] });
            ByteString(config.to_string().into_bytes())
        };
        let secret = |keys: &[&str]| Secret {
            data: Some(keys.iter().map(|key| ((*key).to_owned(), config(&format!("https://{key}")))).collect()),
            ..Secret::default()
        };
        let read = |keys: &[&str], key: Option<&str>| {
            let found = of_secret(&secret(keys), key, "Secret n/s".to_owned(), false);
            found.map(|found| found.server.host().unwrap().to_owned()).map_err(|error| error.to_string())
        };
        assert_eq!(read(&["value", "value.yaml", "mine"], None).unwrap(), "value");
        assert_eq!(read(&["value.yaml", "mine"], None).unwrap(), "value.yaml");
        assert_eq!(read(&["value", "mine"], Some("mine")).unwrap(), "mine");
        assert_eq!(
            read(&["mine"], None).unwrap_err(),
            "the Secret n/s has no key \"value\" or \"value.yaml\" with a kubeconfig"
        );
        assert_eq!(read(&["value"], Some("mine")).unwrap_err(), "the Secret n/s has no key \"mine\" with a kubeconfig");
    }
}
