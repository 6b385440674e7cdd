//! The owners that a cluster has.

use std::collections::BTreeMap;

use anyhow::Result;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::ObjectId;
use cowherd_gitops::Subject;
use cowherd_text::near;
use kube::Client;
use kube::api::ListParams;

use crate::cluster::{explain, missing};
use crate::resource;
use crate::target::Kind;

/// The owners that a cluster has.
pub struct Live(BTreeMap<ObjectId, Subject>);

impl Live {
    /// Those that there are. A kind that the cluster does not have, or does not show, is an error where it is `asked` for.
    pub async fn list(client: &Client, asked: Kind) -> Result<Self> {
        let mut all = BTreeMap::new();
        for kind in Kind::OWNERS {
            let is_needed = kind == Kind::Kustomization || kind == asked;
            let found = match kind.api_everywhere(client).list(&ListParams::default()).await {
                Err(kube::Error::Api(status)) if status.is_not_found() && is_needed => {
                    return Err(resource::unknown(kind));
                }
                Err(kube::Error::Api(status)) if (status.is_forbidden() || status.is_not_found()) && !is_needed => {
                    continue;
                }
                found => found.map_err(explain)?,
            };
            let read = found.items.into_iter().filter_map(|one| Subject::read(serde_json::to_value(one).ok()?));
            all.extend(read.map(|one| (one.id(), one)));
        }
        Ok(Self(all))
    }

    /// One of them.
    pub fn get(&self, id: &ObjectId) -> Option<&Subject> {
        self.0.get(id)
    }

    /// Those of a namespace that no other one applies.
    pub fn roots(&self, namespace: &str) -> Result<Vec<Subject>> {
        let roots: Vec<Subject> = self.everywhere().filter(|one| one.id().namespace == namespace).cloned().collect();
        if roots.is_empty() {
            return Err(missing(format!("no Kustomization found in {namespace:?} namespace")));
        }
        Ok(roots)
    }

    /// Those of all namespaces that no other one applies.
    pub fn everywhere(&self) -> impl Iterator<Item = &Subject> {
        self.0.values().filter(|one| !self.is_made(one))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Subject> {
        self.0.values()
    }

    /// Those that one of them has made.
    pub fn made_by(&self, owner: &ObjectId) -> Vec<Subject> {
        self.0.values().filter(|one| one.owners().contains(owner)).cloned().collect()
    }

    /// Whether another one that is there has made it.
    pub fn is_made(&self, subject: &Subject) -> bool {
        subject.owners().iter().any(|owner| self.0.contains_key(owner))
    }

    /// Those of these names.
    pub fn named(&self, kind: Kind, namespace: &str, names: &[String]) -> Result<Vec<Subject>> {
        names
            .iter()
            .map(|name| self.get(&id(kind, namespace, name)).cloned().ok_or_else(|| self.absent(kind, namespace, name)))
            .collect()
    }

    /// Says that there is none of this name.
    pub fn absent(&self, kind: Kind, namespace: &str, name: &str) -> anyhow::Error {
        let known = self.0.keys().filter(|id| id.kind == kind.name()).map(|id| id.name.as_str());
        let hint = near::hint(name, known);
        missing(format!("{} object {name:?} not found in {namespace:?} namespace{hint}", kind.name()))
    }

    /// The Kustomizations.
    pub fn kustomizations(&self) -> Vec<Kustomization> {
        self.0.values().filter_map(kustomization).collect()
    }
}

/// What names an owner among all objects.
pub fn id(kind: Kind, namespace: &str, name: &str) -> ObjectId {
    let (group, kind) = (kind.group().to_owned(), kind.name().to_owned());
    ObjectId { group, kind, namespace: namespace.to_owned(), name: name.to_owned() }
}

/// An owner as a Kustomization, if it is one.
pub fn kustomization(subject: &Subject) -> Option<Kustomization> {
    let is_one = subject.kind() == Kind::Kustomization.name();
    is_one.then(|| serde_json::from_value(subject.object().clone()).ok())?
}
