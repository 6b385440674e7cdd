//! Repositories, the servers that serve them, and mirrors of them.

pub mod helm;

use std::path::Path;

use cowherd_source::{Access, Mirrors, Remote, RepositoryUrl, Snapshot};
use cowherd_tree::{Tree as _, TreePath};

pub use cowherd_gitserver::{Repository, http, repository, sshd};

/// A remote at `url`, on the word of the person who runs the test: its servers are on this machine.
pub fn remote(url: &str) -> Remote {
    Remote::new(RepositoryUrl::parse(url).unwrap()).with_access(Access::own())
}

/// Mirrors in `directory`.
pub fn mirrors(directory: &Path) -> Mirrors {
    Mirrors::open(directory.join("mirrors")).unwrap()
}

/// The text of a file of a snapshot.
pub fn text(snapshot: &Snapshot, path: &str) -> String {
    let content = snapshot.tree.read(&TreePath::parse(path).unwrap()).unwrap();
    String::from_utf8(content.to_vec()).unwrap()
}
