//! Whether those who are said to have an object may have it.
//!
//! What an owner had before the start is in its status, which others may be able to write, and rights that were there once may be
//! there no more. So nobody gives way to an owner for an object that the account of that owner may not write, nor, for what a
//! status alone says, for one that does not bear its labels.

use std::collections::{BTreeSet, HashMap};

use cowherd_apply::{ApplyError, Manifest, ObjectId, Versioned};
use futures::{StreamExt, stream};

use super::Context;
use super::claims::{Concerned, Contested, Rank};
use super::handover::find;
use crate::owner::OwnerName;
use crate::target::Target;

/// How many objects are looked at at once.
const AT_ONCE: usize = 8;

/// Has nobody keep an object from the owner of the job who cannot have it. `manifests` are what that one describes.
///
/// # Errors
/// When it could not be found out, for no fault of the others.
pub(super) async fn settle_contested(context: &Context, rank: &Rank, manifests: &[Manifest]) -> Result<(), ApplyError> {
    let contested = context.sharing.contested(rank);
    if contested.is_empty() {
        return Ok(());
    }
    let described: HashMap<&ObjectId, &Versioned> =
        manifests.iter().map(|manifest| (manifest.id(), manifest.versioned())).collect();
    let names: BTreeSet<&OwnerName> = contested.iter().map(|contested| &contested.by).collect();
    let mut targets = HashMap::new();
    for name in names {
        if let Some(owner) = find(context, name, &contested[0].object).await? {
            // Where nobody knows how its cluster is reached, it can have nothing there.
            if let Ok(target) = context.targets.of(&owner).await {
                targets.insert(name, target);
            }
        }
    }
    let look = |contested: &Contested| {
        let (object, target) = (described.get(&contested.object), targets.get(&contested.by));
        let (contested, object, target) = (contested.clone(), object.copied().cloned(), target.cloned());
        async move {
            let (Some(object), Some(target)) = (object, target) else { return Ok((contested, false)) };
            may_have(&contested, &object, &target).await.map(|may| (contested, may))
        }
    };
    let mut looked: Vec<_> = stream::iter(contested.iter().map(look)).buffer_unordered(AT_ONCE).collect().await;
    let mut concerned = Concerned::default();
    let failed = looked.extract_if(.., |looked| looked.is_err()).find_map(Result::err);
    for (contested, _) in looked.into_iter().flatten().filter(|(_, may)| !may) {
        tracing::debug!(owner = %contested.by, object = %contested.object, "cannot have the object that it is said to have");
        concerned.extend(context.sharing.disprove(&contested.by, &contested.object));
    }
    // It is about to look at them anyway.
    concerned.forget(&rank.name);
    context.tell_concerned(concerned);
    failed.map_or(Ok(()), Err)
}

/// Whether the owner of the target may have the object that it is said to have.
async fn may_have(contested: &Contested, object: &Versioned, target: &Target) -> Result<bool, ApplyError> {
    if contested.is_believed && !target.applier.is_of(object, &contested.by.mark()).await? {
        return Ok(false);
    }
    Ok(may_write(object, target).await)
}

/// Whether the account of the target may write the object. Where that cannot be told, it stays as it was.
async fn may_write(object: &Versioned, target: &Target) -> bool {
    target.applier.may_write(object, target.account.as_ref()).await.unwrap_or(true)
}

/// Has nobody wait for the word of others on these objects of `name` who may not write them.
pub(super) async fn settle_doubtful(context: &Context, name: &OwnerName, objects: &[Versioned]) {
    let mut targets: HashMap<OwnerName, Option<Target>> = HashMap::new();
    for object in objects {
        for other in context.sharing.doubtful(name, &object.id) {
            if !targets.contains_key(&other) {
                let owner = find(context, &other, &object.id).await.ok().flatten();
                let target = match owner {
                    Some(owner) => context.targets.of(&owner).await.ok(),
                    None => None,
                };
                targets.insert(other.clone(), target);
            }
            if let Some(Some(target)) = targets.get(&other)
                && !may_write(object, target).await
            {
                context.tell_concerned(context.sharing.disprove(&other, &object.id));
            }
        }
    }
}
