//! What a tree would change of a Kustomization's objects.

use std::sync::Arc;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Diff, Manifest};
use cowherd_source::Access;
use cowherd_tree::Tree;
use kube::{Client, ResourceExt};

use super::KIND;
use crate::delivery::{Previewed, preview as previewed};
use crate::owner::Owning;
use crate::{Elsewhere, PreviewError};

/// What a tree would change of one Kustomization's objects.
pub struct Preview {
    /// What would be done to each object; values of Secrets are masked.
    pub diffs: Vec<Diff>,
    /// The Kustomizations among the objects, as the tree has them.
    pub children: Vec<Kustomization>,
}

/// Tells what bringing `kustomization` to `tree` would change in the cluster. Nothing is written. What the tree names
/// elsewhere comes from `elsewhere`, as far as `access` allows.
///
/// # Errors
/// When the tree could not be applied either: see [`PreviewError`].
pub async fn preview(
    client: &Client,
    kustomization: &Kustomization,
    tree: Arc<dyn Tree>,
    elsewhere: Arc<Elsewhere>,
    access: &Access,
) -> Result<Preview, PreviewError> {
    let (owner, status) = kustomization.clone().read(None);
    let Previewed { diffs, manifests } = previewed(client, (&owner, &status), tree, elsewhere, access).await?;
    Ok(Preview { diffs, children: manifests.iter().filter_map(child).collect() })
}

/// The Kustomization that an object is, if it is one.
fn child(manifest: &Manifest) -> Option<Kustomization> {
    let id = manifest.id();
    let is_one = (id.group.as_str(), id.kind.as_str()) == (KIND.group, KIND.kind);
    let child: Kustomization = is_one.then(|| serde_json::from_value(manifest.object().clone()).ok())??;
    (!child.name_any().is_empty()).then_some(child)
}
