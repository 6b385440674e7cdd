//! The end of a Kustomization: what it applied is deleted, or stays, and then its finalizer goes.

use cowherd_api::flux::annotations::{FINALIZER, KUSTOMIZE_STATUS_MANAGER};
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Account, Partial, Stale, Versioned};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::claims::Rank;
use super::failure::Failure;
use super::handover::leave_to_others;
use super::job::Job;
use super::settings::{self, Deletion};
use super::spared::spare;
use super::{Context, guard, inventory, variables};
use crate::conditions::{PRUNE_FAILED, PRUNE_PROTECTED, PRUNE_SKIPPED, RECONCILIATION_SUCCEEDED};
use crate::events::Severity;
use crate::{NamespacedName, Phase};

/// How long deleted objects may take to be gone before the finalizer goes all the same.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// Deletes what the Kustomization applied, as far as its policy says so, and lets go of it.
pub(super) async fn finalize(context: &Context, job: &mut Job) -> Result<(), Failure> {
    let object = job.object.clone();
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    let deletion = settings::deletion(&object);
    let objects = inventory::with_given(context, job);
    if let Some(settings) = job.settings.clone()
        && let Ok(variables) = variables::read(&context.client, &job.name.namespace, &settings).await
    {
        // The names of objects may hold values.
        job.mask = variables.mask;
    }
    if deletion != Deletion::Orphan && !objects.is_empty() {
        remove(context, job, objects, deletion).await?;
    }
    context.tell_concerned(context.gate.disclaim(&job.name));
    if let Some(kept) = &context.kept {
        kept.forget(&job.name);
    }
    context.failed.forget(&job.name);
    set_finalizer(context, &job.name, &object, false).await.map_err(|error| Failure::api(&error))?;
    context.tell_phase(&job.name, "", Phase::Gone);
    Ok(())
}

/// Deletes the objects, but for those that another Kustomization describes by now, or that never go.
async fn remove(context: &Context, job: &Job, mut objects: Vec<Versioned>, deletion: Deletion) -> Result<(), Failure> {
    context.gate.wait_for_doubtful(&job.name, &objects).await;
    // From now on nobody leaves an object to it; what others describe by now is left to them.
    context.tell_concerned(context.gate.go(&Rank::of(&job.object)));
    let left = leave_to_others(context, &job.name, &mut objects).await;
    left.map_err(|error| Failure::Finalize(Box::new(error)))?;
    spare(context, job, job.settings.as_ref().map(|settings| &settings.source), &mut objects);
    let account = settings::account(&job.object);
    if let Some(account) = &account
        && !context.applier.has_account(account).await.map_err(|error| Failure::api(&error))?
    {
        leave(context, job, account, &objects);
        return Ok(());
    }
    let (stay, told) = guard::stays_after_deletion(context, job, &objects).await?;
    if let Some(told) = told {
        job.tell_event(context, Severity::Warning, PRUNE_PROTECTED, &told);
    }
    let objects = cowherd_apply::inventory::gone(&objects, &stay);
    let stale = Stale { owner: job.name.owner(), objects, account, abandoned_by: context.abandoned_by(&job.name) };
    let pruned =
        context.applier.prune(&stale).await.map_err(|Partial { error, .. }| Failure::Finalize(Box::new(error)))?;
    context.counters.pruned(pruned.leaving.len());
    job.tell_event(context, Severity::Normal, RECONCILIATION_SUCCEEDED, &pruned.changes.to_string());
    if deletion == Deletion::DeleteAndWait {
        let timeout = job.settings.as_ref().map_or(TIMEOUT, |settings| settings.timeout);
        if let Err(error) = context.applier.wait_until_gone(&pruned.leaving, timeout).await {
            let message = format!("failed to wait for resources termination: {error}");
            job.tell_event(context, Severity::Warning, PRUNE_FAILED, &message);
        }
    }
    Ok(())
}

/// Says that the objects stay, because nobody may delete them any more: without the account the Kustomization could
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
    tracing::warn!(kustomization = %job.name, message = job.say(&message), "pruning is skipped");
    job.tell_event(context, Severity::Warning, PRUNE_SKIPPED, &message);
}

/// Adds our finalizer to the object, or takes it away.
pub(super) async fn set_finalizer(
    context: &Context,
    name: &NamespacedName,
    object: &Kustomization,
    present: bool,
) -> kube::Result<()> {
    let mut finalizers: Vec<&str> = object.finalizers().iter().map(String::as_str).collect();
    finalizers.retain(|finalizer| *finalizer != FINALIZER);
    if present {
        finalizers.push(FINALIZER);
    }
    // The list is replaced as a whole, so it must be the one that was seen.
    let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.resource_version() });
    let api: Api<Kustomization> = Api::namespaced(context.client.clone(), &name.namespace);
    let params = PatchParams { field_manager: Some(KUSTOMIZE_STATUS_MANAGER.to_owned()), ..PatchParams::default() };
    let patched = api.patch(&name.name, &params, &Patch::Merge(json!({ "metadata": metadata }))).await;
    match patched {
        Err(error) if crate::status::is_not_found(&error) && !present => Ok(()),
        result => result.map(drop),
    }
}
