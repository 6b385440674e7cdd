//! What a tree would change, without changing it.

use std::sync::Arc;

use cowherd_apply::mask::{MASKED, Mask};
use cowherd_apply::{
    Action, Applier, ApplyError, Desired, Diff, Manifest, ObjectId, Options, Owners, Stale, Versioned,
    inventory as entries,
};
use cowherd_render::Helm;
use cowherd_source::Access;
use cowherd_tree::Tree;
use kube::Client;

use super::guard;
use super::produce::helm;
use crate::conditions::ARTIFACT_FAILED;
use crate::owner::{Deletion, Owner, Settings, Status};
use crate::producer::{Outcome, Prepared, Preparing, ProducerError, Product};
use crate::remotes::Brought;
use crate::{DecryptionKeys, Elsewhere};

/// What an owner may be brought to, and what it takes to tell what that would change.
#[derive(Clone)]
pub struct Proposal {
    /// The content.
    pub tree: Arc<dyn Tree>,
    /// Where that comes from which the tree names elsewhere.
    pub elsewhere: Arc<Elsewhere>,
    /// What may be fetched of it.
    pub access: Access,
    /// Keys for what is encrypted, beside those that Kustomizations name in the cluster.
    pub keys: DecryptionKeys,
    /// The seed of the agents, from which follows what charts make up; `None` where nobody here knows it.
    pub seed: Option<Arc<[u8]>>,
}

/// What a tree would change of the objects of one owner.
pub(crate) struct Previewed {
    /// What would be done to each object; values of Secrets are masked.
    pub(crate) diffs: Vec<Diff>,
    /// What is to be said of some of them: that a deletion waits until it is approved, what would go with an object.
    pub(crate) notes: Vec<(ObjectId, String)>,
    /// Whether charts make something up that the agents make up otherwise.
    pub(crate) is_by_chance: bool,
    /// The objects, as the tree has them.
    pub(crate) manifests: Vec<Manifest>,
}

/// The HTTP status for what somebody may not do.
const FORBIDDEN: u16 = 403;

/// Why it cannot be told what a tree would change. The texts are the kind and name of the owner, and what is wrong.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The owner asks for what is not supported.
    #[error("{0}: {1}")]
    Settings(String, String),
    /// The tree does not make manifests.
    #[error("{0}: {1}")]
    Build(String, String),
    /// The tree does not have the place that they are made of.
    #[error("{0}: {1}")]
    Absent(String, String),
    /// Whoever asks has not the right to try it out.
    #[error("{0}: {1}")]
    Forbidden(String, String),
    /// The cluster would refuse them, or gives no answer.
    #[error("{0}: {1}")]
    Apply(String, String),
}

/// Tells what a proposal would change in the cluster. Nothing is written.
pub(crate) async fn preview(
    client: &Client,
    (owner, status): (&Owner, &Status),
    proposal: &Proposal,
) -> Result<Previewed, PreviewError> {
    let name = format!("{} {}", owner.name.kind.kind, owner.name);
    let settings = owner.settings.clone().map_err(|error| PreviewError::Settings(name.clone(), error.to_string()))?;
    if owner.kube_config.is_some() {
        let why = "spec.kubeConfig: its objects are in another cluster, which is not asked for this";
        return Err(PreviewError::Settings(name, why.to_owned()));
    }
    let unbuilt = |mask: &Mask, error: ProducerError| {
        let text = mask.text(&error.to_string());
        match error.reason {
            ARTIFACT_FAILED => PreviewError::Absent(name.clone(), text),
            _ => PreviewError::Build(name.clone(), text),
        }
    };
    let prepared = settings.producer.prepare(Preparing::without_target(client, &proposal.keys)).await;
    let prepared = prepared.map_err(|error| unbuilt(&Mask::default(), error))?;
    let mut mask = prepared.mask.clone();
    let product = produce(&prepared, proposal, helm(proposal.seed.as_deref().unwrap_or_default(), owner)).await;
    let Product { mut manifests, digest, mask: found, .. } = product.map_err(|error| unbuilt(&mask, error))?;
    mask.join(&found);
    // Another seed shows whether anything depends on it.
    let is_by_chance = match proposal.seed {
        Some(_) => false,
        None => {
            let another = produce(&prepared, proposal, helm(b"another", owner)).await;
            another.map_err(|error| unbuilt(&mask, error))?.digest != digest
        }
    };
    let failed = |error: ApplyError| {
        let text = mask.text(&error.to_string());
        match error {
            ApplyError::Refused { code: FORBIDDEN, .. } => PreviewError::Forbidden(name.clone(), text),
            _ => PreviewError::Apply(name.clone(), text),
        }
    };
    let options = Options { ownership: owner.name.kind.ownership, ..Options::default() };
    let (applier, _drift) = Applier::new(client.clone(), options);
    let identified = applier.identify(&mut manifests, settings.default_namespace.as_deref()).await;
    identified.map_err(failed)?;
    let mut diffs = applier.diff(&desired(owner, &settings, manifests.clone())).await.map_err(failed)?;
    let mut notes = Vec::new();
    if settings.prune {
        let wanted: Vec<_> = manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
        let old = status.objects();
        let stale = applier.diff_stale(&stale(owner, entries::gone(&old, &wanted))).await.map_err(failed)?;
        let deleted = stale.iter().filter(|diff| diff.action == Action::Deleted).map(|diff| diff.object.clone());
        let deleted: Vec<Versioned> = deleted.collect();
        let foreseen = guard::foresee(client, (owner, status), (&old, &wanted), &deleted).await;
        let unknown = |(object, error): (ObjectId, kube::Error)| {
            PreviewError::Apply(name.clone(), mask.text(&format!("what would go with {object} is not known: {error}")))
        };
        notes = foreseen.map_err(unknown)?;
        diffs.extend(stale);
    }
    diffs.iter_mut().for_each(|diff| hide(diff, &mask));
    Ok(Previewed { diffs, notes, is_by_chance, manifests })
}

/// Hides values in what is no Secret, as what was decrypted or a variable of a Secret: what such a field has now is one of them, too.
fn hide(diff: &mut Diff, mask: &Mask) {
    for change in &mut diff.fields {
        let Some(masked) = change.after.as_ref().and_then(|after| mask.value(after)) else {
            if let Some(masked) = change.before.as_ref().and_then(|before| mask.value(before)) {
                change.before = Some(masked);
            }
            continue;
        };
        change.after = Some(masked);
        change.before = change.before.take().map(|_| MASKED.into());
    }
}

/// What would go with an owner that is deleted.
pub(crate) async fn preview_deletion(
    client: &Client,
    (owner, status): (&Owner, &Status),
) -> Result<Vec<Diff>, PreviewError> {
    if matches!(owner.deletion, Deletion::Orphan(_)) || owner.kube_config.is_some() || !owner.has_finalizer() {
        return Ok(Vec::new());
    }
    let options = Options { ownership: owner.name.kind.ownership, ..Options::default() };
    let (applier, _drift) = Applier::new(client.clone(), options);
    let diffs = applier.diff_stale(&stale(owner, status.objects())).await;
    diffs.map_err(|error| PreviewError::Apply(format!("{} {}", owner.name.kind.kind, owner.name), error.to_string()))
}

async fn produce(prepared: &Prepared, proposal: &Proposal, helm: Helm) -> Result<Product, ProducerError> {
    let (prepared, proposal) = (prepared.clone(), proposal.clone());
    let work = move || {
        let mut brought = Brought::default();
        loop {
            match prepared.production.produce(proposal.tree.as_ref(), &helm, &mut brought) {
                Outcome::Needs(missing) => proposal.elsewhere.bring(&missing, &proposal.access, &mut brought),
                Outcome::Done(product, _) => return product,
            }
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ProducerError::broken(error)))
}

/// What is to go of an owner. What others gave up that describe the same objects, nobody here knows.
fn stale(owner: &Owner, objects: Vec<Versioned>) -> Stale {
    Stale { owner: owner.name.mark(), objects, account: owner.account.clone(), abandoned_by: Owners::none() }
}

fn desired(owner: &Owner, settings: &Settings, manifests: Vec<Manifest>) -> Desired {
    Desired {
        owner: owner.name.mark().into(),
        manifests,
        force: settings.force,
        recheck: true,
        held: Default::default(),
        others: Default::default(),
        account: owner.account.clone(),
        timeout: settings.timeout,
    }
}
