//! What each source has at the moment, for the sources that are made of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Latest, News, SourceName};

/// What each source has at the moment.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<HashMap<SourceName, watch::Sender<Latest>>>>);

impl Shelf {
    /// A source has something else than before, or is gone.
    pub(crate) fn put(&self, news: &News) {
        let mut known = self.known();
        let latest = news.latest.clone().unwrap_or_default();
        match known.get(&news.source) {
            Some(sender) => drop(sender.send_replace(latest)),
            None if news.latest.is_some() => drop(known.insert(news.source.clone(), watch::Sender::new(latest))),
            None => {}
        }
        if news.latest.is_none() && known.get(&news.source).is_some_and(|sender| sender.receiver_count() == 0) {
            known.remove(&news.source);
        }
    }

    /// What the source has from now on. Of one that nobody has heard of that is nothing.
    pub(crate) fn follow(&self, source: &SourceName) -> watch::Receiver<Latest> {
        let mut known = self.known();
        // Of what is named and does not come, nothing stays once nobody asks for it any more.
        known.retain(|_, sender| sender.receiver_count() > 0 || sender.borrow().is_something());
        known.entry(source.clone()).or_insert_with(|| watch::Sender::new(Latest::default())).subscribe()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SourceName, watch::Sender<Latest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Artifact, git};

    fn brought(name: &str, revision: &str) -> News {
        let artifact = Artifact { revision: revision.to_owned(), ..Artifact::nothing() };
        News { source: SourceName::new(git::KIND, "n", name), latest: Some(Latest::of(artifact)) }
    }

    fn revision(seen: &watch::Receiver<Latest>) -> Option<String> {
        seen.borrow().artifact.as_ref().map(|artifact| artifact.revision.clone())
    }

    #[test]
    fn whoever_is_made_of_a_source_sees_what_it_has_whoever_came_first() {
        let shelf = Shelf::default();
        let source = brought("s", "1").source;
        let early = shelf.follow(&source);
        assert_eq!(revision(&early), None);
        shelf.put(&brought("s", "1"));
        let late = shelf.follow(&source);
        assert_eq!((revision(&early), revision(&late)), (Some("1".to_owned()), Some("1".to_owned())));
        assert!(early.has_changed().unwrap() && !late.has_changed().unwrap());
        shelf.put(&News { source: source.clone(), latest: None });
        assert_eq!(revision(&late), None);
        shelf.put(&brought("s", "2"));
        assert_eq!(revision(&late), Some("2".to_owned()), "it is there again");
    }

    #[test]
    fn what_is_named_and_never_comes_costs_nothing() {
        let shelf = Shelf::default();
        for name in 0..100 {
            drop(shelf.follow(&SourceName::new(git::KIND, "n", name.to_string())));
        }
        shelf.put(&brought("s", "1"));
        drop(shelf.follow(&SourceName::new(git::KIND, "n", "last")));
        assert!(shelf.known().len() <= 2, "{}", shelf.known().len());
    }
}
