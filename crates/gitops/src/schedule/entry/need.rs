//! What an owner needs.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Entry, Running};
use crate::Trigger;
use crate::delivery::Held;

/// What an owner needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schedule) enum Need {
    Nothing,
    Later(Instant),
    Apply { recheck: bool, held: Option<Arc<Held>>, trigger: Trigger },
    Finalize,
}

impl Entry {
    /// Whether a job does what is no longer wanted.
    pub(in crate::schedule) fn is_obsolete(&self, running: &Running, digest: Option<&str>, now: Instant) -> bool {
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
    pub(in crate::schedule) fn need(&self, digest: Option<&str>, now: Instant) -> Need {
        if let Some(at) = self.not_before.into_iter().chain(self.overtaken_until).max().filter(|at| *at > now) {
            return Need::Later(at);
        }
        if self.owner.is_deleted() {
            // Who held its deletion back has spoken, or somebody approved of it.
            let is_over =
                |at: &Instant| *at <= now || self.is_concerned || self.has_other_way || self.approval.is_some();
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
    pub(in crate::schedule) fn drifted(&self, now: Instant) -> Need {
        let (held, trigger) = (self.drifts.held(now).map(Arc::new), self.drifts.trigger(now));
        Need::Apply { recheck: false, held, trigger }
    }

    /// Whether somebody asked for a reconciliation, and nothing was written down of it yet.
    pub(in crate::schedule) fn has_open_request(&self) -> bool {
        let requested_at = self.requested_at();
        requested_at.is_some() && requested_at != self.status.last_handled_reconcile_at
    }
}
