//! Takes away what was applied for an owner once and no longer describes.

use cowherd_apply::{ObjectId, Partial, Stale, Versioned, inventory as entries};

use super::awaited::{Silents, listen};
use super::departure::note_held;
use super::failure::Failure;
use super::handover::leave_to_others;
use super::job::Job;
use super::proof::settle_doubtful;
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
        return guard::tell(context, job, &guard::Held::default());
    }
    job.status.inventory = Some(Inventory::of(&entries::renewed(old, applied)));
    job.tell(context, Phase::Pruning);
    let source = Some(&settings.source);
    listen(context, target, job, source).await?;
    settle_doubtful(context, &job.name, &stale).await;
    context.sharing.wait_for_doubtful(&job.name, &stale).await;
    let _permit = target.applies.acquire(&job.name.namespace).await;
    let mut silents = Silents::now(context, job, source, &stale);
    let undecided = leave_to_others(context, target, job, &mut stale).await;
    let gone = stale.clone();
    spare(context, job, source, &mut stale);
    let awaited = silents.awaited(context, job, &stale).await;
    let (owner, abandoned_by) = (job.name.mark(), context.abandoned_by(&job.name));
    let mut stale = Stale { owner, objects: stale, account: target.account.clone(), abandoned_by };
    let held = guard::hold(context, target, job, (old, applied), (&gone, &stale), awaited).await?;
    stale.objects = entries::gone(&stale.objects, &held.objects);
    // What somebody else had when it was looked at is not deleted unlooked at.
    stale.abandoned_by = stale.abandoned_by.but_not_of(held.others.clone());
    let cancelled = job.cancel.clone();
    let goes_on = |object: &ObjectId| !*cancelled.borrow() && !silents.are_outdated(context, object);
    let (changes, failed) = match target.applier.prune_while(&stale, goes_on, |_| ()).await {
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
            guard::tell(context, job, &held)
        }
        Some(error) => {
            guard::broke_off(context, job, &held, applied, &survivors);
            Err(Failure::prune(error))
        }
    }
}
