//! What markers make of the files of a commit.

use cowherd_imagepolicy::{Changes, Setters, is_marked};
use cowherd_source::Cancel;
use cowherd_text::harmless;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};

/// How many files are named in which nothing could be changed.
const NAMED: usize = 5;

/// How many values may change, and how many bytes the files have in which they do: all of it is held until it is pushed.
const MOST_CHANGES: usize = 50_000;
const MOST_BYTES: usize = 64 << 20;

/// How deep directories are looked into.
const DEEPEST: usize = 256;

/// What the files become.
#[derive(Debug, Default)]
pub(super) struct Updated {
    /// The files that are others than before, with their content.
    pub(super) files: Vec<(TreePath, Vec<u8>)>,
    /// What was changed, by the names of files below the path that was looked at.
    pub(super) changes: Changes,
    /// Of files with markers in which nothing could be changed, or not everything: which, and why.
    pub(super) left: Vec<String>,
}

/// Why files cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// What is named is no path.
    #[error("spec.update.path {0:?} is no path in a repository")]
    Path(String),
    /// There is nothing at the path.
    #[error("there is nothing at spec.update.path {0:?} in the repository")]
    Nothing(String),
    /// More would change than is held.
    #[error(
        "more than {MOST_CHANGES} values, or files with more than {MOST_BYTES} bytes, would change at once; spread them over several \
         ImageUpdateAutomations, each with its spec.update.path"
    )]
    TooMuch,
    /// Nobody waits any more.
    #[error("it was broken off")]
    BrokenOff,
    /// The repository cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// What markers make of the files at a path, and below it. Links are left alone.
pub(super) fn update(tree: &dyn Tree, path: &str, setters: &Setters, cancel: &Cancel) -> Result<Updated, Unreadable> {
    let root = place(path)?;
    let entry = tree.entry(&root)?.ok_or_else(|| Unreadable::Nothing(path.to_owned()))?;
    let (base, updated) = (root.clone(), Updated::default());
    let mut updating = Updating { tree, setters, cancel, base, updated, changes: 0, bytes: 0 };
    match entry.kind {
        EntryKind::File { .. } => {
            updating.base = root.parent();
            updating.file(&root)?;
        }
        EntryKind::Directory => updating.directory(root)?,
        _ => return Err(Unreadable::Nothing(path.to_owned())),
    }
    let Updating { mut updated, .. } = updating;
    let more = updated.left.len().saturating_sub(NAMED);
    if more > 0 {
        updated.left.truncate(NAMED);
        updated.left.push(format!("and {more} more"));
    }
    Ok(updated)
}

/// A path as people write it: `./clusters/my`. What would climb above the root stays there, as with Flux.
fn place(path: &str) -> Result<TreePath, Unreadable> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let clean = parts.join("/");
    if clean.is_empty() {
        return Ok(TreePath::root());
    }
    TreePath::parse(&clean).map_err(|_| Unreadable::Path(path.to_owned()))
}

struct Updating<'a> {
    tree: &'a dyn Tree,
    setters: &'a Setters,
    cancel: &'a Cancel,
    /// What names of files are told without.
    base: TreePath,
    updated: Updated,
    /// How many values change so far, and how many bytes the files have.
    changes: usize,
    bytes: usize,
}

impl Updating<'_> {
    /// Looks at all files of a directory, and of those in it.
    fn directory(&mut self, root: TreePath) -> Result<(), Unreadable> {
        let mut open = vec![(root, 0)];
        while let Some((directory, depth)) = open.pop() {
            for (name, entry) in self.tree.list(&directory)? {
                if self.cancel.is_cancelled() {
                    return Err(Unreadable::BrokenOff);
                }
                let Ok(path) = directory.join(&name) else { continue };
                match entry.kind {
                    EntryKind::Directory if depth < DEEPEST => open.push((path, depth + 1)),
                    EntryKind::File { .. } => self.file(&path)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &TreePath) -> Result<(), Unreadable> {
        let name = path.file_name();
        if !(name.ends_with(".yaml") || name.ends_with(".yml") || name == "Kustomization") {
            return Ok(());
        }
        let content = match self.tree.read_file(path) {
            Ok(content) => content,
            // It is larger than any manifest.
            Err(TreeError::TooLarge { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !is_marked(&content) {
            return Ok(());
        }
        let shown = self.shown(path);
        match self.setters.update(&content) {
            Err(error) => self
                .updated
                .left
                .push(format!("{shown} has markers and cannot be read: {}", harmless(&error.to_string()))),
            Ok(updated) => {
                if let Some(line) = updated.idle.first() {
                    self.updated
                        .left
                        .push(format!("{shown}: the marker on line {line} stands beside no value that can be changed"));
                }
                self.changes += updated.changes.len();
                self.bytes += updated.text.as_ref().map_or(0, String::len);
                if self.changes > MOST_CHANGES || self.bytes > MOST_BYTES {
                    return Err(Unreadable::TooMuch);
                }
                self.updated.changes.add(&shown, updated.changes);
                self.updated.files.extend(updated.text.map(|text| (path.clone(), text.into_bytes())));
            }
        }
        Ok(())
    }

    /// The name of a file below the path that is looked at.
    fn shown(&self, path: &TreePath) -> String {
        let whole = path.as_str();
        let below = whole.strip_prefix(self.base.as_str()).unwrap_or(whole);
        below.trim_start_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use cowherd_imagepolicy::ImageRef;
    use cowherd_tree::MemoryTree;

    use super::*;

    /// What comes of a file with so many lines like this one.
    fn updated(line: &str, count: usize) -> Result<Updated, Unreadable> {
        let image = ImageRef { name: "a".to_owned(), tag: "2".to_owned(), digest: String::new() };
        let setters = Setters::new([("n".to_owned(), "p".to_owned(), image)]).unwrap();
        let tree = MemoryTree::new([("a.yaml", line.repeat(count).into_bytes())]).unwrap();
        update(&tree, "", &setters, &Cancel::default())
    }

    #[test]
    fn no_more_is_held_of_a_repository_than_may_change_at_once() {
        let line = "- a:1 # {\"$imagepolicy\": \"n:p\"}\n";
        assert_eq!(updated(line, 2).unwrap().files.len(), 1);
        assert!(matches!(updated(line, MOST_CHANGES + 1), Err(Unreadable::TooMuch)));
    }

    #[test]
    fn a_path_is_one_of_the_repository_however_it_is_written() {
        for (written, path) in
            [("", ""), ("./", ""), ("./a//b/", "a/b"), ("/a", "a"), ("../../a", "a"), ("a/../b", "b")]
        {
            assert_eq!(place(written).unwrap().as_str(), path, "{written}");
        }
    }
}
