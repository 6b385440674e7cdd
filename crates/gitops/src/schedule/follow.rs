//! Lets the status of Kustomizations follow to a revision that does not concern them, once those that it does concern
//! are done.

use std::time::Duration;

use cowherd_api::flux::kustomize::v1::KustomizationStatus;
use kube::ResourceExt;
use tokio::time::Instant;

use super::{Schedule, Signal};
use crate::NamespacedName;
use crate::kustomization::status;

/// How many writes are under way at once: few, so that they are in nobody's way.
const AT_ONCE: usize = 4;
/// How long the writes wait at most for those that are concerned.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long after a failed write it is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Schedule {
    /// Starts writes, as far as they are in nobody's way.
    pub(super) fn follow(&mut self) {
        if self.to_follow.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_busy = self.slots.values().any(|slot| slot.running.as_ref().is_some_and(|running| !running.waits));
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
    fn following_status(&self, name: &NamespacedName) -> Option<KustomizationStatus> {
        let slot = self.slots.get(name)?;
        let last = slot.last.as_ref().filter(|_| slot.has_to_follow())?;
        let mut status = slot.status.clone();
        status::succeeded(&mut status, &slot.object, &last.revision);
        Some(status)
    }

    fn write_following(&mut self, name: NamespacedName, status: KustomizationStatus) {
        let Some(slot) = self.slots.get_mut(&name) else { return };
        slot.is_followed = true;
        let uid = slot.object.uid();
        self.following += 1;
        let context = self.context.clone();
        self.errands.spawn(async move {
            let written = status::write(&context.client, &context.counters, &name, &status).await;
            if let Err(error) = &written {
                tracing::debug!(kustomization = %name, %error, "the status could not follow");
            }
            context.counters.followed();
            let status = written.is_ok().then(|| Box::new(status));
            let _ = context.signals.send(Signal::Followed { name, uid, status });
        });
    }

    /// A write ended. Nothing else was begun for the Kustomization meanwhile: of two writes under way nobody knows
    /// which one stays.
    pub(super) fn followed(
        &mut self,
        name: &NamespacedName,
        uid: Option<&str>,
        status: Option<Box<KustomizationStatus>>,
    ) {
        self.following = self.following.saturating_sub(1);
        let Some(slot) = self.slots.get_mut(name) else {
            self.left(name, |slot| slot.is_followed = false);
            return;
        };
        slot.is_followed = false;
        match status {
            _ if slot.object.uid().as_deref() != uid => {}
            Some(status) => slot.status = *status,
            None => {
                let at = Instant::now() + RETRY;
                slot.follow_at = Some(at);
                self.timers.set(name, at);
            }
        }
        self.consider(name);
    }
}
