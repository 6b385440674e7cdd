//! Does one action to a release, and says what came of it: in its status, and by an event.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::ConditionStatus::{False, True, Unknown};
use cowherd_api::flux::helm::v2::{HelmReleaseSpec, Snapshot};
use cowherd_apply::Manifest;
use cowherd_helm::release::record::{Record, Status};
use tokio::time::Instant;

use super::KIND;
use super::action::{self, ActionError};
use super::conditions::{
    INSTALL_FAILED, INSTALL_SUCCEEDED, PENDING_RELEASE, RELEASED, REMEDIATED, ROLLBACK_FAILED, ROLLBACK_SUCCEEDED,
    TEST_FAILED, TEST_SUCCEEDED, TEST_SUCCESS, UNINSTALL_FAILED, UNINSTALL_SUCCEEDED, UPGRADE_FAILED,
    UPGRADE_SUCCEEDED, summarize,
};
use super::drift::{self, Drifted};
use super::observed::{self, chart, full_name, latest};
use super::reconcile::Run;
use super::remediation::{ReleaseAction, Remediation, Strategy};
use crate::delivery::{Failure, Job};
use crate::events::Type;
use crate::owner::{Settings, status};

/// What can be done to a release.
pub(super) enum Action {
    Install,
    Upgrade,
    /// Back to this revision.
    Rollback(i64),
    Uninstall,
    Test,
    /// What was begun, and never ended, counts as failed.
    Unlock(Status),
    CorrectDrift(Vec<Drifted>),
}

/// Of which kind an action is: each kind is done once in a reconciliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Release,
    Remediate,
    Test,
    Unlock,
    Drift,
}

impl Action {
    pub(super) fn step(&self) -> Step {
        match self {
            Self::Install | Self::Upgrade => Step::Release,
            Self::Rollback(_) | Self::Uninstall => Step::Remediate,
            Self::Test => Step::Test,
            Self::Unlock(_) => Step::Unlock,
            Self::CorrectDrift(_) => Step::Drift,
        }
    }

    /// The name that Flux gives it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
            Self::Rollback(_) => "rollback",
            Self::Uninstall => "uninstall",
            Self::Test => "test",
            Self::Unlock(_) => "unlock",
            Self::CorrectDrift(_) => "correct cluster drift",
        }
    }

    /// How long it, or each of its steps, may take.
    pub(super) fn timeout(&self, spec: &HelmReleaseSpec, settings: &Settings) -> Duration {
        let said = match self {
            Self::Install => spec.install.as_ref().and_then(|said| said.timeout.as_ref()),
            Self::Upgrade => spec.upgrade.as_ref().and_then(|said| said.timeout.as_ref()),
            Self::Rollback(_) => spec.rollback.as_ref().and_then(|said| said.timeout.as_ref()),
            Self::Uninstall => spec.uninstall.as_ref().and_then(|said| said.timeout.as_ref()),
            Self::Test => spec.test.as_ref().and_then(|said| said.timeout.as_ref()),
            Self::Unlock(_) | Self::CorrectDrift(_) => None,
        };
        action::timeout(said, settings)
    }
}

/// Does the action.
///
/// # Errors
/// Where it changed nothing that Helm keeps: then nothing follows from it, and it is tried again.
pub(super) async fn perform(run: &mut Run<'_>, action: Action) -> Result<(), Failure> {
    match action {
        Action::Install => release(run, ReleaseAction::Install).await,
        Action::Upgrade => release(run, ReleaseAction::Upgrade).await,
        Action::Rollback(version) => rollback(run, version).await,
        Action::Uninstall => uninstall(run).await,
        Action::Test => test(run).await,
        Action::Unlock(pending) => unlock(run, pending).await,
        Action::CorrectDrift(drifted) => correct(run, drifted).await,
    }
}

/// What is done about a failed release; `None` where it was to be rolled back, and there is nothing to roll back to.
pub(super) async fn remedy(run: &Run<'_>, remediation: &Remediation) -> Result<Option<Action>, Failure> {
    if remediation.strategy == Strategy::Uninstall {
        return Ok(Some(Action::Uninstall));
    }
    let Some(previous) = observed::previous(&run.own.history, remediation.ignores_tests) else { return Ok(None) };
    let version = i64::from(previous.version);
    let kept = run.storage.get(version).await.map_err(|error| Failure::because("StateError", &error, true))?;
    // What others changed of it since is not what was good.
    let is_as_it_was = kept.is_some_and(|record| observed::is_as_observed(previous, &record));
    Ok(Some(if is_as_it_was { Action::Rollback(version) } else { Action::Upgrade }))
}

/// What a condition and an event say of an action that went well.
pub(super) fn succeeded(action: &str, snapshot: &Snapshot) -> String {
    format!("Helm {action} succeeded for release {} with chart {}", full_name(snapshot), chart(snapshot))
}

/// What an action failed with, for this reason.
pub(super) fn failure(error: &ActionError, reason: &'static str) -> Failure {
    match error {
        ActionError::Superseded => Failure::Superseded,
        ActionError::Failed(message) => Failure::because_of(reason, message.clone(), true),
    }
}

async fn release(run: &mut Run<'_>, action: ReleaseAction) -> Result<(), Failure> {
    run.own.last_attempted_release_action = Some(action.name().to_owned());
    if action == ReleaseAction::Install {
        run.own.history.clear();
    }
    let mut conditions = status::conditions(&mut run.job.status, &run.job.owner);
    conditions.remove(TEST_SUCCESS);
    conditions.remove(REMEDIATED);
    let (began, chart, values) = (Instant::now(), run.chart.clone(), run.values.clone());
    let (released, written) = {
        let mut acting = run.acting();
        let released = match action {
            ReleaseAction::Install => action::install(&mut acting, chart, values).await,
            ReleaseAction::Upgrade => action::upgrade(&mut acting, chart, values).await,
        };
        (released, acting.written)
    };
    run.own.last_attempted_release_action_duration = Some(status::go_duration(began.elapsed()));
    let has_written = !written.is_empty();
    note(run, written.into_values(), action.name());
    let (well, badly) = match action {
        ReleaseAction::Install => (INSTALL_SUCCEEDED, INSTALL_FAILED),
        ReleaseAction::Upgrade => (UPGRADE_SUCCEEDED, UPGRADE_FAILED),
    };
    let error = match released {
        Ok(()) => {
            let latest = latest(&run.own.history).cloned().unwrap_or_default();
            let message = succeeded(action.name(), &latest);
            let mut conditions = status::conditions(&mut run.job.status, &run.job.owner);
            conditions.set(RELEASED, True, well, &message);
            let is_tested = run.spec.test.as_ref().and_then(|test| test.enable) == Some(true);
            if is_tested && latest.test_hooks.is_none() {
                let (release, chart) = (full_name(&latest), chart_of(&latest));
                let message = format!("Helm release {release} with chart {chart} is awaiting tests");
                conditions.set(TEST_SUCCESS, Unknown, "AwaitingTests", &message);
            }
            if action.retry(&run.spec).is_some() {
                (run.own.failures, run.own.install_failures, run.own.upgrade_failures) = (None, None, None);
            }
            told(run, Type::Normal, well, &message, &latest);
            summarized(run);
            return Ok(());
        }
        Err(ActionError::Superseded) => {
            run.write_status().await?;
            return Err(Failure::Superseded);
        }
        Err(error) => error,
    };
    let (names, metadata) = (&run.names, &run.chart.metadata);
    let message = format!(
        "Helm {} failed for release {}/{} with chart {}@{}: {}",
        action.name(),
        names.namespace,
        names.release,
        metadata.name,
        metadata.version,
        error.told(&run.job.mask).trim()
    );
    let wanted = run.wanted();
    failed(run, RELEASED, badly, &message, &wanted);
    summarized(run);
    if !has_written {
        return Err(Failure::Told { message, may_pass: true });
    }
    action.remediation(&run.spec).count_failure(&mut run.own);
    Ok(())
}

async fn rollback(run: &mut Run<'_>, version: i64) -> Result<(), Failure> {
    let target = run.own.history.iter().find(|snapshot| i64::from(snapshot.version) == version).cloned();
    let target = target.unwrap_or_default();
    let (done, written) = {
        let mut acting = run.acting();
        let done = action::rollback(&mut acting, version).await;
        (done, acting.written)
    };
    let has_written = !written.is_empty();
    note(run, written.into_values(), "rollback");
    let what = format!("Helm rollback to previous release {} with chart {}", full_name(&target), chart_of(&target));
    let about = Snapshot { config_digest: run.wanted().config_digest, ..target };
    let ended = remediated(run, (done, has_written), &what, (ROLLBACK_SUCCEEDED, ROLLBACK_FAILED), &about).await;
    if !matches!(ended, Err(Failure::Superseded)) {
        summarized(run);
    }
    ended
}

async fn uninstall(run: &mut Run<'_>) -> Result<(), Failure> {
    let Some(before) = latest(&run.own.history).cloned() else {
        return Err(Failure::because(UNINSTALL_FAILED, &"no latest release: required to uninstall", true));
    };
    let (done, written) = {
        let mut acting = run.acting();
        let done = action::uninstall(&mut acting).await;
        (done.map(drop), acting.written)
    };
    let has_written = !written.is_empty();
    note(run, written.into_values(), observed::UNINSTALLED);
    let what =
        format!("Helm uninstall remediation for release {} with chart {}", full_name(&before), chart_of(&before));
    remediated(run, (done, has_written), &what, (UNINSTALL_SUCCEEDED, UNINSTALL_FAILED), &before).await
}

/// Says how a remediation ended, by the reasons for either end. It counts as made where it has left a record.
async fn remediated(
    run: &mut Run<'_>,
    (done, has_written): (Result<(), ActionError>, bool),
    what: &str,
    (succeeded, failed_for): (&'static str, &'static str),
    about: &Snapshot,
) -> Result<(), Failure> {
    match done {
        Ok(()) => {
            let message = format!("{what} succeeded");
            let mut conditions = status::conditions(&mut run.job.status, &run.job.owner);
            conditions.set(REMEDIATED, True, succeeded, &message);
            told(run, Type::Normal, succeeded, &message, about);
            Ok(())
        }
        Err(ActionError::Superseded) => {
            run.write_status().await?;
            Err(Failure::Superseded)
        }
        Err(error) => {
            let message = format!("{what} failed: {}", error.told(&run.job.mask));
            failed(run, REMEDIATED, failed_for, &message, about);
            if has_written { Ok(()) } else { Err(Failure::Told { message, may_pass: true }) }
        }
    }
}

async fn test(run: &mut Run<'_>) -> Result<(), Failure> {
    let (record, done) = {
        let mut acting = run.acting();
        action::test(&mut acting).await
    };
    let filters = run.spec.test.as_ref().and_then(|test| test.filters.clone()).unwrap_or_default();
    let current = run.own.history.iter_mut().max_by_key(|snapshot| snapshot.version);
    let current = current.zip(record).filter(|(snapshot, record)| i64::from(snapshot.version) == record.version);
    let tests = current.map(|(snapshot, record)| {
        let is_test = |hook: &&cowherd_helm::release::record::HookRecord| {
            hook.events.iter().any(|event| event == "test") && action::is_selected(&hook.name, &filters)
        };
        let tests = observed::tests(record.hooks.iter().filter(is_test));
        let count = tests.len();
        snapshot.test_hooks = Some(tests);
        count
    });
    let latest = latest(&run.own.history).cloned().unwrap_or_default();
    let (release, chart) = (full_name(&latest), chart_of(&latest));
    match done {
        Ok(()) => {
            let hooks = match tests.unwrap_or_default() {
                0 => "no test hooks".to_owned(),
                1 => "1 test hook completed successfully".to_owned(),
                count => format!("{count} test hooks completed successfully"),
            };
            let message = format!("Helm test succeeded for release {release} with chart {chart}: {hooks}");
            let mut conditions = status::conditions(&mut run.job.status, &run.job.owner);
            conditions.set(TEST_SUCCESS, True, TEST_SUCCEEDED, &message);
            told(run, Type::Normal, TEST_SUCCEEDED, &message, &latest);
            summarized(run);
            Ok(())
        }
        Err(ActionError::Superseded) => {
            run.write_status().await?;
            Err(Failure::Superseded)
        }
        Err(error) => {
            let error = error.told(&run.job.mask);
            let message = format!("Helm test failed for release {release} with chart {chart}: {error}");
            failed(run, TEST_SUCCESS, TEST_FAILED, &message, &latest);
            if tests.is_some() {
                let remediation = ReleaseAction::last(&run.own).map(|action| action.remediation(&run.spec));
                if let Some(remediation) = remediation.filter(|remediation| !remediation.ignores_tests) {
                    remediation.count_failure(&mut run.own);
                }
            }
            summarized(run);
            if tests.is_some() { Ok(()) } else { Err(Failure::Told { message, may_pass: true }) }
        }
    }
}

async fn unlock(run: &mut Run<'_>, pending: Status) -> Result<(), Failure> {
    let last = run.storage.last().await.map_err(|error| Failure::because("StateError", &error, true))?;
    let Some(mut record) = last.filter(|record| record.status() == Some(pending)) else {
        return Ok(());
    };
    record.set_status(Status::Failed, format!("Release unlocked from stale '{}' state", pending.name()));
    let unlocked = run.storage.update(&record).await;
    let latest = observed::snapshot(&record, None, run.own.last_attempted_revision_digest.as_deref());
    // One that was never observed is that of somebody else, and stays so.
    if run.own.history.iter().any(|snapshot| i64::from(snapshot.version) == record.version) {
        note(run, [record].into_iter(), "");
    }
    let (release, chart, pending) = (full_name(&latest), chart_of(&latest), pending.name());
    if let Err(error) = unlocked {
        let message = format!("Unlock of Helm release {release} with chart {chart} in {pending} state failed: {error}");
        failed(run, RELEASED, PENDING_RELEASE, &message, &latest);
        summarized(run);
        return Err(Failure::Told { message, may_pass: true });
    }
    let message = format!("Unlocked Helm release {release} with chart {chart} in {pending} state");
    status::conditions(&mut run.job.status, &run.job.owner).set(RELEASED, False, PENDING_RELEASE, &message);
    told(run, Type::Normal, PENDING_RELEASE, &message, &latest);
    summarized(run);
    Ok(())
}

async fn correct(run: &mut Run<'_>, drifted: Vec<Drifted>) -> Result<(), Failure> {
    let latest = latest(&run.own.history).cloned().unwrap_or_default();
    let (release, summary) = (full_name(&latest), drift::corrections(&drifted));
    let drifted = drifted.into_iter().filter(Drifted::differs);
    let objects: Vec<Manifest> = drifted.map(|drifted| drifted.manifest).collect();
    let corrected = action::apply(&mut run.acting(), &objects).await;
    match corrected {
        Ok(_) => {
            let message = format!("Cluster state of release {release} has been corrected:\n{summary}");
            told(run, Type::Normal, "DriftCorrected", &message, &latest);
            Ok(())
        }
        Err(error) => {
            let error = error.within(|why| format!("Failed to correct cluster state of release {release}: {why}"));
            Err(failure(&error, "DriftCorrectionFailed"))
        }
    }
}

/// Takes note of what was written.
fn note(run: &mut Run<'_>, records: impl Iterator<Item = Record>, action: &str) {
    let (records, oci): (Vec<Record>, _) = (records.collect(), run.own.last_attempted_revision_digest.clone());
    observed::note(&mut run.own.history, &records, action, oci.as_deref());
}

fn chart_of(snapshot: &Snapshot) -> String {
    chart(snapshot)
}

/// Says of an action on this revision, by its condition and an event, that it failed.
fn failed(run: &mut Run<'_>, condition: &str, reason: &'static str, message: &str, about: &Snapshot) {
    run.own.failures = Some(run.own.failures.unwrap_or_default() + 1);
    status::conditions(&mut run.job.status, &run.job.owner).set(condition, False, reason, message);
    tracing::error!(reason, "{}", run.job.say(&message));
    run.job.tell_event_with(run.context, (Type::Warning, reason, message), annotations(about));
}

fn told(run: &Run<'_>, severity: Type, reason: &'static str, message: &str, about: &Snapshot) {
    tracing::info!(reason, "{}", run.job.say(&message));
    run.job.tell_event_with(run.context, (severity, reason, message), annotations(about));
}

/// What programs are told of a revision, beside what happened to it.
pub(super) fn annotations(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let named = [
        ("revision", Some(&snapshot.chart_version)),
        ("token", Some(&snapshot.config_digest)),
        ("app-version", snapshot.app_version.as_ref()),
        ("oci-digest", snapshot.oci_digest.as_ref()),
    ];
    let given = named.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
    given.map(|(name, text)| (format!("{}/{name}", KIND.group), text.clone())).collect()
}

fn summarized(run: &mut Run<'_>) {
    let Job { status, owner, .. } = &mut *run.job;
    summarize(status, &mut run.own, owner, &run.spec);
}
