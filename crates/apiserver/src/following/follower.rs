//! Feeding one view.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use bytes::Bytes;
use cowherd_store::{Error, EventKind, ListOptions, Revision, Store, Watch};
use futures::{FutureExt, StreamExt};
use tokio::{sync::watch, time::Instant};

use super::{View, missed::Missed};

/// How many entries are read at once, and bytes of them: they are in memory until the view has seen them.
const PAGE: usize = 100;
const PAGE_SIZE: usize = 1024 * 1024;
/// How long to wait after a failure, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A view, and what it has seen.
pub(super) struct Follower<V> {
    store: Store,
    view: V,
    prefix: String,
    /// The keys that the view knows, so that it is told of those that went unseen.
    keys: BTreeSet<String>,
    progress: watch::Sender<Revision>,
    /// Since when it does not see what happens.
    blind: watch::Sender<Option<Instant>>,
    missed: Missed,
}

impl<V: View> Follower<V> {
    pub(super) fn new(store: Store, view: V, progress: watch::Sender<Revision>) -> Self {
        let prefix = view.prefix();
        Self {
            store,
            view,
            prefix,
            keys: BTreeSet::new(),
            progress,
            blind: watch::Sender::new(None),
            missed: Missed::nothing(),
        }
    }

    /// Since when it does not see what happens, if it does not.
    pub(super) fn blind(&self) -> watch::Receiver<Option<Instant>> {
        self.blind.subscribe()
    }

    /// The keys that it could not take in.
    pub(super) fn missed(&self) -> watch::Receiver<BTreeSet<String>> {
        self.missed.told()
    }

    /// Feeds the view until the store is closed. What is lost on the way, or breaks off, is listed again.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSES.0;
        loop {
            match AssertUnwindSafe(self.follow(&mut pause)).catch_unwind().await {
                Ok(Err(Error::Closed { .. })) => return,
                Ok(Err(error)) => tracing::warn!(prefix = self.prefix, %error, "lost the log, and lists again"),
                // One that is closed says so when it is asked again.
                Ok(Ok(())) => tracing::warn!(prefix = self.prefix, "the log ended; listing again"),
                Err(_) => tracing::error!(prefix = self.prefix, "what follows the log broke off, and lists again"),
            }
            self.blind.send_modify(|since| _ = since.get_or_insert_with(Instant::now));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
            match AssertUnwindSafe(self.list()).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(prefix = self.prefix, %error, "cannot list"),
                Err(_) => tracing::error!(prefix = self.prefix, "a list broke off"),
            }
        }
    }

    /// Shows the view what happens from where it is, until the watch ends.
    async fn follow(&mut self, pause: &mut Duration) -> Result<(), Error> {
        let watch = self.watch().await?;
        // There is a view that is true: a failure from here on is another one.
        *pause = PAUSES.0;
        self.blind.send_replace(None);
        self.take(watch).await
    }

    /// Shows the view everything there is, and what there is no longer.
    pub(super) async fn list(&mut self) -> Result<(), Error> {
        let page_after = |start_after, at| {
            let (limit, size) = (Some(PAGE), Some(PAGE_SIZE));
            ListOptions { start_after, limit, size, at, uncounted: true }
        };
        let mut options = page_after(None, None);
        let mut listed = BTreeSet::new();
        let revision = loop {
            let page = self.store.list(&self.prefix, options).await?;
            let last = page.entries.last().map(|entry| entry.key.clone());
            for entry in page.entries {
                self.show(&entry.key, Some(entry.value), entry.modified);
                listed.insert(entry.key);
            }
            if page.remaining == 0 || last.is_none() {
                break page.revision;
            }
            options = page_after(last, Some(page.revision));
        };
        let known = std::mem::take(&mut self.keys).into_iter().chain(self.missed.keys());
        for gone in known.collect::<BTreeSet<_>>().difference(&listed) {
            self.show(gone, None, revision);
        }
        self.keys = listed;
        self.advance(revision);
        Ok(())
    }

    async fn watch(&self) -> Result<Watch, Error> {
        let from = *self.progress.borrow();
        self.store.watch(&self.prefix, from).await
    }

    /// Shows the view what happens, until the watch ends, and meanwhile again what it could not take in.
    async fn take(&mut self, mut watch: Watch) -> Result<(), Error> {
        loop {
            let event = tokio::select! {
                biased;
                event = watch.next() => event,
                () = self.missed.due() => {
                    self.advance(watch.progress());
                    self.show_missed().await?;
                    continue;
                }
            };
            let Some(event) = event.transpose()? else { return Ok(()) };
            let value = match event.kind {
                EventKind::Put { .. } => Some(event.value),
                EventKind::Delete => None,
            };
            self.show(&event.key, value.clone(), event.revision);
            match value {
                Some(_) => self.keys.insert(event.key),
                None => self.keys.remove(&event.key),
            };
            self.advance(watch.progress());
        }
    }

    /// Shows the view once more what it could not take in, as it was at the revision where the view is: what came later
    /// is what the watch tells next.
    async fn show_missed(&mut self) -> Result<(), Error> {
        let at = *self.progress.borrow();
        for key in self.missed.keys() {
            // Nothing that begins with a key sorts before it.
            let options = ListOptions { limit: Some(1), at: Some(at), uncounted: true, ..ListOptions::default() };
            let first = self.store.list(&key, options).await?.entries.into_iter().next();
            match first.filter(|entry| entry.key == key) {
                Some(entry) => self.show(&key, Some(entry.value), entry.modified),
                None => self.show(&key, None, at),
            }
        }
        self.missed.shown();
        Ok(())
    }

    /// One thing that a view cannot take in must not keep the rest from it. It is kept in mind.
    fn show(&mut self, key: &str, value: Option<Bytes>, revision: Revision) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.view.seen(key, value, revision)));
        match &outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(key, %revision, error, "what is kept in memory cannot have this"),
            Err(_) => tracing::error!(key, %revision, "what is kept in memory could not take this in"),
        }
        self.missed.note(key, matches!(outcome, Ok(Ok(()))));
    }

    /// A view never goes back.
    fn advance(&self, revision: Revision) {
        self.progress.send_if_modified(|reached| {
            let news = *reached < revision;
            *reached = revision.max(*reached);
            news
        });
    }
}
