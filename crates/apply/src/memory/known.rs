//! What is known of one object.

use std::sync::Arc;
use std::time::Instant;

use super::attention::Attention;
use super::mark::Mark;
use crate::health::Health;
use crate::object::ContentDigest;
use crate::owner::Owner;

/// What was applied to an object.
pub(super) struct Applied {
    pub(super) owner: Arc<Owner>,
    pub(super) content: ContentDigest,
    pub(super) mark: Mark,
    pub(super) at: Instant,
}

/// What a watch saw of an object.
pub(super) enum Live {
    Present(Mark),
    Gone { revision: u64 },
}

/// Whose an object is that is not applied for now, because it asks for that.
pub(super) struct Left {
    pub(super) owner: Owner,
    pub(super) until: Until,
}

/// How long an object is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until it does not ask for it any more.
    Asked,
    /// Until it is gone.
    Gone,
}

/// What is known of one object.
#[derive(Default)]
pub(super) struct Known {
    /// What we applied last; gone as soon as it is known not to hold any more.
    pub(super) applied: Option<Applied>,
    /// Who leaves it as it is for now.
    pub(super) left: Option<Box<Left>>,
    pub(super) live: Option<Live>,
    /// How many of our own requests are on their way: until they are answered, what a watch sees may be ours.
    pub(super) under_way: u32,
    pub(super) health: Option<(u64, Health)>,
    pub(super) attention: Attention,
}

impl Live {
    pub(super) fn revision(&self) -> u64 {
        match self {
            Self::Present(mark) => mark.revision,
            Self::Gone { revision } => *revision,
        }
    }
}

impl Known {
    /// Whether anybody asks for the object, be it there or not.
    pub(super) fn is_needed(&self) -> bool {
        self.applied.is_some() || self.left.is_some() || self.under_way > 0 || self.attention.is_awaited()
    }

    /// Whether the object, which a list that was made after `since` has at that revision, was later before. What is applied
    /// meanwhile may be later than the list.
    pub(super) fn went_back(&self, revision: u64, since: Instant) -> bool {
        let is_settled = self.under_way == 0 && self.applied.as_ref().is_none_or(|applied| applied.at < since);
        let applied = self.applied.as_ref().map(|applied| applied.mark.revision);
        is_settled && self.live.as_ref().map(Live::revision).max(applied).is_some_and(|known| known > revision)
    }

    /// The object does not exist: nobody decides otherwise.
    pub(super) fn note_missing(&mut self, revision: u64) {
        self.note_health(revision, Health::not_found());
        let judges = self.attention.judges();
        judges.iter().for_each(|by| self.attention.note_judged(by, revision, &Health::not_found()));
    }

    /// How far the object was at a revision.
    pub(super) fn note_health(&mut self, revision: u64, health: Health) {
        if self.health.as_ref().is_some_and(|(known, _)| *known > revision) {
            return;
        }
        let changed = self.health.as_ref().is_none_or(|(_, known)| *known != health);
        self.health = Some((revision, health));
        if changed {
            self.attention.wake();
        }
    }
}
