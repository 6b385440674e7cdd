//! Leaves objects to other owners that describe them too.
//!
//! Whoever has one of them by now keeps it. Where nobody has, it is given to the first that may have it, before it applies
//! it: who leaves an object may be gone the next moment, and so may who was to take it. An object that others describe but
//! none of them may write is kept from deletion by nobody.

use cowherd_apply::inventory::union;
use cowherd_apply::{ApplyError, Heir, Versioned};
use kube::Api;
use kube::api::DynamicObject;

use super::claims::Heirs;
use super::{Context, Job, guard};
use crate::owner::{Inventory, OwnerName, Status};
use crate::target::Target;

/// Takes out of what is to go what somebody else has or gets, and notes who that is.
///
/// # Errors
/// When it could not be found out whether somebody gets an object. Those before it are taken out.
pub(super) async fn leave_to_others(
    context: &Context,
    target: &Target,
    job: &mut Job,
    stale: &mut Vec<Versioned>,
) -> Result<(), ApplyError> {
    let name = job.name.clone();
    let mut ours = Vec::with_capacity(stale.len());
    let mut objects = std::mem::take(stale).into_iter();
    while let Some(object) = objects.next() {
        match left_to(context, target, &name, &object).await {
            Ok(Some(other)) => job.note_stays(&object.id, &format!("{other} describes it too")),
            Ok(None) => ours.push(object),
            Err(error) => {
                ours.push(object);
                ours.extend(objects);
                *stale = ours;
                return Err(error);
            }
        }
    }
    *stale = ours;
    Ok(())
}

/// The objects in the inventory of a job, to which those are added that others gave to its owner.
pub(super) fn with_given(context: &Context, job: &mut Job) -> Vec<Versioned> {
    let given = context.sharing.take_given(&job.name);
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
        let Some(recipient) = recipient(context, &heir, object).await? else { continue };
        if target.applier.hand_over(&name.mark(), object, &recipient).await? {
            context.sharing.hand_over(&heir, object);
            return Ok(Some(heir));
        }
    }
    Ok(None)
}

/// Who gets the object as that owner, if it is there and may apply anything.
async fn recipient(context: &Context, name: &OwnerName, object: &Versioned) -> Result<Option<Heir>, ApplyError> {
    let answer = |error| ApplyError::Unreachable { subject: Box::new(object.id.clone()), source: Box::new(error) };
    let client = context.client.clone();
    let api: Api<DynamicObject> = Api::namespaced_with(client, &name.namespace, &name.kind.resource());
    let Some(found) = api.get_opt(&name.name).await.map_err(answer)? else { return Ok(None) };
    let Ok((mut owner, _)) = (name.kind.read)(found) else { return Ok(None) };
    context.policy.complete(&mut owner);
    let Ok(settings) = &owner.settings else { return Ok(None) };
    if context.policy.check(name, settings).is_err() {
        return Ok(None);
    }
    let target = context.targets.of(&owner);
    if !target.can_act().await.map_err(answer)? {
        return Ok(None);
    }
    Ok(Some(Heir { owner: name.mark(), ownership: name.kind.ownership, account: target.account }))
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
