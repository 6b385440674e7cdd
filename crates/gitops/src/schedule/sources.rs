//! Sources bring content.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Schedule, follow};
use crate::delivery::Concerned;
use crate::owner::OwnerName;
use crate::source::{Artifact, Latest, SourceName};

impl Schedule {
    pub(super) fn source(&mut self, name: SourceName, latest: Option<Latest>) {
        let content = latest.as_ref().and_then(|latest| latest.artifact.clone());
        let before = match latest {
            None => self.sources.remove(&name),
            Some(latest) => self.sources.insert(name.clone(), latest),
        };
        let before = before.and_then(|before| before.artifact);
        let is_same = |content: &Arc<Artifact>| before.as_ref().is_some_and(|before| Arc::ptr_eq(before, content));
        let is_first = before.is_none() && content.is_some();
        let is_news = content.as_ref().is_none_or(|content| !is_same(content));
        let mut concerned = Concerned::default();
        if is_news {
            // Before anything is done about it: nobody deletes what somebody else may describe now.
            concerned = self.context.sharing.news(&name, content.as_ref());
        }
        if let Some(content) = content.filter(|_| is_news) {
            self.follow_after = Instant::now() + follow::PATIENCE;
            self.compare(&name, before, &content);
        }
        self.concern(concerned);
        for user in self.users_of(&name) {
            if let Some(entry) = self.entries.get_mut(&user).filter(|_| is_first) {
                entry.waiting_since = None;
            }
            self.consider(&user);
        }
    }

    /// What a source brought last.
    pub(super) fn content(&self, source: &SourceName) -> Option<Arc<Artifact>> {
        self.sources.get(source)?.artifact.clone()
    }

    pub(super) fn users_of(&self, source: &SourceName) -> Vec<OwnerName> {
        self.entries.iter().filter(|(_, entry)| entry.uses(source)).map(|(name, _)| name.clone()).collect()
    }
}
