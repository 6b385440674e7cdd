//! Why something is brought to the cluster now.

use std::fmt;

use cowherd_apply::mask::Mask;
use cowherd_apply::{Cause, ObjectId};
use cowherd_text::listed_of;
use jiff::Timestamp;

use super::authorship::line;
use crate::conditions::time;

/// How many objects are named.
const NAMED: usize = 10;
/// How much of a request is said, in characters: it may be any text.
const LONGEST_REQUEST: usize = 40;

/// Why something is brought to the cluster now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The agents have started, and see whether all is as it was left.
    Start,
    /// It was made, or says something else than before.
    Change,
    /// Its source has brought another revision.
    Revision,
    /// Objects are not as they were applied.
    Drift {
        /// The first of them.
        objects: Vec<Drifted>,
        /// How many more there are.
        more: usize,
    },
    /// What it waited for, as namespace and name, is ready.
    Dependency(String),
    /// Somebody asked for it, with this word.
    Request(String),
    /// Somebody approved of a prune, with this word.
    Approval(String),
    /// It was suspended, and is not any more.
    Resumption,
    /// It is looked at every so often.
    Interval,
    /// It failed before, or broke off.
    Retry,
    /// Who else describes its objects has changed.
    Sharing,
    /// What says how its cluster is reached has changed.
    KubeConfig,
    /// It was deleted.
    Deletion,
}

/// An object that is not as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifted {
    /// The object.
    pub object: ObjectId,
    /// What was done to it, and by whom.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}

impl Trigger {
    /// All these objects drifted.
    pub(crate) fn drift(mut drifted: impl Iterator<Item = Drifted>) -> Self {
        let objects = drifted.by_ref().take(NAMED).collect();
        Self::Drift { objects, more: drifted.count() }
    }

    /// Somebody asked, with this word.
    pub(crate) fn request(word: &str) -> Self {
        Self::Request(line(word, LONGEST_REQUEST))
    }

    /// Somebody approved of a prune, with this word.
    pub(crate) fn approval(word: &str) -> Self {
        Self::Approval(line(word, LONGEST_REQUEST))
    }

    /// Whether it is somebody who may wait for an answer.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Approval(_) | Self::Resumption)
    }

    pub(super) fn masked(&self, mask: &Mask) -> Self {
        match self {
            Self::Drift { objects, more } => {
                Self::Drift { objects: objects.iter().map(|one| one.masked(mask)).collect(), more: *more }
            }
            Self::Dependency(name) => Self::Dependency(mask.text(name)),
            Self::Request(word) => Self::Request(mask.text(word)),
            Self::Approval(word) => Self::Approval(mask.text(word)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Trigger {
    /// As what follows the word "because".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the agents have started"),
            Self::Change => f.write_str("it was made or changed"),
            Self::Revision => f.write_str("there is a new revision"),
            Self::Drift { objects, more } => f.write_str(&listed_of(objects, objects.len() + more, objects.len())),
            Self::Dependency(name) => write!(f, "its dependency {name} is ready"),
            Self::Request(word) if word.is_empty() => f.write_str("somebody asked for it"),
            Self::Request(word) => write!(f, "somebody asked for it ({word})"),
            Self::Approval(word) => write!(f, "somebody approved of a prune ({word})"),
            Self::Resumption => f.write_str("it was resumed"),
            Self::Interval => f.write_str("its interval is over"),
            Self::Retry => f.write_str("it failed before"),
            Self::Sharing => f.write_str("it changed who else describes its objects"),
            Self::KubeConfig => f.write_str("it changed how its cluster is reached"),
            Self::Deletion => f.write_str("it was deleted"),
        }
    }
}

impl Drifted {
    fn masked(&self, mask: &Mask) -> Self {
        let object = ObjectId {
            namespace: mask.text(&self.object.namespace),
            name: mask.text(&self.object.name),
            ..self.object.clone()
        };
        let cause = match &self.cause {
            Cause::Changed { by } => Cause::Changed { by: by.as_deref().map(|by| mask.text(by)) },
            Cause::Deleted => Cause::Deleted,
        };
        Self { object, cause, at: self.at }
    }
}

impl fmt::Display for Drifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (object, at) = (&self.object, time(self.at));
        match &self.cause {
            Cause::Deleted => write!(f, "{object} was deleted at {at}"),
            Cause::Changed { by: Some(by) } => write!(f, "{object} was changed by {by:?} at {at}"),
            Cause::Changed { by: None } => write!(f, "{object} was changed at {at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drifted(name: &str, cause: Cause) -> Drifted {
        let object =
            ObjectId { kind: "ConfigMap".into(), namespace: "n".into(), name: name.into(), ..ObjectId::default() };
        Drifted { object, cause, at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn drift_says_who_did_what_to_which_object_and_when() {
        let changed = drifted("a", Cause::Changed { by: Some("kubectl-edit".into()) });
        let told = Trigger::drift([changed, drifted("b", Cause::Deleted)].into_iter()).to_string();
        assert_eq!(
            told,
            "ConfigMap/n/a was changed by \"kubectl-edit\" at 1970-01-01T00:00:00Z, \
             ConfigMap/n/b was deleted at 1970-01-01T00:00:00Z"
        );
        let many = Trigger::drift((0..25).map(|number| drifted(&number.to_string(), Cause::Changed { by: None })));
        assert!(many.to_string().ends_with("ConfigMap/n/9 was changed at 1970-01-01T00:00:00Z, and 15 more"), "{many}");
    }

    #[test]
    fn a_request_may_be_any_text_and_is_a_short_one_here() {
        assert_eq!(Trigger::request("").to_string(), "somebody asked for it");
        assert_eq!(Trigger::request("2026\u{1b}[2J").to_string(), "somebody asked for it (2026\\u{1b}[2J)");
        assert!(Trigger::request(&"x".repeat(1000)).to_string().len() < 100);
    }
}
