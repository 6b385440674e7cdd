//! What is known of each applied object: what was applied, and what a watch saw since.
//!
//! Nothing here holds a copy of an object. What was applied is a digest; what is live is the digest of the entry
//! that our field manager has in `metadata.managedFields`. Whoever changes a field that we own takes it out of that
//! entry, so an object drifted exactly when the entry is not the one that the API gave us back.

mod attention;
mod drift;
#[cfg(test)]
mod gone_tests;
mod known;
mod leaving;
mod mark;
mod objects;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::mpsc;

pub use drift::{Cause, Drift};
pub(crate) use known::Until;
use known::{Applied, Known, Live};
pub(crate) use mark::{LastWrite, Mark, has, is_excluded};
use objects::Objects;

use crate::health::Health;
use crate::object::{ContentDigest, ObjectId};
use crate::owner::Owner;

/// All that is known of the objects of a cluster.
pub(crate) struct Memory {
    objects: Mutex<Objects>,
    drift: mpsc::UnboundedSender<Drift>,
    /// Of how many objects something is kept that nobody applied.
    most: usize,
}

/// How long the parts of an object's name may be together for it to be kept, where there is a bound: no API has longer ones.
const LONGEST_NAME: usize = 2048;

/// What is known of a request that was on its way.
pub(crate) enum Answer {
    /// The object is as the request wanted it.
    Taken(Outcome),
    /// The API did not take it: the object is as it was.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What came of a request that was taken.
pub(crate) struct Outcome {
    pub(crate) content: ContentDigest,
    pub(crate) mark: Mark,
    pub(crate) health: Health,
}

impl Memory {
    pub(crate) fn new(drift: mpsc::UnboundedSender<Drift>) -> Self {
        Self { objects: Mutex::default(), drift, most: usize::MAX }
    }

    /// The same, which keeps something of no more objects than these, whatever watches show.
    pub(crate) fn bounded(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Whether something is kept of what a watch shows of the object.
    fn keeps(&self, objects: &Objects, id: &ObjectId) -> bool {
        let length = || id.kind.len() + id.group.len() + id.namespace.len() + id.name.len();
        self.most == usize::MAX || objects.get(id).is_some() || (objects.len() < self.most && length() <= LONGEST_NAME)
    }

    /// Of how many objects of a list it is remembered that they are there.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `owner` applied exactly this content to the object, and nothing happened to it since.
    pub(crate) fn is_unchanged(&self, id: &ObjectId, owner: &Owner, content: ContentDigest) -> bool {
        let objects = self.objects();
        let Some(Known { applied: Some(applied), under_way: 0, .. }) = objects.get(id) else { return false };
        applied.content == content && *applied.owner == *owner
    }

    /// What a watch last saw of the object, if it exists.
    pub(crate) fn live(&self, id: &ObjectId) -> Option<Mark> {
        match self.objects().get(id)?.live.as_ref()? {
            Live::Present(mark) => Some(mark.clone()),
            Live::Gone { .. } => None,
        }
    }

    /// A request that changes the object is on its way.
    pub(crate) fn begin(&self, id: &ObjectId) {
        self.objects().note(id).under_way += 1;
    }

    /// The request of `owner` that was on its way was answered, or failed.
    pub(crate) fn finish(&self, id: &ObjectId, owner: &Arc<Owner>, answer: Answer) {
        let mut objects = self.objects();
        let known = objects.note(id);
        known.under_way = known.under_way.saturating_sub(1);
        if known.under_way == 0 {
            known.attention.wake();
        }
        let Outcome { content, mark, health } = match answer {
            Answer::Taken(outcome) => outcome,
            Answer::Refused => return self.judge(id, known, None),
            Answer::Unknown => {
                // Whoever asked asks again; whoever else applied the object has to as well.
                if let Some(applied) = known.applied.take_if(|applied| applied.owner != *owner) {
                    self.tell(&applied.owner, id, Cause::Changed { by: None }, None);
                }
                known.applied = None;
                return;
            }
        };
        // Of two owners' writes the later one is there, whichever is answered first; the other owner is told.
        let others = known.applied.as_ref().filter(|applied| applied.owner != *owner);
        let is_overwritten = others.is_some_and(|applied| applied.mark.revision > mark.revision);
        if let Some(loser) = others.map(|applied| if is_overwritten { owner.as_ref() } else { &*applied.owner }) {
            self.tell(loser, id, Cause::Changed { by: None }, None);
        }
        if is_overwritten {
            return;
        }
        known.note_health(mark.revision, health);
        // What it was before says nothing of what it is now: a watch is going to show it.
        known.attention.forget_judged(|revision| revision < mark.revision);
        if known.live.as_ref().is_none_or(|live| live.revision() <= mark.revision) {
            known.live = Some(Live::Present(mark.clone()));
        }
        known.applied = Some(Applied { owner: Arc::clone(owner), content, mark, at: Instant::now() });
        known.left = None;
        self.judge(id, known, None);
    }

    /// The object is no longer one of `owner`, to whom it does not matter any more what happens to it.
    pub(crate) fn forget(&self, id: &ObjectId, owner: &Owner) {
        if let Some(known) = self.objects().get_mut(id) {
            known.applied.take_if(|applied| *applied.owner == *owner);
            known.left.take_if(|left| left.owner == *owner);
        }
    }

    /// A watch saw the object.
    pub(crate) fn see(&self, id: &ObjectId, mark: Mark, last: Option<LastWrite>) {
        let mut objects = self.objects();
        if !self.keeps(&objects, id) {
            return;
        }
        let known = objects.note(id);
        if known.live.as_ref().is_some_and(|live| live.revision() > mark.revision) {
            return;
        }
        known.live = Some(Live::Present(mark));
        self.judge(id, known, last);
    }

    /// A list that was made after `since` has the object. Where it was seen or applied at a later revision before, the cluster
    /// went back, as one does that is restored from a backup: what was known of the object does not hold.
    pub(crate) fn see_listed(&self, id: &ObjectId, mark: Mark, last: Option<LastWrite>, since: Instant) {
        {
            let mut objects = self.objects();
            if !self.keeps(&objects, id) {
                return;
            }
            let known = objects.note(id);
            if known.went_back(mark.revision, since) {
                known.health.take_if(|(revision, _)| *revision > mark.revision);
                known.attention.forget_judged(|revision| revision > mark.revision);
                known.live = Some(Live::Present(mark));
                if let Some(applied) = known.applied.take() {
                    self.tell(&applied.owner, id, Cause::Changed { by: None }, None);
                }
                return self.judge_left(id, known, last.as_ref());
            }
        }
        self.see(id, mark, last);
    }

    /// A watch saw that the object is gone.
    pub(crate) fn see_gone(&self, id: &ObjectId, revision: u64) {
        let mut objects = self.objects();
        let Some(known) = objects.get_mut(id) else { return };
        if known.live.as_ref().is_some_and(|live| live.revision() > revision) {
            return;
        }
        known.live = Some(Live::Gone { revision });
        known.note_missing(revision);
        self.judge(id, known, None);
        if !known.is_needed() {
            objects.remove(id);
        }
    }

    /// A watch listed all objects of a kind after `since`: what was there before and is not among them is gone. What was
    /// applied meanwhile, or is being applied, may have come after the list was made, or may have gone before: that is
    /// for the caller to find out, of each of these objects.
    #[must_use]
    pub(crate) fn see_all(&self, group: &str, kind: &str, seen: &HashSet<ObjectId>, since: Instant) -> Vec<ObjectId> {
        let mut doubtful = Vec::new();
        self.objects().retain(group, kind, |id, known| {
            if seen.contains(id) {
                return true;
            }
            if known.under_way > 0 || known.applied.as_ref().is_some_and(|applied| applied.at >= since) {
                doubtful.push(id.clone());
                return true;
            }
            self.miss(id, known);
            known.is_needed()
        });
        doubtful
    }

    /// Somebody looked for the object, which was last applied at `revision`, and it was not there. Whether that says
    /// something: it does not where the object was applied again meanwhile, or is about to be.
    pub(crate) fn see_missing(&self, id: &ObjectId, revision: u64) -> bool {
        let mut objects = self.objects();
        let Some(known) = objects.get_mut(id) else { return true };
        let is_same = known.applied.as_ref().is_some_and(|applied| applied.mark.revision == revision);
        if known.under_way > 0 || !is_same {
            return false;
        }
        self.miss(id, known);
        if !known.is_needed() {
            objects.remove(id);
        }
        true
    }

    /// An object that was seen is not there any more. Of those that no watch has seen, as they are nobody's, no list says
    /// that.
    fn miss(&self, id: &ObjectId, known: &mut Known) {
        let Some(Live::Present(mark)) = &known.live else { return };
        let revision = mark.revision + 1;
        known.live = Some(Live::Gone { revision });
        known.note_health(revision, Health::not_found());
        self.judge(id, known, None);
    }

    /// Whether the object is one that we applied.
    pub(crate) fn is_applied(&self, id: &ObjectId) -> bool {
        self.objects().get(id).is_some_and(|known| known.applied.is_some())
    }

    /// How many objects there are of which something is known.
    pub(crate) fn len(&self) -> usize {
        self.objects().len()
    }

    /// Tells of a drift if there is one; once, because what was applied is then known not to hold any more.
    fn judge(&self, id: &ObjectId, known: &mut Known, last: Option<LastWrite>) {
        self.judge_left(id, known, last.as_ref());
        let (Some(applied), Some(live)) = (&known.applied, &known.live) else { return };
        if known.under_way > 0 || live.revision() <= applied.mark.revision {
            return;
        }
        let (cause, at) = match live {
            Live::Gone { .. } => (Cause::Deleted, None),
            Live::Present(mark) if mark.fields != applied.mark.fields || mark.intruded => {
                let at = last.as_ref().and_then(|last| last.at);
                (Cause::Changed { by: last.and_then(|last| last.manager) }, at)
            }
            Live::Present(_) => return,
        };
        let owner = Arc::clone(&applied.owner);
        known.applied = None;
        self.tell(&owner, id, cause, at);
    }

    fn tell(&self, owner: &Owner, object: &ObjectId, cause: Cause, at: Option<Timestamp>) {
        let drift =
            Drift { owner: owner.clone(), object: object.clone(), cause, at: at.unwrap_or_else(Timestamp::now) };
        // Nobody listens once the agents stop.
        let _ = self.drift.send(drift);
    }
}
