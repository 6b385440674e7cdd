//! Tokens by which a ServiceAccount of this cluster shows itself to another one that trusts this one's, as Flux's provider `generic` has
//! it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use cowherd_apply::is_path_segment;
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::kubeconfig::{self, Connection};
use super::{TargetError, lock};
use crate::owner::KubeConfig;

/// How many tokens are kept. Whoever may write ConfigMaps may ask for any number of them.
const KEPT: usize = 1024;
/// Which part of its life a token is used for.
const USED: f64 = 0.8;
/// How long a token may be used of which it is not said how long it lives.
const SHORT: Duration = Duration::from_secs(300);

/// The providers of clouds, which Flux has beside the generic one.
const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];

/// Tokens that were made, until they have to be renewed.
#[derive(Default)]
pub(super) struct Issued(Mutex<HashMap<Wanted, (String, Instant)>>);

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Wanted {
    namespace: String,
    account: String,
    audiences: Vec<String>,
}

/// What a ConfigMap says.
#[derive(Debug)]
struct Said {
    connection: Connection,
    wanted: Wanted,
}

impl Issued {
    /// How the cluster is reached that a ConfigMap names, and when that is to be looked at again.
    pub(super) async fn connection(
        &self,
        client: &Client,
        said: &KubeConfig,
        map: &ConfigMap,
    ) -> Result<(Connection, Instant), TargetError> {
        let Said { connection, wanted } = read(said, map)?;
        let known = lock(&self.0).get(&wanted).filter(|(_, until)| *until > Instant::now()).cloned();
        let (token, until) = match known {
            Some(known) => known,
            None => {
                let issued = issue(client, &wanted, said).await?;
                let mut kept = lock(&self.0);
                kept.retain(|_, (_, until)| *until > Instant::now());
                if kept.len() >= KEPT {
                    kept.clear();
                }
                kept.insert(wanted, issued.clone());
                issued
            }
        };
        let version = map.metadata.resource_version.as_deref().unwrap_or_default();
        let stamp = Sha256::digest(format!("{version} {token}")).into();
        Ok((Connection { who: kubeconfig::by_token(&token), stamp, ..connection }, until))
    }
}

/// What the ConfigMap says of the cluster, and who is to show itself there.
fn read(said: &KubeConfig, map: &ConfigMap) -> Result<Said, TargetError> {
    let data: BTreeMap<String, String> = map.data.clone().unwrap_or_default();
    let unusable = |cause: String| TargetError::Unusable { object: said.object(), cause };
    let given = |key: &str| data.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    match given("provider") {
        Some("generic") => {}
        Some(cloud) if CLOUDS.contains(&cloud) => {
            let cause = format!(
                "its provider {cloud:?} is not supported; use \"generic\" where the cluster trusts the tokens of this one, or a kubeconfig \
                 in a Secret (spec.kubeConfig.secretRef)"
            );
            return Err(unusable(cause));
        }
        Some(other) => return Err(unusable(format!("its provider {other:?} is not known; use \"generic\""))),
        None => return Err(unusable("its provider is missing; use \"generic\"".to_owned())),
    }
    let address = given("address").ok_or_else(|| unusable("its address is missing".to_owned()))?;
    let whole = if address.starts_with("http") { address.to_owned() } else { format!("https://{address}") };
    let wrong = |cause| TargetError::Wrong { object: said.object(), cause };
    let server = kubeconfig::address(&whole, false).map_err(wrong)?;
    let authorities = given("ca.crt").map(|pem| kubeconfig::certificates(pem.as_bytes(), "ca.crt")).transpose();
    let account = given("serviceAccountName").ok_or_else(|| {
        unusable("its serviceAccountName is missing; name a ServiceAccount of this namespace, as which one shows oneself there".to_owned())
    })?;
    if !is_path_segment(account) {
        return Err(unusable(format!("its serviceAccountName {account:?} cannot name a ServiceAccount")));
    }
    let audiences = given("audiences").unwrap_or(address).lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(Said {
        connection: Connection {
            server,
            authorities: authorities.map_err(wrong)?,
            server_name: None,
            is_insecure: false,
            who: Default::default(),
            stamp: Default::default(),
        },
        wanted: Wanted {
            namespace: said.namespace.clone(),
            account: account.to_owned(),
            audiences: audiences.map(str::to_owned).collect(),
        },
    })
}

async fn issue(client: &Client, wanted: &Wanted, said: &KubeConfig) -> Result<(String, Instant), TargetError> {
    let Wanted { namespace, account, audiences } = wanted;
    let request = TokenRequest {
        spec: TokenRequestSpec { audiences: audiences.clone(), ..TokenRequestSpec::default() },
        ..TokenRequest::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let failed = |cause: String| {
        let cause = format!("no token is made for the ServiceAccount {namespace}/{account}: {cause}");
        TargetError::Unusable { object: said.object(), cause }
    };
    let issued =
        api.create_token_request(account, &PostParams::default(), &request).await.map_err(|error| match error {
            kube::Error::Api(status) => failed(status.message.clone()),
            other => TargetError::Unread { object: said.object(), cause: other.to_string() },
        })?;
    let status = issued.status.ok_or_else(|| failed("the answer has none".to_owned()))?;
    let left = status.expiration_timestamp.0.duration_since(Timestamp::now());
    let left = Duration::try_from(left).unwrap_or(SHORT).max(SHORT);
    Ok((status.token, Instant::now() + left.mul_f64(USED)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::owner::KubeConfigSource;

    fn said(data: Value) -> Result<Said, String> {
        let said = KubeConfig { namespace: "team".into(), from: KubeConfigSource::ConfigMap { name: "m".into() } };
        let map: ConfigMap = serde_json::from_value(json!({ "data": data })).unwrap();
        read(&said, &map).map_err(|error| error.to_string())
    }

    #[test]
    fn a_config_map_says_what_flux_has_in_it() {
        let least = json!({ "provider": "generic", "address": "There:6443", "serviceAccountName": "a" });
        let found = said(least.clone()).unwrap();
        assert_eq!(found.connection.server.to_string(), "https://There:6443/");
        assert_eq!(
            found.wanted.audiences,
            ["There:6443"],
            "the address is who the token is for, where nothing else is said"
        );
        let mut more = least.clone();
        more["audiences"] = json!("one\n\n  two\n");
        assert_eq!(said(more).unwrap().wanted.audiences, ["one", "two"]);
        for (field, value, says) in [
            ("provider", json!("aws"), "its provider \"aws\" is not supported; use \"generic\""),
            ("provider", json!("gcp"), "its provider \"gcp\" is not supported"),
            ("provider", json!("other"), "is not known"),
            ("provider", json!(""), "its provider is missing"),
            ("address", json!(""), "its address is missing"),
            ("address", json!("http://there"), "cluster.server with http, which is refused"),
            ("ca.crt", json!("nothing"), "ca.crt holds no certificate"),
            ("serviceAccountName", json!(""), "its serviceAccountName is missing"),
            ("serviceAccountName", json!("../x"), "cannot name a ServiceAccount"),
        ] {
            let mut data = least.clone();
            data[field] = value;
            let error = said(data).unwrap_err();
            assert!(error.starts_with("the ConfigMap team/m: ") && error.contains(says), "{says}: {error}");
        }
    }
}
