//! Lets the status of owners follow to a revision that does not concern them, once those that it does concern
//! are done.

use std::time::Duration;

use cowherd_runtime::caught;
use tokio::time::Instant;

use super::{Schedule, Signal};
use crate::owner::OwnerName;
use crate::owner::status::Unwritten;
use crate::owner::{Status, status};
use crate::status::Precondition;

/// How many writes are under way at once: few, so that they are in nobody's way.
const AT_ONCE: usize = 4;
/// How long the writes wait at most for those that are concerned.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long after a failed write it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What came of a write.
pub(crate) enum Followed {
    /// The status as it was written.
    Written(Box<Status>),
    /// The status as somebody else wrote it meanwhile.
    Overtaken(Box<Status>),
    /// Nobody knows if it was written.
    Failed(Precondition),
}

impl Schedule {
    /// Starts writes, as far as they are in nobody's way.
    pub(super) fn follow(&mut self) {
        if self.to_follow.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_busy = self.entries.values().any(|entry| entry.running.as_ref().is_some_and(|running| !running.waits));
        if is_busy && now < self.follow_after {
            if let Some(first) = self.to_follow.front().cloned() {
                self.timers.set(&first, self.follow_after);
            }
            return;
        }
        while self.following < AT_ONCE {
            let Some(name) = self.to_follow.pop_front() else { return };
            if let Some(status) = self.following_status(&name) {
                self.write_following(name, status);
            }
        }
    }

    /// The status at the revision to which it follows; `None` where something else happened meanwhile.
    pub(super) fn following_status(&self, name: &OwnerName) -> Option<Status> {
        let entry = self.entries.get(name)?;
        let last = entry.last.as_ref().filter(|_| entry.has_to_follow())?;
        let mut status = entry.status.clone();
        let source = entry.owner.settings.as_ref().ok().and_then(|settings| self.content(&settings.source));
        let source = source.filter(|artifact| artifact.revision == last.revision);
        let origin = source.as_ref().and_then(|artifact| artifact.origin_revision());
        status::succeeded(&mut status, &entry.owner, &last.revision, origin);
        Some(status)
    }

    fn write_following(&mut self, name: OwnerName, status: Status) {
        let Some(entry) = self.entries.get_mut(&name) else { return };
        entry.is_followed = true;
        let uid = entry.owner.uid().map(str::to_owned);
        self.following += 1;
        let context = self.context.clone();
        self.errands.spawn(async move {
            let mut status = status;
            let written = caught(status::write(&context.client, &context.counters, &name, &mut status)).await;
            context.counters.followed();
            let followed = match written {
                Ok(Ok(())) => Followed::Written(Box::new(status)),
                Ok(Err(Unwritten::Overtaken)) => Followed::Overtaken(Box::new(status)),
                Ok(Err(Unwritten::Api(error))) => {
                    tracing::debug!(owner = %name, %error, "the status could not follow");
                    Followed::Failed(status.precondition)
                }
                Err(panic) => {
                    tracing::error!(owner = %name, panic, "writing a status panicked; it is tried again");
                    context.measures.of(name.kind.kind).reconciler.panicked();
                    Followed::Failed(status.precondition)
                }
            };
            let _ = context.signals.send(Signal::Followed { name, uid, followed });
        });
    }

    /// A write ended. Nothing else was begun for the owner meanwhile: of two writes under way nobody knows
    /// which one stays.
    pub(super) fn followed(&mut self, name: &OwnerName, uid: Option<&str>, followed: Followed) {
        self.following = self.following.saturating_sub(1);
        let Some(entry) = self.entries.get_mut(name) else {
            self.left(name, |entry| entry.is_followed = false);
            return;
        };
        entry.is_followed = false;
        let now = Instant::now();
        match followed {
            _ if entry.owner.uid() != uid => {}
            Followed::Written(status) => {
                entry.status = *status;
                let (revision, origin) =
                    (&entry.status.last_applied_revision, entry.status.last_applied_origin_revision.as_deref());
                if let Some(revision) = revision.as_ref().filter(|_| name.kind.has_commits) {
                    let message = "Reconciliation finished; nothing of the revision concerns it";
                    self.context.tell_commit_status(&entry.owner, revision, origin, message);
                }
            }
            Followed::Overtaken(status) => entry.is_overtaken(*status, now),
            Followed::Failed(precondition) => {
                entry.status.precondition = precondition;
                let at = now + RETRY;
                entry.follow_at = Some(at);
                self.timers.set(name, at);
            }
        }
        self.consider(name);
    }
}
