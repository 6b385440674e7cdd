//! The files of a chart's directory.

use bytes::Bytes;
use cowherd_tree::{EntryKind, Tree, TreePath};

use super::load::{Budget, LoadError};
use super::{File, IgnoreRules};

/// How deep directories may stand inside each other; links can make loops.
const MAX_DEPTH: usize = 64;

/// The files below `directory` that `.helmignore` does not leave out, directory by directory in the order of names.
pub(super) fn files(tree: &dyn Tree, directory: &TreePath, budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    let rules = rules(tree, directory, budget)?;
    walk(tree, directory, Some(rules), budget)
}

/// All files below `directory`, in the same order.
pub(super) fn all_files(tree: &dyn Tree, directory: &TreePath, budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    walk(tree, directory, None, budget)
}

fn walk(
    tree: &dyn Tree,
    directory: &TreePath,
    rules: Option<IgnoreRules>,
    budget: &mut Budget,
) -> Result<Vec<File>, LoadError> {
    let mut walk = Walk { tree, rules, budget, files: Vec::new() };
    walk.directory(directory, "", 0)?;
    Ok(walk.files)
}

fn rules(tree: &dyn Tree, directory: &TreePath, budget: &mut Budget) -> Result<IgnoreRules, LoadError> {
    let path = join(directory, ".helmignore")?;
    let text = match tree.stat(&path)?.map(|entry| entry.kind) {
        Some(EntryKind::File { size }) => {
            budget.allow_file(&path, size)?;
            tree.read(&path)?
        }
        _ => Bytes::new(),
    };
    IgnoreRules::parse(&String::from_utf8_lossy(&text)).map_err(|source| LoadError::Ignore { path, source })
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    rules: Option<IgnoreRules>,
    budget: &'a mut Budget,
    files: Vec<File>,
}

impl Walk<'_> {
    /// Adds the files in `directory`, which `name` names from the chart's directory on.
    fn directory(&mut self, directory: &TreePath, name: &str, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(LoadError::DirectoriesTooDeep { path: directory.clone(), limit: MAX_DEPTH });
        }
        self.budget.allow_entry()?;
        for (base, entry) in self.tree.read_dir(directory)? {
            let path = join(directory, &base)?;
            let name = if name.is_empty() { base } else { format!("{name}/{base}") };
            let kind = match entry.kind {
                EntryKind::Symlink => self.followed(&path)?,
                kind => kind,
            };
            let is_directory = kind == EntryKind::Directory;
            if self.rules.as_ref().is_some_and(|rules| rules.ignores(&name, is_directory)) {
                continue;
            }
            match kind {
                EntryKind::Directory => self.directory(&path, &name, depth + 1)?,
                EntryKind::File { size } => self.file(&path, name, size)?,
                _ => return Err(LoadError::Irregular(path)),
            }
        }
        Ok(())
    }

    /// What the link at `path` leads to.
    fn followed(&self, path: &TreePath) -> Result<EntryKind, LoadError> {
        let link = |source| LoadError::Link { path: path.clone(), source };
        let resolved = self.tree.resolve(path).map_err(link)?;
        let entry = self.tree.entry(&resolved).map_err(link)?;
        Ok(entry.map_or(EntryKind::Other, |entry| entry.kind))
    }

    fn file(&mut self, path: &TreePath, name: String, size: u64) -> Result<(), LoadError> {
        self.budget.allow_file(path, size)?;
        let data = without_mark(self.tree.read(path)?);
        self.files.push(File { name, data });
        Ok(())
    }
}

/// `data` without the byte order mark of UTF-8.
pub(super) fn without_mark(data: Bytes) -> Bytes {
    if data.starts_with(b"\xef\xbb\xbf") { data.slice(3..) } else { data }
}

fn join(directory: &TreePath, name: &str) -> Result<TreePath, LoadError> {
    directory.join(name).map_err(|source| cowherd_tree::TreeError::Outside { path: directory.clone(), source }.into())
}
