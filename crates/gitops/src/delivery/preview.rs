//! What bringing an owner to its content would change, without changing it.

use std::sync::Arc;

use cowherd_apply::mask::{MASKED, Mask};
use cowherd_apply::{
    Action, Applier, ApplyError, Coming, Desired, Diff, Foreseen, Manifest, ObjectId, Options, Owners, Stale,
    Versioned, inventory as entries,
};
use cowherd_render::Helm;
use cowherd_source::Access;
use kube::Client;

use super::guard;
use super::produce::helm;
use crate::conditions::ARTIFACT_FAILED;
use crate::foresight::DefaultAccount;
use crate::owner::{Deletion, Owner, Settings, Status};
use crate::producer::{Outcome, Prepared, Preparing, ProducerError, Product};
use crate::remotes::Brought;
use crate::source::Artifact;
use crate::{DecryptionKeys, Elsewhere};

/// By what means it is told what would change.
#[derive(Clone)]
pub(crate) struct Prospect {
    /// The cluster as it is.
    pub(crate) client: Client,
    /// The cluster as it would be by what is known already.
    pub(crate) foreseen: Client,
    /// Kinds and namespaces that others bring.
    pub(crate) coming: Coming,
    /// What must not be shown of what others bring.
    pub(crate) mask: Mask,
    /// Where that comes from which the content names elsewhere.
    pub(crate) elsewhere: Arc<Elsewhere>,
    /// What may be fetched of it.
    pub(crate) access: Access,
    /// Keys for what is encrypted, beside those that owners name in the cluster.
    pub(crate) keys: DecryptionKeys,
    /// The seed of the agents, from which follows what charts make up; `None` where nobody here knows it.
    pub(crate) seed: Option<Arc<[u8]>>,
    /// On whose behalf owners act that name no account.
    pub(crate) default_account: DefaultAccount,
}

/// What would change of the objects of one owner.
#[derive(Default)]
pub(crate) struct Previewed {
    /// What would be done to each object; values of Secrets are masked.
    pub(crate) diffs: Vec<Diff>,
    /// The objects that it describes, as they are and as they would be. Nothing in them is masked.
    pub(crate) foreseen: Vec<Foreseen>,
    /// What is to be said of some of them: that a deletion waits until it is approved, what would go with an object.
    pub(crate) notes: Vec<(ObjectId, String)>,
    /// What would be done as a whole, where that is more than the objects tell.
    pub(crate) deed: Option<Deed>,
    /// What else is to be said.
    pub(crate) remarks: Vec<String>,
    /// Whether charts make something up that the agents make up otherwise.
    pub(crate) is_by_chance: bool,
    /// The objects, as they are described.
    pub(crate) manifests: Vec<Manifest>,
}

/// What would be done for an owner as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What would become of it, in one word.
    pub what: &'static str,
    /// By what, and what goes with that.
    pub details: Vec<String>,
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

/// Tells what bringing the owner to its content would change in the cluster. Nothing is written.
pub(crate) async fn preview(
    prospect: &Prospect,
    (owner, status): (&Owner, &Status),
    content: &Arc<Artifact>,
) -> Result<Previewed, PreviewError> {
    let name = format!("{} {}", owner.name.kind.kind, owner.name);
    let settings = owner.settings.clone().map_err(|error| PreviewError::Settings(name.clone(), error.to_string()))?;
    if owner.kube_config.is_some() {
        let why = "spec.kubeConfig: its objects are in another cluster, which is not asked for this";
        return Err(PreviewError::Settings(name, why.to_owned()));
    }
    if let Some(story) = owner.name.kind.story {
        return story.foresee(prospect, (owner, status), &settings, content).await;
    }
    let unbuilt = |mask: &Mask, error: ProducerError| {
        let text = error.told(mask);
        match error.reason {
            ARTIFACT_FAILED => PreviewError::Absent(name.clone(), text),
            _ => PreviewError::Build(name.clone(), text),
        }
    };
    let prepared = settings.producer.prepare(Preparing::without_target(&prospect.foreseen, &prospect.keys)).await;
    let prepared = prepared.map_err(|error| unbuilt(&prospect.mask, error))?;
    let mut mask = prepared.mask.clone();
    mask.join(&prospect.mask);
    let seed = prospect.seed.as_deref();
    let product = produce(&prepared, prospect, content, helm(seed.unwrap_or_default(), owner)).await;
    let Product { mut manifests, digest, mask: found, .. } = product.map_err(|error| unbuilt(&mask, error))?;
    mask.join(&found);
    // Another seed shows whether anything depends on it.
    let is_by_chance = match seed {
        Some(_) => false,
        None => {
            let another = produce(&prepared, prospect, content, helm(b"another", owner)).await;
            another.map_err(|error| unbuilt(&mask, error))?.digest != digest
        }
    };
    let failed = |error: ApplyError| unapplied(&name, &mask, &error);
    let applier = applier(prospect, owner);
    let identified = applier.identify(&mut manifests, settings.default_namespace.as_deref()).await;
    identified.map_err(failed)?;
    let desired = desired(owner, &settings, manifests.clone());
    let foreseen = applier.foresee(&desired, &prospect.coming).await.map_err(failed)?;
    let mut diffs: Vec<Diff> = foreseen.iter().map(|one| one.diff.clone()).collect();
    let mut notes = Vec::new();
    if settings.prune {
        let wanted: Vec<_> = manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
        let old = status.objects();
        let stale = applier.diff_stale(&stale(owner, entries::gone(&old, &wanted))).await.map_err(failed)?;
        let deleted = stale.iter().filter(|diff| diff.action == Action::Deleted).map(|diff| diff.object.clone());
        let deleted: Vec<Versioned> = deleted.collect();
        let foreseen = guard::foresee(&prospect.client, (owner, status), (&old, &wanted), &deleted).await;
        let unknown = |(object, error): (ObjectId, kube::Error)| {
            PreviewError::Apply(name.clone(), mask.text(&format!("what would go with {object} is not known: {error}")))
        };
        notes = foreseen.map_err(unknown)?;
        diffs.extend(stale);
    }
    diffs.iter_mut().for_each(|diff| hide(diff, &mask));
    Ok(Previewed { diffs, foreseen, notes, is_by_chance, manifests, ..Previewed::default() })
}

/// Looks at the objects of an owner.
pub(crate) fn applier(prospect: &Prospect, owner: &Owner) -> Applier {
    let options = Options { ownership: owner.name.kind.ownership, ..Options::default() };
    Applier::new(prospect.client.clone(), options).0
}

/// What is said of objects that the cluster would not take, of the owner of this kind and name.
pub(crate) fn unapplied(name: &str, mask: &Mask, error: &ApplyError) -> PreviewError {
    let text = error.told(mask);
    match error {
        ApplyError::Refused { code: FORBIDDEN, .. } => PreviewError::Forbidden(name.to_owned(), text),
        _ => PreviewError::Apply(name.to_owned(), text),
    }
}

/// Hides values in what is no Secret, as what was decrypted or a variable of a Secret: what such a field has now is one of them, too.
pub(crate) fn hide(diff: &mut Diff, mask: &Mask) {
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
    prospect: &Prospect,
    (owner, status): (&Owner, &Status),
) -> Result<(Option<Deed>, Vec<Diff>), PreviewError> {
    if matches!(owner.deletion, Deletion::Orphan(_)) || owner.kube_config.is_some() || !owner.has_finalizer() {
        return Ok((None, Vec::new()));
    }
    if let Some(story) = owner.name.kind.story {
        return story.foresee_end(prospect, (owner, status)).await;
    }
    let diffs = applier(prospect, owner).diff_stale(&stale(owner, status.objects())).await;
    let failed = |error: ApplyError| {
        PreviewError::Apply(format!("{} {}", owner.name.kind.kind, owner.name), error.told(&Mask::default()))
    };
    Ok((None, diffs.map_err(failed)?))
}

async fn produce(
    prepared: &Prepared,
    prospect: &Prospect,
    content: &Arc<Artifact>,
    helm: Helm,
) -> Result<Product, ProducerError> {
    let (prepared, content) = (prepared.clone(), content.clone());
    let (elsewhere, access) = (prospect.elsewhere.clone(), prospect.access.clone());
    let work = move || {
        let mut brought = Brought::default();
        loop {
            match prepared.production.produce(content.tree.as_ref(), &helm, &mut brought) {
                Outcome::Needs(missing) => elsewhere.bring(&missing, &access, &mut brought),
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

/// The objects of an owner, as they are applied.
pub(crate) fn desired(owner: &Owner, settings: &Settings, manifests: Vec<Manifest>) -> Desired {
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
