//! What is known of one owner.

mod job;
mod need;
mod why;

use std::sync::Arc;

use cowherd_api::flux::annotations::PRUNE_APPROVED;
use tokio::time::Instant;

use super::drifts::Drifts;
use super::expressions::Asked;
use crate::Trigger;
use crate::delivery::Task;
use crate::hidden::Hidden;
use crate::owner::{Owner, Settings, SettingsError, Status};
use crate::source::SourceName;
pub(super) use job::{Last, Running};
pub(super) use need::Need;

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
    /// Whether the way to its cluster is another one than when it was last brought there.
    pub(super) has_other_way: bool,
    /// Whether some of them may have the content of others since then, or may have its own now. Only that breaks off a wait
    /// for health: that somebody describes an object too is said in time, and anybody can do it, again and again.
    pub(super) is_overtaken: bool,
    /// Whether it is being found out if the new content of the source concerns it.
    pub(super) comparing: bool,
    pub(super) waiting_since: Option<Instant>,
    pub(super) complained: Option<Task>,
    /// What it depends on and waits for, as namespace and name.
    pub(super) waits_for: Option<String>,
    /// What came of expressions that decide whether those are ready that it depends on.
    pub(super) asked: Option<Box<Asked>>,
    /// Whether its expressions are being compiled.
    pub(super) is_compiling: bool,
    /// Why the last apply was begun.
    trigger: Option<Trigger>,
    /// What must not be shown of it.
    pub(super) hidden: Hidden,
    /// Whether its status is being written by no job.
    pub(super) is_followed: bool,
    /// When its status is to follow to the revision, which could not be written.
    pub(super) follow_at: Option<Instant>,
    failures: u32,
    strays: u32,
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
            has_other_way: false,
            is_overtaken: false,
            comparing: false,
            waiting_since: None,
            complained: None,
            waits_for: None,
            asked: None,
            is_compiling: false,
            trigger: None,
            hidden: Hidden::default(),
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
        let was_ours = self.status.precondition.version == self.owner.metadata.resource_version;
        self.status.see(&owner, &status);
        if was_ours && self.status.precondition.version != owner.metadata.resource_version && !self.is_busy() {
            self.is_overtaken(status.founded(&owner).with_objects_of(&self.status), Instant::now());
        }
        self.owner = Arc::new(owner);
        is_new
    }

    /// It turned out that what the owner asks for cannot be acted on.
    pub(super) fn refuse(&mut self, error: SettingsError) {
        self.owner = Arc::new(Owner { settings: Err(error), ..self.owner.as_ref().clone() });
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
        self.hidden = former.hidden;
    }
}

#[cfg(test)]
mod tests;
