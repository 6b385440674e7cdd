//! Reconciles a HelmRelease: what comes before, and then one action after the other until nothing is left to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::ConditionStatus::{False, True, Unknown};
use cowherd_api::flux::annotations::{FORCE_REQUESTED_AT, RECONCILE_REQUESTED_AT, RESET_REQUESTED_AT};
use cowherd_api::flux::helm::v2::{HelmReleaseSpec, HelmReleaseStatus, Snapshot};
use cowherd_helm::Chart;
use cowherd_helm::release::record::Record;
use kube::Client;
use serde_json::{Map, Value};

use super::action::{Acting, Site};
use super::conditions::{
    DRIFTED, INSTALL_FAILED, INSTALL_SUCCEEDED, RELEASED, REMEDIATED, UPGRADE_FAILED, UPGRADE_SUCCEEDED, replace,
    summarize,
};
use super::names::Names;
use super::observed::{self, latest};
use super::perform::{self, Action, Step};
use super::remediation::ReleaseAction;
use super::state::{State, Wanted, determine};
use super::storage::Storage;
use super::{chart, chart_template, digest, drift, names, owner, status as words, uninstall, values};
use crate::Phase;
use crate::conditions::{
    ARTIFACT_FAILED, PROGRESSING, PROGRESSING_WITH_RETRY, READY, RECONCILING, STALLED, find, holds,
};
use crate::delivery::{Context, Failure, Job, Reached, act_for_account, guard_finalizer, reach};
use crate::events::Type;
use crate::owner::{Settings, status};
use crate::target::Target;

/// A reconciliation of a release.
pub(super) struct Run<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) job: &'a mut Job,
    pub(super) settings: &'a Settings,
    pub(super) spec: Arc<HelmReleaseSpec>,
    /// What its status says beside what those of all owners say.
    pub(super) own: HelmReleaseStatus,
    pub(super) target: Target,
    pub(super) client: Client,
    pub(super) storage: Storage,
    pub(super) names: Names,
    pub(super) chart: Chart,
    pub(super) values: Map<String, Value>,
}

/// Brings the release to what the HelmRelease says.
pub(super) async fn reconcile(context: &Arc<Context>, job: &mut Job, settings: &Settings) -> Result<(), Failure> {
    job.measured.begin();
    job.give_way()?;
    job.tell(context, Phase::Building);
    guard_finalizer(context, job).await?;
    let Reached { target, is_another } = reach(context, job).await?;
    act_for_account(&target).await?;
    // What a release consists of is claimed from nobody.
    context.tell_concerned(context.sharing.said(&job.name, job.word));
    let spec = owner::spec(&job.owner);
    let mut own = words::own(&job.status);
    if is_another {
        // What was released there says nothing of what is here.
        own.history.clear();
        own.storage_namespace = None;
        (own.failures, own.install_failures, own.upgrade_failures) = (None, None, None);
    }
    keep_chart(context, job, &spec, &mut own).await?;
    has_its_own_chart(job, &spec)?;

    let values = values::compose(&context.client, &job.name.namespace, &spec, Some(&context.renders)).await;
    let values = values.map_err(|error| Failure::because("ValuesError", &error, true))?;
    job.hide(values.mask);
    let loaded = chart::load_in_a_thread(job.artifact.clone(), settings.source.kind).await;
    let loaded =
        loaded.map_err(|error| Failure::because(ARTIFACT_FAILED, &format!("Could not load chart: {error}"), false))?;
    own.last_attempted_revision_digest = loaded.oci_digest;

    let names = Names::of(&job.name, &spec);
    let client =
        context.targets.client_of(&target).map_err(|error| Failure::because("RESTClientError", &error, false))?;
    let storage = Storage::new(client.clone(), &names.storage, &names.release);
    let (chart, values) = (loaded.chart, values.values);
    let mut run = Run { context, job, settings, spec, own, target, client, storage, names, chart, values };
    run.leave_former_target().await?;
    run.begin_attempt();
    let ended = run.until_done().await;
    run.save();
    ended
}

/// Keeps the HelmChart that is made for the release, and forgets the one that was made before.
async fn keep_chart(
    context: &Context,
    job: &Job,
    spec: &HelmReleaseSpec,
    own: &mut HelmReleaseStatus,
) -> Result<(), Failure> {
    let wanted = names::chart(&job.name, spec).map(|name| format!("{}/{}", name.namespace, name.name));
    if let Some(before) = own.helm_chart.take().filter(|before| Some(before) != wanted.as_ref()) {
        chart_template::forget(context, &job.owner, &before).await?;
    }
    chart_template::keep(context, &job.owner).await?;
    own.helm_chart = wanted;
    Ok(())
}

/// Breaks off where the chart that is here was made for another release, which had the HelmChart before: its own is on its way.
fn has_its_own_chart(job: &Job, spec: &HelmReleaseSpec) -> Result<(), Failure> {
    let made_for = job.artifact.made_for.as_ref().filter(|_| spec.chart.is_some());
    match made_for.filter(|other| **other != job.name.namespaced()) {
        None => Ok(()),
        Some(other) => {
            tracing::debug!(%other, "the chart that is here was made for another release; its own is waited for");
            Err(Failure::Superseded)
        }
    }
}

impl Run<'_> {
    /// Puts what was found into the status that is to be written.
    pub(super) fn save(&mut self) {
        self.job.status.own = words::fields(&self.own);
    }

    pub(super) async fn write_status(&mut self) -> Result<(), Failure> {
        self.save();
        self.job.write_status(self.context).await
    }

    /// What is asked for, as far as a revision of it would say it.
    pub(super) fn wanted(&self) -> Snapshot {
        let metadata = &self.chart.metadata;
        Snapshot {
            chart_version: metadata.version.clone(),
            app_version: Some(metadata.app_version.clone()),
            config_digest: digest::of_values(&self.values),
            oci_digest: self.own.last_attempted_revision_digest.clone(),
            ..Snapshot::default()
        }
    }

    /// Where the objects of the release are.
    fn site(&self) -> Site<'_> {
        Site { applier: &self.target.applier, account: self.target.account.as_ref(), names: &self.names }
    }

    /// The means of an action.
    pub(super) fn acting(&mut self) -> Acting<'_> {
        Acting {
            context: self.context,
            job: &mut *self.job,
            settings: self.settings,
            spec: &self.spec,
            target: &self.target,
            client: &self.client,
            storage: &self.storage,
            names: &self.names,
            written: BTreeMap::new(),
        }
    }

    /// Where the release has another name or place by now, or another chart, it is uninstalled where it was.
    async fn leave_former_target(&mut self) -> Result<(), Failure> {
        let former = observed::former(&self.own, &self.names, &self.spec, &self.chart.metadata.name);
        let Some(former) = former else { return Ok(()) };
        tracing::info!(release = former.release, "the release has another place by now; the former one is uninstalled");
        uninstall::former(self, former).await?;
        self.own.history.clear();
        self.clear_failures();
        self.own.storage_namespace = None;
        self.write_status().await
    }

    /// Writes down what is tried, and forgets failures where that is something else than before.
    fn begin_attempt(&mut self) {
        let config_digest = digest::of_values(&self.values);
        let generation = self.job.owner.generation();
        let version = Some(self.chart.metadata.version.clone());
        let is_reset = asks(self.job, RESET_REQUESTED_AT, self.own.last_handled_reset_at.as_deref());
        self.own.last_handled_reset_at = self.job.owner.annotation(RESET_REQUESTED_AT).map(str::to_owned);
        let before = &self.own;
        let is_other = before.last_attempted_generation != generation
            || before.last_attempted_revision != version
            || before.last_attempted_config_digest.as_ref().is_some_and(|before| *before != config_digest);
        if is_other || is_reset {
            self.clear_failures();
        }
        self.own.storage_namespace = Some(self.names.storage.clone());
        self.own.last_attempted_generation = generation;
        self.own.last_attempted_revision = version;
        self.own.last_attempted_config_digest = Some(config_digest);
        self.own.last_attempted_values_checksum = None;
        self.own.last_release_revision = None;
    }

    fn clear_failures(&mut self) {
        (self.own.failures, self.own.install_failures, self.own.upgrade_failures) = (None, None, None);
    }

    /// Does one action after the other, each kind of them once, until nothing is left to do or something failed.
    async fn until_done(&mut self) -> Result<(), Failure> {
        let mut done: Vec<Step> = Vec::new();
        loop {
            self.job.give_way()?;
            let last = self.storage.last().await.map_err(|error| state_error(&error))?;
            let Some(action) = self.next(last.as_ref()).await? else { return self.succeed().await };
            if done.contains(&action.step()) {
                return self.give_up_for_now();
            }
            self.announce(&action).await?;
            let step = action.step();
            if let Err(failure) = perform::perform(self, action).await {
                return match self.retry() {
                    _ if failure.is_superseded() => Err(failure),
                    // Not before its interval is over.
                    Some(()) => self.told_to_retry(),
                    None if matches!(failure, Failure::Told { .. }) => self.told(failure.may_pass()),
                    None => Err(failure),
                };
            }
            if step == Step::Remediate {
                return self.remediated();
            }
            done.push(step);
            self.write_status().await?;
        }
    }

    /// Says what is being done.
    async fn announce(&mut self, action: &Action) -> Result<(), Failure> {
        let timeout = status::go_duration(action.timeout(&self.spec, self.settings));
        let message = format!("Running '{}' action with timeout of {timeout}", action.name());
        let mut conditions = status::conditions(&mut self.job.status, &self.job.owner);
        conditions.set(RECONCILING, True, PROGRESSING, &message);
        conditions.remove(STALLED);
        if action.step() == Step::Release {
            conditions.set(READY, Unknown, PROGRESSING, &message);
        }
        self.job.say_why();
        tracing::info!("{message}");
        self.write_status().await
    }

    /// What is to be done next, if anything is.
    async fn next(&mut self, last: Option<&Record>) -> Result<Option<Action>, Failure> {
        let is_forced = asks(self.job, FORCE_REQUESTED_AT, self.own.last_handled_force_at.as_deref());
        let state = self.state(last)?;
        tracing::debug!(?state, "the state of the release");
        if let State::InSync = state {
            return self.in_sync(last, is_forced).await;
        }
        let next = match state {
            State::Locked(pending) => Action::Unlock(pending),
            State::Absent => {
                let remediation = ReleaseAction::Install.remediation(&self.spec);
                if remediation.is_exhausted(&self.own) && !is_forced {
                    return Err(self.stalled());
                }
                Action::Install
            }
            State::Unmanaged => {
                self.own.history.clear();
                Action::Upgrade
            }
            State::OutOfSync(_) => {
                let remediation = ReleaseAction::Upgrade.remediation(&self.spec);
                if remediation.is_exhausted(&self.own) && !is_forced {
                    return Err(self.stalled());
                }
                Action::Upgrade
            }
            State::Untested => {
                self.forget_remediation();
                Action::Test
            }
            State::Failed => return self.failed(is_forced).await.map(Some),
            State::InSync => return Ok(None),
        };
        if is_forced && next.step() == Step::Release {
            self.own.last_handled_force_at = self.job.owner.annotation(FORCE_REQUESTED_AT).map(str::to_owned);
        }
        Ok(Some(next))
    }

    fn state(&self, last: Option<&Record>) -> Result<State, Failure> {
        let metadata = &self.chart.metadata;
        let config_digest = digest::of_values(&self.values);
        let wanted = Wanted {
            spec: &self.spec,
            chart_name: &metadata.name,
            chart_version: &metadata.version,
            config_digest: &config_digest,
            is_new_spec: self.job.status.observed_generation != self.job.owner.generation(),
        };
        determine(last, &self.own, &wanted).map_err(|error| state_error(&error))
    }

    /// The release is as it should be; what is left to do is what was asked for, and what others changed.
    async fn in_sync(&mut self, last: Option<&Record>, is_forced: bool) -> Result<Option<Action>, Failure> {
        let remediation = ReleaseAction::last(&self.own).map(|action| action.remediation(&self.spec));
        let ignores_tests = self.spec.test.as_ref().and_then(|test| test.ignore_failures) == Some(true);
        match self.retry() {
            Some(()) => observed::truncate_all(&mut self.own.history),
            None => {
                let ignores = remediation.map_or(ignores_tests, |remediation| remediation.ignores_tests);
                observed::truncate(&mut self.own.history, ignores);
            }
        }
        if is_forced {
            self.own.last_handled_force_at = self.job.owner.annotation(FORCE_REQUESTED_AT).map(str::to_owned);
            return Ok(Some(Action::Upgrade));
        }
        self.forget_remediation();
        self.restore_released();
        let Some(record) = last.filter(|_| drift::is_detected(&self.spec)) else {
            status::conditions(&mut self.job.status, &self.job.owner).remove(DRIFTED);
            return Ok(None);
        };
        let drifted = drift::find(self.site(), (&self.job.name, &self.spec), record).await;
        let drifted = drifted.map_err(|error| perform::failure(&error, "StateError"))?;
        let mut conditions = status::conditions(&mut self.job.status, &self.job.owner);
        if drifted.is_empty() {
            conditions.set(DRIFTED, False, "NoDriftDetected", "No drift detected against the cluster state");
            return Ok(None);
        }
        let release = latest(&self.own.history).map(observed::full_name).unwrap_or_default();
        let summary = drift::summary(&drifted);
        let message = format!("Cluster state of release {release} has drifted from the desired state:\n{summary}");
        conditions.set(DRIFTED, True, "DriftDetected", &message);
        self.job.tell_event(self.context, Type::Warning, "DriftDetected", &message);
        Ok(owner::corrects_drift(&self.spec).then_some(Action::CorrectDrift(drifted)))
    }

    /// A release that was rolled back to what is asked for by now is one that was upgraded to it.
    fn forget_remediation(&mut self) {
        if holds(&self.job.status.conditions, REMEDIATED)
            && let Some(latest) = latest(&self.own.history)
        {
            let message = perform::succeeded("upgrade", latest);
            let mut conditions = status::conditions(&mut self.job.status, &self.job.owner);
            replace(&mut conditions, REMEDIATED, RELEASED, UPGRADE_SUCCEEDED, &message);
        }
    }

    /// Says of a release that is as it should be that it was released, whatever was said of it before.
    fn restore_released(&mut self) {
        let is_well = |type_| holds(&self.job.status.conditions, type_);
        if is_well(READY) && is_well(RELEASED) {
            return;
        }
        let reason = find(&self.job.status.conditions, RELEASED).map(|released| released.reason.clone());
        let (reason, action) = match reason.as_deref() {
            Some(INSTALL_FAILED) => (INSTALL_SUCCEEDED, "install"),
            Some(UPGRADE_FAILED) => (UPGRADE_SUCCEEDED, "upgrade"),
            _ => return,
        };
        if let Some(latest) = latest(&self.own.history) {
            let message = perform::succeeded(action, latest);
            status::conditions(&mut self.job.status, &self.job.owner).set(RELEASED, True, reason, &message);
        }
    }

    /// What follows on a failed release.
    async fn failed(&mut self, is_forced: bool) -> Result<Action, Failure> {
        if self.retry().is_some() {
            observed::truncate_all(&mut self.own.history);
            return Ok(Action::Upgrade);
        }
        let Some(remediation) = ReleaseAction::last(&self.own).map(|action| action.remediation(&self.spec)) else {
            return Ok(Action::Upgrade);
        };
        if remediation.failures(&self.own) <= 0 {
            return Ok(Action::Upgrade);
        }
        if is_forced {
            self.own.last_handled_force_at = self.job.owner.annotation(FORCE_REQUESTED_AT).map(str::to_owned);
            return Ok(Action::Upgrade);
        }
        if remediation.is_exhausted(&self.own) && !remediation.remediates_last {
            return Err(self.stalled());
        }
        observed::truncate(&mut self.own.history, remediation.ignores_tests);
        match perform::remedy(self, &remediation).await? {
            Some(action) => Ok(action),
            None => {
                let message = "Failed to perform remediation: missing target release for rollback: cannot remediate failed release";
                Err(self.stall("MissingRollbackTarget", message))
            }
        }
    }

    /// Whether a failed action is tried again instead of being remediated.
    fn retry(&self) -> Option<()> {
        ReleaseAction::last(&self.own)?.retry(&self.spec).map(drop)
    }

    /// Nothing is left to do.
    async fn succeed(&mut self) -> Result<(), Failure> {
        let Job { status, owner, .. } = &mut *self.job;
        status::conditions(status, owner).remove(RECONCILING);
        summarize(status, &mut self.own, owner, &self.spec);
        if !holds(&status.conditions, READY) {
            // A test that failed and may: it is told, and nothing follows.
            status.observed_generation = owner.generation();
            return self.told(false);
        }
        status.observed_generation = owner.generation();
        self.job.status.last_applied_revision = Some(self.job.artifact.revision.clone());
        status::handled(&mut self.job.status, &self.job.owner);
        self.job.progress.ready = self.job.progress.applied;
        self.write_status().await?;
        self.job.tell(self.context, Phase::Ready);
        Ok(())
    }

    /// An action would be done a second time: it is, later.
    fn give_up_for_now(&mut self) -> Result<(), Failure> {
        if self.retry().is_some() {
            return self.told_to_retry();
        }
        let remediation = ReleaseAction::last(&self.own).map(|action| action.remediation(&self.spec));
        if remediation.is_none_or(|remediation| !remediation.is_exhausted(&self.own)) {
            return self.told(true);
        }
        status::conditions(&mut self.job.status, &self.job.owner).remove(RECONCILING);
        self.told(false)
    }

    /// The release was remediated: what was asked for is tried again, or never more.
    fn remediated(&mut self) -> Result<(), Failure> {
        let remediation = ReleaseAction::last(&self.own).map(|action| action.remediation(&self.spec));
        let goes_on = remediation
            .is_none_or(|remediation| !remediation.is_exhausted(&self.own) || remediation.uninstalls_after_upgrade());
        if goes_on { self.told(true) } else { Err(self.stalled()) }
    }

    /// What failed is told already; whether it is tried again soon.
    fn told(&mut self, may_pass: bool) -> Result<(), Failure> {
        let ready = find(&self.job.status.conditions, READY).map(|ready| ready.message.clone()).unwrap_or_default();
        if may_pass {
            let mut conditions = status::conditions(&mut self.job.status, &self.job.owner);
            conditions.set(RECONCILING, True, PROGRESSING_WITH_RETRY, &ready);
        }
        Err(Failure::Told { message: ready, may_pass })
    }

    /// What failed is tried again once the interval of that is over.
    fn told_to_retry(&mut self) -> Result<(), Failure> {
        let interval = status::go_duration(self.settings.retry_interval);
        self.job.status.observed_generation = self.job.owner.generation();
        let told = self.told(false);
        let mut conditions = status::conditions(&mut self.job.status, &self.job.owner);
        conditions.set(RECONCILING, True, PROGRESSING_WITH_RETRY, &format!("retrying after {interval}"));
        told
    }

    /// The action was tried as often as it may be.
    fn stalled(&mut self) -> Failure {
        let action = ReleaseAction::last(&self.own);
        let failures = action.map_or(0, |action| action.remediation(&self.spec).failures(&self.own));
        let name = action.map_or("release", ReleaseAction::name);
        self.stall("RetriesExceeded", &format!("Failed to {name} after {failures} attempt(s)"))
    }

    fn stall(&mut self, reason: &str, message: &str) -> Failure {
        let Job { status, owner, .. } = &mut *self.job;
        let mut conditions = status::conditions(status, owner);
        conditions.set(STALLED, True, reason, message);
        conditions.remove(RECONCILING);
        status.observed_generation = owner.generation();
        let ready = find(&status.conditions, READY).map(|ready| ready.message.clone());
        Failure::Told { message: ready.unwrap_or_else(|| message.to_owned()), may_pass: false }
    }
}

fn state_error(error: &impl std::fmt::Display) -> Failure {
    Failure::because("StateError", &format!("Could not determine release state: {error}"), true)
}

/// Whether the annotation asks for something, by the same word as the request that is answered, that was not done yet.
fn asks(job: &Job, annotation: &str, handled: Option<&str>) -> bool {
    let (asked, requested) = (job.owner.annotation(annotation), job.owner.annotation(RECONCILE_REQUESTED_AT));
    let is_answered = job.status.last_handled_reconcile_at.as_deref() == requested;
    asked.is_some() && asked == requested && !is_answered && asked != handled
}
