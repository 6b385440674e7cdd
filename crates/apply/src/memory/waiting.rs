//! How far objects are, and who waits for news of them.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::Memory;
use crate::health::{Expressions, Health, Judge};
use crate::object::ObjectId;

impl Memory {
    /// A watch saw how far the object is.
    pub(crate) fn see_health(&self, id: &ObjectId, revision: u64, health: Health) {
        self.objects().note(id).note_health(revision, health);
    }

    /// A watch saw that the object does not exist.
    pub(crate) fn see_none(&self, id: &ObjectId, revision: u64) {
        self.objects().note(id).note_missing(revision);
    }

    /// What decides by expressions how far the object is.
    pub(crate) fn judges(&self, id: &ObjectId) -> Vec<Arc<Expressions>> {
        self.objects().get(id).map(|known| known.attention.judges()).unwrap_or_default()
    }

    /// How far the object is, was decided.
    pub(crate) fn see_judged(&self, id: &ObjectId, revision: u64, by: &Arc<Expressions>, health: &Health) {
        self.objects().note(id).attention.note_judged(by, revision, health);
    }

    /// Whoever sees the object has this decide how far it is, from now on.
    pub(crate) fn have_judged(&self, id: &ObjectId, judge: &Judge) {
        self.objects().note(id).attention.have_judged(judge.shared());
    }

    /// How far the object is, by what decides it.
    pub(crate) fn judged(&self, id: &ObjectId, judge: &Judge) -> Option<Health> {
        self.objects().get(id)?.attention.judged(judge.shared()).cloned()
    }

    /// A list that was made after `since` has the object at that revision: what is known of its health at a later one does not
    /// hold where the cluster went back.
    pub(crate) fn doubt_health(&self, id: &ObjectId, revision: u64, since: Instant) {
        let mut objects = self.objects();
        let Some(known) = objects.get_mut(id) else { return };
        let is_settled = known.under_way == 0 && known.applied.as_ref().is_none_or(|applied| applied.at < since);
        known.health.take_if(|(known, _)| is_settled && *known > revision);
        known.attention.forget_judged(|known| is_settled && known > revision);
    }

    /// What is known of the object's health may be old: nobody watched it.
    pub(crate) fn forget_health(&self, id: &ObjectId) {
        if let Some(known) = self.objects().get_mut(id) {
            known.health = None;
            known.attention.forget_judged(|_| true);
        }
    }

    /// How far the object is, as far as that is known.
    pub(crate) fn health(&self, id: &ObjectId) -> Option<Health> {
        self.objects().get(id)?.health.as_ref().map(|(_, health)| health.clone())
    }

    /// The revision of the last apply of the object, once no request for it is on its way; `None` where none is known to
    /// hold.
    pub(crate) async fn settled(&self, id: &ObjectId) -> Option<u64> {
        let waiting = Waiting::new(self, id);
        loop {
            match self.objects().get(id) {
                Some(known) if known.under_way > 0 => {}
                known => return Some(known?.applied.as_ref()?.mark.revision),
            }
            waiting.notify.notified().await;
        }
    }

    /// Wakes `notify` when the health of an object changes.
    pub(crate) fn wait_for<'a>(&self, ids: impl Iterator<Item = &'a ObjectId>, notify: &Arc<Notify>) {
        let mut objects = self.objects();
        for id in ids {
            objects.note(id).attention.wait(notify);
        }
    }

    /// Undoes [`Memory::wait_for`].
    pub(crate) fn wait_no_more<'a>(&self, ids: impl Iterator<Item = &'a ObjectId>, notify: &Arc<Notify>) {
        let mut objects = self.objects();
        for id in ids {
            if let Some(known) = objects.get_mut(id) {
                known.attention.wait_no_more(notify);
            }
        }
    }
}

/// Is woken when something becomes known of the object, as long as it lives.
struct Waiting<'a> {
    memory: &'a Memory,
    id: &'a ObjectId,
    notify: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(memory: &'a Memory, id: &'a ObjectId) -> Self {
        let notify = Arc::new(Notify::new());
        memory.wait_for(std::iter::once(id), &notify);
        Self { memory, id, notify }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.memory.wait_no_more(std::iter::once(self.id), &self.notify);
    }
}
