//! What a cluster needs before it can follow a repository: the resource types, a namespace, the source and the
//! Kustomization that everything else grows from.

use anyhow::{Context, Result};
use cowherd_api::flux::annotations::DEFAULT_NAMESPACE;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::target::Kind;

/// The namespace and the name of what the rest grows from, as `flux bootstrap` has them.
pub const ROOT: &str = "flux-system";
/// How often a remote repository is looked at.
const INTERVAL: &str = "1m0s";
const MANAGER: &str = "cowherd";

/// What to follow.
pub struct Root {
    /// The URL of the repository, without credentials.
    pub url: String,
    /// The reference to follow, as `spec.ref` of a GitRepository has it.
    pub reference: Value,
    /// The directory to start at.
    pub path: String,
    /// Credentials, under the keys that Flux's Secrets have.
    pub credentials: Vec<(&'static str, Vec<u8>)>,
}

/// The account that the root acts for where Kustomizations do not act with the rights of the agents, as Flux has it.
const ROOT_ACCOUNT: &str = "kustomize-controller";

/// Makes the cluster follow a repository. With `accounts`, Kustomizations act for accounts, the root for one that may do
/// everything.
pub async fn run(client: &Client, root: &Root, accounts: bool) -> Result<()> {
    cowherd_gitops::install(client.clone()).await?;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ROOT } });
    apply(&Api::<Namespace>::all(client.clone()), ROOT, &namespace).await?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    if !root.credentials.is_empty() {
        apply(&secrets, ROOT, &secret(root)).await.context("cannot keep the repository's credentials")?;
    }
    apply::<DynamicObject>(&Kind::GitRepository.api(client, ROOT), ROOT, &git_repository(root)).await?;
    if accounts {
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": ROOT_ACCOUNT, "namespace": ROOT } });
        apply(&Api::<ServiceAccount>::namespaced(client.clone(), ROOT), ROOT_ACCOUNT, &account).await?;
        apply(&Api::<ClusterRoleBinding>::all(client.clone()), ROOT_BINDING, &binding()).await?;
    }
    apply::<DynamicObject>(&Kind::Kustomization.api(client, ROOT), ROOT, &kustomization(root, accounts)).await?;
    Ok(())
}

/// Lets the account of the root do everything, under the name that Flux's installation gives it.
const ROOT_BINDING: &str = "cluster-reconciler-flux-system";

fn binding() -> Value {
    json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": ROOT_BINDING },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": ROOT_ACCOUNT, "namespace": ROOT }] })
}

async fn apply<K>(api: &Api<K>, name: &str, object: &Value) -> Result<()>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    api.patch(name, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("cannot apply {} {name}", object["kind"].as_str().unwrap_or_default()))?;
    Ok(())
}

fn secret(root: &Root) -> Value {
    let encode = |value: &[u8]| serde_json::to_value(k8s_openapi::ByteString(value.to_vec())).unwrap_or_default();
    let data: serde_json::Map<String, Value> =
        root.credentials.iter().map(|(key, value)| ((*key).to_owned(), encode(value))).collect();
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": ROOT, "namespace": ROOT }, "data": data })
}

fn git_repository(root: &Root) -> Value {
    let mut object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": { "name": ROOT, "namespace": ROOT },
        "spec": { "interval": INTERVAL, "url": root.url, "ref": root.reference },
    });
    if !root.credentials.is_empty() {
        object["spec"]["secretRef"] = json!({ "name": ROOT });
    }
    object
}

fn kustomization(root: &Root, accounts: bool) -> Value {
    let mut object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        // What stands in a directory of plain manifests goes where kubectl would put it.
        "metadata": { "name": ROOT, "namespace": ROOT, "annotations": { DEFAULT_NAMESPACE: "default" } },
        "spec": {
            "interval": "10m0s", "retryInterval": "1m0s", "path": root.path, "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": ROOT },
        },
    });
    if accounts {
        object["spec"]["serviceAccountName"] = ROOT_ACCOUNT.into();
    }
    object
}
