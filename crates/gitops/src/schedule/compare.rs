//! Finds out which Kustomizations the new content of a source concerns.

use std::sync::Arc;

use cowherd_tree::{Differences, Reads};

use super::{Schedule, Signal};
use crate::NamespacedName;
use crate::fetched::Fetched;

/// How many Kustomizations are compared before the result is told.
const AT_ONCE: usize = 50;

impl Schedule {
    /// Compares what the renders read with the new content, on a thread of its own.
    pub(super) fn compare(&mut self, source: &NamespacedName, before: Option<Arc<Fetched>>, content: &Arc<Fetched>) {
        let mut to_compare = Vec::new();
        for name in self.users_of(source) {
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            let reusable = slot.reusable_basis().map(|(basis, digest)| {
                let holds_before = before.as_ref().is_some_and(|before| before.digest == digest);
                (basis, holds_before)
            });
            slot.comparing = reusable.is_some();
            to_compare.extend(reusable.map(|(basis, holds_before)| (name, basis, holds_before)));
        }
        if to_compare.is_empty() {
            return;
        }
        let (source, content, signals) = (source.clone(), content.clone(), self.context.signals.clone());
        self.errands.spawn_blocking(move || {
            let differences = before.and_then(|before| differences(&before, &content));
            for part in to_compare.chunks(AT_ONCE) {
                let unchanged = part.iter().map(|(name, basis, holds_before)| {
                    let differences = differences.as_ref().filter(|_| *holds_before);
                    (name.clone(), is_unchanged(&basis.reads, differences, &content))
                });
                let (source, digest) = (source.clone(), content.digest.clone());
                let _ = signals.send(Signal::Compared { source, digest, results: unchanged.collect() });
            }
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
            slot.comparing = false;
            // It may have been pointed at another source meanwhile.
            let same_source = slot.settings.as_ref().is_ok_and(|settings| settings.source == *source);
            if unchanged && same_source {
                any_unchanged = true;
                if slot.move_on(&content.digest, &content.revision) {
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
