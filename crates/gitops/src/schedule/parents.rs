//! Whether who describes an owner is about to take it away.
//!
//! A commit that takes a Kustomization away often takes away what it was made of, too. Both are seen at once, and what the
//! Kustomization lacks is no mistake then: it is told only when those that describe it were brought to the same revision,
//! and have left it where it is.

use tokio::sync::oneshot;

use super::Schedule;
use super::entry::Entry;
use crate::owner::OwnerName;
use crate::source::SourceName;

/// An owner that cannot be made at its revision, and whoever is to be told once nobody is about to take it away any more.
pub(super) struct Asking {
    name: OwnerName,
    answer: oneshot::Sender<()>,
}

impl Schedule {
    /// Answers at once, or as soon as nobody is about to take the owner away any more.
    pub(super) fn ask(&mut self, name: OwnerName, answer: oneshot::Sender<()>) {
        match self.awaited_parent(&name) {
            Some(parent) => self.asking.entry(parent).or_default().push(Asking { name, answer }),
            // Who asked may not wait any more.
            None => drop(answer.send(())),
        }
    }

    /// Something happened to the owner: those who wait for it are answered, or wait for another one.
    pub(super) fn answer(&mut self, parent: &OwnerName) {
        for Asking { name, answer } in self.asking.remove(parent).unwrap_or_default() {
            if !answer.is_closed() {
                self.ask(name, answer);
            }
        }
    }

    fn awaited_parent(&self, name: &OwnerName) -> Option<OwnerName> {
        let entry = self.entries.get(name)?;
        let (source, digest) = (&entry.settings()?.source, &entry.running.as_ref()?.digest);
        let is_awaited =
            |parent: &OwnerName| self.entries.get(parent).is_some_and(|entry| entry.is_before(source, digest));
        self.context.sharing.parents(name).into_iter().find(is_awaited)
    }
}

impl Entry {
    /// Whether it goes, or is to be brought to this content of the source yet, so that what it describes may be taken away.
    fn is_before(&self, source: &SourceName, digest: &str) -> bool {
        if self.owner.is_deleted() {
            return true;
        }
        if self.is_suspended() || !self.uses(source) {
            return false;
        }
        match (&self.running, &self.last) {
            // It prunes before it waits for health.
            (Some(running), _) => !running.waits || running.digest != digest,
            (None, Some(last)) => last.digest != digest,
            (None, None) => true,
        }
    }
}
