//! A repository at one commit.

use std::sync::Arc;

use crate::{Commit, GitTree, Revision};

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
