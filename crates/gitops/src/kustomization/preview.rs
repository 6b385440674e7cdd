//! What a tree would change of a Kustomization's objects.

use std::collections::HashSet;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Action, Diff, Manifest, ObjectId};
use kube::{Api, Client, ResourceExt};

use super::KIND;
use crate::delivery::{Previewed, preview as previewed, preview_deletion};
use crate::owner::Owning;
use crate::{PreviewError, Proposal};

/// What a proposal would change of one Kustomization's objects.
pub struct Preview {
    /// What would be done to each object, and to the objects that go with Kustomizations that are deleted; values of
    /// Secrets are masked.
    pub diffs: Vec<Diff>,
    /// What is to be said of some of them: that a deletion waits until it is approved, what would go with an object.
    pub notes: Vec<(ObjectId, String)>,
    /// Whether charts make something up that the agents make up otherwise, since their seed is not known.
    pub is_by_chance: bool,
    /// All objects of the Kustomization, as the tree has them.
    pub described: Vec<ObjectId>,
    /// The Kustomizations among the objects, as the tree has them.
    pub children: Vec<Kustomization>,
}

/// Tells what bringing `kustomization` to a proposal would change in the cluster. Nothing is written.
///
/// # Errors
/// When the proposal could not be applied either: see [`PreviewError`].
pub async fn preview(
    client: &Client,
    kustomization: &Kustomization,
    proposal: &Proposal,
) -> Result<Preview, PreviewError> {
    let (owner, status) = kustomization.clone().read(None);
    let Previewed { mut diffs, notes, is_by_chance, manifests } =
        previewed(client, (&owner, &status), proposal).await?;
    let mut met = HashSet::new();
    // What is added has Kustomizations of its own.
    let mut at = 0;
    while let Some(diff) = diffs.get(at) {
        at += 1;
        let id = diff.object.id.clone();
        if is_kustomization(&id) && diff.action == Action::Deleted && met.insert(id.clone()) {
            diffs.extend(going_with(client, &id).await?);
        }
    }
    let described = manifests.iter().map(|manifest| manifest.id().clone()).collect();
    let children = manifests.iter().filter_map(child).collect();
    Ok(Preview { diffs, notes, is_by_chance, described, children })
}

/// What goes with a Kustomization of the cluster that is deleted.
async fn going_with(client: &Client, id: &ObjectId) -> Result<Vec<Diff>, PreviewError> {
    let api: Api<Kustomization> = Api::namespaced(client.clone(), &id.namespace);
    let found = api.get_opt(&id.name).await;
    let found = found.map_err(|error| PreviewError::Apply(id.to_string(), error.to_string()))?;
    let Some((owner, status)) = found.map(|found| found.read(None)) else { return Ok(Vec::new()) };
    preview_deletion(client, (&owner, &status)).await
}

fn is_kustomization(id: &ObjectId) -> bool {
    (id.group.as_str(), id.kind.as_str()) == (KIND.group, KIND.kind)
}

/// The Kustomization that an object is, if it is one.
fn child(manifest: &Manifest) -> Option<Kustomization> {
    let is_one = is_kustomization(manifest.id());
    let child: Kustomization = is_one.then(|| serde_json::from_value(manifest.object().clone()).ok())??;
    (!child.name_any().is_empty()).then_some(child)
}
