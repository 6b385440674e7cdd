//! Finds out which Kustomizations the new content of a source concerns.

use std::sync::Arc;

use cowherd_tree::{Differences, Reads};

use super::slot::Slot;
use super::{Schedule, Signal};
use crate::NamespacedName;
use crate::basis::Basis;
use crate::fetched::Fetched;

/// How many Kustomizations are compared before the result is told.
const AT_ONCE: usize = 50;

/// What new content of a source is compared with: the renders that may hold for it.
pub(super) struct Comparison {
    before: Option<Arc<Fetched>>,
    content: Arc<Fetched>,
    /// What each render rests on, and whether it holds for the content before.
    renders: Vec<(NamespacedName, Arc<Basis>, bool)>,
}

impl Comparison {
    /// Begins to compare: until [`take_note`] the slots that it concerns wait for what comes of it.
    pub(super) fn begin<'a>(
        users: impl Iterator<Item = (&'a NamespacedName, &'a mut Slot)>,
        before: Option<Arc<Fetched>>,
        content: Arc<Fetched>,
    ) -> Self {
        let mut renders = Vec::new();
        for (name, slot) in users {
            let reusable = slot.reusable_basis().map(|(basis, digest)| {
                let holds_before = before.as_ref().is_some_and(|before| before.digest == digest);
                (name.clone(), basis, holds_before)
            });
            slot.comparing = reusable.is_some();
            renders.extend(reusable);
        }
        Self { before, content, renders }
    }

    /// Tells which of the renders hold for the content, some at a time. Blocks the thread.
    pub(super) fn run(&self, mut tell: impl FnMut(Vec<(NamespacedName, bool)>)) {
        let differences = self.before.as_ref().and_then(|before| differences(before, &self.content));
        for part in self.renders.chunks(AT_ONCE) {
            let unchanged = part.iter().map(|(name, basis, holds_before)| {
                let differences = differences.as_ref().filter(|_| *holds_before);
                (name.clone(), is_unchanged(&basis.reads, differences, &self.content))
            });
            tell(unchanged.collect());
        }
    }
}

/// What a comparison means for a Kustomization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has to be looked at.
    Concerned,
    /// Its render holds for the content.
    Holds {
        /// Whether its status has to follow to the revision.
        follows: bool,
    },
}

/// Takes note of whether the render of a Kustomization is unchanged in the content of `source`.
pub(super) fn take_note(slot: &mut Slot, source: &NamespacedName, content: &Fetched, unchanged: bool) -> Outcome {
    slot.comparing = false;
    // It may have been pointed at another source meanwhile.
    if unchanged && slot.uses(source) {
        return Outcome::Holds { follows: slot.move_on(&content.digest, &content.revision) };
    }
    Outcome::Concerned
}

impl Schedule {
    /// Compares what the renders read with the new content, on a thread of its own.
    pub(super) fn compare(&mut self, source: &NamespacedName, before: Option<Arc<Fetched>>, content: &Arc<Fetched>) {
        let users = self.slots.iter_mut().filter(|(_, slot)| slot.uses(source));
        let comparison = Comparison::begin(users, before, content.clone());
        if comparison.renders.is_empty() {
            return;
        }
        let (source, signals) = (source.clone(), self.context.signals.clone());
        self.errands.spawn_blocking(move || {
            comparison.run(|results| {
                let (source, digest) = (source.clone(), comparison.content.digest.clone());
                let _ = signals.send(Signal::Compared { source, digest, results });
            });
        });
    }

    /// Takes note of a comparison, unless the source moved on meanwhile.
    pub(super) fn compared(&mut self, source: &NamespacedName, digest: &str, results: Vec<(NamespacedName, bool)>) {
        let Some(content) = self.sources.get(source).filter(|content| content.digest == digest).cloned() else {
            return;
        };
        let mut any_unchanged = false;
        for (name, unchanged) in results {
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            if let Outcome::Holds { follows } = take_note(slot, source, &content, unchanged) {
                any_unchanged = true;
                if follows {
                    self.to_follow.push_back(name.clone());
                }
            }
            self.consider(&name);
        }
        if any_unchanged {
            self.consider_blocked();
        }
    }
}

/// Where two contents differ; `None` where what is left out of them may differ too.
fn differences(before: &Fetched, content: &Fetched) -> Option<Differences> {
    let differences = Differences::between(before.all.as_ref(), content.all.as_ref()).ok()?;
    let is_same_choice = before.ignore == content.ignore
        && differences.paths().all(|path| path.file_name() != cowherd_source::IGNORE_FILE);
    Some(differences).filter(|_| is_same_choice)
}

/// Whether the content answers all reads as before. What cannot be compared is rendered, and then says what is wrong.
fn is_unchanged(reads: &Reads, differences: Option<&Differences>, content: &Fetched) -> bool {
    let is_elsewhere = differences.is_some_and(|differences| !differences.concern(reads));
    is_elsewhere || reads.unchanged_in(content.tree.as_ref()).unwrap_or(false)
}
