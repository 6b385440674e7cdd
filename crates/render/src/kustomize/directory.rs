//! The directory that a kustomization stands in, and what may be read from there.

use bytes::Bytes;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};

use crate::error::{Cause, RenderError};
use crate::options::{LoadRestriction, Options};

/// A directory with a kustomization.
pub(crate) struct Directory<'a> {
    pub(crate) tree: &'a dyn Tree,
    pub(crate) options: &'a Options,
    /// The directory, links followed.
    pub(crate) path: TreePath,
    /// Its kustomization file; the directory itself where it has none.
    pub(crate) file: TreePath,
}

/// What a path in a kustomization names.
pub(crate) enum Found {
    File(TreePath),
    Directory(TreePath),
}

impl Directory<'_> {
    /// An error about the kustomization file.
    pub(crate) fn error(&self, cause: Cause) -> RenderError {
        RenderError::new(&self.file, cause)
    }

    /// What `path`, as the kustomization has it, names.
    pub(crate) fn find(&self, path: &str) -> Result<Found, RenderError> {
        if is_remote(path) {
            return Err(self.error(Cause::Remote(path.to_owned())));
        }
        let joined = self.join(path)?;
        let resolved = self.tree.resolve(&joined).map_err(|error| self.error(Cause::Read(error)))?;
        let entry = self.tree.entry(&resolved).map_err(|error| self.error(Cause::Read(error)))?;
        match entry.map(|entry| entry.kind) {
            Some(EntryKind::Directory) => Ok(Found::Directory(resolved)),
            Some(EntryKind::File { .. }) => {
                self.check_restriction(path, &resolved)?;
                Ok(Found::File(joined))
            }
            Some(_) => Err(self.error(Cause::Read(TreeError::NotAFile(joined)))),
            None => Err(self.error(Cause::Read(TreeError::NotFound(joined)))),
        }
    }

    /// The content of the file that `path`, as the kustomization has it, names.
    pub(crate) fn load(&self, path: &str) -> Result<Bytes, RenderError> {
        match self.find(path)? {
            Found::File(file) => self.tree.read(&file).map_err(|error| self.error(Cause::Read(error))),
            Found::Directory(directory) => Err(self.error(Cause::Read(TreeError::NotAFile(directory)))),
        }
    }

    /// The path that `path` means in this directory.
    pub(crate) fn join(&self, path: &str) -> Result<TreePath, RenderError> {
        self.path.join(path).map_err(|error| self.error(Cause::Path(error)))
    }

    fn check_restriction(&self, path: &str, resolved: &TreePath) -> Result<(), RenderError> {
        if self.options.load == LoadRestriction::RootOnly && !resolved.starts_with(&self.path) {
            let message = format!("security; file {path:?} is not in or below {}", self.path);
            return Err(self.error(Cause::Invalid(message)));
        }
        Ok(())
    }
}

/// Whether `path` is an address rather than a path.
fn is_remote(path: &str) -> bool {
    path.contains("://")
        || path.starts_with("git@")
        || path.starts_with("git::")
        || path.contains("?ref=")
        || path.starts_with("github.com/")
        || path.starts_with("gitlab.com/")
}
