//! What only agents need in a cluster: of no use once Flux works again.

use anyhow::Result;
use cowherd_apply::{Applier, Manifest, ManifestError, ObjectId, Options, Ownership, Propagation, Versioned, order};
use cowherd_text::listed;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::bootstrap::{MANAGER, ROOT};
use crate::cluster::explain;
use crate::commands::install::documents::{InCluster, Rights, documents};
use crate::commands::install::told;
use crate::terminal::{Mark, tell};

/// How the names begin of what Flux has nothing of. What both have, as definitions, the namespace, the account
/// `kustomize-controller`, the Service of webhooks and the roles of people, is Flux's again.
const OURS: &str = "cowherd-";
/// How the names of the Leases begin by which agents lead.
const LEASE: &str = "cowherd-agent";
/// The labels of who keeps an object: helm, and Kustomizations of agents or of Flux.
const KEPT: [&str; 2] = ["app.kubernetes.io/managed-by", "kustomize.toolkit.fluxcd.io/name"];
/// How many are named.
const MOST: usize = 24;

/// What there is of it.
pub struct Leftovers {
    applier: Applier,
    /// What `cowherd install` or `migrate` has brought, in the order in which it goes.
    brought: Vec<Versioned>,
    /// What somebody else has brought or keeps.
    others: Vec<ObjectId>,
}

impl Leftovers {
    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// When the cluster gives no answer, or does not let it be seen.
    pub async fn find(client: &Client) -> Result<Self> {
        let ownership = Ownership { field_manager: MANAGER, ..Ownership::default() };
        let (applier, _drift) = Applier::new(client.clone(), Options { ownership, ..Options::default() });
        let (mut brought, mut others) = (Vec::new(), Vec::new());
        for manifest in manifests()? {
            match applier.look(manifest.versioned(), None).await.map_err(told)? {
                None => {}
                Some(live) if is_brought(&live) => brought.push(manifest.versioned().clone()),
                Some(_) => others.push(manifest.id().clone()),
            }
        }
        brought.extend(leases(client).await?);
        Ok(Self { applier, brought, others })
    }

    /// Whether there is nothing that can be taken away.
    pub fn is_empty(&self) -> bool {
        self.brought.is_empty()
    }

    /// Its names.
    pub fn named(&self) -> String {
        listed(self.brought.iter().map(|one| one.id.to_string()), MOST)
    }

    /// Takes it away, if it is still what was brought. Nothing else: what somebody else keeps is named.
    ///
    /// # Errors
    /// When the cluster refuses it.
    pub async fn delete(&self) -> Result<()> {
        for one in &self.brought {
            let goes = |live: &Value| one.id.kind == "Lease" || is_brought(live);
            self.applier.delete_single(one, None, Propagation::Background, goes).await.map_err(told)?;
            tell!("{} {} deleted", Mark::Success, one.id);
        }
        if !self.others.is_empty() {
            tell!(
                "{} these stay, since something else has brought them or keeps them, as helm or a Kustomization: {}",
                Mark::Waiting,
                listed(self.others.iter(), MOST)
            );
        }
        Ok(())
    }
}

/// All that only agents need, whichever rights they have, in the order in which it goes.
fn manifests() -> Result<Vec<Manifest>> {
    let agents = InCluster {
        image: "any".to_owned(),
        pull_secret: None,
        replicas: 0,
        lock_down: Vec::new(),
        arguments: Vec::new(),
    };
    let all = [documents(Some(&agents), Rights::Locked)?, documents(None, Rights::Open)?].concat();
    let ours =
        all.into_iter().filter(|one| one["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(OURS)));
    let manifests: Result<Vec<Manifest>, ManifestError> = ours.map(Manifest::new).collect();
    let mut manifests = manifests.map_err(|error| told(error.into()))?;
    manifests.sort_by(|a, b| order::compare(b.id(), a.id()));
    manifests.dedup_by(|a, b| a.id() == b.id());
    Ok(manifests)
}

/// Whether it was `cowherd install` or `migrate` that has brought the object, and nobody else keeps it.
fn is_brought(live: &Value) -> bool {
    let entries = live["metadata"]["managedFields"].as_array();
    let is_applied = entries.into_iter().flatten().any(|one| one["manager"] == MANAGER && one["operation"] == "Apply");
    is_applied && KEPT.iter().all(|label| live["metadata"]["labels"][label].is_null())
}

/// The Leases by which agents led.
async fn leases(client: &Client) -> Result<Vec<Versioned>> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), ROOT);
    let found = leases.list(&ListParams::default()).await.map_err(explain)?;
    let ours = found.items.iter().map(ResourceExt::name_any).filter(|name| name.starts_with(LEASE));
    let id = |name: String| ObjectId {
        group: "coordination.k8s.io".to_owned(),
        kind: "Lease".to_owned(),
        namespace: ROOT.to_owned(),
        name,
    };
    Ok(ours.map(|name| Versioned { id: id(name), version: "v1".to_owned() }).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_goes_is_what_flux_has_nothing_of() {
        let names: Vec<String> = manifests().unwrap().iter().map(|one| one.id().to_string()).collect();
        assert_eq!(
            names.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
            [
                "ClusterRole/cowherd-delivery",
                "ClusterRole/cowherd-notifications",
                "ClusterRole/cowherd-sources",
                "ClusterRoleBinding/cowherd-applier",
                "ClusterRoleBinding/cowherd-delivery",
                "ClusterRoleBinding/cowherd-notifications",
                "ClusterRoleBinding/cowherd-platform",
                "ClusterRoleBinding/cowherd-sources",
                "Deployment/flux-system/cowherd-agent",
                "NetworkPolicy/flux-system/cowherd-agent",
                "Role/flux-system/cowherd-agent",
                "RoleBinding/flux-system/cowherd-agent",
                "ServiceAccount/flux-system/cowherd-agent",
            ]
            .into()
        );
        assert_eq!(names.len(), 13, "each once: {names:?}");
    }

    #[test]
    fn what_somebody_else_has_brought_or_keeps_stays() {
        let live = |manager: &str, operation: &str, labels: Value| json!({ "metadata": { "managedFields": [{ "manager": manager, "operation": operation }], "labels": labels } });
        assert!(is_brought(&live("cowherd", "Apply", json!({ "app.kubernetes.io/part-of": "flux" }))));
        assert!(!is_brought(&live("kubectl", "Apply", Value::Null)));
        assert!(!is_brought(&live("cowherd", "Update", Value::Null)), "it was scaled, and brought by somebody else");
        for label in KEPT {
            assert!(!is_brought(&live("cowherd", "Apply", json!({ label: "somebody" }))), "{label}");
        }
    }
}
