//! A repository at one commit.

use std::sync::Arc;

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
    /// Whether everything was here already: nothing was transferred to make this snapshot.
    pub unchanged: bool,
}

impl Snapshot {
    /// The snapshot, unless it has more files than may be walked.
    pub(crate) fn within_limits(self, url: &RepositoryUrl) -> Result<Self, FetchError> {
        if self.tree.can_be_walked() {
            return Ok(self);
        }
        let (url, commit) = (url.clone(), self.commit.id.to_string());
        Err(FetchError::TooManyFiles { url, commit, limit: extent::MAX_ENTRIES, depth: extent::MAX_DEPTH })
    }
}
