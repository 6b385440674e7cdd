//! Repositories in a repository: what a commit names of others, fetched at the commit that it names.
//!
//! Which repository that is says a file of the commit, which anybody may have written who may write to the repository. It is fetched
//! on the word of a manifest, like everything else that content names: over https or ssh, never from a path of this machine, and with the
//! credentials of the repository from the repository's own server alone.

mod declared;
mod place;

use std::sync::Arc;

use cowherd_tree::{Entry, EntryKind, Tree as _, TreePath};

use crate::deadline::Deadline;
use crate::mirror::Mirrors;
use crate::{Access, Auth, CommitId, FetchError, GitTree, Reference, Remote, RepositoryUrl, Snapshot, extent};
use declared::{Declared, FILE};

/// How many repositories may be inside each other, as with Flux.
const MAX_DEPTH: usize = 10;
/// How many there may be in all.
const MAX_COUNT: usize = 100;

/// A repository in another.
#[derive(Clone, Debug)]
pub struct Submodule {
    /// Where it is, from the outermost repository on.
    pub path: TreePath,
    /// The commit that is there.
    pub commit: CommitId,
    /// Its files.
    pub tree: Arc<GitTree>,
}

/// A repository whose submodules are to be found.
struct Outer {
    url: RepositoryUrl,
    tree: Arc<GitTree>,
    path: TreePath,
    depth: usize,
}

/// What may still be spent.
struct Left {
    deadline: Deadline,
    bytes: u64,
    entries: u64,
}

/// The submodules of a snapshot, and theirs, the outer ones first.
pub(crate) fn fetch(
    mirrors: &Mirrors,
    remote: &Remote,
    snapshot: &Snapshot,
    access: &Access,
) -> Result<Vec<Submodule>, FetchError> {
    let entries = extent::MAX_ENTRIES.saturating_sub(snapshot.tree.extent());
    let mut left = Left { deadline: Deadline::after(remote.timeout), bytes: remote.max_size, entries };
    let first = Outer { url: remote.url.clone(), tree: snapshot.tree.clone(), path: TreePath::root(), depth: 0 };
    let (mut found, mut outers) = (Vec::new(), vec![first]);
    while let Some(outer) = outers.pop() {
        let named = named(remote, &outer)?;
        if found.len() + named.len() > MAX_COUNT || (outer.depth >= MAX_DEPTH && !named.is_empty()) {
            let cause =
                format!("there are more than {MAX_COUNT} submodules, or more than {MAX_DEPTH} inside each other");
            return Err(refused(remote, &outer.path, &cause));
        }
        for (declared, commit) in named {
            let path = outer.path.join(declared.path.as_str());
            let path = path.map_err(|error| refused(remote, &declared.path, &error))?;
            let url = place::of(&declared.url, &outer.url).map_err(|cause| refused(remote, &path, &cause))?;
            let tree = one(mirrors, remote, (&url, commit), access, &mut left).map_err(|cause| {
                FetchError::Submodule { url: remote.url.clone(), path: path.to_string(), cause: Box::new(cause) }
            })?;
            found.push(Submodule { path: path.clone(), commit, tree: tree.clone() });
            outers.push(Outer { url, tree, path, depth: outer.depth + 1 });
        }
    }
    Ok(found)
}

/// The submodules that a commit has, with the commits that it names. What is declared and not there is of an earlier commit.
fn named(remote: &Remote, outer: &Outer) -> Result<Vec<(Declared, CommitId)>, FetchError> {
    let unreadable = |cause: &dyn std::fmt::Display| refused(remote, &outer.path, cause);
    let file = TreePath::parse(FILE).unwrap_or_default();
    let is_file = match outer.tree.entry(&file).map_err(|error| unreadable(&error))? {
        Some(Entry { kind: EntryKind::File { size }, .. }) if size > declared::MAX_SIZE => {
            return Err(unreadable(&format!("{FILE} is too large")));
        }
        found => matches!(found, Some(Entry { kind: EntryKind::File { .. }, .. })),
    };
    if !is_file {
        return Ok(Vec::new());
    }
    let text = outer.tree.read_file(&file).map_err(|error| unreadable(&error))?;
    let mut named = Vec::new();
    for declared in declared::read(&text).map_err(|cause| unreadable(&format!("{FILE}: {cause}")))? {
        let entry = outer.tree.entry(&declared.path).map_err(|error| unreadable(&error))?;
        let commit =
            entry.filter(|entry| entry.kind == EntryKind::Other).and_then(|entry| entry.id.to_string().parse().ok());
        named.extend(commit.map(|commit| (declared, commit)));
    }
    Ok(named)
}

/// Fetches one at the commit.
fn one(
    mirrors: &Mirrors,
    remote: &Remote,
    (url, commit): (&RepositoryUrl, CommitId),
    access: &Access,
    left: &mut Left,
) -> Result<Arc<GitTree>, FetchError> {
    let inner = Remote {
        url: url.clone(),
        // Who we are to one server is nobody else's business.
        auth: if url.is_beside(&remote.url) { remote.credentials() } else { Auth::default() },
        timeout: left.deadline.remaining(),
        max_size: left.bytes,
        access: access.clone(),
        with_tag: false,
        ..remote.clone()
    };
    if inner.timeout.is_zero() {
        return Err(FetchError::Timeout { url: remote.url.clone(), timeout: remote.timeout });
    }
    let (snapshot, received) = mirrors.fetch_counted(&inner, &Reference::commit(commit.to_string()))?;
    left.bytes = left.bytes.saturating_sub(received);
    left.entries = left.entries.checked_sub(snapshot.tree.extent()).ok_or_else(|| FetchError::TooManyFiles {
        url: remote.url.clone(),
        commit: commit.to_string(),
        limit: extent::MAX_ENTRIES,
        depth: extent::MAX_DEPTH,
    })?;
    Ok(snapshot.tree)
}

fn refused(remote: &Remote, path: &TreePath, cause: &dyn std::fmt::Display) -> FetchError {
    FetchError::Submodules { url: remote.url.clone(), path: path.to_string(), cause: cause.to_string() }
}
