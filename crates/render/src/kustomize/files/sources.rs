//! What a build uses from elsewhere, and what it would need.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_tree::{EntryKind, TreePath};

use crate::error::{Cause, RenderError};
use crate::remote::{RemoteSource, Remotes};

use super::directory::{Directory, Root, TreeRef};
use super::repository::Repository;

/// Sources outside the tree, with a record of what was asked for.
pub(crate) struct Elsewhere<'a> {
    remotes: &'a dyn Remotes,
    used: RefCell<BTreeMap<RemoteSource, String>>,
    missing: RefCell<BTreeSet<RemoteSource>>,
    /// The error about the first source that was not there and that the build went on without.
    skipped: RefCell<Option<RenderError>>,
}

impl<'a> Elsewhere<'a> {
    pub(crate) fn new(remotes: &'a dyn Remotes) -> Self {
        Self { remotes, used: RefCell::default(), missing: RefCell::default(), skipped: RefCell::default() }
    }

    /// The root of `source`, which `directory` names.
    pub(crate) fn root(&self, directory: &Directory<'_>, source: RemoteSource) -> Result<Root<'a>, RenderError> {
        let Some(remote) = self.remotes.find(&source) else {
            self.missing.borrow_mut().insert(source.clone());
            return Err(directory.error(Cause::MissingRemotes(vec![source])));
        };
        self.used.borrow_mut().insert(source.clone(), remote.revision);
        Ok(Root { tree: TreeRef::Shared(remote.tree), source: Some(Arc::new(source)) })
    }

    /// The one file of a tree.
    pub(crate) fn only_file(&self, directory: &Directory<'_>, root: &Root<'_>) -> Result<TreePath, RenderError> {
        let fail = |message: &str| directory.error(Cause::Invalid(message.into()));
        let entries = root.tree.list(&TreePath::root()).map_err(|error| directory.error(Cause::Read(error)))?;
        match entries.as_slice() {
            [(name, entry)] if matches!(entry.kind, EntryKind::File { .. }) => {
                TreePath::root().join(name).map_err(|error| directory.error(Cause::Path(error)))
            }
            _ => Err(fail("what was fetched is no single file")),
        }
    }

    /// Lets the build go on after an error about a source that is not there, to find others; it fails in the end.
    /// Other errors are given back.
    pub(crate) fn skip(&self, error: RenderError) -> Result<(), RenderError> {
        if !matches!(*error.cause, Cause::MissingRemotes(_)) {
            return Err(error);
        }
        self.skipped.borrow_mut().get_or_insert(error);
        Ok(())
    }

    /// The error of a build which came to `result`, or to nothing because of what was not there.
    pub(crate) fn finish<T>(&self, result: Result<T, RenderError>) -> Result<T, RenderError> {
        let missing: Vec<RemoteSource> = self.missing.borrow().iter().cloned().collect();
        let Some(skipped) = self.skipped.take() else {
            // What the build did not go on without may not be all.
            return result.map_err(|error| match *error.cause {
                Cause::MissingRemotes(_) => RenderError { cause: Box::new(Cause::MissingRemotes(missing)), ..error },
                _ => error,
            });
        };
        Err(RenderError { cause: Box::new(Cause::MissingRemotes(missing)), ..skipped })
    }

    /// All that was used, with its revisions.
    pub(crate) fn into_used(self) -> BTreeMap<RemoteSource, String> {
        self.used.into_inner()
    }
}

/// Whether `path` is an address rather than a path in the tree.
pub(crate) fn is_url(path: &str) -> bool {
    source(path).is_some()
}

/// What `path` names elsewhere, and the directory in it; `None` for paths in the tree.
///
/// kustomize asks the server whether an address is a file or a repository. Here its form must say: an address whose
/// path ends like a manifest, or that cannot be a repository, is a file.
pub(crate) fn source(path: &str) -> Option<(RemoteSource, String)> {
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| path.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let without_query = path.split('?').next().unwrap_or(path);
    let like_manifest = [".yaml", ".yml", ".json"].iter().any(|end| without_query.ends_with(end));
    let repository = Repository::parse(path);
    match repository {
        Some(repository) if !(is_http && like_manifest && repository.reference.is_none()) => {
            let Repository { url, path, reference, timeout } = repository;
            Some((RemoteSource::Git { url, reference, timeout }, path))
        }
        _ if is_http => Some((RemoteSource::File { url: path.to_owned() }, String::new())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_and_repositories_are_told_apart() {
        let file = |path: &str| matches!(source(path), Some((RemoteSource::File { .. }, _)));
        assert!(file("https://example.com/install.yaml"));
        assert!(file("https://raw.githubusercontent.com/org/repo/v1/deploy/crd.yaml"));
        assert!(file("https://example.com/manifests?format=yaml"));
        let git = |path: &str| matches!(source(path), Some((RemoteSource::Git { .. }, _)));
        assert!(git("https://github.com/org/repo//deploy?ref=v1"));
        assert!(git("https://github.com/org/repo/deploy"));
        assert!(git("git@github.com:org/repo"));
        for path in ["base", "../x.yaml", "a/b/c", "deploy@v1/x"] {
            assert_eq!(source(path), None, "{path}");
        }
    }
}
