//! What a tree would change, without changing it.

use std::sync::Arc;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Applier, ApplyError, Diff, Options, Owner, inventory as entries};
use cowherd_render::Helm;
use cowherd_source::Access;
use cowherd_tree::Tree;
use kube::{Client, ResourceExt};

use super::build::{Build, BuildError, build};
use super::inventory;
use super::settings::{Settings, SettingsError};
use super::variables::{self, VariablesError};
use crate::elsewhere::Brought;
use crate::{Elsewhere, NamespacedName};

/// What a tree would change of one Kustomization's objects.
pub struct Preview {
    /// What would be done to each object; values of Secrets are masked.
    pub diffs: Vec<Diff>,
    /// The Kustomizations among the objects, as the tree has them.
    pub children: Vec<Kustomization>,
}

/// Why it cannot be told what a tree would change.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The Kustomization asks for what is not supported.
    #[error("Kustomization {0}: {1}")]
    Settings(NamespacedName, String),
    /// The tree does not make manifests.
    #[error("Kustomization {0}: {1}")]
    Build(NamespacedName, String),
    /// The cluster would refuse them, or gives no answer.
    #[error("Kustomization {0}: {1}")]
    Apply(NamespacedName, String),
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
    let name = NamespacedName::of(kustomization);
    let settings = Settings::read(kustomization)
        .map_err(|error: SettingsError| PreviewError::Settings(name.clone(), error.to_string()))?;
    let variables = variables::read(client, &name.namespace, &settings)
        .await
        .map_err(|error: VariablesError| PreviewError::Build(name.clone(), format!("post build failed: {error}")))?;
    let masked = |error: BuildError| PreviewError::Build(name.clone(), variables.mask.text(&error.to_string()));
    let mut built = {
        let (settings, variables, access) = (settings.clone(), variables.clone(), access.clone());
        // What charts make up by chance differs from what the agents made.
        let time = kustomization.metadata.creation_timestamp.as_ref().map(|time| time.0).unwrap_or_default();
        let helm = Helm { time, seed: Vec::new() };
        let built = tokio::task::spawn_blocking(move || {
            let mut brought = Brought::default();
            loop {
                match build(tree.as_ref(), &settings, &variables, &helm, &mut brought) {
                    Build::Needs(missing) => elsewhere.bring(&missing, &access, &mut brought),
                    Build::Done(built, _) => return built,
                }
            }
        });
        let built = built.await;
        built.unwrap_or_else(|error| Err(BuildError::Broken(error.to_string()))).map_err(masked)?
    };
    let failed = |error: ApplyError| PreviewError::Apply(name.clone(), variables.mask.text(&error.to_string()));
    let (applier, _drift) = Applier::new(client.clone(), Options::default());
    applier.identify(&mut built.manifests, settings.default_namespace.as_deref()).await.map_err(failed)?;
    let children = built.manifests.iter().filter_map(|manifest| child(manifest.object())).collect();
    let wanted: Vec<_> = built.manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
    let owner = Owner::new(&name.namespace, &name.name);
    let desired = cowherd_apply::Desired {
        owner: owner.clone(),
        manifests: built.manifests,
        force: settings.force,
        recheck: true,
        held: Default::default(),
        others: Default::default(),
        account: settings.account.clone(),
        timeout: settings.timeout,
    };
    let mut diffs = applier.diff(&desired).await.map_err(failed)?;
    if settings.prune {
        let before = kustomization.status.as_ref().map(inventory::read).unwrap_or_default();
        let stale = entries::gone(&before, &wanted);
        diffs.extend(applier.diff_stale(&owner, &stale).await.map_err(failed)?);
    }
    Ok(Preview { diffs, children })
}

/// The Kustomization that an object is, if it is one.
fn child(object: &serde_json::Value) -> Option<Kustomization> {
    let group = object["apiVersion"].as_str()?.split('/').next()?;
    let ours = group == "kustomize.toolkit.fluxcd.io" && object["kind"] == "Kustomization";
    let child: Kustomization = ours.then(|| serde_json::from_value(object.clone()).ok())??;
    (!child.name_any().is_empty()).then_some(child)
}
