//! Takes away what was applied for an owner once and no longer describes.

use cowherd_apply::{Partial, Stale, Versioned, inventory as entries};
use tokio::time::timeout;

use super::deliver::left_as_they_are;
use super::departure::note_held;
use super::failure::Failure;
use super::handover::leave_to_others;
use super::job::Job;
use super::produce::produce_for_another;
use super::proof::settle_doubtful;
use super::sharing::PATIENCE;
use super::spared::spare;
use super::{Context, guard};
use crate::Phase;
use crate::owner::{Inventory, Settings};
use crate::target::Target;

/// Deletes what was applied once and is no longer described, and writes the inventory down.
///
/// The permit of the apply is given back before: whoever is waited for may need it.
pub(super) async fn remove_stale(
    context: &Context,
    target: &Target,
    job: &mut Job,
    settings: &Settings,
    old: &[Versioned],
    applied: &[Versioned],
) -> Result<(), Failure> {
    let mut stale = entries::gone(old, applied);
    if stale.is_empty() || !settings.prune {
        guard::settle(context, job, &guard::Held::default(), applied);
        return guard::tell(job, &guard::Held::default());
    }
    job.status.inventory = Some(Inventory::of(&entries::renewed(old, applied)));
    job.tell(context, Phase::Pruning);
    context.sharing.wait_for_others(&settings.source).await;
    job.give_way()?;
    claim_for_all_blocked(context, target, job, settings).await;
    settle_doubtful(context, &job.name, &stale).await;
    context.sharing.wait_for_doubtful(&job.name, &stale).await;
    let _permit = context.applies.acquire().await;
    let undecided = leave_to_others(context, target, job, &mut stale).await;
    let gone = stale.clone();
    spare(context, job, Some(&settings.source), &mut stale);
    let (owner, abandoned_by) = (job.name.mark(), context.abandoned_by(&job.name));
    let mut stale = Stale { owner, objects: stale, account: target.account.clone(), abandoned_by };
    let held = guard::hold(context, target, job, (old, applied), (&gone, &stale)).await?;
    stale.objects = entries::gone(&stale.objects, &held.objects);
    // What somebody else had when it was looked at is not deleted unlooked at.
    stale.abandoned_by = stale.abandoned_by.but_not_of(held.others.clone());
    let (changes, failed) = match target.applier.prune(&stale).await {
        Ok(pruned) => {
            job.note_pruned(&pruned);
            note_held(job, &pruned.held);
            context.counters.pruned(pruned.leaving.len());
            (pruned.changes, None)
        }
        Err(Partial { error, changes, .. }) => {
            job.note(&changes);
            (changes, Some(error))
        }
    };
    job.tell_changes(context, &changes);
    let survivors = stale.objects.into_iter().filter(|object| !changes.contains(&object.id));
    let survivors: Vec<Versioned> = survivors.chain(undecided.objects.iter().cloned()).collect();
    match failed.or(undecided.error()) {
        None => {
            guard::settle(context, job, &held, applied);
            guard::tell(job, &held)
        }
        Some(error) => {
            guard::broke_off(context, job, &held, applied, &survivors);
            Err(Failure::Prune(Box::new(error)))
        }
    }
}

/// Finds out within [`PATIENCE`] what the owners will describe that wait for others, maybe for this one. What one of them is
/// made of may be somewhere that never answers.
async fn claim_for_all_blocked(context: &Context, target: &Target, job: &Job, settings: &Settings) {
    if timeout(PATIENCE, claim_for_blocked(context, target, job, settings)).await.is_err() {
        tracing::debug!("it could not be found out in time what others will describe");
    }
}

async fn claim_for_blocked(context: &Context, target: &Target, job: &Job, settings: &Settings) {
    for (rank, theirs) in context.sharing.blocked(&settings.source) {
        let Some(mut product) = produce_for_another(context, job, &rank.name, &theirs).await else { continue };
        let namespace = theirs.default_namespace.as_deref();
        if target.applier.identify(&mut product.manifests, namespace).await.is_ok() {
            let described = product.manifests.iter().map(|manifest| manifest.id().clone());
            context.tell_concerned(context.sharing.claim(&rank, described, left_as_they_are(&product.manifests)));
        }
    }
}
