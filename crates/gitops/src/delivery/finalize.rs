//! The end of an owner: what it applied is deleted, or stays, and then its finalizer goes.

use cowherd_apply::{Account, Partial, Stale, Versioned};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::awaited::{Awaited, Silents, listen};
use super::claims::Rank;
use super::departure::{self, begin, note_held, prune};
use super::failure::Failure;
use super::handover::{leave_to_others, with_given};
use super::job::Job;
use super::proof::settle_doubtful;
use super::reach::reach;
use super::relinquish::relinquish;
use super::spared::spare;
use super::{Context, guard, restored};
use crate::Phase;
use crate::conditions::{PRUNE_SKIPPED, RECONCILIATION_SUCCEEDED};
use crate::events::Type;
use crate::owner::{Deletion, OwnerName};
use crate::producer::Preparing;

/// Deletes what the owner applied, as far as its policy says so, and lets go of it.
pub(super) async fn finalize(context: &Context, job: &mut Job) -> Result<(), Failure> {
    let owner = job.owner.clone();
    if !owner.has_finalizer() {
        return Ok(());
    }
    let objects = with_given(context, job).await;
    job.say_why();
    if let Some(settings) = job.settings.clone()
        && let Ok(prepared) =
            settings.producer.prepare(Preparing::without_target(&context.client, &context.policy.decryption)).await
    {
        // The names of objects may hold values.
        job.hide_too(&prepared.mask);
    }
    if let Some(keeper) = restored::keeper(context, job).await? {
        return restored::leave(context, job, keeper).await;
    }
    match owner.deletion {
        _ if objects.is_empty() => {}
        Deletion::Orphan(because) => objects.iter().for_each(|object| job.note_stays(&object.id, &because)),
        Deletion::MirrorPrune | Deletion::Delete | Deletion::DeleteAndWait => {
            begin(context, job, &objects).await;
            remove(context, job).await?;
        }
    }
    context.tell_concerned(context.sharing.goes(&job.owner));
    context.tell_concerned(context.sharing.disclaim(&job.owner));
    if let Some(kept) = &context.kept {
        kept.forget(&job.name);
    }
    context.failed.forget(&job.name);
    release(context, job).await?;
    job.tell(context, Phase::Gone);
    Ok(())
}

/// Deletes the objects that the owner has, but for those that another one describes by now, or that never go.
pub(super) async fn remove(context: &Context, job: &mut Job) -> Result<(), Failure> {
    // Who goes describes nothing. Two that are about to take away each other's would wait for ever.
    context.tell_concerned(context.sharing.goes(&job.owner));
    let count = job.status.objects().len();
    let target = &reach(context, job).await.map_err(|failure| stranded(failure, count))?.target;
    let source = job.settings.as_ref().map(|settings| settings.source.clone());
    listen(context, target, job, source.as_ref()).await?;
    let had = job.status.objects();
    settle_doubtful(context, &job.name, &had).await;
    context.sharing.wait_for_doubtful(&job.name, &had).await;
    // From now on nobody leaves an object to it; what others describe by now is left to them.
    context.tell_concerned(context.sharing.go(&Rank::of(&job.owner)));
    let mut objects = with_given(context, job).await;
    let mut silents = Silents::now(context, job, source.as_ref(), &objects);
    let undecided = leave_to_others(context, target, job, &mut objects).await;
    spare(context, job, source.as_ref(), &mut objects);
    if let Some(account) = target.lacks_account().await.map_err(|error| Failure::api(&error))? {
        leave(context, job, account, &objects);
        return undecided.error().map_or(Ok(()), |error| Err(Failure::Finalize(Box::new(error))));
    }
    let mut stale = Stale {
        owner: job.name.mark(),
        objects,
        account: target.account.clone(),
        abandoned_by: context.abandoned_by(&job.name),
    };
    let stay = guard::stays_after_deletion(context, target, job, &stale).await?;
    stale.objects = cowherd_apply::inventory::gone(&stale.objects, &stay);
    let awaited = match is_leaving(context, &job.name.namespace).await {
        // Who deletes a namespace means all that is in it, and it must not hang in between.
        true => Awaited::default(),
        false => silents.awaited(context, job, &stale.objects).await,
    };
    guard::await_others(context, target, job, &stale, awaited).await?;
    if job.name.kind.relinquishes {
        relinquish(context, target, job.name.kind, &stale.owner, &stale.objects).await?;
    }
    let pruned = match prune(context, target, job, &stale, |object| !silents.are_outdated(context, object)).await {
        Ok(pruned) => pruned,
        Err(Partial { error, changes, .. }) => {
            job.note(&changes);
            return Err(Failure::finalize(error));
        }
    };
    context.counters.pruned(pruned.leaving.len());
    job.note_pruned(&pruned);
    if let Some(error) = undecided.error() {
        return Err(Failure::Finalize(Box::new(error)));
    }
    if job.owner.deletion == Deletion::DeleteAndWait {
        departure::wait(context, target, job, &pruned).await;
    } else {
        note_held(job, &pruned.held);
    }
    tell(context, job, &pruned.changes.to_string());
    Ok(())
}

/// What is said of one whose cluster is not reached.
fn stranded(failure: Failure, count: usize) -> Failure {
    match failure {
        Failure::Target(error) => Failure::Stranded { error, count },
        other => other,
    }
}

/// Tells what was deleted, and what stays and why.
fn tell(context: &Context, job: &Job, deleted: &str) {
    let rest = job.progress.rest(departure::NAMED);
    let said: Vec<&str> = [deleted].into_iter().chain(rest.as_deref()).filter(|said| !said.is_empty()).collect();
    let said = said.join("; ");
    tracing::info!("deleted what it applied: {}", job.say(&said));
    job.tell_event(context, Type::Normal, RECONCILIATION_SUCCEEDED, &said);
}

/// Says that the objects stay, because nobody may delete them any more: without the account the owner could
/// never go, and its namespace neither.
fn leave(context: &Context, job: &mut Job, account: &Account, objects: &[Versioned]) {
    if objects.is_empty() {
        return;
    }
    let because = format!("{} does not exist any more", account.user);
    let named: Vec<String> = objects.iter().map(|object| object.id.to_string()).collect();
    let message = format!(
        "unable to prune objects: {because}; these stay, delete them by hand if they are to go:\n{}",
        named.join("\n")
    );
    tracing::warn!(message = job.say(&message), "pruning is skipped");
    job.tell_event(context, Type::Warning, PRUNE_SKIPPED, &message);
    objects.iter().for_each(|object| job.note_stays(&object.id, &because));
}

/// Whether the namespace is being deleted.
async fn is_leaving(context: &Context, namespace: &str) -> bool {
    let api: Api<Namespace> = Api::all(context.client.clone());
    let found = api.get_metadata_opt(namespace).await;
    matches!(found, Ok(Some(found)) if found.metadata.deletion_timestamp.is_some())
}

/// Takes our finalizer away from the owner, if it is there, whose status was written since it was seen. Where somebody else wrote it,
/// it may have objects that nobody has looked at here.
pub(crate) async fn release(context: &Context, job: &mut Job) -> Result<(), Failure> {
    let (name, kind) = (job.name.clone(), job.name.kind);
    let failed = |error: kube::Error| Failure::api(&error);
    let found = api(context, &name).get_opt(&name.name).await.map_err(failed)?;
    let Some(found) = found.filter(|found| found.metadata.uid == job.owner.metadata.uid) else { return Ok(()) };
    let (finalizers, seen) = (found.metadata.finalizers.clone(), found.metadata.resource_version.clone());
    if let Ok((owner, theirs)) = (kind.read)(found)
        && !theirs.is_of(&job.status.precondition, kind)
    {
        job.status = theirs.founded(&owner).with_objects_of(&job.status);
        return Err(Failure::Overtaken);
    }
    let finalizers = finalizers.unwrap_or_default();
    set_finalizer(context, &name, &finalizers, seen.as_deref(), false).await.map_err(failed)?;
    Ok(())
}

/// The metadata of an owner as it is now, if it is there.
pub(super) async fn look(context: &Context, name: &OwnerName) -> kube::Result<Option<ObjectMeta>> {
    let seen = api(context, name).get_metadata_opt(&name.name).await?;
    Ok(seen.map(|seen| seen.metadata))
}

/// Adds our finalizer to those that the object was seen to have at a version, or takes it away; the resource version that it
/// has then.
pub(super) async fn set_finalizer(
    context: &Context,
    name: &OwnerName,
    finalizers: &[String],
    seen: Option<&str>,
    present: bool,
) -> kube::Result<Option<String>> {
    let mut finalizers: Vec<&str> = finalizers.iter().map(String::as_str).collect();
    finalizers.retain(|finalizer| *finalizer != name.kind.finalizer);
    if present {
        finalizers.push(name.kind.finalizer);
    }
    // The list is replaced as a whole, so it must be the one that was seen.
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": seen });
    let params = PatchParams { field_manager: Some(name.kind.status_manager.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    match api(context, name).patch(&name.name, &params, &patch).await {
        Err(kube::Error::Api(status)) if status.is_not_found() && !present => Ok(None),
        result => result.map(|object| object.metadata.resource_version),
    }
}

fn api(context: &Context, name: &OwnerName) -> Api<DynamicObject> {
    Api::namespaced_with(context.client.clone(), &name.namespace, &name.kind.resource())
}
