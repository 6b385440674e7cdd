//! Reaches the cluster of an owner before anything is done there.
//!
//! Another cluster may be slow, or hang, or be gone. That is found out before a permit is taken that others wait for, and it is the
//! failure of that owner alone.

use cowherd_apply::ObjectId;

use super::claims::Rank;
use super::failure::Failure;
use super::job::Job;
use super::{Context, guard};
use crate::conditions::CLUSTER_CHANGED;
use crate::events::Type;
use crate::owner::Owner;
use crate::target::{Target, is_same};

/// How many objects are named that stay in another cluster.
const NAMED: usize = 10;

/// The target of an owner, which answers.
pub(crate) struct Reached {
    pub(crate) target: Target,
    /// Whether it is another one than that which its status tells of.
    pub(crate) is_another: bool,
}

/// Reaches the cluster of the owner of the job. What its status tells of another one is left there, and told.
pub(crate) async fn reach(context: &Context, job: &mut Job) -> Result<Reached, Failure> {
    let owner = job.owner.clone();
    let target = match context.targets.take(&owner).await {
        Ok(target) => target,
        Err(error) => {
            if error.is_certain() {
                context.tell_concerned(context.sharing.settle(&Rank::of(&owner), owner.kube_config.as_ref(), None));
            }
            return Err(Failure::Target(error));
        }
    };
    let Some(remote) = target.remote.clone() else {
        context.tell_concerned(context.sharing.settle(&Rank::of(&owner), None, None));
        let is_another = note(context, job, &owner, None);
        return Ok(Reached { target, is_another });
    };
    let said = owner.kube_config.as_ref();
    context.tell_concerned(context.sharing.settle(&Rank::of(&owner), said, Some(&remote.cluster)));
    let uid = tokio::select! {
        uid = remote.greet() => uid.map_err(Failure::Target)?,
        () = job.cancelled() => return Err(Failure::Superseded),
    };
    let is_another = note(context, job, &owner, Some(remote.cluster.written(uid.as_deref())));
    Ok(Reached { target, is_another })
}

/// Notes in which cluster the objects are from now on. Where that is another one than before, those of before stay there, as with Flux,
/// and are nothing of the owner's any more.
fn note(context: &Context, job: &mut Job, owner: &Owner, now: Option<String>) -> bool {
    let is_another = match (&job.status.cluster, &now) {
        (None, None) => false,
        (Some(before), Some(now)) => !is_same(before, now),
        // Flux does not write down which cluster it was; what it says of the spec that is there now was there.
        (None, Some(_)) => job.status.observed_generation != owner.generation(),
        (Some(_), None) => true,
    };
    // Who may not look at what tells clusters apart is no reason to forget it.
    let knows_more = |before: &String| now.as_ref().is_some_and(|now| before.starts_with(now.as_str()));
    if !job.status.cluster.as_ref().is_some_and(knows_more) {
        job.status.cluster = now;
    }
    let had = job.status.objects();
    if is_another {
        (job.status.inventory, job.status.settled) = (None, None);
        guard::forget(&mut job.status);
    }
    if !is_another || had.is_empty() {
        return is_another;
    }
    let ids: Vec<&ObjectId> = had.iter().map(|object| &object.id).collect();
    let (count, named) = (ids.len(), cowherd_text::listed(&ids, NAMED));
    let message = format!(
        "it is brought to another cluster from now on; what was applied before stays in the former one ({count}), delete it there \
         if it is to go: {named}"
    );
    tracing::warn!(reason = CLUSTER_CHANGED, "{}", job.say(&message));
    job.tell_event(context, Type::Warning, CLUSTER_CHANGED, &message);
    true
}
