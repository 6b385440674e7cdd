//! What a cluster needs before it can follow a repository, beside the resource types: a namespace with the accounts of the
//! agents, the source and the Kustomization that everything else grows from.

mod roles;

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result};
use cowherd_api::flux::annotations::DEFAULT_NAMESPACE;
use cowherd_apply::ObjectId;
use cowherd_controlplane::AgentAccount;
use cowherd_source::RepositoryUrl;
use futures::future::try_join_all;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::flux;
use crate::followed::Followed;
use crate::target::Kind;

/// The namespace and the name of what the rest grows from, as `flux bootstrap` has them.
pub const ROOT: &str = "flux-system";
/// How often a remote repository is looked at unless said otherwise.
const INTERVAL: &str = "1m0s";
/// The field manager of what is put into the cluster here.
pub const MANAGER: &str = "cowherd";

/// The account that the root acts for where Kustomizations do not act with the rights of the agents, as Flux has it.
const ROOT_ACCOUNT: &str = AgentAccount::APPLYING.name;

/// Keys of a Secret with what it has of them.
pub type Credentials = Vec<(&'static str, Vec<u8>)>;

/// What to follow, and with what.
#[derive(Clone, Default)]
pub struct Root {
    /// What to follow.
    pub followed: Followed,
    /// Credentials, under the keys that Flux's Secrets have.
    pub credentials: Credentials,
    /// Those that count where neither these nor an earlier start have the key.
    pub fallback: Credentials,
    /// Whether the credentials of an earlier start are still right, where no others are given.
    pub keeps_credentials: bool,
    /// Whether the Kustomization names the account that may do everything, since one that names none may do less.
    pub acts_for_account: bool,
}

/// What names an object.
pub fn object(namespace: &str, name: &str, group: &str, kind: &str) -> ObjectId {
    ObjectId { namespace: namespace.to_owned(), name: name.to_owned(), group: group.to_owned(), kind: kind.to_owned() }
}

/// The definitions of what the agents reconcile.
pub fn definitions() -> impl Iterator<Item = ObjectId> {
    let names = cowherd_api::crd_names().into_iter();
    names.map(|name| object("", name, "apiextensions.k8s.io", "CustomResourceDefinition"))
}

impl Root {
    /// Whether a checkout of this machine is followed. Then it is followed whatever the repository says of itself.
    pub fn is_checkout(&self) -> bool {
        RepositoryUrl::parse(&self.followed.url).is_ok_and(|url| url.local_path().is_some())
    }

    /// The objects that no repository may change or take away: without them nothing could be followed. Where a
    /// repository on a server describes how it is to be followed, as `flux bootstrap` writes it, that holds; a
    /// checkout is followed as it is. Nor does one bring Flux's controllers: they would wait for a node, and on one do what
    /// the agents do.
    pub fn reserved(&self) -> HashSet<ObjectId> {
        let mut reserved = HashSet::from([object("", ROOT, "", "Namespace")]);
        reserved.extend(definitions());
        reserved.extend(flux::controllers());
        for account in AgentAccount::ALL {
            reserved.insert(object(AgentAccount::NAMESPACE, account.name, "", "ServiceAccount"));
        }
        if self.is_checkout() {
            reserved.insert(object(ROOT, ROOT, "source.toolkit.fluxcd.io", "GitRepository"));
            reserved.insert(object(ROOT, ROOT, "kustomize.toolkit.fluxcd.io", "Kustomization"));
        }
        reserved
    }

    /// The source and the Kustomization, as they are put into the cluster.
    pub fn objects(&self, has_secret: bool) -> [(Kind, Value); 2] {
        [(Kind::GitRepository, git_repository(self, has_secret)), (Kind::Kustomization, kustomization(self))]
    }
}

/// Brings the namespace, the accounts of the agents, the roles of people and the credentials; whether there are credentials.
pub async fn prepare(client: &Client, root: &Root) -> Result<bool> {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ROOT } });
    apply(&Api::<Namespace>::all(client.clone()), &namespace).await?;
    roles::apply(client, root.acts_for_account).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), AgentAccount::NAMESPACE);
    try_join_all(AgentAccount::ALL.map(account).iter().map(|account| apply(&accounts, account))).await?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), ROOT);
    let kept = if root.keeps_credentials { secrets.get_opt(ROOT).await? } else { None };
    if root.credentials.is_empty() {
        return Ok(kept.is_some());
    }
    let kept = kept.and_then(|secret| secret.data).unwrap_or_default();
    apply(&secrets, &secret(root, kept)).await.context("cannot keep the repository's credentials")?;
    Ok(true)
}

fn account(account: AgentAccount) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": account.name, "namespace": AgentAccount::NAMESPACE } })
}

/// Applies an object, whoever else has written its fields.
pub async fn apply<K>(api: &Api<K>, object: &Value) -> Result<K>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let params = PatchParams::apply(MANAGER).force();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    api.patch(name, &params, &Patch::Apply(object))
        .await
        .with_context(|| format!("cannot apply {} {name}", object["kind"].as_str().unwrap_or_default()))
}

/// The Secret with the credentials: what was given now, and what an earlier start gave beside it. A password that is renewed does
/// not make the certificate authority unknown.
fn secret(root: &Root, mut data: BTreeMap<String, ByteString>) -> Value {
    for (key, value) in &root.credentials {
        data.insert((*key).to_owned(), ByteString(value.clone()));
    }
    for (key, value) in &root.fallback {
        data.entry((*key).to_owned()).or_insert_with(|| ByteString(value.clone()));
    }
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": ROOT, "namespace": ROOT }, "data": data })
}

fn git_repository(root: &Root, has_secret: bool) -> Value {
    let interval = root.followed.interval.as_deref().unwrap_or(INTERVAL);
    let mut object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": { "name": ROOT, "namespace": ROOT },
        "spec": { "interval": interval, "url": root.followed.url, "ref": root.followed.reference },
    });
    if has_secret {
        object["spec"]["secretRef"] = json!({ "name": ROOT });
    }
    object
}

fn kustomization(root: &Root) -> Value {
    let mut object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        // What stands in a directory of plain manifests goes where kubectl would put it.
        "metadata": { "name": ROOT, "namespace": ROOT, "annotations": { DEFAULT_NAMESPACE: "default" } },
        "spec": {
            "interval": "10m0s", "retryInterval": "1m0s", "path": root.followed.path, "prune": true,
            // It is put back when it is deleted, so what it applied stays.
            "deletionPolicy": "Orphan",
            "sourceRef": { "kind": "GitRepository", "name": ROOT },
        },
    });
    if root.acts_for_account {
        object["spec"]["serviceAccountName"] = ROOT_ACCOUNT.into();
    }
    object
}
