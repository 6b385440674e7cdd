//! The files of a chart's directory.

use bytes::Bytes;
use cowherd_tree::{EntryKind, MAX_FILE_SIZE, Tree, TreeError, TreePath};

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
    let place = Place::new(directory.clone(), tree.resolve(directory)?);
    walk.directory(&place, "", 0)?;
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

/// Where a file or a directory stands.
struct Place {
    /// The path that errors name.
    path: TreePath,
    /// The same with every link followed, where there are some: what is listed need not be looked for again from the
    /// root on.
    followed: Option<TreePath>,
}

impl Place {
    fn new(path: TreePath, resolved: TreePath) -> Self {
        Self { followed: (resolved != path).then_some(resolved), path }
    }

    fn resolved(&self) -> &TreePath {
        self.followed.as_ref().unwrap_or(&self.path)
    }

    /// Where the entry `name` of this directory stands, which is no link.
    fn child(&self, name: &str) -> Result<Self, LoadError> {
        let followed = self.followed.as_ref().map(|followed| join(followed, name)).transpose()?;
        Ok(Self { path: join(&self.path, name)?, followed })
    }
}

impl Walk<'_> {
    /// Adds the files in the directory at `place`, which `name` names from the chart's directory on.
    fn directory(&mut self, place: &Place, name: &str, depth: usize) -> Result<(), LoadError> {
        if depth > MAX_DEPTH {
            return Err(LoadError::DirectoriesTooDeep { path: place.path.clone(), limit: MAX_DEPTH });
        }
        self.budget.allow_entry()?;
        for (base, entry) in self.tree.list(place.resolved())? {
            let (child, kind) = match entry.kind {
                EntryKind::Symlink => self.followed(join(&place.path, &base)?)?,
                kind => (place.child(&base)?, kind),
            };
            let name = if name.is_empty() { base } else { format!("{name}/{base}") };
            let is_directory = kind == EntryKind::Directory;
            if self.rules.as_ref().is_some_and(|rules| rules.ignores(&name, is_directory)) {
                continue;
            }
            match kind {
                EntryKind::Directory => self.directory(&child, &name, depth + 1)?,
                EntryKind::File { size } => self.file(&child, name, size)?,
                _ => return Err(LoadError::Irregular(child.path)),
            }
        }
        Ok(())
    }

    /// Where the link at `path` leads to, and what stands there.
    fn followed(&self, path: TreePath) -> Result<(Place, EntryKind), LoadError> {
        let link = |source| LoadError::Link { path: path.clone(), source };
        let resolved = self.tree.resolve(&path).map_err(link)?;
        let entry = self.tree.entry(&resolved).map_err(link)?;
        Ok((Place::new(path, resolved), entry.map_or(EntryKind::Other, |entry| entry.kind)))
    }

    fn file(&mut self, place: &Place, name: String, size: u64) -> Result<(), LoadError> {
        self.budget.allow_file(&place.path, size)?;
        if size > MAX_FILE_SIZE {
            let path = place.path.clone();
            return Err(TreeError::TooLarge { path, size, limit: MAX_FILE_SIZE }.into());
        }
        let data = without_mark(self.tree.read_file(place.resolved())?);
        self.files.push(File { name, data });
        Ok(())
    }
}

/// `data` without the byte order mark of UTF-8.
pub(super) fn without_mark(data: Bytes) -> Bytes {
    if data.starts_with(b"\xef\xbb\xbf") { data.slice(3..) } else { data }
}

fn join(directory: &TreePath, name: &str) -> Result<TreePath, LoadError> {
    directory.join(name).map_err(|source| TreeError::Outside { path: directory.clone(), source }.into())
}
