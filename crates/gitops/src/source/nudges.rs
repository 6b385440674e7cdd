//! What one says to the task of a source, and what that says to those who use the source otherwise than by its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::SourceName;

/// The sources that somebody minds.
#[derive(Clone, Default)]
pub(crate) struct Nudges(Arc<Mutex<HashMap<SourceName, Minded>>>);

/// A source that somebody minds.
#[derive(Default)]
struct Minded {
    /// Counts how often it was said that there is something else.
    looks: watch::Sender<u64>,
    /// The generation of its spec, where there is such a source.
    spec: watch::Sender<Option<i64>>,
}

impl Minded {
    fn is_minded(&self) -> bool {
        self.looks.receiver_count() + self.spec.receiver_count() > 0
    }
}

impl Nudges {
    /// Has a source looked at before that is due, since somebody here has changed it; if there is such a one.
    pub(crate) fn nudge(&self, source: &SourceName) {
        if let Some(minded) = self.known().get(source) {
            minded.looks.send_modify(|times| *times += 1);
        }
    }

    /// Is told when the source has something else from now on.
    pub(super) fn follow(&self, source: &SourceName) -> watch::Receiver<u64> {
        let mut known = self.known();
        known.retain(|_, minded| minded.is_minded());
        known.entry(source.clone()).or_default().looks.subscribe()
    }

    /// The source says this generation.
    pub(super) fn note(&self, source: &SourceName, generation: Option<i64>) {
        if let Some(minded) = self.known().get(source) {
            minded.spec.send_if_modified(|known| std::mem::replace(known, generation) != generation);
        }
    }

    /// Completes when the source says something else than before from now on.
    pub(crate) fn respecified(&self, source: &SourceName) -> impl Future<Output = ()> + Send + use<> {
        let mut known = self.known();
        known.retain(|_, minded| minded.is_minded());
        let mut spec = known.entry(source.clone()).or_default().spec.subscribe();
        async move {
            if spec.changed().await.is_err() {
                // Whom it is followed by holds it.
                std::future::pending::<()>().await;
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SourceName, Minded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::source::git;

    #[test]
    fn who_minds_a_source_is_told_of_its_spec_and_its_task_of_pushes() {
        let (nudges, source) = (Nudges::default(), SourceName::new(git::KIND, "n", "s"));
        nudges.nudge(&source);
        let looks = nudges.follow(&source);
        nudges.note(&source, Some(1));
        let mut changed = Box::pin(nudges.respecified(&source));
        nudges.note(&source, Some(1));
        assert!(changed.as_mut().now_or_never().is_none() && !looks.has_changed().unwrap());
        nudges.note(&source, Some(2));
        nudges.nudge(&source);
        assert!(changed.as_mut().now_or_never().is_some() && looks.has_changed().unwrap());
        drop((looks, changed));
        drop(nudges.follow(&SourceName::new(git::KIND, "n", "other")));
        assert!(nudges.known().len() <= 1);
    }
}
