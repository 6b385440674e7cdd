//! Why something is done for an owner.

use cowherd_api::{Condition, ConditionStatus};
use tokio::time::Instant;

use super::{Entry, Last};
use crate::Trigger;
use crate::conditions::{
    ARTIFACT_FAILED, DEPENDENCY_NOT_READY, DRIFT_FOUGHT, PROGRESSING, READY, SOURCE_NOT_READY, find,
};
use crate::delivery::Task;

impl Entry {
    /// What somebody said since the last apply was begun, but for a mere request.
    pub(in crate::schedule) fn word(&self) -> Option<Trigger> {
        let resumed = self.is_resumed.then_some(Trigger::Resumption);
        self.approval.as_deref().map(Trigger::approval).or(resumed)
    }

    /// Why it is applied that was asked for. Who asked may have been answered that it waits.
    pub(in crate::schedule) fn answer(&self, request: &str, digest: Option<&str>) -> Trigger {
        let is_answered = !self.has_open_request();
        let ended = self.end_of_wait(digest).filter(|_| is_answered);
        ended.or_else(|| self.word()).unwrap_or_else(|| Trigger::request(request))
    }

    /// Why it is applied for the first time since the start.
    pub(in crate::schedule) fn first_trigger(&self, digest: Option<&str>) -> Trigger {
        let request = self.requested_at().filter(|_| self.has_open_request());
        let is_known = self.status.last_applied_revision.is_some() || self.status.last_attempted_revision.is_some();
        match self.end_of_wait(digest) {
            Some(Trigger::Dependency(name)) => Trigger::Dependency(name),
            _ if let Some(word) = self.word() => word,
            _ if let Some(word) = &request => Trigger::request(word),
            Some(ended) if ended != Trigger::Revision => ended,
            // What was broken off goes on for the reason for which it was begun.
            _ if self.broke_off
                && let Some(trigger) = &self.trigger =>
            {
                trigger.clone()
            }
            _ if is_known => Trigger::Start,
            Some(ended) => ended,
            None => Trigger::Change,
        }
    }

    /// Why it is brought to the revision that the agents find at their start.
    pub(in crate::schedule) fn since_the_start(&self, revision: &str) -> Trigger {
        let status = &self.status;
        let ready = find(&status.conditions, READY);
        let generation = self.owner.generation();
        // The spec of a failure was tried; that of a wait, or of an apply that was cut off, may never have been brought.
        let has_failed = |ready: &Condition| {
            ready.status == ConditionStatus::False
                && ![ARTIFACT_FAILED, SOURCE_NOT_READY, DEPENDENCY_NOT_READY].contains(&&*ready.reason)
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
    pub(in crate::schedule) fn is_first_at(&self, revision: &str) -> bool {
        let status = &self.status;
        let is_it = status.last_applied_revision.as_deref() == Some(revision);
        self.last.is_none() && !is_it && status.last_attempted_revision.is_some()
    }

    /// Whether its status tells of an apply that is under way, which none is.
    pub(in crate::schedule) fn was_cut_off(&self) -> bool {
        find(&self.status.conditions, READY)
            .is_some_and(|ready| ready.status == ConditionStatus::Unknown && ready.reason == PROGRESSING)
    }

    /// Why it is to be applied as a whole, if it is.
    pub(in crate::schedule) fn trigger(&self, last: &Last, digest: Option<&str>, now: Instant) -> Option<Trigger> {
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
        if self.has_other_way {
            return Some(Trigger::KubeConfig);
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
    pub(in crate::schedule) fn end_of_wait(&self, digest: Option<&str>) -> Option<Trigger> {
        let Some(Task::Complain { reason, .. }) = &self.complained else { return None };
        let is_known = self.last.as_ref().is_some_and(|last| digest == Some(&last.digest));
        match *reason {
            DRIFT_FOUGHT => None,
            ARTIFACT_FAILED | SOURCE_NOT_READY if is_known => Some(Trigger::Retry),
            ARTIFACT_FAILED | SOURCE_NOT_READY => Some(Trigger::Revision),
            _ => Some(self.waits_for.clone().map_or(Trigger::Retry, Trigger::Dependency)),
        }
    }

    /// Something is done for this reason.
    pub(in crate::schedule) fn begin_for(&mut self, trigger: &Trigger) {
        self.trigger = Some(trigger.clone());
        self.waits_for = None;
    }
}
