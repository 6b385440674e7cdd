//! The repository that commands look at without a cluster: the one that the person stands in.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use cowherd_gitops::Elsewhere;
use cowherd_review::{By, Context, LeftOut, Side};
use cowherd_source::local::{self, Head, Repository, Worktree};
use cowherd_source::{Access, FetchError, Ignore, Reference, Snapshot};
use cowherd_text::{near, shell};
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits};
use serde_json::Value;

use crate::downloads;
use crate::sops::SopsKeys;
use crate::terminal::Mark;
use crate::terminal::text::say;

/// How many files are compared with what is checked out, for a hint.
const MAX_COMPARED: usize = 20_000;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
pub const HEADING: &str = "Without a cluster";

/// Flags that say what only a cluster could tell.
#[derive(Args, Clone)]
pub struct SurroundingsFlags {
    /// A file with manifests that the cluster has and the repository does not: ConfigMaps and Secrets with values of
    /// variables, definitions
    #[arg(help_heading = HEADING, long = "with", value_name = "FILE")]
    given: Vec<std::path::PathBuf>,
    /// A source that is this repository, as NAMESPACE/NAME
    #[arg(help_heading = HEADING, long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// A directory in which no cluster is looked for; several times for several
    #[arg(help_heading = HEADING, long, value_name = "DIRECTORY")]
    exclude: Vec<String>,
    /// Fetch nothing: remote bases and charts of repositories are errors
    #[arg(help_heading = HEADING, long)]
    offline: bool,
    #[command(flatten)]
    pub sops: SopsKeys,
}

/// What lasts as long as a command that may have to fetch.
pub struct Surroundings {
    pub context: Context,
    directory: Option<std::path::PathBuf>,
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

impl SurroundingsFlags {
    /// Whether somebody said that a source is this repository.
    pub fn names(&self, namespace: &str, name: &str) -> bool {
        self.sources.iter().any(|source| source.split_once('/') == Some((namespace, name)))
    }

    /// A flag of these that was given and says nothing where a cluster is asked. There may be files of a repository here, unless
    /// all are `fetched`.
    pub fn without_meaning(&self, fetched: bool) -> Option<&'static str> {
        let given = [
            ("--with", !self.given.is_empty()),
            ("--exclude", !self.exclude.is_empty()),
            ("--offline", self.offline),
            ("--source", fetched && !self.sources.is_empty()),
        ];
        given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    /// The directories in which no cluster is looked for, as seen from the root of the tree, of which it is said where on disk
    /// that is, and where in it one stands.
    pub fn excluded(&self, root: &Path, prefix: &TreePath) -> Result<Vec<TreePath>> {
        self.exclude.iter().map(|path| inside(root, prefix, "--exclude", path)).collect()
    }

    /// What the flags say, for this repository.
    pub fn open(&self, repository: Option<&Repository>) -> Result<Surroundings> {
        let mut context = Context::alone();
        if let Some(repository) = repository {
            context = context.with_repository(repository.remotes(), branches(repository));
        }
        for source in &self.sources {
            let (namespace, name) =
                source.split_once('/').with_context(|| format!("{source:?} is no NAMESPACE/NAME of a source"))?;
            context.sources.own.push(cowherd_gitops::NamespacedName::new(namespace, name));
        }
        for file in &self.given {
            context.given.extend(manifests(file)?);
        }
        let directory = if self.offline { None } else { downloads::own_directory().ok() };
        if let Some(directory) = &directory {
            context.elsewhere = Arc::new(downloads::opened(directory)?);
        } else {
            context.elsewhere = Arc::new(Elsewhere::nothing());
        }
        context.access = Access::own();
        context.keys = self.sops.keys()?;
        context.actors = crate::control_plane::actors();
        context.roles = cowherd_apiserver::default_roles();
        Ok(Surroundings { context, directory })
    }
}

fn manifests(file: &Path) -> Result<Vec<Value>> {
    let shown = file.display();
    let content = std::fs::read(file).with_context(|| format!("cannot read {shown}, which --with names"))?;
    let documents = cowherd_yaml::parse_documents_as(&content, Dialect::Kubernetes, &Limits::default())
        .with_context(|| format!("{shown} is no YAML"))?;
    let objects: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    if let Some(other) = objects.iter().find(|object| !object["kind"].is_string()) {
        bail!("{shown} holds a document without kind: {}", other.to_string().chars().take(60).collect::<String>());
    }
    Ok(objects)
}

/// The branches that a source of the repository may mean with the revision that is looked at: whatever is checked out
/// may be meant for any of them, but not another branch that there is.
fn branches(repository: &Repository) -> Vec<String> {
    let mut branches = vec!["main".to_owned(), "master".to_owned()];
    if let Ok(Head::Branch(branch)) = repository.head() {
        branches.push(branch);
    }
    branches
}

/// A path in a repository that a person gave by a flag: as seen from where they stand in it.
///
/// # Errors
/// When it is none, or one of the machine: with what to write instead.
pub fn inside(root: &Path, prefix: &TreePath, flag: &str, path: &str) -> Result<TreePath> {
    if !path.starts_with('/') {
        return prefix.join(path).with_context(|| format!("{flag} {path}"));
    }
    let up = "../".repeat(prefix.components().count());
    // Links are followed on both sides, where the path is there.
    let real = Path::new(path).canonicalize();
    let below = real.as_deref().unwrap_or(Path::new(path)).strip_prefix(root).ok().and_then(Path::to_str);
    let named = TreePath::parse(path).ok().filter(|named| root.join(named.as_str()).is_dir());
    let named = named.as_ref().map(TreePath::as_str);
    let instead = match below.or(named) {
        Some("") if up.is_empty() => format!("write {flag} ./"),
        Some("") => format!("write {flag} {up}"),
        Some(below) => format!("write {flag} {}{below}", if up.is_empty() { "./" } else { &up }),
        None => "name a directory of it as it is seen from there".to_owned(),
    };
    bail!("{flag} takes a path inside the repository {}, and not {path} of this machine: {instead}", root.display())
}

/// The repository that the person stands in.
pub fn repository() -> Result<Repository> {
    Ok(local::discover(Path::new("."))?)
}

/// Tells from where what is looked at grows, as far as there is room for it.
pub fn looked_at<'a>(paths: impl Iterator<Item = (&'a str, &'a By)>) -> String {
    /// How many are named.
    const NAMED: usize = 10;
    let named = paths.map(|(path, by)| match by {
        By::Person => path.to_owned(),
        by => format!("{path} ({by})"),
    });
    cowherd_text::listed(named, NAMED)
}

/// Tells what of a repository means manifests and is not looked at.
pub fn tell_left_out(left_out: &[LeftOut]) {
    /// How many are named.
    const NAMED: usize = 10;
    if left_out.is_empty() {
        return;
    }
    let names = cowherd_text::listed(left_out, NAMED);
    say(Mark::Waiting, &format!("not looked at: {names}"));
}

/// A revision, or what is checked out.
///
/// # Errors
/// When there is none of that name: with the names that may be meant.
pub fn snapshot(repository: &Repository, revision: Option<&str>) -> Result<Snapshot> {
    let Some(name) = revision else { return Ok(repository.snapshot(&Reference::Head)?) };
    repository.revision(name).map_err(|error| match error {
        FetchError::ReferenceNotFound { hint, .. } => {
            anyhow!(
                "there is no revision {name:?} in {}{}{}",
                repository.root().display(),
                meant(repository, name, &hint),
                if repository.is_shallow() { SHALLOW } else { "" }
            )
        }
        error => error.into(),
    })
}

/// What is said of a revision that a clone may be too short for.
const SHALLOW: &str = "; the clone is shallow, so that it has the latest commits alone: `git fetch --unshallow`, and in CI a \
                       checkout with all of the history";

/// What somebody may have meant who named a revision that is not there.
fn meant(repository: &Repository, name: &str, hint: &str) -> String {
    /// How many names are listed where none is near.
    const LISTED: usize = 5;
    // Of `main~99` the branch may be there, and not so many commits.
    let (base, is_relative) = match name.find(['~', '^', '@', ':']) {
        Some(at) => (&name[..at], true),
        None => (name, false),
    };
    let names = repository.names();
    if is_relative && (base.is_empty() || base == "HEAD" || names.iter().any(|known| known == base)) {
        // So gix says it, in words of its own.
        let is_too_far = hint.contains("out of range");
        return if is_too_far { "; its history does not go back so far".to_owned() } else { hint.to_owned() };
    }
    let near = near::hint(base, names.iter().map(String::as_str));
    match base.split_once('/') {
        _ if !near.is_empty() => near,
        Some((remote, branch)) if repository.remote_names().iter().any(|known| known == remote) => {
            let fetched = format!("{branch}:refs/remotes/{base}");
            format!("; if {remote} has it: git fetch {} {}", shell::word(remote), shell::word(&fetched))
        }
        _ if names.is_empty() => "; it has no branches and no tags".to_owned(),
        _ => {
            format!("; it has {}", cowherd_text::listed(&names, LISTED))
        }
    }
}

/// A revision as a side of a comparison.
pub fn revision(repository: &Repository, revision: Option<&str>) -> Result<Side> {
    let snapshot = snapshot(repository, revision)?;
    let name = revision.unwrap_or("HEAD").to_owned();
    Ok(Side { name, commit: Some(snapshot.commit.id.to_string()), tree: snapshot.tree })
}

/// The files as they are on disk, but those that Git is told to ignore.
pub fn worktree(repository: &Repository) -> Side {
    let tree = Worktree::new(repository.root());
    let tree = Ignore::untracked(Arc::new(tree));
    Side { name: "worktree".to_owned(), commit: None, tree: Arc::new(tree) }
}

/// Says in a line that what is on disk differs from the revision that is looked at, and how it is looked at.
pub fn tell_dirty(repository: &Repository, tree: &dyn Tree) {
    if !repository.is_bare() && is_dirty(repository, tree) {
        crate::terminal::tell!("{} uncommitted changes are not looked at; --worktree does", Mark::Waiting);
    }
}

/// Whether files on disk differ from those of `tree`, or are there besides. Of a large repository not all is looked at.
fn is_dirty(repository: &Repository, tree: &dyn Tree) -> bool {
    let worktree = Worktree::new(repository.root());
    let tracked = Ignore::untracked(Arc::new(worktree.clone()));
    let (own, mut left) = (own_output(repository.root()), MAX_COMPARED);
    let compared = Compared { tree, worktree: &worktree, tracked: &tracked, own: own.as_ref() };
    differs(&compared, &TreePath::root(), &mut left).unwrap_or(false)
}

/// The file in a directory that what is printed goes to: nobody has changed that one.
fn own_output(root: &Path) -> Option<TreePath> {
    let output = std::fs::read_link("/proc/self/fd/1").ok()?;
    TreePath::parse(output.strip_prefix(root.canonicalize().ok()?).ok()?.to_str()?).ok()
}

/// What is compared.
struct Compared<'a> {
    tree: &'a dyn Tree,
    worktree: &'a dyn Tree,
    tracked: &'a dyn Tree,
    /// A file that is left out.
    own: Option<&'a TreePath>,
}

fn differs(compared: &Compared<'_>, directory: &TreePath, left: &mut usize) -> Result<bool, TreeError> {
    let Compared { tree, worktree, tracked, own } = compared;
    let entries = tree.list(directory)?;
    for (name, entry) in &entries {
        *left = left.saturating_sub(1);
        let Ok(path) = directory.join(name) else { continue };
        if *own == Some(&path) {
            continue;
        }
        let found = worktree.entry(&path)?;
        let differ = match (entry.kind, found.as_ref().map(|found| found.kind)) {
            (_, _) if *left == 0 => return Ok(false),
            (EntryKind::Directory, Some(EntryKind::Directory)) => differs(compared, &path, left)?,
            // A submodule that is not there.
            (EntryKind::Other, _) => false,
            (kind, Some(now)) => {
                (kind == EntryKind::Symlink) != (now == EntryKind::Symlink)
                    || found.is_some_and(|found| found.id != entry.id)
            }
            (_, None) => true,
        };
        if differ {
            return Ok(true);
        }
    }
    for (name, entry) in tracked.list(directory)? {
        let is_known = entries.binary_search_by(|(known, _)| known.cmp(&name)).is_ok();
        let Ok(path) = directory.join(&name) else { continue };
        let is_own = *own == Some(&path);
        if !is_known && !is_own && (entry.kind != EntryKind::Directory || holds_files(*tracked, &path, left)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a directory holds files, at whatever depth: one that does not is nothing to Git.
fn holds_files(tree: &dyn Tree, directory: &TreePath, left: &mut usize) -> Result<bool, TreeError> {
    for (name, entry) in tree.list(directory)? {
        *left = left.saturating_sub(1);
        let Ok(path) = directory.join(&name) else { continue };
        if *left == 0 {
            return Ok(false);
        }
        if entry.kind != EntryKind::Directory || holds_files(tree, &path, left)? {
            return Ok(true);
        }
    }
    Ok(false)
}
