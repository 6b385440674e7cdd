//! Brings the cluster to what one owner says at one revision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use cowherd_apply::{
    Action, ApplyError, ChangeSet, Desired, Manifest, ObjectId, Partial, Unserved, Versioned, inventory as entries,
};
use cowherd_runtime::{Outcome, caught};
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::claims::{self, Rank};
use super::failure::Failure;
use super::handover::with_given;
use super::job::{Ended, Held, Job, Report, Task};
use super::produce::produce;
use super::proof::settle_contested;
use super::prune::remove_stale;
use super::reach::reach;
use super::readiness::Readiness;
use super::unmade::{unmade, unprepared};
use super::{Context, awaited, finalize, guard, health, idle, nobody, places, remedies, restored, unbrought};
use crate::conditions::{
    DRIFT_FOUGHT, DRIFT_UNSEEN, RECONCILIATION_SUCCEEDED, SHARED, UNSET_VARIABLES, WITHOUT_EFFECT,
};
use crate::events::Type;
use crate::owner::{Inventory, Settings, status};
use crate::producer::{Preparing, Product};
use crate::target::Target;
use crate::{Phase, Progress, Trigger};

/// Of how many objects it is known that they say that others own them.
const MOST_OWNED: usize = 64;

/// Does the job and reports. Neither an error nor a panic gets out.
pub(crate) async fn deliver(context: Arc<Context>, job: Job) -> Report {
    let (controller, revision) = (job.name.kind.word(), job.occasion.revision.as_str());
    let span = tracing::info_span!(
        "reconcile",
        controller,
        object = %job.name,
        revision,
        author = Empty,
        subject = Empty,
        cause = Empty
    );
    measured(context, job).instrument(span).await
}

async fn measured(context: Arc<Context>, mut job: Job) -> Report {
    let began = Instant::now();
    let (ended, panicked) = match caught(attempt(&context, &mut job)).await {
        Ok(ended) => (ended, false),
        Err(panic) => {
            tracing::error!(panic = job.say(&panic), "a delivery panicked");
            (broke_off(&context, &mut job).await, true)
        }
    };
    context.measures.of(job.name.kind.kind).took(&job.name.namespaced(), began.elapsed());
    job.measured.end(match (&ended, &job.task) {
        _ if panicked => Outcome::Panic,
        (Ended::Superseded | Ended::Overtaken, _) => Outcome::Requeue,
        (Ended::Badly { .. }, _) => Outcome::Error,
        // It is applied again at its interval.
        (Ended::Well, Task::Apply { .. }) => Outcome::RequeueAfter,
        (Ended::Well, _) => Outcome::Success,
    });
    if let Some(settings) = &job.settings {
        context.sharing.leave(&settings.source, &job.name);
    }
    Report {
        uid: job.owner.uid().map(str::to_owned),
        generation: job.owner.generation(),
        name: job.name,
        status: job.status,
        task: job.task,
        leaves_any: job.leaves_any,
        owned: job.owned,
        sight: job.sight,
        mask: job.mask,
        ended,
    }
}

/// Says that the delivery panicked. What panicked may have been what says so: then an event alone does.
async fn broke_off(context: &Context, job: &mut Job) -> Ended {
    match caught(fail(context, job, Failure::Broken)).await {
        Ok(ended) => ended,
        Err(panic) => {
            tracing::error!(panic = job.say(&panic), "telling of a panic panicked");
            let failure = Failure::Broken;
            job.tell_event(context, Type::Warning, failure.reason(), &failure.told(&job.mask));
            Ended::Badly { may_pass: true }
        }
    }
}

async fn attempt(context: &Arc<Context>, job: &mut Job) -> Ended {
    let story = job.name.kind.story;
    let result = match job.task.clone() {
        Task::Finalize if let Some(story) = story => story.end(context, job).await,
        Task::Finalize => finalize::finalize(context, job).await,
        Task::AwaitReturn => restored::await_return(context, job).await,
        Task::Complain { reason, message, is_final, severity } => {
            let met = match story {
                Some(story) => story.meet(context.clone(), job.owner.clone()).await,
                None => Ok(()),
            };
            match met {
                Ok(()) => complain(context, job, reason, &message, is_final, severity).await,
                Err(failure) => Err(failure),
            }
        }
        Task::Apply { recheck, held } => match job.settings.clone() {
            Some(settings) if let Some(story) = story => story.bring(context, job, &settings).await,
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
        tell_what_was_done(context, job);
        return if matches!(failure, Failure::Overtaken) { Ended::Overtaken } else { Ended::Superseded };
    }
    let (reason, may_pass) = (failure.reason(), failure.may_pass());
    if let Failure::Told { message, .. } = &failure {
        let message = job.say(message);
        return told(context, job, message, may_pass).await;
    }
    let nobody = nobody::found(context, &job.owner, &failure).await.unwrap_or_default();
    let remedy = remedies::of(&job.owner, &failure).map(|remedy| format!("; {nobody}{remedy}")).unwrap_or_default();
    let waiting = awaited::held_up_by(&job.name, &context.sharing.waiting_for(&job.name));
    let waiting = waiting.map(|waiting| format!("; {waiting}")).unwrap_or_default();
    let message = failure.text().within(|text| format!("{text}{remedy}{waiting}")).told(&job.mask);
    job.say_why();
    let Progress { changed, pruned, changes, .. } = &job.progress;
    match changes.join(", ") {
        done if done.is_empty() => tracing::error!(reason, "reconciliation failed: {message}"),
        done => tracing::error!(reason, changed, pruned, done, "reconciliation failed: {message}"),
    }
    status::handled(&mut job.status, &job.owner);
    status::conditions(&mut job.status, &job.owner).fail(reason, &message);
    // Not why it was tried: the same failure at the same revision is one event, however often that is.
    let what = match job.occasion.what() {
        what if what.is_empty() => what,
        // Behind a message of one line, and below one of several.
        what if message.contains('\n') => format!("\n({what})"),
        what => format!(" ({what})"),
    };
    job.tell_event(context, Type::Warning, reason, &format!("{message}{what}"));
    // That somebody fights for objects may have been told before. This is something else.
    job.progress.is_known = false;
    job.tell(context, Phase::Failed(message));
    let written = job.write_status(context).await.inspect_err(|failure| {
        tracing::debug!(error = failure.told(&job.mask), "the status could not be written");
    });
    if matches!(written, Err(Failure::Overtaken)) {
        return Ended::Overtaken;
    }
    // As long as nobody can read of the failure, it is tried again soon.
    Ended::Badly { may_pass: may_pass || written.is_err() }
}

/// Writes down what was told already, and that is all that is to be said.
async fn told(context: &Context, job: &mut Job, message: String, may_pass: bool) -> Ended {
    status::handled(&mut job.status, &job.owner);
    job.progress.is_known = false;
    job.tell(context, Phase::Failed(message));
    match job.write_status(context).await {
        Err(Failure::Overtaken) => Ended::Overtaken,
        written => Ended::Badly { may_pass: may_pass || written.is_err() },
    }
}

/// Tells what a reconciliation did that gives way to another one, which will not tell it.
fn tell_what_was_done(context: &Context, job: &mut Job) {
    let Progress { changed, pruned, changes, .. } = &job.progress;
    if changed + pruned > 0 {
        tracing::info!(changed, pruned, done = changes.join(", "), "gives way to what is newer");
        job.tell(context, Phase::Superseded);
    }
}

async fn complain(
    context: &Context,
    job: &mut Job,
    reason: &'static str,
    message: &str,
    is_final: bool,
    severity: Type,
) -> Result<(), Failure> {
    if !job.status.objects().is_empty() {
        // It goes on with what a former one of its name had.
        guard_finalizer(context, job).await?;
    }
    let before = job.status.clone();
    let mut conditions = status::conditions(&mut job.status, &job.owner);
    if is_final {
        conditions.stall(reason, message);
        job.status.observed_generation = job.owner.generation();
    } else {
        conditions.fail(reason, message);
    }
    status::handled(&mut job.status, &job.owner);
    job.say_why();
    job.tell(context, Phase::Waiting(job.say(&message)));
    if job.status == before {
        return Ok(());
    }
    if !job.progress.is_known {
        match severity {
            Type::Normal => tracing::info!(reason, "waits: {}", job.say(&message)),
            Type::Warning => tracing::warn!(reason, "cannot be reconciled: {}", job.say(&message)),
        }
        job.tell_event(context, severity, reason, message);
    }
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
    let target = &reach(context, job).await?.target;
    let permit = target.applies.acquire(&job.name.namespace).await;
    job.measured.begin();
    job.give_way()?;
    job.tell(context, Phase::Building);
    guard_finalizer(context, job).await?;
    act_for_account(target).await?;
    let (client, keys) = (&context.client, &context.policy.decryption);
    let content = Some((&job.artifact.tree, &context.renders));
    let prepared = settings.producer.prepare(Preparing { client, target: Some(target), keys, content }).await;
    let prepared = prepared.map_err(|error| unprepared(context, job, error))?;
    job.hide(prepared.mask.clone());

    let before = job.status.last_attempted_revision.replace(job.artifact.revision.clone());
    let is_new = before.as_ref() != Some(&job.artifact.revision);
    let (permit, mut product) = match produce(context, target, job, &prepared, recheck, permit).await {
        Err(failure @ Failure::Produce(_)) => return Err(unmade(context, job, settings, failure).await),
        produced => produced?,
    };
    job.hide_too(&product.mask);
    tell_unset(context, job, product.unset.as_deref(), is_new);
    if let Some(message) = status::is_without_effect(&mut job.status, &job.owner, product.without_effect.as_deref()) {
        job.tell_event(context, Type::Normal, WITHOUT_EFFECT, &message);
    }
    let identified = target.applier.identify(&mut product.manifests, settings.default_namespace.as_deref()).await;
    identified.map_err(Failure::apply)?;
    job.owned = Some(owned(&product.manifests));
    let rank = Rank::of(&job.owner);
    let described = product.manifests.iter().map(|manifest| manifest.id().clone());
    job.give_way()?;
    // From here on others may leave objects to it, so that it has to be written down what it describes.
    context.tell_concerned(context.sharing.claim(&rank, described, left_as_they_are(&product.manifests)));
    settle_contested(context, &rank, &product.manifests).await.map_err(Failure::apply)?;
    context.tell_concerned(context.sharing.said(&job.name, job.word));

    let old = with_given(context, job).await;
    record_before_apply(context, job, &old, &product).await?;
    job.progress.described = product.manifests.len();
    job.tell(context, Phase::Applying);
    let outcome = bring(context, target, job, settings, &product, recheck, held).await;
    context.sharing.leave(&settings.source, &job.name);
    let changes = match outcome {
        Ok(changes) => {
            context.tell_concerned(context.sharing.applied(&rank, &written(&changes), true));
            context.tell_concerned(context.sharing.leave_unbrought(&job.name, Default::default()));
            guard::approve_of_changed(context, job, &changes);
            changes
        }
        Err(Partial { error, changes, doubtful }) => {
            let unbrought = unbrought::specs(job, &product.manifests, &changes);
            context.tell_concerned(context.sharing.leave_unbrought(&job.name, unbrought));
            forget_untouched(job, &old, &product, (&changes, &doubtful));
            context.tell_concerned(context.sharing.applied(&rank, &written(&changes), false));
            context.counters.applied(&changes);
            job.note(&changes);
            job.tell_changes(context, &changes);
            let failure = Failure::apply(placed(job, error));
            remember(job, &product.digest, failure.reason(), began);
            return Err(failure);
        }
    };
    context.counters.applied(&changes);
    job.note(&changes);
    job.tell_changes(context, &changes);
    job.leaves_any = target.applier.leaves_any(&changes);
    job.sight = target.applier.sight(changes.iter().map(|change| &change.object.id));

    let applied: Vec<Versioned> = changes.iter().map(|change| change.object.clone()).collect();
    // What follows takes as long as it takes; others should not have to wait for it.
    drop(permit);
    let removed = remove_stale(context, target, job, settings, &old, &applied).await;
    removed.inspect_err(|failure| remember(job, &product.digest, failure.reason(), began))?;

    let readiness = Readiness::of(context, target, job, settings, (&changes, &product.manifests)).await;
    let readiness = readiness.map_err(|error| Failure::Unseen(Box::new(error)));
    let readiness = readiness.inspect_err(|failure| remember(job, &product.digest, failure.reason(), began))?;
    readiness.tell_assumed(context, job);
    let acted_upon = idle::check(job, &readiness.idle);
    acted_upon.inspect_err(|failure| remember(job, &product.digest, failure.reason(), began))?;
    let checked = if settings.checks_health() {
        health::check(context, target, job, settings, &readiness).await
    } else {
        status::without_health(&mut job.status, &job.owner);
        job.progress.ready = job.progress.applied;
        Ok(())
    };
    checked.inspect_err(|failure| {
        if !failure.is_superseded() {
            remember(job, &product.digest, failure.reason(), began);
        }
    })?;
    succeed(context, job, settings, held, &product.digest, began).await
}

/// Without our finalizer nobody would clean up after the owner is deleted.
pub(crate) async fn guard_finalizer(context: &Context, job: &mut Job) -> Result<(), Failure> {
    if job.owner.has_finalizer() {
        return Ok(());
    }
    let (finalizers, seen) = (job.owner.finalizers(), job.owner.resource_version());
    let set = finalize::set_finalizer(context, &job.name, finalizers, seen, true).await;
    let version = set.map_err(|error| Failure::api(&error))?;
    // It was as it was seen, so that nobody wrote the status either.
    if job.status.precondition.version.as_deref() == seen {
        job.status.precondition.version = version;
    }
    Ok(())
}

/// Refuses to act where that would not be on behalf of whom the owner names.
pub(crate) async fn act_for_account(target: &Target) -> Result<(), Failure> {
    let Some(account) = &target.account else { return Ok(()) };
    match target.can_act().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::NoImpersonation(account.user.clone())),
        Err(error) => {
            let cause = Failure::api(&error).text();
            Err(Failure::Account { user: account.user.clone(), cause })
        }
    }
}

/// Writes down what is about to exist before it exists: whatever happens in between, nothing is ever applied that no
/// inventory knows of.
async fn record_before_apply(
    context: &Context,
    job: &mut Job,
    old: &[Versioned],
    product: &Product,
) -> Result<(), Failure> {
    let new: Vec<Versioned> = product.manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
    if entries::gone(&new, old).is_empty() {
        return Ok(());
    }
    guard::mark(&mut job.status);
    job.status.inventory = Some(Inventory::of(&entries::union(old, &new)));
    let revision = job.artifact.revision.clone();
    // What failed at this revision says so until it is known how this attempt ends.
    if !status::has_failed_at(&job.status, &revision) {
        status::progressing(&mut job.status, &job.owner, &format!("Applying manifests for revision {revision}"));
    }
    job.write_status(context).await
}

/// Takes out of the inventory again what an apply that failed did not get to: what was never there by its hand is not its
/// to delete one day.
fn forget_untouched(
    job: &mut Job,
    old: &[Versioned],
    product: &Product,
    (changes, doubtful): (&ChangeSet, &[Versioned]),
) {
    let written = changes.iter().filter(|change| change.action != Action::Skipped).map(|change| change.object.clone());
    let written: Vec<Versioned> = written.collect();
    let touched = entries::union(&entries::union(old, &written), doubtful);
    let described: Vec<Versioned> = product.manifests.iter().map(|manifest| manifest.versioned().clone()).collect();
    guard::applied_in_part(&mut job.status, &described, &written, &touched);
}

async fn bring(
    context: &Context,
    target: &Target,
    job: &Job,
    settings: &Settings,
    product: &Product,
    recheck: bool,
    held: Option<&Held>,
) -> Result<ChangeSet, Partial> {
    let desired = Desired {
        owner: job.name.mark().into(),
        manifests: product.manifests.clone(),
        force: settings.force,
        recheck,
        held: held.map(|held| held.objects.clone()).unwrap_or_default(),
        others: context.sharing.lost(&Rank::of(&job.owner)),
        account: target.account.clone(),
        timeout: settings.timeout,
    };
    target.applier.apply(&desired).await
}

/// The objects that say that others own them, with the first of those, as far as so many are told of.
fn owned(manifests: &[Manifest]) -> BTreeMap<ObjectId, String> {
    let named = manifests.iter().filter_map(|manifest| {
        let first = manifest.object()["metadata"]["ownerReferences"].as_array()?.first()?;
        let text = |field: &str| first[field].as_str().unwrap_or_default().to_owned();
        Some((manifest.id().clone(), format!("{}/{}", text("kind"), text("name"))))
    });
    named.take(MOST_OWNED).collect()
}

/// The objects that ask to be left as they are where they are there: describing them is no claim to their content.
pub(super) fn left_as_they_are(manifests: &[Manifest]) -> BTreeSet<ObjectId> {
    manifests.iter().filter(|manifest| manifest.leaves_what_is_there()).map(|manifest| manifest.id().clone()).collect()
}

/// The objects that are as they were described.
fn written(changes: &ChangeSet) -> BTreeSet<ObjectId> {
    let written = changes.iter().filter(|change| change.action != Action::Skipped);
    written.map(|change| change.object.id.clone()).collect()
}

/// Says which objects others describe too, when that is news.
fn tell_shared(context: &Context, job: &mut Job) {
    let told = claims::told(&context.sharing.shared(&job.name));
    if let Some(message) = status::shares(&mut job.status, &job.owner, told.as_deref()) {
        job.tell_event(context, Type::Warning, SHARED, &message);
        job.progress.shared = Some(job.say(&message));
    }
}

/// Says which variables have no value, when that is news, or the revision `is_new`.
fn tell_unset(context: &Context, job: &mut Job, told: Option<&str>, is_new: bool) {
    if let Some(message) = status::lacks(&mut job.status, &job.owner, told, is_new) {
        let message = job.say(&message);
        tracing::warn!("{message}");
        job.tell_event(context, Type::Warning, UNSET_VARIABLES, &message);
        job.progress.unset = Some(message);
    }
}

/// Says of which objects drift is not seen as it happens, when that is news.
fn tell_unseen(context: &Context, job: &mut Job, settings: &Settings) {
    let told = job.sight.trouble().map(|kinds| {
        let interval = status::go_duration(settings.interval);
        format!("drift is not seen as it happens, but looked for every {interval}, of: {kinds}")
    });
    if let Some(message) = status::looks(&mut job.status, &job.owner, told.as_deref()) {
        job.tell_event(context, Type::Warning, DRIFT_UNSEEN, &message);
    }
}

/// An error about kinds that are not there, with the places where their objects are written.
fn placed(job: &Job, error: ApplyError) -> ApplyError {
    let ApplyError::Unserved(mut unserved) = error else { return error };
    let inputs = job.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(inputs) = inputs {
        let told = Unserved::told(&mut unserved);
        let subjects: Vec<_> = told.iter().map(|one| one.subject.clone()).collect();
        let places = places::find(job.artifact.tree.as_ref(), &inputs.reads, &subjects);
        for (one, place) in told.into_iter().zip(places) {
            one.place = place;
        }
        // In the order in which people read them.
        unserved.sort_by(|one, other| places::in_order(&one.place).cmp(&places::in_order(&other.place)));
    }
    ApplyError::Unserved(unserved)
}

fn remember(job: &mut Job, digest: &str, reason: &str, began: Instant) {
    let occasion = job.occasion();
    status::remember(&mut job.status, digest, &occasion, reason, began.elapsed());
}

async fn succeed(
    context: &Context,
    job: &mut Job,
    settings: &Settings,
    held: Option<&Held>,
    digest: &str,
    began: Instant,
) -> Result<(), Failure> {
    remember(job, digest, RECONCILIATION_SUCCEEDED, began);
    tell_shared(context, job);
    tell_unseen(context, job, settings);
    let revision = job.artifact.revision.clone();
    let origin = job.occasion().origin;
    status::succeeded(&mut job.status, &job.owner, &revision, origin.as_deref());
    if let Some(held) = held {
        status::conditions(&mut job.status, &job.owner).fail(DRIFT_FOUGHT, &held.complaint);
    }
    status::handled(&mut job.status, &job.owner);
    job.write_status(context).await?;
    let (took, next) = (status::go_duration(began.elapsed()), status::go_duration(settings.interval));
    let message = format!("Reconciliation finished in {took}, next run in {next}");
    let Progress { changed, pruned, changes, .. } = &job.progress;
    let done = changes.join(", ");
    tracing::info!(changed, pruned, done, "{message}");
    job.tell_commit_status(context, &message);
    // Who asked for it is answered, whatever was to be done.
    if changed + pruned > 0 || job.occasion.trigger.asks() {
        let is_for_nothing = matches!(job.occasion.trigger, Trigger::Approval(_)) && *pruned == 0;
        let nothing = if is_for_nothing { "; nothing waited to be pruned" } else { "" };
        let message = format!("{message}: {}{nothing}", job.occasion);
        job.tell_event(context, Type::Normal, RECONCILIATION_SUCCEEDED, &message);
    }
    if let Some(held) = held.filter(|_| !job.progress.is_known) {
        tracing::warn!(reason = DRIFT_FOUGHT, "left as it is for now: {}", job.say(&held.complaint));
        job.tell_event(context, Type::Warning, DRIFT_FOUGHT, &held.complaint);
    }
    let phase = held.map_or(Phase::Ready, |held| Phase::Failed(held.complaint.clone()));
    job.tell(context, phase);
    Ok(())
}
