//! A repository at one commit.

use std::sync::Arc;
use std::time::SystemTime;

use gix::ObjectId;

use crate::signature::{self, SignatureProblem, Signers};
use crate::{Commit, FetchError, GitTree, RepositoryUrl, Revision, extent};

/// A repository at one commit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The commit and the name under which it was found.
    pub revision: Revision,
    /// What is written in the commit.
    pub commit: Commit,
    /// The files.
    pub tree: Arc<GitTree>,
    /// The tag by which the commit was found, where it is an object of its own that was asked for.
    pub tag: Option<Tag>,
    /// Whether everything was here already: nothing was transferred to make this snapshot.
    pub unchanged: bool,
}

/// A tag that is an object of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub(crate) id: ObjectId,
    /// How it calls itself.
    pub(crate) name: String,
}

impl Snapshot {
    /// Who signed the commit at this time, as people name the key.
    ///
    /// # Errors
    /// When none of those who may sign did.
    pub fn signer(&self, signers: &Signers, now: SystemTime) -> Result<String, SignatureProblem> {
        signature::of_commit(self.tree.objects(), self.commit.id.0, signers, seconds(now))
    }

    /// Who signed the tag by which the commit was found, which has to have that name.
    ///
    /// # Errors
    /// When none of those who may sign did; also where the tag was not asked for, or is no object of its own.
    pub fn signer_of_tag(&self, signers: &Signers, now: SystemTime) -> Result<String, SignatureProblem> {
        let tag = self.tag.as_ref().ok_or(SignatureProblem::Unsigned)?;
        let wanted = (self.tag_name().unwrap_or_default(), self.commit.id.0);
        signature::of_tag(self.tree.objects(), tag.id, wanted, signers, seconds(now))
    }

    /// How the tag is called by which the commit was found, as Flux writes it: `NAME@ID`, or the name alone where it is no object of its
    /// own.
    pub fn tag_label(&self) -> String {
        let name = self.tag_name().unwrap_or_default();
        self.tag
            .as_ref()
            .map_or_else(|| name.to_owned(), |tag| format!("{}@{}", cowherd_text::harmless(&tag.name), tag.id))
    }

    fn tag_name(&self) -> Option<&str> {
        let name = self.revision.name()?;
        Some(name.strip_prefix("refs/tags/").unwrap_or(name))
    }

    /// The snapshot, unless it has more files than may be walked.
    pub(crate) fn within_limits(self, url: &RepositoryUrl) -> Result<Self, FetchError> {
        if self.tree.can_be_walked() {
            return Ok(self);
        }
        let (url, commit) = (url.clone(), self.commit.id.to_string());
        Err(FetchError::TooManyFiles { url, commit, limit: extent::MAX_ENTRIES, depth: extent::MAX_DEPTH })
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
