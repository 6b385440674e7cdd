//! The job of an owner: what runs, and what the last one came to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_apply::Sight;
use cowherd_runtime::Backoff;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Entry;
use crate::delivery::{Ended, Report, Task};
use crate::owner::{Status, status};
use crate::producer::Inputs;

/// The first pause after a failure; it doubles up to the retry interval.
pub(super) const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The pause after the API said that an object is not what a watch showed; it doubles up to the longest.
const STRAYS: Backoff = Backoff { first: Duration::from_millis(50), last: Duration::from_secs(5), jitter: 0.0 };

/// The pause after somebody else wrote a status. A leader that was suspended, or cut off, finds out in it that another one
/// leads, and does nothing more.
pub(super) const OVERTAKEN: Duration = Duration::from_secs(5);

/// How long an owner may take to be gone once its finalizer is.
const AFTER_FINALIZING: Duration = Duration::from_secs(2);

/// Where a job leaves what its render read.
type SharedInputs = Arc<Mutex<Option<Arc<Inputs>>>>;

/// A job that runs.
pub(in crate::schedule) struct Running {
    pub(in crate::schedule) cancel: watch::Sender<bool>,
    /// Whether it waits for health only.
    pub(in crate::schedule) waits: bool,
    /// The content that it brings to the cluster, or a later one that does not differ for it.
    pub(in crate::schedule) digest: String,
    pub(in crate::schedule) revision: String,
    pub(in crate::schedule) inputs: SharedInputs,
    pub(super) generation: Option<i64>,
    pub(super) requested_at: Option<String>,
    pub(super) is_apply: bool,
    /// Whether the content moved on while it ran, without a difference for it.
    pub(super) moved_on: bool,
}

/// What the last apply came to.
pub(in crate::schedule) struct Last {
    pub(in crate::schedule) generation: Option<i64>,
    pub(in crate::schedule) requested_at: Option<String>,
    /// The content up to which it holds.
    pub(in crate::schedule) digest: String,
    pub(in crate::schedule) revision: String,
    pub(in crate::schedule) inputs: Option<Arc<Inputs>>,
    pub(in crate::schedule) succeeded: bool,
    /// What tells of drift of its objects, and when to look if it does for the first time.
    pub(super) watched: Option<(Sight, Instant, Duration)>,
}

impl Last {
    /// When to look next if drift of all objects is seen as it happens.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let (_, first, interval) = self.watched.as_ref()?;
        let over = now.saturating_duration_since(*first).as_nanos() / interval.as_nanos().max(1);
        let later = interval.saturating_mul(u32::try_from(over + 1).unwrap_or(u32::MAX));
        Some(if *first > now { *first } else { *first + later })
    }

    /// Whether the interval is over, and drift of some objects is not seen as it happens.
    pub(super) fn has_to_look(&self, now: Instant) -> bool {
        self.watched.as_ref().is_some_and(|(sight, first, _)| *first <= now && !sight.is_clear())
    }
}

impl Entry {
    /// A job begins.
    pub(in crate::schedule) fn begin(
        &mut self,
        digest: &str,
        revision: &str,
        task: &Task,
    ) -> (watch::Receiver<bool>, SharedInputs) {
        let (cancel, receiver) = watch::channel(false);
        let inputs = Arc::new(Mutex::new(None));
        let is_apply = matches!(task, Task::Apply { .. });
        if matches!(task, Task::Apply { .. } | Task::Finalize) {
            self.approval = None;
            self.is_concerned = false;
            self.has_other_way = false;
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
    pub(in crate::schedule) fn is_same(&self, report: &Report) -> bool {
        report.uid.as_deref() == self.owner.uid()
    }

    /// A job ended; whether the status has to follow to a later revision.
    pub(in crate::schedule) fn end(&mut self, report: Report, now: Instant) -> bool {
        let Some(running) = self.running.take() else { return false };
        self.status = report.status.packed();
        self.hidden.settle(report.mask);
        if report.ended == Ended::Well {
            self.drifts.told_held(now);
        }
        self.drifts.end(matches!(report.ended, Ended::Superseded | Ended::Overtaken));
        if let Some(owned) = report.owned {
            self.drifts.note_owned(owned);
        }
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
    pub(in crate::schedule) fn overtake(&mut self, has_to_apply: bool, until: Instant) {
        self.broke_off |= has_to_apply;
        self.had_applied = false;
        self.overtaken_until = Some(until);
    }

    /// The status is what somebody else wrote.
    pub(in crate::schedule) fn is_overtaken(&mut self, status: Status, now: Instant) {
        self.status = status.packed();
        self.overtake(true, now + OVERTAKEN);
    }

    pub(in crate::schedule) fn retry(&self) -> Duration {
        let longest = self.settings().map_or(Duration::from_secs(60), |settings| settings.retry_interval);
        Backoff { first: FIRST_RETRY, last: longest, jitter: 0.0 }.delay(self.failures.saturating_sub(1))
    }

    /// The job that ran is lost: nobody knows how far it came.
    pub(in crate::schedule) fn lose(&mut self, now: Instant) {
        self.running = None;
        self.drifts.end(true);
        (self.broke_off, self.had_applied) = (true, false);
        self.complained = None;
        self.not_before = Some(now + FIRST_RETRY);
    }

    /// What the last render rests on, and the content for which that holds, if its result still holds.
    pub(in crate::schedule) fn reusable_inputs(&self) -> Option<(Arc<Inputs>, &str)> {
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
    pub(in crate::schedule) fn move_on(&mut self, digest: &str, revision: &str) -> bool {
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
