//! The past reconciliations of an owner.

use serde::{Deserialize, Serialize};

use crate::Authorship;

/// How many past reconciliations a status tells of.
const LENGTH: usize = 5;

/// A past reconciliation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reconciliation {
    /// The identity of the manifests.
    pub(crate) digest: String,
    /// When it was first and last tried.
    pub(crate) first: String,
    pub(crate) last: String,
    /// How long it took, as Go writes it.
    pub(crate) took: String,
    /// The reason of the Ready condition that it ended with.
    pub(crate) reason: String,
    /// How often it was tried.
    pub(crate) total: i64,
    /// What was last brought so.
    pub(crate) revision: Option<String>,
    /// From which revision that was made.
    pub(crate) origin: Option<String>,
    /// The revision that brought these manifests, where those that came after it changed nothing of them.
    pub(crate) since: Option<String>,
    /// Who wrote the revision that brought them.
    pub(crate) authorship: Option<Authorship>,
}

/// The last reconciliations of an owner, the newest first. They are many small texts that are kept of each of thousands of
/// owners and looked at when one more comes, so they are packed into one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History(Box<[u8]>);

/// A reconciliation as it is packed.
#[derive(Serialize, Deserialize)]
struct Packed(
    String,
    String,
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<(String, String)>,
);

impl From<Reconciliation> for Packed {
    fn from(of: Reconciliation) -> Self {
        let Reconciliation { digest, first, last, took, reason, total, revision, origin, since, authorship } = of;
        let authorship = authorship.map(|Authorship { author, subject }| (author, subject));
        Self(digest, first, last, took, reason, total, revision, origin, since, authorship)
    }
}

impl From<Packed> for Reconciliation {
    fn from(packed: Packed) -> Self {
        let Packed(digest, first, last, took, reason, total, revision, origin, since, authorship) = packed;
        let authorship = authorship.map(|(author, subject)| Authorship { author, subject });
        Self { digest, first, last, took, reason, total, revision, origin, since, authorship }
    }
}

impl History {
    /// The reconciliations, the newest first.
    pub(crate) fn read(&self) -> Vec<Reconciliation> {
        // It is what we wrote, or nothing.
        let packed: Vec<Packed> = serde_json::from_slice(&self.0).unwrap_or_default();
        packed.into_iter().map(Reconciliation::from).collect()
    }

    /// Adds a reconciliation that came after all others.
    pub(crate) fn add(&mut self, newest: Reconciliation, mut others: Vec<Reconciliation>) {
        others.truncate(LENGTH - 1);
        *self = [newest].into_iter().chain(others).collect();
    }
}

impl FromIterator<Reconciliation> for History {
    fn from_iter<I: IntoIterator<Item = Reconciliation>>(all: I) -> Self {
        let packed: Vec<Packed> = all.into_iter().map(Packed::from).collect();
        if packed.is_empty() {
            return Self::default();
        }
        // Texts and numbers can always be written.
        Self(serde_json::to_vec(&packed).unwrap_or_default().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_it_was_and_the_oldest_is_forgotten() {
        let one = |digest: &str| Reconciliation {
            digest: digest.to_owned(),
            first: "\u{0}\"ü".to_owned(),
            total: 7,
            revision: Some("r".to_owned()),
            since: Some(String::new()),
            authorship: Some(Authorship { author: "Ada".to_owned(), subject: "x\n".to_owned() }),
            ..Reconciliation::default()
        };
        let mut history = History::default();
        assert!(history.read().is_empty() && history == [].into_iter().collect());
        for number in 0..7 {
            history.add(one(&number.to_string()), history.read());
        }
        let all = history.read();
        assert_eq!(all, ["6", "5", "4", "3", "2"].map(one));
        assert_eq!(all.into_iter().collect::<History>(), history);
    }
}
