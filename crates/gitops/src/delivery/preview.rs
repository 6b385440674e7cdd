//! What a tree would change, without changing it.

use std::sync::Arc;

use cowherd_apply::mask::Mask;
use cowherd_apply::{Applier, Desired, Diff, Manifest, Options, inventory as entries};
use cowherd_render::Helm;
use cowherd_source::Access;
use cowherd_tree::Tree;
use kube::Client;

use crate::Elsewhere;
use crate::owner::{Owner, Settings, Status};
use crate::producer::{Outcome, Prepared, ProducerError, Product};
use crate::remotes::Brought;

/// What a tree would change of the objects of one owner.
pub(crate) struct Previewed {
    /// What would be done to each object; values of Secrets are masked.
    pub(crate) diffs: Vec<Diff>,
    /// The objects, as the tree has them.
    pub(crate) manifests: Vec<Manifest>,
}

/// Why it cannot be told what a tree would change. The texts are the kind and name of the owner, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The owner asks for what is not supported.
    #[error("{0}: {1}")]
    Settings(String, String),
    /// The tree does not make manifests.
    #[error("{0}: {1}")]
    Build(String, String),
    /// The cluster would refuse them, or gives no answer.
    #[error("{0}: {1}")]
    Apply(String, String),
}

/// Tells what bringing an owner to `tree` would change in the cluster. Nothing is written. What the tree names
/// elsewhere comes from `elsewhere`, as far as `access` allows.
pub(crate) async fn preview(
    client: &Client,
    (owner, status): (&Owner, &Status),
    tree: Arc<dyn Tree>,
    elsewhere: Arc<Elsewhere>,
    access: &Access,
) -> Result<Previewed, PreviewError> {
    let name = format!("{} {}", owner.name.kind.kind, owner.name);
    let settings = owner.settings.clone().map_err(|error| PreviewError::Settings(name.clone(), error.to_string()))?;
    let unbuilt = |mask: &Mask, error: ProducerError| PreviewError::Build(name.clone(), mask.text(&error.to_string()));
    let prepared = settings.producer.prepare(client).await.map_err(|error| unbuilt(&Mask::default(), error))?;
    let mask = prepared.mask.clone();
    // What charts make up by chance differs from what the agents made.
    let helm = Helm { time: owner.created(), seed: Vec::new() };
    let product = produce(prepared, tree, elsewhere, access.clone(), helm).await;
    let mut manifests = product.map_err(|error| unbuilt(&mask, error))?.manifests;
    let failed = |error| PreviewError::Apply(name.clone(), mask.text(&format!("{error}")));
    let options = Options { ownership: owner.name.kind.ownership, ..Options::default() };
    let (applier, _drift) = Applier::new(client.clone(), options);
    let identified = applier.identify(&mut manifests, settings.default_namespace.as_deref()).await;
    identified.map_err(failed)?;
    let mut diffs = applier.diff(&desired(owner, &settings, manifests.clone())).await.map_err(failed)?;
    if settings.prune {
        let wanted: Vec<_> = manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
        let stale = entries::gone(&status.objects(), &wanted);
        diffs.extend(applier.diff_stale(&owner.name.mark(), &stale).await.map_err(failed)?);
    }
    Ok(Previewed { diffs, manifests })
}

async fn produce(
    prepared: Prepared,
    tree: Arc<dyn Tree>,
    elsewhere: Arc<Elsewhere>,
    access: Access,
    helm: Helm,
) -> Result<Product, ProducerError> {
    let work = move || {
        let mut brought = Brought::default();
        loop {
            match prepared.production.produce(tree.as_ref(), &helm, &mut brought) {
                Outcome::Needs(missing) => elsewhere.bring(&missing, &access, &mut brought),
                Outcome::Done(product, _) => return product,
            }
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ProducerError::broken(&error)))
}

fn desired(owner: &Owner, settings: &Settings, manifests: Vec<Manifest>) -> Desired {
    Desired {
        owner: owner.name.mark(),
        manifests,
        force: settings.force,
        recheck: true,
        held: Default::default(),
        others: Default::default(),
        account: owner.account.clone(),
        timeout: settings.timeout,
    }
}
