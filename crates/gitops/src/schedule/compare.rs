//! Finds out which Kustomizations the new content of a source concerns.

use std::sync::Arc;

use super::{Schedule, Signal};
use crate::NamespacedName;
use crate::fetched::Fetched;

/// How many Kustomizations are compared before the result is told.
const AT_ONCE: usize = 50;

impl Schedule {
    /// Compares what the renders read with the new content, on a thread of its own.
    pub(super) fn compare(&mut self, source: &NamespacedName, content: &Arc<Fetched>) {
        let mut to_compare = Vec::new();
        for name in self.users_of(source) {
            let Some(slot) = self.slots.get_mut(&name) else { continue };
            if let Some(reads) = slot.reusable_reads() {
                slot.comparing = true;
                to_compare.push((name, reads));
            } else {
                slot.comparing = false;
            }
        }
        if to_compare.is_empty() {
            return;
        }
        let (source, content, signals) = (source.clone(), content.clone(), self.context.signals.clone());
        self.errands.spawn_blocking(move || {
            for part in to_compare.chunks(AT_ONCE) {
                // What cannot be compared is rendered, and then says what is wrong.
                let unchanged = part
                    .iter()
                    .map(|(name, reads)| (name.clone(), reads.unchanged_in(content.tree.as_ref()).unwrap_or(false)));
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
