//! Takes away what a Kustomization applied once and no longer describes.

use std::sync::Arc;

use cowherd_apply::{Action, Partial, Stale, Versioned, inventory as entries};
use cowherd_render::Helm;

use super::build::{Build, Built, build};
use super::failure::Failure;
use super::fetching::fetch_all;
use super::handover::leave_to_others;
use super::job::{Job, Tale};
use super::settings::Settings;
use super::spared::spare;
use super::variables::Variables;
use super::{Context, guard, inventory, variables};
use crate::NamespacedName;
use crate::elsewhere::Brought;
use crate::events::Severity;

/// Deletes what was applied once and is no longer described, and writes the inventory down.
///
/// The permit of the apply is given back before: whoever is waited for may need it.
pub(super) async fn remove_stale(
    context: &Context,
    job: &mut Job,
    settings: &Settings,
    old: &[Versioned],
    applied: &[Versioned],
    tale: &mut Tale,
) -> Result<(), Failure> {
    let mut stale = entries::gone(old, applied);
    job.status.inventory = Some(inventory::write(applied));
    if stale.is_empty() || !settings.prune {
        return guard::tell(job, &guard::Held::default());
    }
    job.status.inventory = Some(inventory::write(&entries::union(applied, &stale)));
    job.tell(context, tale);
    context.gate.wait_for_others(&settings.source).await;
    job.give_way()?;
    claim_for_blocked(context, job, settings).await;
    context.gate.wait_for_doubtful(&job.name, &stale).await;
    let _permit = context.applies.acquire().await;
    leave_to_others(context, &job.name, &mut stale).await.map_err(|error| Failure::Prune(Box::new(error)))?;
    spare(context, job, Some(&settings.source), &mut stale);
    let held = guard::hold(context, job, old, applied, &stale).await?;
    let applied = &entries::union(applied, &held.objects);
    let stale = entries::gone(&stale, &held.objects);
    let (owner, abandoned_by) = (job.name.owner(), context.abandoned_by(&job.name));
    let stale = Stale { owner, objects: stale, account: settings.account.clone(), abandoned_by };
    match context.applier.prune(&stale).await {
        Ok(pruned) => {
            tale.pruned = pruned.changes.count(Action::Deleted);
            context.counters.pruned(pruned.leaving.len());
            job.status.inventory = Some(inventory::write(applied));
            job.tell_event(context, Severity::Normal, "Progressing", &pruned.changes.to_string());
            guard::tell(job, &held)
        }
        Err(Partial { error, changes, .. }) => {
            let survivors: Vec<Versioned> =
                stale.objects.into_iter().filter(|object| !changes.contains(&object.id)).collect();
            job.status.inventory = Some(inventory::write(&entries::union(applied, &survivors)));
            Err(Failure::Prune(Box::new(error)))
        }
    }
}

/// Finds out what the Kustomizations will describe that wait for others, maybe for this one.
async fn claim_for_blocked(context: &Context, job: &Job, settings: &Settings) {
    for (rank, theirs) in context.gate.blocked(&settings.source) {
        let Ok(variables) = variables::read(&context.client, &rank.name.namespace, &theirs).await else { continue };
        let namespace = theirs.default_namespace.clone();
        let Some(mut built) = built(context, job, &rank.name, theirs, variables).await else { continue };
        if context.applier.identify(&mut built.manifests, namespace.as_deref()).await.is_ok() {
            let described = built.manifests.iter().map(|manifest| manifest.id().clone());
            context.tell_concerned(context.gate.claim(&rank, described));
        }
    }
}

/// What another Kustomization describes, if that can be told.
async fn built(
    context: &Context,
    job: &Job,
    name: &NamespacedName,
    theirs: Arc<Settings>,
    variables: Variables,
) -> Option<Built> {
    let variables = Arc::new(variables);
    let access = context.policy.of_kustomization(name, &job.source);
    let mut brought = Brought::default();
    loop {
        let (tree, theirs, variables) = (job.source.tree.clone(), theirs.clone(), variables.clone());
        let permit = context.renders.acquire().await;
        let step = move || {
            // The names of objects do not depend on what a chart makes up by chance.
            let step = build(tree.as_ref(), &theirs, &variables, &Helm::default(), &mut brought);
            (step, brought)
        };
        let done = tokio::task::spawn_blocking(step).await.ok()?;
        let step = done.0;
        brought = done.1;
        drop(permit);
        match step {
            Build::Done(built, _) => return built.ok(),
            Build::Needs(missing) => {
                if !fetch_all(context, &name.namespace, &access, missing, &mut brought, job.cancelled()).await {
                    return None;
                }
            }
        }
    }
}
