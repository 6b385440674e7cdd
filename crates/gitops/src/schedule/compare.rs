//! Finds out which owners the new content of a source concerns.

use std::sync::Arc;

use cowherd_tree::{Differences, Reads};

use super::entry::Entry;
use super::{Schedule, Signal};
use crate::owner::OwnerName;
use crate::producer::Inputs;
use crate::source::{Artifact, SourceName};

/// How many owners are compared before the result is told.
const AT_ONCE: usize = 50;

/// What new content of a source is compared with: the renders that may hold for it.
pub(super) struct Comparison {
    before: Option<Arc<Artifact>>,
    content: Arc<Artifact>,
    /// What each render rests on, and whether it holds for the content before.
    renders: Vec<(OwnerName, Arc<Inputs>, bool)>,
}

impl Comparison {
    /// Begins to compare: until [`take_note`] the entries that it concerns wait for what comes of it.
    pub(super) fn begin<'a>(
        users: impl Iterator<Item = (&'a OwnerName, &'a mut Entry)>,
        before: Option<Arc<Artifact>>,
        content: Arc<Artifact>,
    ) -> Self {
        let mut renders = Vec::new();
        for (name, entry) in users {
            let reusable = entry.reusable_inputs().map(|(inputs, digest)| {
                let holds_before = before.as_ref().is_some_and(|before| before.digest == digest);
                (name.clone(), inputs, holds_before)
            });
            entry.comparing = reusable.is_some();
            renders.extend(reusable);
        }
        Self { before, content, renders }
    }

    /// Tells which of the renders hold for the content, some at a time. Blocks the thread.
    pub(super) fn run(&self, mut tell: impl FnMut(Vec<(OwnerName, bool)>)) {
        let differences = self.before.as_ref().and_then(|before| differences(before, &self.content));
        for part in self.renders.chunks(AT_ONCE) {
            let unchanged = part.iter().map(|(name, inputs, holds_before)| {
                let differences = differences.as_ref().filter(|_| *holds_before);
                (name.clone(), is_unchanged(&inputs.reads, differences, &self.content))
            });
            tell(unchanged.collect());
        }
    }
}

/// What a comparison means for an owner.
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

/// Takes note of whether the render of an owner is unchanged in the content of `source`.
pub(super) fn take_note(entry: &mut Entry, source: &SourceName, content: &Artifact, unchanged: bool) -> Outcome {
    entry.comparing = false;
    // It may have been pointed at another source meanwhile.
    if unchanged && entry.uses(source) {
        return Outcome::Holds { follows: entry.move_on(&content.digest, &content.revision) };
    }
    Outcome::Concerned
}

impl Schedule {
    /// Compares what the renders read with the new content, on a thread of its own.
    pub(super) fn compare(&mut self, source: &SourceName, before: Option<Arc<Artifact>>, content: &Arc<Artifact>) {
        let entries = self.entries.iter_mut().map(|(name, entry)| (name, entry.as_mut()));
        let users = entries.filter(|(_, entry)| entry.uses(source));
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
    pub(super) fn compared(&mut self, source: &SourceName, digest: &str, results: Vec<(OwnerName, bool)>) {
        let Some(content) = self.content(source).filter(|content| content.digest == digest) else {
            return;
        };
        let mut any_unchanged = false;
        for (name, unchanged) in results {
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            if let Outcome::Holds { follows } = take_note(entry, source, &content, unchanged) {
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
fn differences(before: &Artifact, content: &Artifact) -> Option<Differences> {
    let differences = Differences::between(before.all.as_ref(), content.all.as_ref()).ok()?;
    let is_same_choice = before.ignore == content.ignore
        && differences.paths().all(|path| path.file_name() != cowherd_source::IGNORE_FILE);
    Some(differences).filter(|_| is_same_choice)
}

/// Whether the content answers all reads as before. What cannot be compared is rendered, and then says what is wrong.
fn is_unchanged(reads: &Reads, differences: Option<&Differences>, content: &Artifact) -> bool {
    let is_elsewhere = differences.is_some_and(|differences| !differences.concern(reads));
    is_elsewhere || reads.unchanged_in(content.tree.as_ref()).unwrap_or(false)
}
