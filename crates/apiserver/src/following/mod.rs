//! What the server keeps in memory beside the store follows from the store's log, whoever wrote it.
//!
//! Each [`View`] is fed by a task that lists what there is and then watches from that revision. It is fed the same on
//! every server over the store, so a request does nothing for it but to wait, where its answer depends on it, until the
//! view is where the request has written ([`Following::reached`]).

mod follower;
mod missed;

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use cowherd_store::{Change, Changed, Error, Revision, Store};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use follower::Follower;

/// How long a request waits for a view at most. What it wrote is stored; it only is not seen yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// For how long a view may be without the log before that is told.
const BLIND: Duration = Duration::from_secs(3);

/// How many keys are named that a view could not take in.
const NAMED: usize = 3;

/// What the server keeps in memory of a part of the store.
pub trait View: Send + Sync + 'static {
    /// What the keys begin with that it is made of.
    fn prefix(&self) -> String;

    /// The key has this value since that revision; without a value, it is gone. Told in the order of the log, but for
    /// what changed while the view had lost it: then each key is told as it is now, once. May be told again what it knows.
    ///
    /// # Errors
    ///
    /// Why the view cannot be what the log says of the key. It is told of the key again until it can, and until then the
    /// server is not ready; the same where it panics.
    fn seen(&mut self, key: &str, value: Option<Bytes>, revision: Revision) -> Result<(), String>;
}

/// The views of a server, and how far they are.
#[derive(Debug)]
pub struct Following {
    store: Store,
    closing: CancellationToken,
    views: Vec<Position>,
}

/// How far a view is.
#[derive(Debug)]
struct Position {
    prefix: String,
    reached: watch::Receiver<Revision>,
    blind: watch::Receiver<Option<Instant>>,
    missed: watch::Receiver<BTreeSet<String>>,
}

impl Position {
    /// What keeps the view from what is stored, if anything does.
    fn trouble(&self) -> Option<String> {
        let prefix = &self.prefix;
        // Whoever feeds it is gone.
        if self.reached.has_changed().is_err() {
            return Some(format!("what is kept in memory of {prefix} follows the store no more"));
        }
        let blind = self.blind.borrow().filter(|since| since.elapsed() >= BLIND);
        if let Some(since) = blind {
            let seconds = since.elapsed().as_secs();
            return Some(format!("what is kept in memory of {prefix} has not followed the store for {seconds} s"));
        }
        let missed = self.missed.borrow();
        (!missed.is_empty()).then(|| {
            let keys = cowherd_text::listed(missed.iter().map(|key| cowherd_text::harmless(key)), NAMED);
            format!("what is kept in memory could not take in {keys}; the log says why, and it is tried again")
        })
    }
}

impl Following {
    /// No views yet, of this store, until the token is cancelled.
    pub fn new(store: Store, closing: CancellationToken) -> Self {
        Self { store, closing, views: Vec::new() }
    }

    /// Feeds the view from here on. It has seen everything that is stored when this returns.
    pub async fn follow(&mut self, view: impl View) -> Result<(), Error> {
        let (progress, reached) = watch::channel(Revision::default());
        let prefix = view.prefix();
        let mut follower = Follower::new(self.store.clone(), view, progress);
        follower.list().await?;
        self.views.push(Position { prefix, reached, blind: follower.blind(), missed: follower.missed() });
        tokio::spawn(self.closing.clone().run_until_cancelled_owned(follower.run()));
        Ok(())
    }

    /// Whether all that is kept in memory follows what is stored.
    pub fn check(&self) -> Result<(), String> {
        self.views.iter().find_map(Position::trouble).map_or(Ok(()), Err)
    }

    /// Waits until the views of the key have seen what was written to it at that revision.
    pub async fn reached(&self, key: &str, revision: Revision) {
        for view in self.views.iter().filter(|view| key.starts_with(&view.prefix)) {
            let mut position = view.reached.clone();
            let there = position.wait_for(|reached| *reached >= revision);
            // A view that is gone is one of a server that closes.
            if tokio::time::timeout(PATIENCE, there).await.is_err() {
                tracing::warn!(key, %revision, "what is kept in memory is behind the store");
            }
        }
    }

    /// Waits until the views have seen what came of these changes.
    pub async fn reached_all(&self, keys: impl IntoIterator<Item = String>, done: &[Changed]) {
        for (key, changed) in keys.into_iter().zip(done) {
            if let Some(revision) = changed.revision {
                self.reached(&key, revision).await;
            }
        }
    }
}

/// The keys of changes.
pub fn keys(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.key.clone()).collect()
}

#[cfg(test)]
mod tests;
