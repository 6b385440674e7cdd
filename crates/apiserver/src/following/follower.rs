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

use super::View;

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
}

impl<V: View> Follower<V> {
    pub(super) fn new(store: Store, view: V, progress: watch::Sender<Revision>) -> Self {
        let prefix = view.prefix();
        Self { store, view, prefix, keys: BTreeSet::new(), progress, blind: watch::Sender::new(None) }
    }

    /// Since when it does not see what happens, if it does not.
    pub(super) fn blind(&self) -> watch::Receiver<Option<Instant>> {
        self.blind.subscribe()
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
        for gone in std::mem::take(&mut self.keys).difference(&listed) {
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

    /// Shows the view what happens, until the watch ends.
    async fn take(&mut self, mut watch: Watch) -> Result<(), Error> {
        while let Some(event) = watch.next().await {
            let event = event?;
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
        Ok(())
    }

    /// One thing that a view cannot take in must not keep the rest from it.
    fn show(&mut self, key: &str, value: Option<Bytes>, revision: Revision) {
        if catch_unwind(AssertUnwindSafe(|| self.view.seen(key, value, revision))).is_err() {
            tracing::error!(key, %revision, "what is kept in memory could not take this in");
        }
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
