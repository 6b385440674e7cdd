//! Puts a set of objects into order and finds out what each of them is to the cluster.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Applier, Desired};
use crate::cluster::Kind;
use crate::error::ApplyError;
use crate::object::{ContentDigest, Manifest, ObjectId, Versioned};
use crate::order;
use crate::unserved::Unserved;

/// An object that is to be applied.
pub(crate) struct Work {
    pub(crate) manifest: Manifest,
    pub(super) content: ContentDigest,
    /// The kind; `None` as long as its definition is itself among the objects.
    pub(crate) kind: Option<Arc<Kind>>,
    /// Whether the object can be checked before its stage: its kind and its namespace are there.
    pub(crate) is_ready: bool,
    /// Whether it was checked.
    pub(super) is_checked: bool,
    /// Whether the object that is there was seen then to ask for being left alone.
    pub(super) asks_to_be_left: bool,
    /// The resource version, as a number, that the object had then; nothing where there was none.
    pub(super) checked_at: Option<u64>,
    /// What it said then, where it may be that only who describes its fields is going to change.
    pub(super) content_before: Option<ContentDigest>,
}

impl Work {
    pub(super) fn id(&self) -> &ObjectId {
        self.manifest.id()
    }
}

/// Kinds and namespaces that come with objects, so that their absence from the cluster is no error yet.
#[derive(Clone, Debug, Default)]
pub struct Coming {
    kinds: HashSet<(String, String)>,
    namespaces: HashSet<String>,
}

impl Coming {
    /// What comes with a set.
    fn of(manifests: &[Manifest]) -> Self {
        let mut coming = Self::default();
        manifests.iter().for_each(|manifest| coming.take(manifest));
        coming
    }

    /// Takes in what comes with an object.
    pub fn take(&mut self, manifest: &Manifest) {
        let text = |pointer: &str| manifest.object().pointer(pointer).and_then(Value::as_str);
        match manifest.id().kind.as_str() {
            "CustomResourceDefinition" => {
                if let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) {
                    self.kinds.insert((group.to_owned(), kind.to_owned()));
                }
            }
            "Namespace" if manifest.id().group.is_empty() => {
                self.namespaces.insert(manifest.id().name.clone());
            }
            _ => {}
        }
    }

    fn and(mut self, others: &Self) -> Self {
        self.kinds.extend(others.kinds.iter().cloned());
        self.namespaces.extend(others.namespaces.iter().cloned());
        self
    }
}

impl Applier {
    /// The objects with their places corrected: an object of the cluster has no namespace, whatever a manifest says,
    /// and any other that names none is in `default_namespace`, if there is one. Where it is not known yet which a
    /// kind has, the manifest is left as it is.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn identify(
        &self,
        manifests: &mut [Manifest],
        default_namespace: Option<&str>,
    ) -> Result<(), ApplyError> {
        for manifest in manifests {
            let Some(kind) = self.kind_of(manifest).await? else { continue };
            let is_placed = !manifest.id().namespace.is_empty();
            match default_namespace {
                Some(namespace) if kind.namespaced && !is_placed => manifest.set_namespace(namespace),
                _ if !kind.namespaced && is_placed => manifest.set_namespace(""),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the cluster serves all these kinds, or will, since their definitions are among the objects.
    ///
    /// # Errors
    /// What of them it does not serve; or when the API gives no answer.
    pub async fn check_served(&self, manifests: &[Manifest]) -> Result<(), ApplyError> {
        let brings = Coming::of(manifests);
        let mut unserved = Vec::new();
        for manifest in manifests {
            let id = manifest.id();
            if !brings.kinds.contains(&(id.group.clone(), id.kind.clone())) && self.kind_of(manifest).await?.is_none() {
                let api_version = manifest.versioned().api_version();
                unserved.push(Unserved { subject: id.clone(), api_version, served_as: None, place: None });
            }
        }
        if unserved.is_empty() { Ok(()) } else { Err(self.unserved(unserved).await) }
    }

    /// The objects in the order in which they are applied. Nothing was sent to the cluster but questions.
    pub(crate) async fn prepare(&self, desired: &Desired) -> Result<Vec<Work>, ApplyError> {
        self.prepare_with(desired, &Coming::default()).await
    }

    /// The same where more is to come than the set itself brings.
    pub(crate) async fn prepare_with(&self, desired: &Desired, coming: &Coming) -> Result<Vec<Work>, ApplyError> {
        let brings = Coming::of(&desired.manifests).and(coming);
        let mut work = Vec::with_capacity(desired.manifests.len());
        let mut unserved = Vec::new();
        for manifest in &desired.manifests {
            let mut manifest = manifest.clone();
            manifest.set_metadata(desired.owner.labels(self.inner.cluster.ownership()), []);
            let kind = self.kind_of(&manifest).await?;
            let brought = brings.kinds.contains(&(manifest.id().group.clone(), manifest.id().kind.clone()));
            match &kind {
                Some(kind) => place(&mut manifest, kind)?,
                None if brought => {}
                None => {
                    let api_version = manifest.versioned().api_version();
                    let subject = manifest.id().clone();
                    unserved.push(Unserved { subject, api_version, served_as: None, place: None });
                    continue;
                }
            }
            // A definition in the set may change the kind, so its objects wait for it.
            let waits = brought || brings.namespaces.contains(&manifest.id().namespace);
            work.push(Work {
                content: manifest.digest(),
                is_ready: kind.is_some() && !waits,
                kind,
                manifest,
                is_checked: false,
                asks_to_be_left: false,
                checked_at: None,
                content_before: None,
            });
        }
        if !unserved.is_empty() {
            return Err(self.unserved(unserved).await);
        }
        work.sort_by(|a, b| order::compare(a.id(), b.id()));
        match work.windows(2).find(|pair| pair[0].id() == pair[1].id()) {
            Some(pair) => Err(ApplyError::Twice(Box::new(pair[0].id().clone()))),
            None => Ok(work),
        }
    }

    /// Looks for a kind again once the definitions are served.
    pub(super) async fn settle(&self, work: &mut Work) -> Result<Arc<Kind>, ApplyError> {
        if let Some(kind) = &work.kind {
            return Ok(kind.clone());
        }
        let Some(kind) = self.kind_of(&work.manifest).await? else {
            return Err(self.unknown_kind(work.manifest.versioned()).await);
        };
        place(&mut work.manifest, &kind)?;
        work.content = work.manifest.digest();
        work.kind = Some(kind.clone());
        Ok(kind)
    }

    /// The error of objects whose kinds the cluster does not serve, with the versions in which it serves those.
    async fn unserved(&self, mut all: Vec<Unserved>) -> ApplyError {
        let mut known: HashMap<(String, String), Option<String>> = HashMap::new();
        for one in &mut all {
            let ObjectId { group, kind, .. } = &one.subject;
            let key = (group.clone(), kind.clone());
            let version = match known.get(&key) {
                Some(version) => version.clone(),
                None => {
                    let version = self.inner.cluster.served_as(group, kind).await;
                    known.insert(key, version.clone());
                    version
                }
            };
            // It may be served by now.
            one.served_as = version.filter(|version| *version != one.api_version);
        }
        ApplyError::Unserved(all)
    }

    /// The error of an object whose kind the cluster does not serve.
    pub(crate) async fn unknown_kind(&self, object: &Versioned) -> ApplyError {
        let ObjectId { group, kind, .. } = &object.id;
        let api_version = object.api_version();
        let served_as = self.inner.cluster.served_as(group, kind).await.filter(|version| *version != api_version);
        ApplyError::UnknownKind { subject: Box::new(object.id.clone()), api_version, kind: kind.clone(), served_as }
    }

    async fn kind_of(&self, manifest: &Manifest) -> Result<Option<Arc<Kind>>, ApplyError> {
        let name = manifest.versioned();
        let found = self.inner.cluster.kind(&name.id.group, &name.version, &name.id.kind).await;
        found.map_err(|error| ApplyError::answer(manifest.id(), "dry-run failed", error, manifest.object()))
    }
}

/// An object of the cluster has no namespace, whatever a manifest says; all others need one.
fn place(manifest: &mut Manifest, kind: &Kind) -> Result<(), ApplyError> {
    match (kind.namespaced, manifest.id().namespace.is_empty()) {
        (true, true) => Err(ApplyError::NoNamespace(Box::new(manifest.id().clone()))),
        (false, false) => {
            manifest.set_namespace("");
            Ok(())
        }
        _ => Ok(()),
    }
}
