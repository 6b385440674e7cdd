//! Who pays attention to an object: those who wait for news of it, and expressions by which somebody has it that decide how
//! far it is. Few objects have any.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use crate::health::{Expressions, Health};

/// Who pays attention to an object.
#[derive(Default)]
pub(super) struct Attention(Option<Box<Attentive>>);

#[derive(Default)]
struct Attentive {
    waiting: Vec<Arc<Notify>>,
    judgments: Vec<Judgment>,
}

/// How far the object is by expressions, as long as somebody has them.
struct Judgment {
    by: Weak<Expressions>,
    health: Option<(u64, Health)>,
}

impl Judgment {
    fn is_by(&self, by: &Arc<Expressions>) -> bool {
        self.by.as_ptr() == Arc::as_ptr(by)
    }
}

impl Attention {
    fn judgments(&self) -> &[Judgment] {
        self.0.as_ref().map(|attentive| &attentive.judgments[..]).unwrap_or_default()
    }

    fn judgments_mut(&mut self) -> &mut [Judgment] {
        self.0.as_mut().map(|attentive| &mut attentive.judgments[..]).unwrap_or_default()
    }

    /// Whether anybody waits for news.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|attentive| !attentive.waiting.is_empty())
    }

    /// Wakes `notify` when there is news.
    pub(super) fn wait(&mut self, notify: &Arc<Notify>) {
        self.0.get_or_insert_default().waiting.push(notify.clone());
    }

    /// Undoes [`Attention::wait`].
    pub(super) fn wait_no_more(&mut self, notify: &Arc<Notify>) {
        let Some(attentive) = &mut self.0 else { return };
        attentive.waiting.retain(|other| !Arc::ptr_eq(other, notify));
        attentive.waiting.shrink_to_fit();
        if attentive.waiting.is_empty() && attentive.judgments.is_empty() {
            self.0 = None;
        }
    }

    /// Tells those who wait that there is news.
    pub(super) fn wake(&self) {
        self.0.iter().flat_map(|attentive| &attentive.waiting).for_each(|notify| notify.notify_one());
    }

    /// Keeps from now on what comes of these expressions, and of no others that nobody has any more.
    pub(super) fn have_judged(&mut self, by: &Arc<Expressions>) {
        let judgments = &mut self.0.get_or_insert_default().judgments;
        judgments.retain(|judgment| judgment.by.strong_count() > 0);
        if !judgments.iter().any(|judgment| judgment.is_by(by)) {
            judgments.push(Judgment { by: Arc::downgrade(by), health: None });
        }
    }

    /// All expressions that are kept.
    pub(super) fn judges(&self) -> Vec<Arc<Expressions>> {
        self.judgments().iter().filter_map(|judgment| judgment.by.upgrade()).collect()
    }

    /// How far the object is by these.
    pub(super) fn judged(&self, by: &Arc<Expressions>) -> Option<&Health> {
        let judgment = self.judgments().iter().find(|judgment| judgment.is_by(by))?;
        judgment.health.as_ref().map(|(_, health)| health)
    }

    /// How far the object is by these at a revision, which those who wait are told if it is news.
    pub(super) fn note_judged(&mut self, by: &Arc<Expressions>, revision: u64, health: &Health) {
        let Some(judgment) = self.judgments_mut().iter_mut().find(|judgment| judgment.is_by(by)) else { return };
        if judgment.health.as_ref().is_some_and(|(known, _)| *known > revision) {
            return;
        }
        let is_news = judgment.health.as_ref().is_none_or(|(_, known)| known != health);
        judgment.health = Some((revision, health.clone()));
        if is_news {
            self.wake();
        }
    }

    /// Forgets how far the object is, where that is of such a revision.
    pub(super) fn forget_judged(&mut self, does_not_hold: impl Fn(u64) -> bool) {
        for judgment in self.judgments_mut() {
            judgment.health.take_if(|(revision, _)| does_not_hold(*revision));
        }
    }
}
