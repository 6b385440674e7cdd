//! Hides files from a tree, as Flux's `.sourceignore` and `spec.ignore` do.

use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{ContentId, Entry, EntryKind, Tree, TreeError, TreePath};
use gix::bstr::ByteSlice as _;
use gix::glob::pattern::Case;
use gix::glob::wildmatch;
use sha2::{Digest as _, Sha256};

use crate::objects::lock;
use crate::recent::Recent;

/// The file that holds patterns, in any directory.
pub const IGNORE_FILE: &str = ".sourceignore";

/// The file that holds the patterns of Git itself.
const GIT_IGNORE_FILE: &str = ".gitignore";

/// The largest `.sourceignore` that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// How much of the patterns in directories is remembered.
const MAX_REMEMBERED: usize = 16 * 1024;

/// What is always hidden: what Git keeps for itself.
const VERSION_CONTROL: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";

/// What is hidden besides, unless patterns are given.
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n**/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml\n";

/// A tree without the files that patterns hide.
///
/// The patterns are those of the `.sourceignore` files on the way to a file and then the given ones; the last that
/// fits decides, and one that fits a directory fits all below it. Where neither the root has a `.sourceignore` nor
/// patterns are given, Flux's defaults hide images, archives and the configuration of CI systems.
///
/// Ids of files are those of the tree below. The id of a directory is made from the one below and from the
/// patterns that apply there: equal ids mean equal visible content, and a change of hidden files alone may
/// change it too. That costs nothing, where hashing what is visible would read the whole directory.
pub struct Ignore {
    tree: Arc<dyn Tree>,
    /// What the files that hold patterns are called.
    file: &'static str,
    /// Whether files below a directory that is hidden may show again.
    shows_again: bool,
    /// What decides before the files in directories.
    given: Patterns,
    /// What decides after them.
    base: Patterns,
    remembered: std::sync::Mutex<Recent<TreePath, Arc<Patterns>>>,
}

/// Patterns, relative to one directory, and a digest of them.
#[derive(Debug)]
struct Patterns {
    patterns: Vec<gix::glob::Pattern>,
    digest: [u8; 32],
}

impl Patterns {
    fn parse(texts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        let mut patterns = Vec::new();
        for text in texts {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
            let lines = text.lines().map(str::trim_end).filter(|line| !line.starts_with('#'));
            patterns.extend(lines.filter_map(|line| gix::glob::Pattern::from_bytes(line.as_bytes())));
        }
        Self { patterns, digest: digest.finalize().into() }
    }

    /// What the patterns say of the path made of `components`: hide it, show it, or nothing.
    fn verdict(&self, components: &[&str], is_directory: bool) -> Option<bool> {
        // Most directories have no patterns of their own, and are asked for each that is below them.
        if self.patterns.is_empty() || components.is_empty() {
            return None;
        }
        let path = components.join("/");
        let mut prefixes = Vec::with_capacity(components.len());
        let mut end = 0;
        for component in components {
            let begin = if end == 0 { 0 } else { end + 1 };
            end = begin + component.len();
            prefixes.push((path.as_bytes().get(..end).unwrap_or_default(), begin));
        }
        let last = components.len() - 1;
        self.patterns.iter().rev().find_map(|pattern| {
            let fits = prefixes.iter().enumerate().any(|(at, (path, begin))| {
                let is_directory = at < last || is_directory;
                let basename = Some(*begin).filter(|begin| *begin > 0);
                let mode = wildmatch::Mode::NO_MATCH_SLASH_LITERAL;
                pattern.matches_repo_relative_path(path.as_bstr(), basename, Some(is_directory), Case::Sensitive, mode)
            });
            fits.then(|| !pattern.is_negative())
        })
    }
}

impl Ignore {
    /// Hides from `tree` what its `.sourceignore` files and the patterns in `given` (`spec.ignore`) hide.
    pub fn new(tree: Arc<dyn Tree>, given: Option<&str>) -> Result<Self, TreeError> {
        let root_file = matches!(
            tree.entry(&TreePath::parse(IGNORE_FILE).unwrap_or_default())?,
            Some(Entry { kind: EntryKind::File { .. }, .. })
        );
        let defaults = if root_file || given.is_some() { "" } else { DEFAULTS };
        let base = Patterns::parse(&[VERSION_CONTROL, defaults]);
        let given = Patterns::parse(&[given.unwrap_or_default()]);
        let remembered = std::sync::Mutex::new(Recent::new(MAX_REMEMBERED));
        Ok(Self { tree, file: IGNORE_FILE, shows_again: true, given, base, remembered })
    }

    /// Hides from the files of a worktree what its `.gitignore` files hide, and what Git keeps for itself.
    pub fn untracked(tree: Arc<dyn Tree>) -> Self {
        let base = Patterns::parse(&[".git\n"]);
        let remembered = std::sync::Mutex::new(Recent::new(MAX_REMEMBERED));
        Self { tree, file: GIT_IGNORE_FILE, shows_again: false, given: Patterns::parse(&[]), base, remembered }
    }

    /// The patterns in the file of `directory` that holds some.
    fn patterns_in(&self, directory: &TreePath) -> Result<Arc<Patterns>, TreeError> {
        if let Some(patterns) = lock(&self.remembered).get(directory) {
            return Ok(patterns);
        }
        let file =
            directory.join(self.file).map_err(|source| TreeError::Outside { path: directory.clone(), source })?;
        let patterns = Arc::new(match self.tree.entry(&file)? {
            Some(Entry { kind: EntryKind::File { size }, .. }) if size > MAX_FILE => {
                return Err(TreeError::TooLarge { path: file, size, limit: MAX_FILE });
            }
            Some(Entry { kind: EntryKind::File { .. }, .. }) => {
                Patterns::parse(&[&String::from_utf8_lossy(&self.tree.read_file(&file)?)])
            }
            _ => Patterns::parse(&[]),
        });
        lock(&self.remembered).insert(directory.clone(), patterns.clone(), 1 + patterns.patterns.len());
        Ok(patterns)
    }

    /// Whether `path` is hidden.
    fn hides(&self, path: &TreePath, is_directory: bool) -> Result<bool, TreeError> {
        let components: Vec<&str> = path.components().collect();
        if let Some(hidden) = self.given.verdict(&components, is_directory) {
            return Ok(hidden);
        }
        let mut directory = path.parent();
        for depth in (0..components.len()).rev() {
            let below = components.get(depth..).unwrap_or_default();
            if let Some(hidden) = self.patterns_in(&directory)?.verdict(below, is_directory) {
                return Ok(hidden);
            }
            directory = directory.parent();
        }
        Ok(self.base.verdict(&components, is_directory).unwrap_or(false))
    }

    /// What shows of an entry: nothing, the entry, or the directory under an id of its own.
    fn show(&self, path: &TreePath, entry: Entry) -> Result<Option<Entry>, TreeError> {
        let is_directory = entry.kind == EntryKind::Directory;
        // A directory that is hidden may hold files that are shown again, and empty directories harm nobody.
        if !is_directory {
            return Ok((!self.hides(path, false)?).then_some(entry));
        }
        let mut digest = Sha256::new();
        digest.update(entry.id.as_bytes());
        digest.update(self.given.digest);
        digest.update(self.base.digest);
        let mut directory = path.clone();
        while !directory.is_root() {
            directory = directory.parent();
            digest.update(self.patterns_in(&directory)?.digest);
        }
        Ok(Some(Entry { kind: entry.kind, id: ContentId::new(&digest.finalize()) }))
    }

    /// Whether anything shows below a directory that the patterns hide.
    fn shows_below(&self, path: &TreePath) -> Result<bool, TreeError> {
        for (name, entry) in self.tree.list(path)? {
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            let shown = match entry.kind {
                EntryKind::Directory => self.shows(&child)?,
                _ => !self.hides(&child, false)?,
            };
            if shown {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a directory shows: one that is hidden only if something below it is shown again.
    fn shows(&self, path: &TreePath) -> Result<bool, TreeError> {
        Ok(!self.hides(path, true)? || (self.shows_again && self.shows_below(path)?))
    }
}

impl Tree for Ignore {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        match self.tree.entry(path)? {
            Some(entry) if entry.kind == EntryKind::Directory && !path.is_root() && !self.shows(path)? => Ok(None),
            Some(entry) => self.show(path, entry),
            None => Ok(None),
        }
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        if self.hides(path, false)? {
            return Err(TreeError::NotFound(path.clone()));
        }
        self.tree.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut shown = Vec::new();
        for (name, entry) in self.tree.list(path)? {
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            if entry.kind == EntryKind::Directory && !self.shows(&child)? {
                continue;
            }
            if let Some(entry) = self.show(&child, entry)? {
                shown.push((name, entry));
            }
        }
        Ok(shown)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        if self.hides(path, false)? {
            return Err(TreeError::NotFound(path.clone()));
        }
        self.tree.read_link(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    fn shown(tree: &dyn Tree) -> Vec<String> {
        fn walk(tree: &dyn Tree, at: &TreePath, found: &mut Vec<String>) {
            for (name, entry) in tree.list(at).unwrap() {
                let child = at.join(&name).unwrap();
                assert_eq!(tree.entry(&child).unwrap().as_ref(), Some(&entry), "{child}");
                match entry.kind {
                    EntryKind::Directory => walk(tree, &child, found),
                    _ => found.push(child.to_string()),
                }
            }
        }
        let mut found = Vec::new();
        walk(tree, &TreePath::root(), &mut found);
        found
    }

    fn ignoring(files: &[(&str, &str)], given: Option<&str>) -> Ignore {
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec()))).unwrap();
        Ignore::new(Arc::new(tree), given).unwrap()
    }

    const FILES: &[(&str, &str)] = &[
        (".github/workflows/ci.yaml", ""),
        (".gitignore", ""),
        ("apps/a.yaml", ""),
        ("apps/logo.png", ""),
        ("docs/apps/b.yaml", ""),
        ("top.yaml", ""),
    ];

    #[test]
    fn without_patterns_the_defaults_hide() {
        assert_eq!(shown(&ignoring(FILES, None)), ["apps/a.yaml", "docs/apps/b.yaml", "top.yaml"]);
    }

    #[test]
    fn given_patterns_replace_the_defaults_and_may_show_again() {
        let tree = ignoring(FILES, Some("# only apps\n/*\n!/apps\n"));
        assert_eq!(shown(&tree), ["apps/a.yaml", "apps/logo.png"]);
        assert!(tree.entry(&path("top.yaml")).unwrap().is_none());
        assert!(matches!(tree.read_file(&path("top.yaml")), Err(TreeError::NotFound(_))));
        assert!(tree.entry(&path("docs")).unwrap().is_none());
        assert!(tree.entry(&path("apps")).unwrap().is_some());
    }

    #[test]
    fn a_file_in_a_directory_hides_below_it_alone() {
        let mut files = FILES.to_vec();
        files.push(("docs/.sourceignore", "apps/\n"));
        files.push(("docs/c.yaml", ""));
        assert_eq!(shown(&ignoring(&files, None)), ["apps/a.yaml", "docs/.sourceignore", "docs/c.yaml", "top.yaml"]);
    }

    #[test]
    fn given_patterns_go_before_those_in_files() {
        let files = [(".sourceignore", "*.yaml\n"), ("a.yaml", ""), ("b.yaml", "")];
        assert_eq!(shown(&ignoring(&files, Some("!a.yaml"))), [".sourceignore", "a.yaml"]);
    }

    #[test]
    fn what_git_ignores_is_hidden_and_all_below_it() {
        let files = [
            (".git/config", ""),
            (".gitignore", "target/\n!target/keep.yaml\n"),
            ("a.yaml", ""),
            ("logo.png", ""),
            ("target/keep.yaml", ""),
        ];
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec()))).unwrap();
        assert_eq!(shown(&Ignore::untracked(Arc::new(tree))), [".gitignore", "a.yaml", "logo.png"]);
    }

    #[test]
    fn the_id_of_a_directory_follows_what_is_visible() {
        let id = |files: &[(&str, &str)], given| ignoring(files, given).entry(&path("d")).unwrap().unwrap().id;
        let files = [("d/a.yaml", "1"), ("d/b.md", "1")];
        let before = id(&files, Some("*.md"));
        assert_eq!(before, id(&files, Some("*.md")));
        assert_ne!(before, id(&[("d/a.yaml", "2"), ("d/b.md", "1")], Some("*.md")));
        assert_ne!(before, id(&files, Some("*.txt")), "other patterns show other files");
        assert_ne!(before, id(&[("d/a.yaml", "1"), ("d/b.md", "1"), (".sourceignore", "a.yaml")], Some("*.md")));
    }
}
