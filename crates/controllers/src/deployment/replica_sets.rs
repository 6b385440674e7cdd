//! A Deployment's ReplicaSets: which are its own, which is of its template, and making that one.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_runtime::{Error, Key, owners};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::template::{self, POD_TEMPLATE_HASH};
use super::{Context, Rollout, rolling};

/// The annotation that numbers a Deployment's templates.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The revisions that a ReplicaSet had before its template came back.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// How many pods the Deployment wanted when a ReplicaSet was last scaled.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// How many pods the Deployment allowed at most then.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations that speak of the Deployment and not of its ReplicaSets.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The ReplicaSets of the Deployment, orphans that match adopted, those that no longer match released.
pub async fn claim(
    context: &Context,
    deployment: &Deployment,
    spec: &DeploymentSpec,
) -> Result<Vec<Arc<ReplicaSet>>, Error> {
    let selector = owners::selector(&spec.selector)?;
    let uid = deployment.metadata.uid.as_deref().ok_or(Error::Incomplete("uid"))?;
    let deleted = deployment.metadata.deletion_timestamp.is_some();
    let mut claimed = Vec::new();
    for set in context.replica_sets.informer().controlled_by(uid) {
        if owners::matches(&selector, set.as_ref()) {
            claimed.push(set);
        } else if !deleted {
            let owners = json!([{ "$patch": "delete", "uid": uid }]);
            patch_owners(context, &set, owners).await?;
        }
    }
    if !deleted {
        for set in context.replica_sets.informer().in_namespace(&deployment.namespace().unwrap_or_default()) {
            let orphan = owners::controller(set.as_ref()).is_none() && set.metadata.deletion_timestamp.is_none();
            if orphan && owners::matches(&selector, set.as_ref()) {
                let owners = json!([owners::controller_reference(deployment)?]);
                claimed.extend(patch_owners(context, &set, owners).await?);
            }
        }
    }
    Ok(claimed)
}

async fn patch_owners(
    context: &Context,
    set: &ReplicaSet,
    owners: serde_json::Value,
) -> Result<Option<Arc<ReplicaSet>>, Error> {
    let patch = json!({ "metadata": { "uid": set.metadata.uid, "ownerReferences": owners } });
    match context.replica_sets.patch(&Key::of(set), &PatchParams::default(), &Patch::Strategic(patch)).await {
        Ok(patched) => Ok(Some(patched)),
        Err(error) if error.is_gone_or_changed() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ReplicaSet of the template (the oldest, if there are several), and the others, oldest first.
pub fn split(spec: &DeploymentSpec, mut sets: Vec<Arc<ReplicaSet>>) -> (Option<Arc<ReplicaSet>>, Vec<Arc<ReplicaSet>>) {
    sets.sort_by_cached_key(|set| (set.metadata.creation_timestamp.as_ref().map(|time| time.0), set.name_any()));
    let of_template = |set: &Arc<ReplicaSet>| {
        let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
        template.is_some_and(|template| template::same(template, &spec.template))
    };
    let new = sets.iter().position(of_template).map(|index| sets.remove(index));
    (new, sets)
}

impl Rollout<'_> {
    /// Sees to it that the new ReplicaSet has its revision and annotations; makes it, if asked to, where there
    /// is none.
    pub(super) async fn find_or_make_new(&mut self, make: bool) -> Result<(), Error> {
        let last = self.old.iter().map(|set| revision(set)).max().unwrap_or(0);
        match self.new.clone() {
            Some(new) => {
                let number = revision(&new).max(last + 1);
                self.annotate(&new, number).await?;
                self.number(number).await
            }
            None if make => {
                self.make_new(last + 1).await?;
                self.number(last + 1).await
            }
            None => Ok(()),
        }
    }

    /// Brings a ReplicaSet's annotations to those of the Deployment.
    async fn annotate(&mut self, set: &ReplicaSet, number: i64) -> Result<(), Error> {
        let mut annotations = self.copied_annotations();
        annotations.insert(REVISION.to_owned(), number.to_string());
        let before = revision(set);
        if before != number && before > 0 {
            let history = set.annotations().get(REVISION_HISTORY).filter(|history| !history.is_empty());
            let history = history.map_or_else(|| before.to_string(), |history| format!("{history},{before}"));
            annotations.insert(REVISION_HISTORY.to_owned(), history);
        }
        let min_ready = self.spec.min_ready_seconds;
        let stale = annotations.iter().any(|(name, value)| set.annotations().get(name) != Some(value));
        if !stale && set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0) == min_ready.unwrap_or(0) {
            return Ok(());
        }
        let patch = json!({
            "metadata": { "annotations": annotations }, "spec": { "minReadySeconds": min_ready.unwrap_or(0) },
        });
        self.patch_set(set, patch).await
    }

    async fn make_new(&mut self, number: i64) -> Result<(), Error> {
        let collisions = self.deployment.status.as_ref().and_then(|status| status.collision_count).unwrap_or(0);
        let hash = template::hash(&self.spec.template, collisions).map_err(kube::Error::SerdeError)?;
        let wanted = rolling::replicas_of_new(self, 0);
        let set = self.replica_set(&hash, number, wanted)?;
        match self.context.replica_sets.create(&set).await {
            Ok(created) => {
                let message = if wanted > 0 {
                    Some(format!("Scaled up replica set {} from 0 to {wanted}", created.name_any()))
                } else {
                    None
                };
                self.new = Some(created);
                if let Some(message) = message {
                    self.context.events.normal(self.deployment.as_ref(), "ScalingReplicaSet", &message);
                }
                Ok(())
            }
            Err(error) if error.is_conflict() => self.meet_collision(&set).await,
            Err(error) => {
                let message = format!("Failed to create new replica set {:?}: {error}", set.name_any());
                self.context.events.warning(self.deployment.as_ref(), "ReplicaSetCreateError", &message);
                Err(error)
            }
        }
    }

    /// The name is taken: by this Deployment's own ReplicaSet, which a late cache did not show, or by another
    /// template with the same hash, which the next hash avoids.
    async fn meet_collision(&mut self, set: &ReplicaSet) -> Result<(), Error> {
        let sets = &self.context.replica_sets;
        let found = sets.api(&set.namespace().unwrap_or_default()).get(&set.name_any()).await?;
        let ours = owners::controller_uid(&found) == self.deployment.metadata.uid.as_deref();
        let template = found.spec.as_ref().and_then(|spec| spec.template.as_ref());
        if ours && template.is_some_and(|template| template::same(template, &self.spec.template)) {
            let known = sets.informer().observe(found.clone());
            self.new = Some(known.unwrap_or_else(|| Arc::new(found)));
            return Ok(());
        }
        let mut changed = self.deployment.as_ref().clone();
        let status = changed.status.get_or_insert_default();
        status.collision_count = Some(status.collision_count.unwrap_or(0).saturating_add(1));
        self.context.deployments.replace_status(&changed).await?;
        Err(Error::Invalid(format!("the name of replica set {:?} is taken; trying another", set.name_any())))
    }

    fn replica_set(&self, hash: &str, number: i64, replicas: i32) -> Result<ReplicaSet, Error> {
        let hashed = |labels: Option<BTreeMap<String, String>>| {
            let mut labels = labels.unwrap_or_default();
            labels.insert(POD_TEMPLATE_HASH.to_owned(), hash.to_owned());
            Some(labels)
        };
        let mut template = self.spec.template.clone();
        let metadata = template.metadata.get_or_insert_default();
        metadata.labels = hashed(metadata.labels.take());
        let labels = metadata.labels.clone();
        let mut selector = self.spec.selector.clone();
        selector.match_labels = hashed(selector.match_labels);
        let mut annotations = self.copied_annotations();
        annotations.insert(REVISION.to_owned(), number.to_string());
        annotations.extend(self.scale_annotations());
        Ok(ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{}-{hash}", self.deployment.name_any())),
                namespace: self.deployment.namespace(),
                labels,
                annotations: Some(annotations),
                owner_references: Some(vec![owners::controller_reference(self.deployment.as_ref())?]),
                ..Default::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(replicas),
                min_ready_seconds: self.spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        })
    }

    fn copied_annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.deployment.annotations().iter();
        annotations
            .filter(|(name, _)| !NOT_COPIED.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    pub(super) fn scale_annotations(&self) -> [(String, String); 2] {
        let most = self.wanted() + rolling::max_surge(&self.spec);
        [(DESIRED_REPLICAS.to_owned(), self.wanted().to_string()), (MAX_REPLICAS.to_owned(), most.to_string())]
    }

    /// Sets a ReplicaSet's number of pods.
    pub(super) async fn scale(&mut self, set: &Arc<ReplicaSet>, replicas: i32) -> Result<(), Error> {
        let before = replicas_of(set);
        let annotations: BTreeMap<String, String> = self.scale_annotations().into();
        let current = annotations.iter().all(|(name, value)| set.annotations().get(name) == Some(value));
        if before == replicas && current {
            return Ok(());
        }
        let patch = json!({ "metadata": { "annotations": annotations }, "spec": { "replicas": replicas } });
        self.patch_set(set, patch).await?;
        if before != replicas {
            let direction = if replicas > before { "up" } else { "down" };
            let message = format!("Scaled {direction} replica set {} from {before} to {replicas}", set.name_any());
            self.context.events.normal(self.deployment.as_ref(), "ScalingReplicaSet", &message);
        }
        Ok(())
    }

    async fn patch_set(&mut self, set: &ReplicaSet, patch: serde_json::Value) -> Result<(), Error> {
        let sets = &self.context.replica_sets;
        let patched = sets.patch(&Key::of(set), &PatchParams::default(), &Patch::Merge(patch)).await?;
        for place in self.old.iter_mut().chain(&mut self.new) {
            if place.metadata.uid == patched.metadata.uid {
                *place = Arc::clone(&patched);
            }
        }
        Ok(())
    }

    /// Writes the revision on the Deployment, through its status: it is not the user who changes something.
    async fn number(&mut self, number: i64) -> Result<(), Error> {
        let number = number.to_string();
        if self.deployment.annotations().get(REVISION) == Some(&number) {
            return Ok(());
        }
        let mut changed = self.deployment.as_ref().clone();
        changed.annotations_mut().insert(REVISION.to_owned(), number);
        self.deployment = self.context.deployments.replace_status(&changed).await?;
        Ok(())
    }

    /// Deletes a ReplicaSet without pods.
    pub(super) async fn delete_set(&mut self, set: &ReplicaSet) -> Result<(), Error> {
        self.context.replica_sets.delete(set, DeleteParams::background()).await?;
        self.old.retain(|kept| kept.metadata.uid != set.metadata.uid);
        Ok(())
    }
}

/// The number of a ReplicaSet's template; 0 where it has none.
pub fn revision(set: &ReplicaSet) -> i64 {
    set.annotations().get(REVISION).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// How many pods a ReplicaSet is to have.
pub fn replicas_of(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}
