//! What has to hold of an object for its status to be written over: that it is the same, and that the status is ours.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

/// How many writes whose answers were lost are remembered.
const LOST: usize = 8;

/// Which statuses of an object are ours, and when one was seen last. All of them are in the words of its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Precondition {
    /// Whose status it is.
    pub(crate) uid: Option<String>,
    /// The resource version at which the object was seen last with a status of ours; nothing where that is not known.
    pub(crate) version: Option<String>,
    /// The status that was found last, and those that were sent since without an answer.
    ours: Vec<Print>,
}

/// What a status is known by when it is seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print(u64);

impl Print {
    /// That of a status. One that cannot be written is like no other.
    fn of(status: &impl Serialize) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        serde_json::to_vec(status).ok()?.hash(&mut hasher);
        Some(Self(hasher.finish()))
    }
}

impl Precondition {
    /// That of an object that was found at this version with this status.
    pub(crate) fn found(uid: Option<&str>, version: Option<&str>, status: &impl Serialize) -> Self {
        Self {
            uid: uid.map(str::to_owned),
            version: version.map(str::to_owned),
            ours: Print::of(status).into_iter().collect(),
        }
    }

    /// Whether the status is the one that was found last, or was sent since.
    pub(crate) fn is_ours(&self, status: &impl Serialize) -> bool {
        Print::of(status).is_some_and(|print| self.ours.contains(&print))
    }

    /// The object was seen at that version with that status. Where that is ours, somebody wrote something else of it.
    pub(crate) fn see<S: Serialize>(&mut self, version: Option<&str>, status: impl FnOnce() -> S) {
        if self.version.as_deref() != version && self.is_ours(&status()) {
            self.version = version.map(str::to_owned);
        }
    }

    /// A status is sent.
    pub(crate) fn sends(&mut self, status: &impl Serialize) {
        let Some(print) = Print::of(status) else { return };
        self.ours.retain(|known| *known != print);
        self.ours.push(print);
        // Of those whose answers were lost, the oldest after the one that was found.
        if self.ours.len() > LOST {
            self.ours.remove(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_what_was_found_last_and_what_may_have_been_written_since() {
        let mut precondition = Precondition::found(None, Some("10"), &"1");
        assert!(precondition.is_ours(&"1") && !precondition.is_ours(&"2"));
        precondition.sends(&"2");
        precondition.sends(&"3");
        assert!(["1", "2", "3"].iter().all(|status| precondition.is_ours(status)), "no answer came");
        for lost in 0..100 {
            precondition.sends(&format!("lost {lost}"));
        }
        assert!(precondition.is_ours(&"1") && precondition.is_ours(&"lost 99") && !precondition.is_ours(&"2"));
        assert_eq!(precondition.ours.len(), LOST);
    }

    #[test]
    fn an_object_may_be_another_as_long_as_its_status_is_ours() {
        let mut precondition = Precondition::found(None, Some("10"), &"1");
        precondition.see(Some("11"), || "1");
        assert_eq!(precondition.version.as_deref(), Some("11"));
        precondition.see(Some("12"), || "2");
        assert_eq!(precondition.version.as_deref(), Some("11"), "somebody else's is not written over");
    }
}
