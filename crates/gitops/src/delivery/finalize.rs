//! The end of an owner: what it applied is deleted, or stays, and then its finalizer goes.

use cowherd_api::flux::annotations::FINALIZER;
use cowherd_apply::{Account, Partial, Stale, Versioned};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::claims::Rank;
use super::failure::Failure;
use super::handover::{leave_to_others, with_given};
use super::job::Job;
use super::spared::spare;
use super::{Context, guard};
use crate::conditions::{PRUNE_FAILED, PRUNE_PROTECTED, PRUNE_SKIPPED, RECONCILIATION_SUCCEEDED};
use crate::events::Type;
use crate::owner::{Deletion, Owner};
use crate::target::Target;

/// How long deleted objects may take to be gone before the finalizer goes all the same.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Deletes what the owner applied, as far as its policy says so, and lets go of it.
pub(super) async fn finalize(context: &Context, job: &mut Job) -> Result<(), Failure> {
    let owner = job.owner.clone();
    if !owner.has_finalizer() {
        return Ok(());
    }
    let objects = with_given(context, job);
    job.say_why();
    if let Some(settings) = job.settings.clone()
        && let Ok(prepared) = settings.producer.prepare(&context.client).await
    {
        // The names of objects may hold values.
        job.mask = prepared.mask;
    }
    if owner.deletion != Deletion::Orphan && !objects.is_empty() {
        remove(context, &context.targets.of(&owner), job, objects).await?;
    }
    context.tell_concerned(context.sharing.disclaim(&job.name));
    if let Some(kept) = &context.kept {
        kept.forget(&job.name);
    }
    context.failed.forget(&job.name);
    set_finalizer(context, &owner, false).await.map_err(|error| Failure::api(&error))?;
    context.tell_gone(&job.name);
    Ok(())
}

/// Deletes the objects, but for those that another owner describes by now, or that never go.
async fn remove(context: &Context, target: &Target, job: &Job, mut objects: Vec<Versioned>) -> Result<(), Failure> {
    context.sharing.wait_for_doubtful(&job.name, &objects).await;
    // From now on nobody leaves an object to it; what others describe by now is left to them.
    context.tell_concerned(context.sharing.go(&Rank::of(&job.owner)));
    let left = leave_to_others(context, target, &job.name, &mut objects).await;
    left.map_err(|error| Failure::Finalize(Box::new(error)))?;
    spare(context, job, job.settings.as_ref().map(|settings| &settings.source), &mut objects);
    if let Some(account) = &target.account
        && !target.applier.has_account(account).await.map_err(|error| Failure::api(&error))?
    {
        leave(context, job, account, &objects);
        return Ok(());
    }
    let (stay, told) = guard::stays_after_deletion(context, target, job, &objects).await?;
    if let Some(told) = told {
        job.tell_event(context, Type::Warning, PRUNE_PROTECTED, &told);
    }
    let objects = cowherd_apply::inventory::gone(&objects, &stay);
    let stale = Stale {
        owner: job.name.mark(),
        objects,
        account: target.account.clone(),
        abandoned_by: context.abandoned_by(&job.name),
    };
    let pruned =
        target.applier.prune(&stale).await.map_err(|Partial { error, .. }| Failure::Finalize(Box::new(error)))?;
    context.counters.pruned(pruned.leaving.len());
    let changes = pruned.changes.to_string();
    tracing::info!("deleted what it applied: {}", job.say(&changes));
    job.tell_event(context, Type::Normal, RECONCILIATION_SUCCEEDED, &changes);
    if job.owner.deletion == Deletion::DeleteAndWait {
        let timeout = job.settings.as_ref().map_or(TIMEOUT, |settings| settings.timeout);
        if let Err(error) = target.applier.wait_until_gone(&pruned.leaving, timeout).await {
            let message = format!("failed to wait for resources termination: {error}");
            job.tell_event(context, Type::Warning, PRUNE_FAILED, &message);
        }
    }
    Ok(())
}

/// Says that the objects stay, because nobody may delete them any more: without the account the owner could
/// never go, and its namespace neither.
fn leave(context: &Context, job: &Job, account: &Account, objects: &[Versioned]) {
    if objects.is_empty() {
        return;
    }
    let named: Vec<String> = objects.iter().map(|object| object.id.to_string()).collect();
    let message = format!(
        "unable to prune objects: {} does not exist any more; these stay, delete them by hand if they are to go:\n{}",
        account.user,
        named.join("\n")
    );
    tracing::warn!(message = job.say(&message), "pruning is skipped");
    job.tell_event(context, Type::Warning, PRUNE_SKIPPED, &message);
}

/// Adds our finalizer to the object, or takes it away.
pub(super) async fn set_finalizer(context: &Context, owner: &Owner, present: bool) -> kube::Result<()> {
    let (kind, name) = (owner.name.kind, &owner.name);
    let mut finalizers: Vec<&str> = owner.finalizers().iter().map(String::as_str).collect();
    finalizers.retain(|finalizer| *finalizer != FINALIZER);
    if present {
        finalizers.push(FINALIZER);
    }
    // The list is replaced as a whole, so it must be the one that was seen.
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": owner.metadata.resource_version });
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &name.namespace, &kind.resource());
    let params = PatchParams { field_manager: Some(kind.status_manager.to_owned()), ..PatchParams::default() };
    let patched = api.patch(&name.name, &params, &Patch::Merge(json!({ "metadata": metadata }))).await;
    match patched {
        Err(kube::Error::Api(status)) if status.is_not_found() && !present => Ok(()),
        result => result.map(drop),
    }
}
