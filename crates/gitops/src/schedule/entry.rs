//! What is known of one owner.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_api::flux::annotations::PRUNE_APPROVED;
use cowherd_api::{Condition, ConditionStatus};
use cowherd_apply::Sight;
use cowherd_apply::mask::Mask;
use cowherd_runtime::Backoff;
use tokio::sync::watch;
use tokio::time::Instant;

use super::drifts::Drifts;
use crate::Trigger;
use crate::conditions::{ARTIFACT_FAILED, DEPENDENCY_NOT_READY, DRIFT_FOUGHT, PROGRESSING, READY, find};
use crate::delivery::{Ended, Held, Report, Task};
use crate::owner::{Owner, Settings, Status, status};
use crate::producer::Inputs;
use crate::source::SourceName;

/// The first pause after a failure; it doubles up to the retry interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The pause after the API said that an object is not what a watch showed; it doubles up to the longest.
const STRAYS: Backoff = Backoff { first: Duration::from_millis(50), last: Duration::from_secs(5), jitter: 0.0 };

/// The pause after somebody else wrote a status. A leader that was suspended, or cut off, finds out in it that another one
/// leads, and does nothing more.
const OVERTAKEN: Duration = Duration::from_secs(5);

/// How long an owner may take to be gone once its finalizer is.
const AFTER_FINALIZING: Duration = Duration::from_secs(2);

/// What is known of one owner.
pub(super) struct Entry {
    pub(super) owner: Arc<Owner>,
    /// The status as we wrote it last; what others write there does not count.
    pub(super) status: Status,
    pub(super) running: Option<Box<Running>>,
    pub(super) last: Option<Last>,
    /// When it is to be reconciled again although nothing happened.
    pub(super) due: Option<Instant>,
    /// When anything may be done about it at the earliest: the API says that it is not what a watch showed.
    not_before: Option<Instant>,
    /// Until when nothing is done about it, since somebody else wrote its status.
    overtaken_until: Option<Instant>,
    /// When its deletion, or what is to be said of it, is tried again that failed.
    pub(super) retry_at: Option<Instant>,
    /// The approval of a prune that came since the last apply was begun.
    approval: Option<String>,
    /// Whether it was suspended when it was last seen before it was not any more, and nothing was applied since.
    is_resumed: bool,
    /// Whether a job broke off: nobody knows how far it came.
    broke_off: bool,
    /// Whether the job that broke off had applied all, and was waiting for health.
    had_applied: bool,
    pub(super) drifts: Drifts,
    /// Whether it has to see who else describes its objects, since that changed.
    pub(super) is_concerned: bool,
    /// Whether some of them may have the content of others since then, or may have its own now. Only that breaks off a wait
    /// for health: that somebody describes an object too is said in time, and anybody can do it, again and again.
    pub(super) is_overtaken: bool,
    /// Whether it is being found out if the new content of the source concerns it.
    pub(super) comparing: bool,
    pub(super) waiting_since: Option<Instant>,
    pub(super) complained: Option<Task>,
    /// What it depends on and waits for, as namespace and name.
    pub(super) waits_for: Option<String>,
    /// Why the last apply was begun.
    trigger: Option<Trigger>,
    /// What must not be shown of it, as the last job knew that.
    pub(super) mask: Mask,
    /// Whether its status is being written by no job.
    pub(super) is_followed: bool,
    /// When its status is to follow to the revision, which could not be written.
    pub(super) follow_at: Option<Instant>,
    failures: u32,
    strays: u32,
}

/// Where a job leaves what its render read.
type SharedInputs = Arc<Mutex<Option<Arc<Inputs>>>>;

/// A job that runs.
pub(super) struct Running {
    pub(super) cancel: watch::Sender<bool>,
    /// Whether it waits for health only.
    pub(super) waits: bool,
    /// The content that it brings to the cluster, or a later one that does not differ for it.
    pub(super) digest: String,
    pub(super) revision: String,
    pub(super) inputs: SharedInputs,
    generation: Option<i64>,
    requested_at: Option<String>,
    is_apply: bool,
    /// Whether the content moved on while it ran, without a difference for it.
    moved_on: bool,
}

/// What the last apply came to.
pub(super) struct Last {
    pub(super) generation: Option<i64>,
    pub(super) requested_at: Option<String>,
    /// The content up to which it holds.
    pub(super) digest: String,
    pub(super) revision: String,
    pub(super) inputs: Option<Arc<Inputs>>,
    pub(super) succeeded: bool,
    /// What tells of drift of its objects, and when to look if it does for the first time.
    watched: Option<(Sight, Instant, Duration)>,
}

impl Last {
    /// When to look next if drift of all objects is seen as it happens.
    fn next_look(&self, now: Instant) -> Option<Instant> {
        let (_, first, interval) = self.watched.as_ref()?;
        let over = now.saturating_duration_since(*first).as_nanos() / interval.as_nanos().max(1);
        let later = interval.saturating_mul(u32::try_from(over + 1).unwrap_or(u32::MAX));
        Some(if *first > now { *first } else { *first + later })
    }

    /// Whether the interval is over, and drift of some objects is not seen as it happens.
    fn has_to_look(&self, now: Instant) -> bool {
        self.watched.as_ref().is_some_and(|(sight, first, _)| *first <= now && !sight.is_clear())
    }
}

/// What an owner needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    Later(Instant),
    Apply { recheck: bool, held: Option<Arc<Held>>, trigger: Trigger },
    Finalize,
}

/// The approval of a prune that an owner has now and had not before.
fn approved_anew(before: &Owner, now: &Owner) -> Option<String> {
    let approved = now.annotation(PRUNE_APPROVED);
    approved.filter(|_| approved != before.annotation(PRUNE_APPROVED)).map(str::to_owned)
}

impl Entry {
    pub(super) fn new(owner: Owner, status: Status) -> Self {
        Self {
            status: status.founded(&owner).packed(),
            owner: Arc::new(owner),
            running: None,
            last: None,
            due: None,
            not_before: None,
            overtaken_until: None,
            retry_at: None,
            approval: None,
            is_resumed: false,
            broke_off: false,
            had_applied: false,
            drifts: Drifts::default(),
            is_concerned: false,
            is_overtaken: false,
            comparing: false,
            waiting_since: None,
            complained: None,
            waits_for: None,
            trigger: None,
            mask: Mask::default(),
            is_followed: false,
            follow_at: None,
            failures: 0,
            strays: 0,
        }
    }

    /// A watch saw the owner. Whether that can matter to those that depend on it.
    pub(super) fn see(&mut self, owner: Owner, status: Status) -> bool {
        if owner.uid() != self.owner.uid() {
            let former = std::mem::replace(self, Self::new(owner, status));
            // The job of the former object is told to stop, and waited for.
            if let Some(running) = &former.running {
                running.cancel.send_replace(true);
            }
            self.succeed(former);
            return true;
        }
        let is_new = owner.generation() != self.owner.generation();
        if is_new {
            self.failures = 0;
            self.retry_at = None;
            self.complained = None;
        }
        if let Some(approval) = approved_anew(&self.owner, &owner).filter(|_| !is_new) {
            self.approval = Some(approval);
        }
        self.is_resumed = !owner.is_suspended && (self.is_resumed || self.is_suspended());
        self.strays = 0;
        self.not_before = None;
        // Only after what we wrote last was seen is it known that anything else came later.
        let was_ours = self.status.basis.version == self.owner.metadata.resource_version;
        self.status.see(&owner, &status);
        if was_ours && self.status.basis.version != owner.metadata.resource_version && !self.is_busy() {
            self.is_overtaken(status.founded(&owner).with_objects_of(&self.status), Instant::now());
        }
        self.owner = Arc::new(owner);
        is_new
    }

    /// What the owner asks for, unless that cannot be acted on.
    pub(super) fn settings(&self) -> Option<&Arc<Settings>> {
        self.owner.settings.as_ref().ok()
    }

    /// Whether it is made from what the source brings.
    pub(super) fn uses(&self, source: &SourceName) -> bool {
        self.settings().is_some_and(|settings| settings.source == *source)
    }

    fn requested_at(&self) -> Option<String> {
        self.owner.requested_at().map(str::to_owned)
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.owner.is_suspended
    }

    /// Whether a job does what is no longer wanted.
    pub(super) fn is_obsolete(&self, running: &Running, digest: Option<&str>, now: Instant) -> bool {
        if !running.is_apply {
            return false;
        }
        let content_changed = !self.comparing && digest.is_some_and(|digest| digest != running.digest);
        running.generation != self.owner.generation()
            || running.requested_at != self.requested_at()
            || self.owner.is_deleted()
            || content_changed
            || (running.waits && (self.is_overtaken || self.drifts.is_due(now)))
    }

    /// What is to be done when the source has this content.
    pub(super) fn need(&self, digest: Option<&str>, now: Instant) -> Need {
        if let Some(at) = self.not_before.into_iter().chain(self.overtaken_until).max().filter(|at| *at > now) {
            return Need::Later(at);
        }
        if self.owner.is_deleted() {
            // Who held its deletion back has spoken, or somebody approved of it.
            let is_over = |at: &Instant| *at <= now || self.is_concerned || self.approval.is_some();
            return self.retry_at.filter(|at| !is_over(at)).map_or(Need::Finalize, Need::Later);
        }
        if self.is_suspended() {
            return Need::Nothing;
        }
        let requested_at = self.requested_at();
        let Some(last) = &self.last else {
            // A request that was served before the start needs no second answer.
            let recheck = self.has_open_request();
            if self.had_applied && !recheck && self.drifts.is_due(now) {
                return self.drifted(now);
            }
            return Need::Apply { recheck, held: None, trigger: self.first_trigger(digest) };
        };
        if last.requested_at != requested_at {
            let trigger = self.answer(requested_at.as_deref().unwrap_or_default(), digest);
            return Need::Apply { recheck: true, held: None, trigger };
        }
        if let Some(trigger) = self.trigger(last, digest, now) {
            return Need::Apply { recheck: false, held: None, trigger };
        }
        if self.drifts.is_due(now) {
            return self.drifted(now);
        }
        let look = last.next_look(now);
        self.due.into_iter().chain(look).chain(self.drifts.next(now)).min().map_or(Need::Nothing, Need::Later)
    }

    /// Objects are to be put right, but for those that somebody fights for.
    fn drifted(&self, now: Instant) -> Need {
        let (held, trigger) = (self.drifts.held(now).map(Arc::new), self.drifts.trigger(now));
        Need::Apply { recheck: false, held, trigger }
    }

    /// Whether somebody asked for a reconciliation, and nothing was written down of it yet.
    pub(super) fn has_open_request(&self) -> bool {
        let requested_at = self.requested_at();
        requested_at.is_some() && requested_at != self.status.last_handled_reconcile_at
    }

    /// What somebody said since the last apply was begun, but for a mere request.
    fn word(&self) -> Option<Trigger> {
        let resumed = self.is_resumed.then_some(Trigger::Resumption);
        self.approval.as_deref().map(Trigger::approval).or(resumed)
    }

    /// Why it is applied that was asked for. Who asked may have been answered that it waits.
    fn answer(&self, request: &str, digest: Option<&str>) -> Trigger {
        let is_answered = !self.has_open_request();
        let ended = self.end_of_wait(digest).filter(|_| is_answered);
        ended.or_else(|| self.word()).unwrap_or_else(|| Trigger::request(request))
    }

    /// Why it is applied for the first time since the start.
    fn first_trigger(&self, digest: Option<&str>) -> Trigger {
        let request = self.requested_at().filter(|_| self.has_open_request());
        let is_known = self.status.last_applied_revision.is_some() || self.status.last_attempted_revision.is_some();
        match self.end_of_wait(digest) {
            Some(Trigger::Dependency(name)) => Trigger::Dependency(name),
            _ if let Some(word) = self.word() => word,
            _ if let Some(word) = &request => Trigger::request(word),
            Some(ended) if ended != Trigger::Revision => ended,
            _ if is_known => Trigger::Start,
            Some(ended) => ended,
            None => Trigger::Change,
        }
    }

    /// Why it is brought to the revision that the agents find at their start.
    pub(super) fn since_the_start(&self, revision: &str) -> Trigger {
        let status = &self.status;
        let ready = find(&status.conditions, READY);
        let generation = self.owner.generation();
        // The spec of a failure was tried; that of a wait, or of an apply that was cut off, may never have been brought.
        let has_failed = |ready: &Condition| {
            ready.status == ConditionStatus::False && ![ARTIFACT_FAILED, DEPENDENCY_NOT_READY].contains(&&*ready.reason)
        };
        if ready.is_some_and(|ready| {
            ready.observed_generation != generation || (!has_failed(ready) && status.observed_generation != generation)
        }) {
            return Trigger::Change;
        }
        let is_it = |known: &Option<String>| known.as_deref() == Some(revision);
        let has_ended = ready.is_some_and(|ready| ready.status != ConditionStatus::Unknown);
        match &status.last_applied_revision {
            _ if is_it(&status.last_applied_revision) => Trigger::Start,
            _ if is_it(&status.last_attempted_revision) && has_ended => Trigger::Start,
            Some(_) => Trigger::Revision,
            None => Trigger::Change,
        }
    }

    /// Whether nothing ended since the start, and the revision was not wholly applied before, though something was.
    pub(super) fn is_first_at(&self, revision: &str) -> bool {
        let status = &self.status;
        let is_it = status.last_applied_revision.as_deref() == Some(revision);
        self.last.is_none() && !is_it && status.last_attempted_revision.is_some()
    }

    /// Whether its status tells of an apply that is under way, which none is.
    pub(super) fn was_cut_off(&self) -> bool {
        find(&self.status.conditions, READY)
            .is_some_and(|ready| ready.status == ConditionStatus::Unknown && ready.reason == PROGRESSING)
    }

    /// Why it is to be applied as a whole, if it is.
    fn trigger(&self, last: &Last, digest: Option<&str>, now: Instant) -> Option<Trigger> {
        // Who was told that it waits for something is told that this was it.
        if let Some(ended) = self.end_of_wait(digest) {
            return Some(ended);
        }
        if let Some(word) = self.word() {
            return Some(word);
        }
        if last.generation != self.owner.generation() {
            return Some(Trigger::Change);
        }
        if !self.comparing && digest.is_some_and(|digest| digest != last.digest) {
            return Some(Trigger::Revision);
        }
        // What broke off a wait for health is why all is looked at again; otherwise that is what the job was begun for.
        if self.had_applied && self.drifts.is_due(now) {
            return None;
        }
        if self.is_concerned && (self.had_applied || !self.broke_off) {
            return Some(Trigger::Sharing);
        }
        if self.broke_off {
            return Some(self.trigger.clone().unwrap_or(Trigger::Retry));
        }
        let is_due = self.due.is_some_and(|due| due <= now) || last.has_to_look(now);
        is_due.then_some(if last.succeeded { Trigger::Interval } else { Trigger::Retry })
    }

    /// The end of what it was said to wait for: its source has brought something, maybe what it had brought before, or a
    /// dependency is ready.
    fn end_of_wait(&self, digest: Option<&str>) -> Option<Trigger> {
        let Some(Task::Complain { reason, .. }) = &self.complained else { return None };
        let is_known = self.last.as_ref().is_some_and(|last| digest == Some(&last.digest));
        match *reason {
            DRIFT_FOUGHT => None,
            ARTIFACT_FAILED if is_known => Some(Trigger::Retry),
            ARTIFACT_FAILED => Some(Trigger::Revision),
            _ => Some(self.waits_for.clone().map_or(Trigger::Retry, Trigger::Dependency)),
        }
    }

    /// Something is done for this reason.
    pub(super) fn begin_for(&mut self, trigger: &Trigger) {
        self.trigger = Some(trigger.clone());
        self.waits_for = None;
    }

    /// A job begins.
    pub(super) fn begin(&mut self, digest: &str, revision: &str, task: &Task) -> (watch::Receiver<bool>, SharedInputs) {
        let (cancel, receiver) = watch::channel(false);
        let inputs = Arc::new(Mutex::new(None));
        let is_apply = matches!(task, Task::Apply { .. });
        if matches!(task, Task::Apply { .. } | Task::Finalize) {
            self.approval = None;
            self.is_concerned = false;
        }
        if let Task::Apply { held, .. } = task {
            (self.broke_off, self.had_applied) = (false, false);
            self.is_resumed = false;
            self.is_overtaken = false;
            self.drifts.begin(held.as_deref());
        }
        self.running = Some(Box::new(Running {
            cancel,
            waits: false,
            digest: digest.to_owned(),
            revision: revision.to_owned(),
            inputs: inputs.clone(),
            generation: self.owner.generation(),
            requested_at: self.requested_at(),
            is_apply,
            moved_on: false,
        }));
        (receiver, inputs)
    }

    /// Whether the report is about the object that is known now.
    pub(super) fn is_same(&self, report: &Report) -> bool {
        report.uid.as_deref() == self.owner.uid()
    }

    /// A job ended; whether the status has to follow to a later revision.
    pub(super) fn end(&mut self, report: Report, now: Instant) -> bool {
        let Some(running) = self.running.take() else { return false };
        self.status = report.status.packed();
        self.mask = report.mask;
        if report.ended == Ended::Well {
            self.drifts.told_held(now);
        }
        self.drifts.end(matches!(report.ended, Ended::Superseded | Ended::Overtaken));
        let may_pass = match report.ended {
            Ended::Overtaken => {
                self.complained = None;
                // What is to go goes, whoever leads.
                let pause = if running.is_apply { OVERTAKEN } else { STRAYS.delay(0) };
                self.overtake(running.is_apply, now + pause);
                return false;
            }
            Ended::Superseded => {
                self.broke_off |= running.is_apply;
                self.had_applied = running.is_apply && running.waits;
                self.complained = None;
                if !*running.cancel.borrow() {
                    let pause = STRAYS.delay(self.strays);
                    self.strays += 1;
                    self.not_before = Some(now + pause);
                }
                return false;
            }
            Ended::Well => None,
            Ended::Badly { may_pass } => Some(may_pass),
        };
        self.strays = 0;
        if !running.is_apply {
            if may_pass.is_some() {
                self.complained = None;
                self.failures += u32::from(report.task == Task::Finalize);
                self.retry_at = Some(now + self.retry());
            } else if report.task == Task::Finalize {
                // It is gone as soon as a watch says so; until then it need not be done again.
                self.retry_at = Some(now + AFTER_FINALIZING);
            }
            return false;
        }
        let succeeded = may_pass.is_none();
        self.failures = if succeeded { 0 } else { self.failures + 1 };
        let inputs = running.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_all_here = inputs.as_ref().is_none_or(|inputs| inputs.remotes.is_empty());
        self.due = match (self.settings(), may_pass) {
            // Drift is seen as it happens, as long as watches are up. What nothing tells of is looked at when the interval is over.
            (Some(settings), None)
                if is_all_here
                    && !report.leaves_any
                    && !settings.producer.reads_cluster()
                    && !settings.checks_health()
                    && !status::has_to_look(&self.status) =>
            {
                None
            }
            (Some(settings), None) => Some(now + settings.interval),
            (Some(settings), Some(false)) => Some(now + settings.retry_interval),
            _ => Some(now + self.retry()),
        };
        let sight = Some(report.sight).filter(|sight| succeeded && !sight.is_empty());
        let watched = sight.zip(self.settings().map(|settings| settings.interval));
        self.last = Some(Last {
            watched: watched.map(|(sight, interval)| (sight, now + interval, interval)),
            generation: report.generation,
            requested_at: running.requested_at,
            digest: running.digest,
            revision: running.revision,
            inputs,
            succeeded,
        });
        succeeded && running.moved_on
    }

    /// Somebody else wrote the status, and maybe brought something else.
    fn overtake(&mut self, has_to_apply: bool, until: Instant) {
        self.broke_off |= has_to_apply;
        self.had_applied = false;
        self.overtaken_until = Some(until);
    }

    /// The status is what somebody else wrote.
    pub(super) fn is_overtaken(&mut self, status: Status, now: Instant) {
        self.status = status.packed();
        self.overtake(true, now + OVERTAKEN);
    }

    /// Whether it was applied, and is to be kept as its source has it.
    pub(super) fn needs_source(&self) -> bool {
        self.last.is_some() && !self.is_suspended() && !self.owner.is_deleted()
    }

    /// Whether what was last brought, or is being brought, is as its spec has it now.
    pub(super) fn is_spec_brought(&self) -> bool {
        let brought = match (&self.running, &self.last) {
            (Some(running), _) => running.generation,
            (None, Some(last)) => last.generation,
            (None, None) => return false,
        };
        brought == self.owner.generation()
    }

    /// Whether the last apply failed, and nothing newer is to be applied.
    pub(super) fn has_failed_with(&self, digest: Option<&str>) -> bool {
        let is_it = |last: &Last| last.generation == self.owner.generation() && digest == Some(&last.digest);
        self.last.as_ref().is_some_and(|last| !last.succeeded && is_it(last))
    }

    /// Whether all is as the last apply left it, as far as anybody knows.
    pub(super) fn is_right(&self) -> bool {
        self.drifts.is_empty() && !self.broke_off
    }

    /// Whether something is under way that writes its status.
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some() || self.is_followed
    }

    /// Whether its status tells of an earlier revision than the one up to which all is as it was applied.
    pub(super) fn has_to_follow(&self) -> bool {
        let holds = |last: &&Last| last.succeeded && last.generation == self.owner.generation();
        let last = self.last.as_ref().filter(holds);
        let is_behind = last.is_some_and(|last| self.status.last_applied_revision.as_ref() != Some(&last.revision));
        is_behind && !self.is_busy() && self.is_right() && !self.is_suspended() && !self.owner.is_deleted()
    }

    /// Waits for what is under way for a former object of this name.
    pub(super) fn succeed(&mut self, former: Self) {
        (self.running, self.is_followed) = (former.running, former.is_followed);
    }

    fn retry(&self) -> Duration {
        let longest = self.settings().map_or(Duration::from_secs(60), |settings| settings.retry_interval);
        Backoff { first: FIRST_RETRY, last: longest, jitter: 0.0 }.delay(self.failures.saturating_sub(1))
    }

    /// The job that ran is lost: nobody knows how far it came.
    pub(super) fn lose(&mut self, now: Instant) {
        self.running = None;
        self.drifts.end(true);
        (self.broke_off, self.had_applied) = (true, false);
        self.complained = None;
        self.not_before = Some(now + FIRST_RETRY);
    }

    /// What the last render rests on, and the content for which that holds, if its result still holds.
    pub(super) fn reusable_inputs(&self) -> Option<(Arc<Inputs>, &str)> {
        // What it took from the cluster may be another by now; nobody has told.
        if self.settings().is_some_and(|settings| settings.producer.reads_cluster()) {
            return None;
        }
        if let Some(running) = &self.running {
            let inputs = running.inputs.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let holds = running.is_apply && !*running.cancel.borrow();
            return inputs.filter(|_| holds).map(|inputs| (inputs, running.digest.as_str()));
        }
        let last = self.last.as_ref()?;
        let holds = last.succeeded && last.generation == self.owner.generation() && !self.is_suspended();
        last.inputs.clone().filter(|_| holds).map(|inputs| (inputs, last.digest.as_str()))
    }

    /// The content does not differ for this owner; whether its status has to follow to the revision now.
    pub(super) fn move_on(&mut self, digest: &str, revision: &str) -> bool {
        if let Some(running) = &mut self.running {
            running.digest = digest.to_owned();
            running.revision = revision.to_owned();
            running.moved_on = true;
            return false;
        }
        let Some(last) = &mut self.last else { return false };
        last.digest = digest.to_owned();
        last.revision = revision.to_owned();
        true
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
