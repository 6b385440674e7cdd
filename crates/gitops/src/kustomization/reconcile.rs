//! Brings the cluster to what one Kustomization says at one revision.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};

use cowherd_api::flux::annotations::FINALIZER;
use cowherd_apply::{Action, ApplyError, ChangeSet, Desired, ObjectId, Partial, Versioned, inventory as entries};
use cowherd_render::Helm;
use cowherd_source::Access;
use futures::FutureExt;
use kube::ResourceExt;
use tokio::time::Instant;

use super::build::{BuildError, Built};
use super::claims::{self, Rank};
use super::failure::Failure;
use super::fetching::fetch_all;
use super::job::{Ended, Held, Job, Report, Tale, Task};
use super::prune::remove_stale;
use super::render::{Render, Step};
use super::settings::Settings;
use super::variables::{self, Variables};
use super::{Context, finalize, health, idle, inventory, places, status};
use crate::Phase;
use crate::budgets::Permit;
use crate::conditions::{DRIFT_FOUGHT, HEALTH_CHECK_FAILED, RECONCILIATION_SUCCEEDED, SHARED};
use crate::elsewhere::Brought;
use crate::events::Severity;

/// Does the job and reports. Neither an error nor a panic gets out.
pub(crate) async fn reconcile(context: Arc<Context>, mut job: Job) -> Report {
    let ended = match AssertUnwindSafe(attempt(&context, &mut job)).catch_unwind().await {
        Ok(ended) => ended,
        Err(_) => fail(&context, &mut job, Failure::Broken).await,
    };
    if let Some(settings) = &job.settings {
        context.gate.leave(&settings.source, &job.name);
    }
    Report {
        uid: job.object.uid(),
        generation: job.object.metadata.generation,
        name: job.name,
        status: job.status,
        task: job.task,
        ended,
    }
}

async fn attempt(context: &Arc<Context>, job: &mut Job) -> Ended {
    let result = match job.task.clone() {
        Task::Finalize => finalize::finalize(context, job).await,
        Task::Complain { reason, message, is_final, severity } => {
            complain(context, job, reason, &message, is_final, severity).await
        }
        Task::Apply { recheck, held } => match job.settings.clone() {
            Some(settings) => apply(context, job, &settings, recheck, held.as_deref()).await,
            None => Ok(()),
        },
    };
    match result {
        Ok(()) => Ended::Well,
        Err(failure) => fail(context, job, failure).await,
    }
}

async fn fail(context: &Context, job: &mut Job, failure: Failure) -> Ended {
    if failure.is_superseded() {
        return Ended::Superseded;
    }
    let (reason, message, may_pass) = (failure.reason(), job.say(&failure), failure.may_pass());
    tracing::warn!(kustomization = %job.name, reason, message, "a reconciliation failed");
    status::handled(&mut job.status, &job.object);
    status::conditions(&mut job.status, &job.object).fail(reason, &message);
    job.tell_event(context, Severity::Warning, reason, &message);
    context.tell_phase(&job.name, &job.source.revision, Phase::Failed(message));
    let written = job.write_status(context).await.inspect_err(|failure| {
        tracing::debug!(kustomization = %job.name, error = job.say(failure), "the status could not be written");
    });
    // As long as nobody can read of the failure, it is tried again soon.
    Ended::Badly { may_pass: may_pass || written.is_err() }
}

async fn complain(
    context: &Context,
    job: &mut Job,
    reason: &'static str,
    message: &str,
    is_final: bool,
    severity: Severity,
) -> Result<(), Failure> {
    let before = job.status.clone();
    let mut conditions = status::conditions(&mut job.status, &job.object);
    if is_final {
        conditions.stall(reason, message);
        job.status.observed_generation = job.object.metadata.generation;
    } else {
        conditions.fail(reason, message);
    }
    status::handled(&mut job.status, &job.object);
    context.tell_phase(&job.name, &job.source.revision, Phase::Waiting(message.to_owned()));
    if job.status == before {
        return Ok(());
    }
    job.tell_event(context, severity, reason, message);
    job.write_status(context).await
}

/// The story of an apply.
async fn apply(
    context: &Arc<Context>,
    job: &mut Job,
    settings: &Settings,
    recheck: bool,
    held: Option<&Held>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut tale = Tale { phase: Phase::Building, applied: 0, changed: 0, pruned: 0, ready: 0 };
    let permit = context.applies.acquire().await;
    job.give_way()?;
    job.tell(context, &tale);
    guard_finalizer(context, job).await?;
    act_for_account(context, settings).await?;
    let variables = variables::read(&context.client, &job.name.namespace, settings).await;
    let variables = Arc::new(variables.map_err(Failure::Variables)?);
    job.mask = variables.mask.clone();

    job.status.last_attempted_revision = Some(job.source.revision.clone());
    let (permit, mut built) = render(context, job, settings, &variables, recheck, permit).await?;
    let identified = context.applier.identify(&mut built.manifests, settings.default_namespace.as_deref()).await;
    identified.map_err(|error| Failure::apply(error, ChangeSet::default()))?;
    let rank = Rank::of(&job.object);
    let described = built.manifests.iter().map(|manifest| manifest.id().clone());
    job.give_way()?;
    // From here on others may leave objects to it, so that it has to be written down what it describes.
    context.tell_concerned(context.gate.claim(&rank, described));

    let old = inventory::with_given(context, job);
    record_before_apply(context, job, &old, &built).await?;
    tale.phase = Phase::Applying;
    tale.applied = built.manifests.len();
    job.tell(context, &tale);
    let outcome = bring(context, job, settings, &built, recheck, held).await;
    context.gate.leave(&settings.source, &job.name);
    let changes = match outcome {
        Ok(changes) => {
            context.tell_concerned(context.gate.applied(&rank, &written(&changes), true));
            changes
        }
        Err(Partial { error, changes, doubtful }) => {
            forget_untouched(job, &old, &changes, &doubtful);
            context.tell_concerned(context.gate.applied(&rank, &written(&changes), false));
            context.counters.applied(&changes);
            let failure = Failure::apply(placed(job, error), changes);
            remember(job, &built.digest, failure.reason(), began);
            return Err(failure);
        }
    };
    context.counters.applied(&changes);
    tale.changed = changes.changed().count();
    job.tell_event(context, Severity::Normal, "Progressing", &changes.to_string());

    let applied: Vec<Versioned> = changes.iter().map(|change| change.object.clone()).collect();
    tale.phase = Phase::Pruning;
    // What follows takes as long as it takes; others should not have to wait for it.
    drop(permit);
    let removed = remove_stale(context, job, settings, &old, &applied, &mut tale).await;
    removed.inspect_err(|failure| remember(job, &built.digest, failure.reason(), began))?;

    let acted_upon = idle::check(context, job, settings, &changes, &built.manifests).await;
    acted_upon.inspect_err(|failure| remember(job, &built.digest, failure.reason(), began))?;
    let checked = if settings.checks_health() {
        let expected = health::expected(job, settings, &changes, &built.manifests);
        health::check(context, job, settings, &expected, &mut tale).await
    } else {
        status::without_health(&mut job.status, &job.object);
        tale.ready = tale.applied;
        Ok(())
    };
    checked.inspect_err(|failure| {
        if !failure.is_superseded() {
            remember(job, &built.digest, HEALTH_CHECK_FAILED, began);
        }
    })?;
    succeed(context, job, settings, held, &built.digest, began, tale).await
}

/// Without our finalizer nobody would clean up after the Kustomization is deleted.
async fn guard_finalizer(context: &Context, job: &Job) -> Result<(), Failure> {
    if job.object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    let set = finalize::set_finalizer(context, &job.name, &job.object, true).await;
    set.map_err(|error| Failure::api(&error))
}

async fn act_for_account(context: &Context, settings: &Settings) -> Result<(), Failure> {
    let Some(account) = &settings.account else { return Ok(()) };
    match context.can_act_for(account).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NoImpersonation(account.user.clone())),
        Err(error) => {
            let cause = Failure::api(&error).to_string();
            Err(Failure::Account { user: account.user.clone(), cause })
        }
    }
}

/// The manifests, from an earlier render where that still holds and nobody asked for another one (`anew`), and the permit to
/// apply them. None is held while something is fetched.
async fn render(
    context: &Context,
    job: &Job,
    settings: &Settings,
    variables: &Arc<Variables>,
    anew: bool,
    mut permit: Permit,
) -> Result<(Permit, Built), Failure> {
    let access = context.policy.of_kustomization(&job.name, &job.source);
    let mut brought = Brought::default();
    loop {
        let work = rendering(context, job, settings, variables, &access);
        let (step, now) = in_a_thread(context, work, anew, brought).await?;
        brought = now;
        match step {
            Step::Done(built, basis) => {
                *job.basis.lock().unwrap_or_else(PoisonError::into_inner) = Some(basis);
                return built.map(|built| (permit, built)).map_err(Failure::Build);
            }
            Step::Needs(missing) => {
                drop(permit);
                let namespace = &job.name.namespace;
                if !fetch_all(context, namespace, &access, missing, &mut brought, job.cancelled()).await {
                    return Err(Failure::Superseded);
                }
                permit = context.applies.acquire().await;
                job.give_way()?;
            }
        }
    }
}

/// One step of a render.
async fn in_a_thread(
    context: &Context,
    work: Render,
    anew: bool,
    mut brought: Brought,
) -> Result<(Step, Brought), Failure> {
    let _permit = context.renders.acquire().await;
    let step = move || {
        let step = work.step(anew, &mut brought);
        (step, brought)
    };
    let done = tokio::task::spawn_blocking(step).await;
    done.map_err(|error| Failure::Build(Arc::new(BuildError::Broken(error.to_string()))))
}

fn rendering(context: &Context, job: &Job, settings: &Settings, variables: &Arc<Variables>, access: &Access) -> Render {
    Render {
        name: job.name.clone(),
        revision: job.source.revision.clone(),
        tree: job.source.tree.clone(),
        settings: settings.clone(),
        variables: variables.clone(),
        access: access.clone(),
        helm: helm(context, job),
        counters: context.counters.clone(),
        kept: context.kept.clone(),
        failed: context.failed.clone(),
    }
}

/// What the charts of a Kustomization are given: the same for as long as it is there.
fn helm(context: &Context, job: &Job) -> Helm {
    let created = job.object.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let mut seed = context.seed.to_vec();
    seed.extend_from_slice(job.name.to_string().as_bytes());
    Helm { time: created.unwrap_or_default(), seed }
}

/// Writes down what is about to exist before it exists: whatever happens in between, nothing is ever applied that no
/// inventory knows of.
async fn record_before_apply(
    context: &Context,
    job: &mut Job,
    old: &[Versioned],
    built: &Built,
) -> Result<(), Failure> {
    let new: Vec<Versioned> = built.manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
    if entries::gone(&new, old).is_empty() {
        return Ok(());
    }
    job.status.inventory = Some(inventory::write(&entries::union(old, &new)));
    let revision = job.source.revision.clone();
    status::progressing(&mut job.status, &job.object, &format!("Applying manifests for revision {revision}"));
    job.write_status(context).await
}

/// Takes out of the inventory again what an apply that failed did not get to: what was never there by its hand is not its
/// to delete one day.
fn forget_untouched(job: &mut Job, old: &[Versioned], changes: &ChangeSet, doubtful: &[Versioned]) {
    let written = changes.iter().filter(|change| change.action != Action::Skipped).map(|change| change.object.clone());
    let written: Vec<Versioned> = written.collect();
    let touched = entries::union(&entries::union(old, &written), doubtful);
    job.status.inventory = Some(inventory::write(&touched));
}

async fn bring(
    context: &Context,
    job: &Job,
    settings: &Settings,
    built: &Built,
    recheck: bool,
    held: Option<&Held>,
) -> Result<ChangeSet, Partial> {
    let desired = Desired {
        owner: job.name.owner(),
        manifests: built.manifests.clone(),
        force: settings.force,
        recheck,
        held: held.map(|held| held.objects.clone()).unwrap_or_default(),
        others: context.gate.lost(&Rank::of(&job.object)),
        account: settings.account.clone(),
        timeout: settings.timeout,
    };
    context.applier.apply(&desired).await
}

/// The objects that are as they were described.
fn written(changes: &ChangeSet) -> BTreeSet<ObjectId> {
    let written = changes.iter().filter(|change| change.action != Action::Skipped);
    written.map(|change| change.object.id.clone()).collect()
}

/// Says which objects others describe too, when that is news.
fn tell_shared(context: &Context, job: &mut Job) {
    let told = claims::told(&context.gate.shared(&job.name));
    if let Some(message) = status::shares(&mut job.status, &job.object, told.as_deref()) {
        job.tell_event(context, Severity::Warning, SHARED, &message);
    }
}

/// An error about kinds that are not there, with the places where their objects are written.
fn placed(job: &Job, error: ApplyError) -> ApplyError {
    let ApplyError::Unserved(mut unserved) = error else { return error };
    let basis = job.basis.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(basis) = basis {
        for one in &mut unserved {
            one.place = places::find(job.source.tree.as_ref(), &basis.reads, &one.subject);
        }
    }
    ApplyError::Unserved(unserved)
}

fn remember(job: &mut Job, digest: &str, reason: &str, began: Instant) {
    let revision = job.source.revision.clone();
    status::remember(&mut job.status, digest, &revision, reason, began.elapsed());
}

async fn succeed(
    context: &Context,
    job: &mut Job,
    settings: &Settings,
    held: Option<&Held>,
    digest: &str,
    began: Instant,
    mut tale: Tale,
) -> Result<(), Failure> {
    remember(job, digest, RECONCILIATION_SUCCEEDED, began);
    tell_shared(context, job);
    let revision = job.source.revision.clone();
    status::succeeded(&mut job.status, &job.object, &revision);
    if let Some(held) = held {
        status::conditions(&mut job.status, &job.object).fail(DRIFT_FOUGHT, &held.complaint);
    }
    status::handled(&mut job.status, &job.object);
    job.write_status(context).await?;
    let (took, next) = (status::go_duration(began.elapsed()), status::go_duration(settings.interval));
    let message = format!("Reconciliation finished in {took}, next run in {next}");
    tracing::info!(kustomization = %job.name, revision, changed = tale.changed, pruned = tale.pruned, message);
    if tale.changed + tale.pruned > 0 {
        job.tell_event(context, Severity::Normal, RECONCILIATION_SUCCEEDED, &message);
    }
    tale.phase = held.map_or(Phase::Ready, |held| Phase::Failed(held.complaint.clone()));
    job.tell(context, &tale);
    Ok(())
}
