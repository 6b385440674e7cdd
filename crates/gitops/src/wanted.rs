//! The sources that owners of this shard use: those of other shards are fetched for them alone.

use std::collections::HashSet;

use tokio::sync::watch;

use crate::source::SourceName;

/// The sources that were named so far.
#[derive(Debug, Default)]
pub(crate) struct Wanted(watch::Sender<HashSet<SourceName>>);

impl Wanted {
    /// An owner names the source.
    pub(crate) fn note(&self, source: &SourceName) {
        self.0.send_if_modified(|known| !known.contains(source) && known.insert(source.clone()));
    }

    /// Waits until an owner names the source.
    pub(crate) async fn until(&self, source: &SourceName) {
        let mut known = self.0.subscribe();
        // The sender lives as long as this does.
        let _ = known.wait_for(|known| known.contains(source)).await;
    }
}
