//! The directory that a kustomization stands in, and what may be read from there.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};

use crate::chart::ChartRenderer;
use crate::error::{Cause, RenderError};
use crate::options::{LoadRestriction, Options};
use crate::remote::{RemoteSource, shown};

use super::sources::{Elsewhere, is_url, source};
use crate::kustomize::budget::Budget;
use crate::kustomize::objects::origin::Origin;

/// A directory with a kustomization.
pub(crate) struct Directory<'a> {
    pub(crate) root: Root<'a>,
    pub(crate) options: &'a Options,
    pub(crate) elsewhere: &'a Elsewhere<'a>,
    pub(crate) charts: &'a dyn ChartRenderer,
    pub(crate) budget: &'a Budget,
    /// The directory, links followed.
    pub(crate) path: TreePath,
    /// Its kustomization file; the directory itself where it has none.
    pub(crate) file: TreePath,
    /// Where it is from where the build began; only kept where somebody asks.
    pub(crate) origin: Option<Origin>,
}

/// The tree that a directory is in, with what names it if it is not the one that was asked for.
#[derive(Clone)]
pub(crate) struct Root<'a> {
    pub(crate) tree: TreeRef<'a>,
    pub(crate) source: Option<Arc<RemoteSource>>,
}

/// A tree, lent or shared.
#[derive(Clone)]
pub(crate) enum TreeRef<'a> {
    Lent(&'a dyn Tree),
    Shared(Arc<dyn Tree>),
}

impl<'a> Deref for TreeRef<'a> {
    type Target = dyn Tree + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Lent(tree) => *tree,
            Self::Shared(tree) => &**tree,
        }
    }
}

/// What a path in a kustomization names.
pub(crate) enum Found<'a> {
    File(Root<'a>, TreePath),
    Directory(Root<'a>, TreePath),
}

impl<'a> Directory<'a> {
    /// An error about the kustomization file.
    pub(crate) fn error(&self, cause: Cause) -> RenderError {
        RenderError::new(&self.file, cause)
    }

    /// What `path`, as the kustomization has it, names: a file here, something elsewhere, a directory here.
    pub(crate) fn find(&self, path: &str) -> Result<Found<'a>, RenderError> {
        let Some((source, inside)) = source(path) else {
            return self
                .find_here(path)
                .map_err(|error| if path.contains("://") { self.no_address(path) } else { error });
        };
        if let RemoteSource::File { .. } = source {
            let root = self.elsewhere.root(self, source)?;
            let file = self.elsewhere.only_file(self, &root)?;
            return Ok(Found::File(root, file));
        }
        // A file may be called like the address of a repository.
        if !path.contains("://")
            && let Ok(found @ Found::File(..)) = self.find_here(path)
        {
            return Ok(found);
        }
        let root = self.elsewhere.root(self, source)?;
        let inside = TreePath::parse(&inside).map_err(|error| self.error(Cause::Path(error)))?;
        let failed = |error| self.error(unread(&root, &inside, error));
        let resolved = root.tree.resolve(&inside).map_err(failed)?;
        match root.tree.entry(&resolved).map_err(failed)?.map(|entry| entry.kind) {
            Some(EntryKind::Directory) => Ok(Found::Directory(root, resolved)),
            _ => Err(failed(TreeError::NotADirectory(resolved))),
        }
    }

    /// The error about an address that is none. It may hold a password all the same.
    fn no_address(&self, path: &str) -> RenderError {
        let address = shown(path);
        self.error(Cause::Invalid(format!(
            "{address:?} names no repository; write SCHEME://HOST/ORGANIZATION/REPOSITORY//PATH"
        )))
    }

    fn find_here(&self, path: &str) -> Result<Found<'a>, RenderError> {
        let joined = self.path.join(path).map_err(|error| self.error(Cause::Path(error)))?;
        let tree = &self.root.tree;
        let resolved = tree.resolve(&joined).map_err(|error| self.error(unread(&self.root, &joined, error)))?;
        let entry = tree.entry(&resolved).map_err(|error| self.error(Cause::Read(error)))?;
        match entry.map(|entry| entry.kind) {
            Some(EntryKind::Directory) => Ok(Found::Directory(self.root.clone(), resolved)),
            Some(EntryKind::File { .. }) => {
                self.check_restriction(path, &resolved)?;
                Ok(Found::File(self.root.clone(), joined))
            }
            Some(_) => Err(self.error(unread(&self.root, &joined, TreeError::NotAFile(joined.clone())))),
            None => Err(self.error(Cause::Read(TreeError::NotFound(joined)))),
        }
    }

    /// The content of the file that `path`, as the kustomization has it, names.
    pub(crate) fn load(&self, path: &str) -> Result<Bytes, RenderError> {
        match self.find(path)? {
            Found::File(root, file) => {
                let content = root.tree.read(&file).map_err(|error| self.error(Cause::Read(error)))?;
                self.budget.spend(content.len()).map_err(|cause| self.error(cause))?;
                Ok(content)
            }
            Found::Directory(_, directory) => Err(self.error(Cause::Read(TreeError::NotAFile(directory)))),
        }
    }

    /// Counts what is written into so many objects.
    pub(crate) fn spend_on(&self, count: usize, bytes: usize) -> Result<(), RenderError> {
        self.budget.spend_on(count, bytes).map_err(|cause| self.error(cause))
    }

    /// The path that `path` means in this directory; for what is elsewhere, which no path means, that of the
    /// kustomization.
    pub(crate) fn join(&self, path: &str) -> Result<TreePath, RenderError> {
        if is_url(path) {
            return Ok(self.file.clone());
        }
        self.path.join(path).map_err(|error| self.error(Cause::Path(error)))
    }

    fn check_restriction(&self, path: &str, resolved: &TreePath) -> Result<(), RenderError> {
        // What others have written never leaves its directory.
        let restricted = self.options.load == LoadRestriction::RootOnly || self.root.source.is_some();
        if restricted && !resolved.starts_with(&self.path) {
            let message = format!("security; file {path:?} is not in or below {}", self.path);
            return Err(self.error(Cause::Invalid(message)));
        }
        Ok(())
    }
}

/// Why a path could not be read: what is no directory on the way to it is named, and so is what is elsewhere.
fn unread(root: &Root<'_>, path: &TreePath, error: TreeError) -> Cause {
    let is_irregular =
        |path: &TreePath| matches!(root.tree.entry(path), Ok(Some(entry)) if entry.kind == EntryKind::Other);
    let mut above = path.clone();
    while !above.is_root() && !is_irregular(&above) {
        above = above.parent();
    }
    let cause = if above.is_root() { Cause::Read(error) } else { Cause::Irregular(above) };
    match &root.source {
        Some(remote) => Cause::Elsewhere { remote: remote.clone(), cause: Box::new(cause) },
        None => cause,
    }
}
