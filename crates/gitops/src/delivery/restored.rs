//! An owner that somebody deletes although Git describes it: all that it applied stays, and it is put back.
//!
//! Its deletion would mean that all goes that it applied, which would be made anew a moment later, without what was in it. What leaves
//! Git is described by nobody any more when it is deleted, so that goes as ever, with all it applied. Whoever means it otherwise
//! has words for it: the owner's own policy says that all goes ([`Deletion::Delete`]), its protection is disabled, or those that
//! describe it are suspended, who put nothing back.

use std::time::Duration;

use cowherd_apply::ApplyError;
use cowherd_text::listed;
use tokio::sync::watch;
use tokio::time::sleep;

use super::failure::Failure;
use super::finalize::{release, remove};
use super::handover::find;
use super::job::Job;
use super::sharing::ComesBack;
use super::unbrought::Specs;
use super::{Context, guard};
use crate::Phase;
use crate::conditions::RESTORED;
use crate::owner::{Deletion, OwnerName};

/// How long it takes until it is tried again to delete what nobody describes after all.
const PAUSE: Duration = Duration::from_secs(5);
/// How long nobody looks again after a change. Where thousands are deleted at once, each would look at each change otherwise.
const BREATH: Duration = Duration::from_millis(50);
/// How many of those are named that put an owner back.
const NAMED: usize = 3;

/// Who puts an owner back.
pub(super) enum Keeper {
    /// Whoever runs the agents; this is what everything grows from.
    Root,
    /// These describe it.
    Others(Vec<OwnerName>),
    /// Nobody but the owner itself describes it: somebody has to apply it again.
    Itself,
}

impl Keeper {
    /// What is said of it.
    fn said(&self, job: &Job) -> Option<String> {
        let (kind, name) = (job.name.kind.kind, &job.name);
        let (who, back) = match self {
            // Whoever keeps it tells that itself.
            Self::Root => return None,
            Self::Others(others) => {
                let named = others.iter().map(|other| format!("{} {other}", other.kind.kind));
                (listed(named, NAMED), "it is put back")
            }
            Self::Itself => ("it itself".to_owned(), "apply its manifest again to put it back"),
        };
        let suspended = match self {
            Self::Others(others) if others.len() == 1 => {
                let OwnerName { kind, namespace, name, .. } = &others[0];
                format!("; to have all made anew, `cowherd suspend {} {name} -n {namespace}` before", kind.word())
            }
            _ => String::new(),
        };
        let verb = if matches!(self, Self::Others(others) if others.len() > 1) { "describe" } else { "describes" };
        Some(format!(
            "{kind} {name} was deleted (the API does not say by whom), though {who} {verb} it in Git: nothing was pruned, and {back}. \
             To have what it applied go with it, take it out of Git, or set spec.deletionPolicy: Delete there{suspended}"
        ))
    }
}

/// Who puts the owner of the job back, so that nothing goes with it; nobody, where its deletion is meant.
pub(super) async fn keeper(context: &Context, job: &Job) -> Result<Option<Keeper>, Failure> {
    if context.policy.is_root_owner(&job.name) {
        return Ok(Some(Keeper::Root));
    }
    let was_held = guard::awaits_others(&job.status);
    let is_meant = job.owner.deletion != Deletion::MirrorPrune || guard::is_unprotected(context, &job.owner);
    if matches!(job.owner.deletion, Deletion::Orphan(_)) || (is_meant && !was_held) {
        return Ok(None);
    }
    context.sharing.wait_for_keepers(&job.name).await;
    let others = those_that_may(context, job).await.map_err(|error| Failure::Finalize(Box::new(error)))?;
    Ok(match others.is_empty() {
        false => Some(Keeper::Others(others)),
        true if !is_meant && context.sharing.describes_itself(&job.name) => Some(Keeper::Itself),
        true => None,
    })
}

/// Those that describe the owner of the job, and may: that somebody describes it who could never put it back means nothing.
async fn those_that_may(context: &Context, job: &Job) -> Result<Vec<OwnerName>, ApplyError> {
    let (object, mut those) = (job.name.as_object(), Vec::new());
    for name in context.sharing.keepers(&job.name) {
        let Some(owner) = find(context, &name, &object.id).await? else { continue };
        // Who describes it is brought to the cluster that it is in.
        let Ok(target) = context.targets.of(&owner).await else { continue };
        if target.applier.may_write(&object, target.account.as_ref()).await? {
            those.push(name);
        }
    }
    Ok(those)
}

/// Lets go of the owner and leaves its objects as they are, for the one that is made anew. If nobody describes it any more before
/// that is there, they go after all.
pub(super) async fn leave(context: &Context, job: &mut Job, keeper: Keeper) -> Result<(), Failure> {
    context.sharing.leave_behind(&job.owner, &job.status);
    release(context, job).await?;
    context.tell_concerned(context.sharing.leave_unbrought(&job.name, Specs::new()));
    // Who has nothing yet may be about to take what others leave to it, and nothing is to be said of that.
    if let Some(said) = keeper.said(job).filter(|_| !job.status.objects().is_empty()) {
        context.notify(&job.owner, RESTORED, job.say(&said));
    }
    job.tell(context, Phase::Gone);
    wait(context, job, Some(keeper)).await;
    Ok(())
}

/// Waits until the owner, which is gone, is there again, or deletes what it has left behind, as [`leave`] does.
pub(super) async fn await_return(context: &Context, job: &mut Job) -> Result<(), Failure> {
    wait(context, job, None).await;
    Ok(())
}

/// Waits until the owner of the job is there again. Where it never comes back, all goes that it has left behind. Nobody is there any
/// more to whom a failure could be told.
async fn wait(context: &Context, job: &mut Job, mut keeper: Option<Keeper>) {
    while let Err(failure) = try_to_wait(context, job, &mut keeper).await {
        tracing::warn!(owner = %job.name, "what it left behind could not be pruned: {}", failure.told(&job.mask));
        sleep(PAUSE).await;
    }
}

async fn try_to_wait(context: &Context, job: &mut Job, known: &mut Option<Keeper>) -> Result<(), Failure> {
    if known.is_none() {
        *known = keeper(context, job).await?;
    }
    if has_come_back(context, job, known).await.map_err(|error| Failure::Finalize(Box::new(error)))? {
        return Ok(());
    }
    // That it is gone is no reason any more to give way.
    job.cancel = watch::channel(false).1;
    let removed = remove(context, job).await;
    removed.inspect_err(|_| context.sharing.leave_behind(&job.owner, &job.status))?;
    context.tell_concerned(context.sharing.disclaim(&job.owner));
    Ok(())
}

/// Waits until the owner of the job is there again, or nobody describes it any more who could put it back.
async fn has_come_back(context: &Context, job: &Job, keeper: &mut Option<Keeper>) -> Result<bool, ApplyError> {
    loop {
        let change = context.sharing.change();
        let ComesBack::May(describing) = context.sharing.comes_back(&job.owner) else { return Ok(true) };
        let is_kept = match keeper {
            None => false,
            Some(Keeper::Root) => true,
            Some(Keeper::Itself) => describing.contains(&job.name),
            Some(Keeper::Others(others)) => others.iter().any(|other| describing.contains(other)),
        };
        if !is_kept {
            match those_that_may(context, job).await? {
                others if others.is_empty() => return Ok(false),
                others => *keeper = Some(Keeper::Others(others)),
            }
        }
        change.await;
        sleep(BREATH).await;
    }
}
