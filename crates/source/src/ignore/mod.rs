//! Hides files from a tree, as Flux's `.sourceignore` and `spec.ignore` do.

mod patterns;
mod standing;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cowherd_tree::{Entry, EntryKind, Tree, TreeError, TreePath};

use self::patterns::Patterns;
use self::standing::Standing;
use crate::objects::lock;
use crate::recent::Recent;

/// The file that holds patterns, in any directory.
pub const IGNORE_FILE: &str = ".sourceignore";

/// The file that holds the patterns of Git itself.
const GIT_IGNORE_FILE: &str = ".gitignore";

/// The largest `.sourceignore` that is read, in bytes.
pub(crate) const MAX_FILE: u64 = 256 * 1024;

/// How much is remembered of what patterns say of directories, in patterns.
const MAX_REMEMBERED: usize = 64 * 1024;

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
    /// What the files that hold patterns are called; nothing where none counts.
    file: Option<&'static str>,
    /// Whether files below a directory that is hidden may show again.
    shows_again: bool,
    /// What patterns say that are in no directory.
    outermost: Arc<Standing>,
    /// What all patterns say of directories.
    standings: Mutex<Recent<TreePath, Arc<Standing>>>,
    /// Which directories show.
    shown: Mutex<Recent<TreePath, bool>>,
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
        Ok(Self::by(tree, IGNORE_FILE, true, Standing::outermost(given, base)))
    }

    /// Hides from `tree` what Flux hides where nobody gives patterns, whatever files of patterns are in it.
    pub fn defaults(tree: Arc<dyn Tree>) -> Self {
        let outermost = Standing::outermost(Patterns::parse(&[]), Patterns::parse(&[VERSION_CONTROL, DEFAULTS]));
        Self { file: None, ..Self::by(tree, IGNORE_FILE, true, outermost) }
    }

    /// Hides from the files of a worktree what its `.gitignore` files hide, and what Git keeps for itself.
    pub fn untracked(tree: Arc<dyn Tree>) -> Self {
        let outermost = Standing::outermost(Patterns::parse(&[]), Patterns::parse(&[".git\n"]));
        Self::by(tree, GIT_IGNORE_FILE, false, outermost)
    }

    fn by(tree: Arc<dyn Tree>, file: &'static str, shows_again: bool, outermost: Standing) -> Self {
        let outermost = Arc::new(outermost);
        let (standings, shown) = (Mutex::new(Recent::new(MAX_REMEMBERED)), Mutex::new(Recent::new(MAX_REMEMBERED)));
        Self { tree, file: Some(file), shows_again, outermost, standings, shown }
    }

    /// What the patterns say of a directory: found from what they say of the one above it.
    fn standing(&self, directory: &TreePath) -> Result<Arc<Standing>, TreeError> {
        let mut below = Vec::new();
        let mut at = directory.clone();
        let mut standing = loop {
            if let Some(standing) = lock(&self.standings).get(&at) {
                break standing;
            }
            let above = at.parent();
            let is_root = at.is_root();
            below.push(std::mem::replace(&mut at, above));
            if is_root {
                break self.outermost.clone();
            }
        };
        for directory in below.into_iter().rev() {
            let patterns = patterns_in(&*self.tree, &directory, self.file)?;
            standing = Arc::new(standing.of_child(&directory, patterns));
            lock(&self.standings).insert(directory.clone(), standing.clone(), cost(&directory) + standing.cost());
        }
        Ok(standing)
    }

    /// Whether `path` is hidden.
    fn hides(&self, path: &TreePath, is_directory: bool) -> Result<bool, TreeError> {
        Ok(!path.is_root() && self.standing(&path.parent())?.hides(path, is_directory))
    }

    /// What shows of an entry: nothing, the entry, or the directory under an id of its own.
    fn show(&self, path: &TreePath, entry: Entry) -> Result<Option<Entry>, TreeError> {
        let is_directory = entry.kind == EntryKind::Directory;
        // A directory that is hidden may hold files that are shown again, and empty directories harm nobody.
        if !is_directory {
            return Ok((!self.hides(path, false)?).then_some(entry));
        }
        let id = match path.is_root() {
            true => self.outermost.id(&entry.id),
            false => self.standing(&path.parent())?.id(&entry.id),
        };
        Ok(Some(Entry { kind: entry.kind, id }))
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
        if let Some(shows) = lock(&self.shown).get(path) {
            return Ok(shows);
        }
        let shows = !self.hides(path, true)? || (self.shows_again && self.shows_below(path)?);
        lock(&self.shown).insert(path.clone(), shows, cost(path));
        Ok(shows)
    }
}

/// What it costs to remember something of a directory.
fn cost(directory: &TreePath) -> usize {
    const BYTES_OF_A_PATTERN: usize = 64;
    1 + directory.as_str().len() / BYTES_OF_A_PATTERN
}

/// The patterns in the file of `directory` that holds some.
fn patterns_in(tree: &dyn Tree, directory: &TreePath, name: Option<&str>) -> Result<Patterns, TreeError> {
    let Some(name) = name else { return Ok(Patterns::parse(&[])) };
    let file = directory.join(name).map_err(|source| TreeError::Outside { path: directory.clone(), source })?;
    match tree.entry(&file)? {
        Some(Entry { kind: EntryKind::File { size }, .. }) if size > MAX_FILE => {
            Err(TreeError::TooLarge { path: file, size, limit: MAX_FILE })
        }
        Some(Entry { kind: EntryKind::File { .. }, .. }) => {
            Ok(Patterns::parse(&[&String::from_utf8_lossy(&tree.read_file(&file)?)]))
        }
        _ => Ok(Patterns::parse(&[])),
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
    use std::collections::BTreeSet;

    use super::*;
    use cowherd_tree::MemoryTree;
    use proptest::collection::vec;
    use proptest::prelude::*;

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
    fn the_defaults_alone_are_given_whatever_files_say() {
        let mut files = FILES.to_vec();
        files.push((".sourceignore", "apps/\n!*.png\n"));
        let tree = MemoryTree::new(files.iter().map(|(path, text)| (*path, text.as_bytes().to_vec()))).unwrap();
        let expected = [".sourceignore", "apps/a.yaml", "docs/apps/b.yaml", "top.yaml"];
        assert_eq!(shown(&Ignore::defaults(Arc::new(tree))), expected);
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

    /// Whether `path` is hidden, found from all patterns and all that is above it.
    fn hidden(files: &[(&str, &str)], given: &str, at: &str) -> bool {
        let mut sets = vec![(String::new(), given)];
        let mut above: Vec<String> = at.match_indices('/').map(|(end, _)| at[..=end].to_owned()).collect();
        above.reverse();
        above.push(String::new());
        let of = |directory: &String| files.iter().find(|(name, _)| *name == format!("{directory}{IGNORE_FILE}"));
        sets.extend(above.iter().filter_map(|directory| Some((directory.clone(), of(directory)?.1))));
        for (directory, text) in sets {
            let patterns = Patterns::parse(&[text]);
            let below = &at[directory.len()..];
            let ends = below.match_indices('/').map(|(end, _)| (end, true)).chain([(below.len(), false)]);
            let last =
                ends.filter_map(|(end, is_directory)| patterns.last_fitting(&below[..end], is_directory, None)).max();
            if let Some(last) = last {
                return patterns.hides(last);
            }
        }
        false
    }

    proptest! {
        #[test]
        fn what_is_hidden_follows_from_all_that_is_above(
            given in patterns(),
            root in patterns(),
            inner in patterns(),
            paths in vec("[ab]/[abd]/[abd](/[abd])?", 1..6),
        ) {
            let mut files = vec![(IGNORE_FILE, root.as_str()), ("a/.sourceignore", &inner), ("a/b/.sourceignore", &root)];
            let taken = |path: &String| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
            files.extend(paths.iter().filter(|path| !taken(path)).map(|path| (path.as_str(), "")));
            let expected: BTreeSet<&str> =
                files.iter().map(|(path, _)| *path).filter(|path| !hidden(&files, &given, path)).collect();
            let found = shown(&ignoring(&files, Some(&given)));
            prop_assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
        }
    }

    fn patterns() -> impl Strategy<Value = String> {
        let pattern = prop::sample::select(vec![
            "*", "!*", "/*", "a", "!a", "/a", "b/", "!b/", "a/b", "!/a/b", "**/d", "!**/d", "d/*", "!d/a", "[ab]",
            "# c", "",
        ]);
        vec(pattern, 0..4).prop_map(|lines| lines.join("\n"))
    }
}
