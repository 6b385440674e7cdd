//! Waits until nobody is about to say, or to do, what a deletion has to wait for.

use std::collections::HashSet;
use std::time::Duration;

use cowherd_apply::Versioned;
use tokio::time::Instant;

use super::super::words::{Silence, Silent};
use super::{Sharing, State};
use crate::owner::OwnerName;
use crate::source::SourceName;

/// How long it has to be quiet: an owner that was just created takes a moment to be noticed.
pub(super) const QUIET: Duration = Duration::from_millis(100);

impl Sharing {
    /// Waits until it is known of everybody who had one of the objects before the process began whether it still
    /// describes it.
    pub(crate) async fn wait_for_doubtful(&self, name: &OwnerName, objects: &[Versioned]) {
        let deadline = Instant::now() + self.patience;
        loop {
            let changed = self.changed.notified();
            let is_doubtful = self.state().claims.of(name).is_doubtful(name, objects.iter().map(|object| &object.id));
            if !is_doubtful || tokio::time::timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }

    /// Waits until nobody else is about to apply something of `source`, and nobody is silent any more who may soon say that
    /// it describes what `pruner` is about to delete; not longer than patience lasts, nor than until `cancelled`.
    pub(crate) async fn wait_for_others(
        &self,
        pruner: &OwnerName,
        source: Option<&SourceName>,
        cancelled: impl Future<Output = ()>,
    ) {
        let waited = tokio::time::timeout(self.patience, self.until_quiet(pruner, source));
        tokio::select! {
            _ = waited => {}
            () = cancelled => {}
        }
    }

    async fn until_quiet(&self, pruner: &OwnerName, source: Option<&SourceName>) {
        loop {
            let changed = self.changed.notified();
            if self.is_quiet(pruner, source) {
                tokio::time::sleep(QUIET).await;
                if self.is_quiet(pruner, source) {
                    return;
                }
                continue;
            }
            changed.await;
        }
    }

    fn is_quiet(&self, pruner: &OwnerName, source: Option<&SourceName>) -> bool {
        let state = self.state();
        let mut before_apply = source.into_iter().flat_map(|source| state.words.before_apply(source));
        let is_before_apply = before_apply.any(|name| state.claims.may_meet(pruner, name, true));
        !is_before_apply && !state.silent_beside(pruner, source).any(|silent| silent.is_short(self.patience))
    }
}

impl State {
    pub(super) fn silent_beside<'a>(
        &'a self,
        pruner: &'a OwnerName,
        source: Option<&'a SourceName>,
    ) -> impl Iterator<Item = Silent> + 'a {
        let parents: HashSet<OwnerName> =
            self.claims.here().describers(pruner, &pruner.as_object().id).into_iter().collect();
        let is_related = move |silent: &Silent| {
            let name = silent.name();
            let shares_source = silent.settings().map(|settings| &settings.source) == source;
            // What another source brings moves nothing here. Where another one is named, or somebody is new, it may.
            let is_beside = || {
                let theirs = self.claims.here().describers(name, &name.as_object().id);
                name.namespace == pruner.namespace
                    || theirs.iter().any(|parent| parent == pruner || parents.contains(parent))
            };
            shares_source || (self.words.is_of_other_spec(name) && is_beside())
        };
        // What is brought to another cluster is nothing of what goes in this one.
        let may_meet =
            move |silent: &Silent| self.claims.may_meet(pruner, silent.name(), silent.silence == Silence::AtWork);
        let others = self.words.silent().filter(move |silent| silent.name() != pruner && may_meet(silent));
        others.filter(|silent| !self.claims.here().is_leaving(&silent.name().as_object().id)).filter(is_related)
    }
}
