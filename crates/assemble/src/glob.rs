//! Which paths of a tree a pattern fits.

use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};

use crate::pattern::Pattern;
use crate::{Cause, Effort};

/// The paths that a pattern fits whose parts are compared name by name, as Go's `fs.Glob` has it: `**` is `*`.
pub(crate) fn by_names(tree: &dyn Tree, pattern: &str, effort: &Effort<'_>) -> Result<Vec<TreePath>, Cause> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let is_pattern = |part: &str| part.contains(['*', '?', '[', '\\']);
    let read = |part: &&str| Pattern::of_names(part).ok_or_else(|| Cause::Glob(pattern.to_owned()));
    let patterns = parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let literal = parts.iter().take_while(|part| !is_pattern(part)).count();
    let (before, _) = parts.split_at(literal);
    // What Go takes for no path of a tree fits nothing.
    if before.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Ok(Vec::new());
    }
    let mut found = vec![TreePath::root().join(&before.join("/"))?];
    if literal == parts.len() {
        found.retain(|path| matches!(tree.stat(path), Ok(Some(_))));
        return Ok(found);
    }
    for pattern in patterns.get(literal..).unwrap_or_default() {
        let mut next = Vec::new();
        for directory in &found {
            for name in names(tree, directory, effort)? {
                if pattern.fits(&name) {
                    effort.hold(1)?;
                    next.push(directory.join(&name)?);
                }
            }
        }
        found = next;
    }
    Ok(found)
}

/// The names in a directory; none where there is no directory.
fn names(tree: &dyn Tree, directory: &TreePath, effort: &Effort<'_>) -> Result<Vec<String>, Cause> {
    match tree.read_dir(directory) {
        Ok(listed) => {
            effort.step(listed.len() as u64)?;
            Ok(listed.into_iter().map(|(name, _)| name).collect())
        }
        Err(TreeError::Storage { path, source }) => Err(TreeError::Storage { path, source }.into()),
        Err(_) => Ok(Vec::new()),
    }
}

/// The paths of files and directories that a pattern with `**` and alternatives fits, in the order in which directories are walked.
/// Links are not followed.
pub(crate) fn by_paths(tree: &dyn Tree, pattern: &str, effort: &Effort<'_>) -> Result<Vec<TreePath>, Cause> {
    let compiled = Pattern::of_paths(pattern).ok_or_else(|| Cause::Glob(pattern.to_owned()))?;
    let literal: Vec<&str> = pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\'])).collect();
    if literal.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Ok(Vec::new());
    }
    let start = TreePath::root().join(&literal.join("/"))?;
    let mut found = Vec::new();
    let mut rest = vec![start];
    while let Some(directory) = rest.pop() {
        if !matches!(tree.entry(&directory)?.map(|entry| entry.kind), Some(EntryKind::Directory)) {
            continue;
        }
        let listed = tree.list(&directory)?;
        effort.step(listed.len() as u64)?;
        let mut directories = Vec::new();
        for (name, entry) in listed {
            let path = directory.join(&name)?;
            if compiled.fits(path.as_str()) {
                effort.hold(1)?;
                found.push(path.clone());
            }
            if entry.kind == EntryKind::Directory {
                directories.push(path);
            }
        }
        rest.extend(directories.into_iter().rev());
    }
    found.sort_by(|a, b| a.components().cmp(b.components()));
    Ok(found)
}
