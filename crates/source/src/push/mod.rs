//! Commits that are made here and pushed.
//!
//! A [`Draft`] is a commit on top of one that was fetched, with other content of some of its files, or the first one of a repository. [`Mirrors::push`](crate::Mirrors::push) sends it, with
//! what is new in it and nothing else, and has references of the server stand at it.

mod draft;
mod error;
mod pack;
mod signing;

pub use draft::{Draft, DraftError, Identity, Words};
pub use error::PushError;
pub use signing::{CommitSigner, SigningError};

use crate::RepositoryUrl;
use crate::connect::Report;

/// A commit, and what is to stand at it.
#[derive(Clone, Debug)]
pub struct Push {
    /// The commit.
    pub draft: Draft,
    /// The references that are to stand at it.
    pub updates: Vec<RefUpdate>,
    /// What the server is told besides, as `git push --push-option` does.
    pub options: Vec<String>,
}

/// A reference that is to stand at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name: `refs/heads/main`.
    pub name: String,
    /// Whether it may stand anywhere before. Without that it must not be there, or stand at the commit that the new one is made of.
    pub is_forced: bool,
    /// Whether it has to be there before: nobody brings back a branch that was deleted meanwhile.
    pub must_exist: bool,
}

/// The most bytes of an option, which is one packet of Git's protocol.
pub(crate) const LONGEST_OPTION: usize = 65_516;

/// What a push came to, by what the server says of it.
pub(crate) fn judge(report: Report, url: &RepositoryUrl) -> Result<(), PushError> {
    let Report { unpack, rejected, words, .. } = report;
    let url = || url.clone();
    let with_words = |why: String| if words.is_empty() { why } else { format!("{why} ({words})") };
    if let Some((reference, why)) = rejected.into_iter().next() {
        // Whoever was faster has moved it since the server said where it stands.
        let is_overtaken = MOVED.iter().any(|moved| why.contains(moved));
        return Err(match is_overtaken {
            true => PushError::Overtaken { url: url(), reference },
            false => PushError::Rejected { url: url(), reference, cause: with_words(why) },
        });
    }
    match unpack {
        Some(why) => {
            Err(PushError::Rejected { url: url(), reference: "the repository".to_owned(), cause: with_words(why) })
        }
        None => Ok(()),
    }
}

/// What servers say of a reference that was moved meanwhile.
const MOVED: [&str; 6] = [
    "failed to update ref",
    "cannot lock ref",
    "non-fast-forward",
    "fetch first",
    "incorrect old value",
    "reference already exists",
];

/// Whether a name is that of a reference, as `git check-ref-format` has it.
pub(crate) fn is_reference(name: &str) -> bool {
    let is_component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with(".lock")
            && !part.contains("..")
            && !part.contains("@{")
    };
    let is_odd = |letter: char| letter.is_control() || " ~^:?*[\\".contains(letter);
    name.starts_with("refs/")
        && name.len() <= 1024
        && name.split('/').count() > 2
        && name.split('/').all(is_component)
        && !name.contains(is_odd)
        && !name.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_does_not_take_for_a_reference_is_none() {
        for name in ["refs/heads/main", "refs/for/main", "refs/heads/a/b.c"] {
            assert!(is_reference(name), "{name}");
        }
        for name in [
            "main",
            "refs/heads",
            "refs/heads/",
            "refs/heads/a b",
            "refs/heads/a..b",
            "refs/heads/.a",
            "refs/heads/a\n",
            "refs/x/*",
        ] {
            assert!(!is_reference(name), "{name}");
        }
    }
}
