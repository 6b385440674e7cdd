//! Leaves objects to other owners that describe them too.
//!
//! Whoever has one of them by now keeps it. Where nobody has, it is given to the first that may have it, before it applies
//! it: who leaves an object may be gone the next moment, and so may who was to take it. An object that others describe but
//! none of them may write is kept from deletion by nobody: whatever is wrong with one of them, its account or what it asks for,
//! makes it none who may have it, and keeps no other object from going.

use cowherd_apply::inventory::union;
use cowherd_apply::{ApplyError, Heir, ObjectId, Stays, Versioned, is_refused};
use kube::Api;
use kube::api::DynamicObject;

use super::claims::Heirs;
use super::finalize::set_finalizer;
use super::{Context, Job, guard};
use crate::owner::{Inventory, Owner, OwnerName, Status};
use crate::target::Target;

/// Objects of which it could not be found out whether somebody gets them.
pub(super) struct Undecided {
    pub(super) objects: Vec<Versioned>,
    errors: Vec<ApplyError>,
}

impl Undecided {
    /// Why that is so, where there are any.
    pub(super) fn error(self) -> Option<ApplyError> {
        (!self.errors.is_empty()).then(|| ApplyError::Several(self.errors))
    }
}

/// Takes out of what is to go what somebody else has or gets, and notes who that is; and what stays until it is known whether
/// somebody gets it.
pub(super) async fn leave_to_others(
    context: &Context,
    target: &Target,
    job: &mut Job,
    stale: &mut Vec<Versioned>,
) -> Undecided {
    let name = job.name.clone();
    let mut undecided = Undecided { objects: Vec::new(), errors: Vec::new() };
    for object in std::mem::take(stale) {
        match left_to(context, target, &name, &object).await {
            Ok(Some(other)) => {
                let is_seen = target.applier.may_read(&object, target.account.as_ref()).await.unwrap_or(false);
                match is_seen {
                    true => job.note_stays(&object.id, &format!("{other} describes it too")),
                    false => job.note_stays(&object.id, &Stays::Unseen),
                }
            }
            Ok(None) => stale.push(object),
            Err(error) => {
                undecided.objects.push(object);
                undecided.errors.push(error);
            }
        }
    }
    undecided
}

/// The objects in the inventory of a job, to which those are added that others gave to its owner.
pub(super) async fn with_given(context: &Context, job: &mut Job) -> Vec<Versioned> {
    let given = context.sharing.take_given(&job.name).await;
    // As long as the process lives, the status is kept, whether it can be written or not.
    add(&mut job.status, &given);
    job.status.objects()
}

/// Adds to the inventory what was given to the owner. That is not what it had when it was last settled.
fn add(status: &mut Status, given: &[Versioned]) {
    if !given.is_empty() {
        guard::mark(status);
        status.inventory = Some(Inventory::of(&union(&status.objects(), given)));
    }
}

/// Who has the object by now or gets it, if anybody does.
async fn left_to(
    context: &Context,
    target: &Target,
    name: &OwnerName,
    object: &Versioned,
) -> Result<Option<OwnerName>, ApplyError> {
    let heirs = match context.sharing.heirs(name, &object.id) {
        Heirs::OneHasIt(other) => return Ok(Some(other)),
        Heirs::Some(names) => names,
    };
    for heir in heirs {
        let Some((owner, recipient)) = recipient(context, &heir, object).await? else { continue };
        // In another cluster the heir may be let in by credentials of its own.
        let theirs = &recipient.applier;
        if !theirs.may_write(object, recipient.account.as_ref()).await? {
            continue;
        }
        let Some(promise) = context.sharing.promise(&heir, object) else { continue };
        hold_on_to(context, &owner, object).await?;
        let account = recipient.account.clone();
        let to = Heir { owner: heir.mark(), ownership: heir.kind.ownership, account };
        if theirs.hand_over(&name.mark(), object, &to).await? {
            target.applier.forget(&name.mark(), object);
            drop(promise);
            return Ok(Some(heir));
        }
        promise.take_back();
    }
    Ok(None)
}

/// As whom that owner gets the object, if it is there and may apply anything. That it is suspended is no reason to let the object go,
/// which it describes still; [`Claims::heirs`](super::claims) name those that are at work before.
async fn recipient(
    context: &Context,
    name: &OwnerName,
    object: &Versioned,
) -> Result<Option<(Owner, Target)>, ApplyError> {
    let Some(owner) = find(context, name, &object.id).await? else { return Ok(None) };
    let Ok(settings) = &owner.settings else { return Ok(None) };
    if context.policy.check(name, settings).is_err() {
        return Ok(None);
    }
    let Ok(target) = context.targets.of(&owner).await else { return Ok(None) };
    match target.can_act().await {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) if is_refused(&error) => return Ok(None),
        Err(error) => return Err(unreachable(&object.id, error)),
    }
    Ok(Some((owner, target)))
}

/// Who gets an object before it applied anything may not go before that is cleaned up. One that is gone, and comes back, cannot.
async fn hold_on_to(context: &Context, heir: &Owner, object: &Versioned) -> Result<(), ApplyError> {
    if heir.has_finalizer() || heir.is_deleted() {
        return Ok(());
    }
    let set = set_finalizer(context, &heir.name, heir.finalizers(), heir.resource_version(), true).await;
    set.map(drop).map_err(|error| unreachable(&object.id, error))
}

/// The owner as it is now, if it is there and can be read, or as it was if it comes back. It is asked for because of an object.
pub(super) async fn find(context: &Context, name: &OwnerName, object: &ObjectId) -> Result<Option<Owner>, ApplyError> {
    let client = context.client.clone();
    let api: Api<DynamicObject> = Api::namespaced_with(client, &name.namespace, &name.kind.resource());
    let found = api.get_opt(&name.name).await.map_err(|error| unreachable(object, error))?;
    let Some(found) = found else {
        return Ok(context.sharing.absent(name).map(|owner| owner.as_ref().clone()));
    };
    let Ok((mut owner, _)) = (name.kind.read)(found) else { return Ok(None) };
    context.policy.complete(&mut owner);
    Ok(Some(owner))
}

fn unreachable(object: &ObjectId, error: kube::Error) -> ApplyError {
    ApplyError::Unreachable { subject: Box::new(object.clone()), source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_apply::inventory::parse;

    #[test]
    fn what_is_given_is_nothing_that_the_owner_had() {
        let objects = |names: &[&str]| names.iter().map(|name| parse(name, "v1").unwrap()).collect::<Vec<_>>();
        let mut status =
            Status { inventory: Some(Inventory::of(&objects(&["n_x__A", "n_y__A"]))), ..Status::default() };
        add(&mut status, &[]);
        assert_eq!(status.settled, None);
        add(&mut status, &objects(&["n_g__A"]));
        add(&mut status, &objects(&["n_h__A", "n_g__A"]));
        assert_eq!(status.settled, Some(2));
        assert_eq!(status.objects(), objects(&["n_x__A", "n_y__A", "n_g__A", "n_h__A"]));

        let mut new = Status::default();
        add(&mut new, &objects(&["n_g__A"]));
        assert_eq!(new.settled, None, "of one that had nothing, that is all it has");
    }
}
