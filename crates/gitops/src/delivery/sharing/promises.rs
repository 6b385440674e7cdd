//! Objects that are about to be given to another owner.
//!
//! Between the moment at which it is known that an owner describes an object and the one at which the object is marked as its own,
//! that owner may come to describe something else, or go. So the object counts as given before it is marked, and the owner waits
//! for who is about to do that before it looks at what it has.

use cowherd_apply::Versioned;
use tokio::time::{Instant, timeout_at};

use super::Sharing;
use crate::owner::OwnerName;

/// That an object is about to be an owner's.
pub(in crate::delivery) struct Promise<'a> {
    sharing: &'a Sharing,
    heir: &'a OwnerName,
    object: &'a Versioned,
}

impl Promise<'_> {
    /// It turned out that the object cannot be the owner's.
    pub(in crate::delivery) fn take_back(self) {
        let mut state = self.sharing.state();
        if let Some(given) = state.given.get_mut(self.heir) {
            given.retain(|object| object != self.object);
        }
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        let mut state = self.sharing.state();
        if let Some(count) = state.promised.get_mut(self.heir) {
            *count -= 1;
            if *count == 0 {
                state.promised.remove(self.heir);
            }
        }
        drop(state);
        self.sharing.changed.notify_waiters();
    }
}

impl Sharing {
    /// The object is about to be marked as one of `heir`, unless that describes it no more.
    pub(in crate::delivery) fn promise<'a>(
        &'a self,
        heir: &'a OwnerName,
        object: &'a Versioned,
    ) -> Option<Promise<'a>> {
        let mut state = self.state();
        if !state.claims.of(heir).describing(&object.id).contains(heir) {
            return None;
        }
        state.given.entry(heir.clone()).or_default().push(object.clone());
        *state.promised.entry(heir.clone()).or_default() += 1;
        Some(Promise { sharing: self, heir, object })
    }

    /// Whether somebody was given what it did not look at yet, or has left something behind: nobody else knows that.
    #[cfg(test)]
    pub(crate) fn knows_what_is_not_written(&self) -> bool {
        let state = self.state();
        !state.remains.is_empty() || state.given.values().any(|given| !given.is_empty())
    }

    /// What others gave to `name` since it last asked, when all who are about to have done so, or patience ends.
    pub(crate) async fn take_given(&self, name: &OwnerName) -> Vec<Versioned> {
        let deadline = Instant::now() + self.patience;
        loop {
            let changed = self.changed.notified();
            let is_promised = self.state().promised.contains_key(name);
            if !is_promised || timeout_at(deadline, changed).await.is_err() {
                return self.state().given.remove(name).unwrap_or_default();
            }
        }
    }
}
