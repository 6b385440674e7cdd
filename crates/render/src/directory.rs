//! Directories without a kustomization file: every manifest below counts, as Flux has it.

use cowherd_tree::{EntryKind, Tree, TreePath};

use crate::error::{Cause, RenderError};
use crate::kustomize::files::file;

/// The most directories that are descended into.
const MAX_DEPTH: usize = 128;

/// What the kustomization of the directory `root` would list as its resources: the manifests below it, and the
/// directories that have a kustomization of their own.
pub(crate) fn resources(tree: &dyn Tree, root: &TreePath) -> Result<Vec<TreePath>, RenderError> {
    let mut found = Vec::new();
    scan(tree, root, 0, &mut found)?;
    Ok(found)
}

fn scan(tree: &dyn Tree, directory: &TreePath, depth: usize, found: &mut Vec<TreePath>) -> Result<(), RenderError> {
    if depth > MAX_DEPTH {
        let cause = Cause::TooMuch { what: "directories inside each other", limit: MAX_DEPTH };
        return Err(RenderError::new(directory, cause));
    }
    let entries = tree.read_dir(directory).map_err(|error| RenderError::new(directory, Cause::Read(error)))?;
    for (name, entry) in entries {
        let path = directory.join(&name).map_err(|error| RenderError::new(directory, Cause::Path(error)))?;
        match entry.kind {
            EntryKind::Directory if !file::find(tree, &path)?.is_empty() => found.push(path),
            EntryKind::Directory => scan(tree, &path, depth + 1, found)?,
            EntryKind::File { .. } | EntryKind::Symlink if is_manifest(&name) => {
                let target = tree.stat(&path).map_err(|error| RenderError::new(&path, Cause::Read(error)))?;
                // A link is followed to a file, never into a directory.
                if matches!(target, Some(entry) if matches!(entry.kind, EntryKind::File { .. })) {
                    found.push(path);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_manifest(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}
