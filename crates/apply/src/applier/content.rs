//! What an object says besides who describes which of its fields, which is all that a takeover changes of most.

use serde_json::Value;

use super::prepare::Work;
use super::{Applier, Desired};
use crate::cluster::Kind;
use crate::diff::without_bookkeeping;
use crate::object::ContentDigest;

impl Applier {
    /// What the object says that is there. Of one that is known to be as it was applied nobody asks: what is applied next says
    /// something else. `None` also where the account may not look.
    pub(super) async fn content_before(&self, desired: &Desired, kind: &Kind, work: &Work) -> Option<ContentDigest> {
        if self.inner.memory.is_applied(work.id()) {
            return None;
        }
        let _permit = self.inner.requests.acquire().await;
        let found = self.inner.cluster.get(kind, work.id(), desired.account.as_ref()).await;
        found.ok().flatten().map(content)
    }
}

/// The identity of what an object says, but for what the API and its controllers write of it.
pub(super) fn content(object: Value) -> ContentDigest {
    ContentDigest::of(&without_bookkeeping(object))
}
