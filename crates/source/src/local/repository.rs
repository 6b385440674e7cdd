//! A repository of this machine: where it is, where a path stands in it, and what it holds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cowherd_tree::{EntryKind, Tree as _, TreePath};
use gix::ObjectId;

use crate::objects::{ObjectError, Objects};
use crate::reference::Found;
use crate::{Commit, CommitId, FetchError, GitTree, Reference, RepositoryUrl, Snapshot};

/// How many branches an error names.
const MAX_NAMED: usize = 5;

/// The repository that `path` stands in or names: a worktree, a directory in one, a bare repository.
pub fn discover(path: &Path) -> Result<Repository, FetchError> {
    // Errors are read where nobody knows what "." was.
    let url = RepositoryUrl::from_path(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    let path = path.canonicalize().map_err(|error| absent(&url, &error.to_string()))?;
    let start = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
    for directory in start.ancestors() {
        if !is_repository(directory) {
            continue;
        }
        let mut repository = Repository::open(directory)?;
        if let Some(inside) = repository.worktree.as_ref().and_then(|root| path.strip_prefix(root).ok()) {
            let inside = inside.to_str().and_then(|inside| TreePath::parse(inside).ok());
            repository.prefix = inside.unwrap_or_default();
        }
        return Ok(repository);
    }
    Err(absent(&url, "neither this directory nor one above it is a Git repository"))
}

/// Whether `path` is in what Git would take for a repository, whether or not that can be read.
pub fn is_in_one(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| path.ancestors().any(is_repository))
}

/// Whether Git would take `directory` for a worktree or a bare repository.
fn is_repository(directory: &Path) -> bool {
    directory.join(".git").exists() || (directory.join("HEAD").is_file() && directory.join("objects").is_dir())
}

/// What a repository has checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch.
    Branch(String),
    /// A commit without a branch.
    Detached(CommitId),
    /// A branch that has no commit yet.
    Unborn(String),
}

/// A repository of this machine.
///
/// Its configuration is read as far as reading objects takes; no program that it names is run.
pub struct Repository {
    repository: gix::ThreadSafeRepository,
    url: RepositoryUrl,
    worktree: Option<PathBuf>,
    prefix: TreePath,
}

impl Repository {
    /// The repository at `path`: a worktree's root or a bare repository.
    pub fn open(path: &Path) -> Result<Self, FetchError> {
        let url = RepositoryUrl::from_path(path);
        let path = path.canonicalize().map_err(|error| absent(&url, &error.to_string()))?;
        if !is_repository(&path) && !path.join("HEAD").is_file() {
            return Err(absent(&url, "the directory is not a Git repository"));
        }
        // Isolated: no configuration of the system or the user, no includes, no environment. Who owns the files
        // does not matter, since nothing that they name is run.
        let options = gix::open::Options::isolated().with(gix::sec::Trust::Full);
        let repository =
            gix::ThreadSafeRepository::open_opts(&path, options).map_err(|error| not_open(&url, &error))?;
        let worktree = repository.to_thread_local().workdir().and_then(|root| root.canonicalize().ok());
        let opened = Self { repository, url, worktree, prefix: TreePath::root() };
        opened.check_format()?;
        Ok(opened)
    }

    /// Refuses what gix would misread.
    fn check_format(&self) -> Result<(), FetchError> {
        let repository = self.repository.to_thread_local();
        let config = repository.config_snapshot();
        let unsupported = |what: String| FetchError::Unsupported { url: self.url.clone(), what };
        match config.string("extensions.objectFormat") {
            Some(format) if format.as_slice() != b"sha1" => {
                return Err(unsupported(format!("a repository with {format} object ids")));
            }
            _ => {}
        }
        match config.string("extensions.refStorage") {
            Some(storage) if storage.as_slice() != b"files" => {
                Err(unsupported(format!("the reference storage {storage:?}")))
            }
            _ => Ok(()),
        }
    }

    /// The path of the repository in the form that errors show.
    pub fn url(&self) -> &RepositoryUrl {
        &self.url
    }

    /// The root of the worktree; of a bare repository the repository itself.
    pub fn root(&self) -> &Path {
        self.worktree.as_deref().unwrap_or_else(|| self.repository.refs.git_dir())
    }

    /// Whether there are no files but those of the repository itself.
    pub fn is_bare(&self) -> bool {
        self.worktree.is_none()
    }

    /// Whether it has only the latest part of its history.
    pub fn is_shallow(&self) -> bool {
        self.repository.to_thread_local().is_shallow().unwrap_or(false)
    }

    /// Where the path that was discovered stands below the root.
    pub fn prefix(&self) -> &TreePath {
        &self.prefix
    }

    /// The directory with this worktree's own `HEAD`.
    pub(super) fn git_directory(&self) -> PathBuf {
        self.repository.to_thread_local().git_dir().to_owned()
    }

    /// The directory with what all worktrees share.
    pub(super) fn common_directory(&self) -> PathBuf {
        self.repository.to_thread_local().common_dir().to_owned()
    }

    /// What is checked out.
    pub fn head(&self) -> Result<Head, FetchError> {
        let repository = self.repository.to_thread_local();
        let head = repository.head().map_err(|error| self.unreadable(&error))?;
        let short = |name: &gix::refs::FullName| name.shorten().to_string();
        Ok(match &head.kind {
            gix::head::Kind::Symbolic(reference) => Head::Branch(short(&reference.name)),
            gix::head::Kind::Unborn(name) => Head::Unborn(short(name)),
            gix::head::Kind::Detached { target, .. } => Head::Detached(CommitId(*target)),
        })
    }

    /// The repository at `reference`.
    pub fn snapshot(&self, reference: &Reference) -> Result<Snapshot, FetchError> {
        self.snapshot_with(reference, |path| Objects::open(path).map(Arc::new))
    }

    /// Whether the commit that is checked out has something at `path`, whatever it is: a link is not followed, for where it leads on
    /// disk a commit may have nothing, and case makes no difference, as to some disks. Nothing is read but the directories on the
    /// way there, however many files there are.
    pub fn has_committed(&self, path: &TreePath) -> Result<bool, FetchError> {
        if matches!(self.head()?, Head::Unborn(_)) {
            return Ok(false);
        }
        let found = self.find(&Reference::Head)?;
        let (_, tree) = self.read_commit(&Reference::Head, found.id, |path| Objects::open(path).map(Arc::new))?;
        let names: Vec<&str> = path.components().collect();
        let mut directories = vec![TreePath::root()];
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let mut next = Vec::new();
            for directory in &directories {
                let entries = tree.list(directory).map_err(|error| self.unreadable(&error))?;
                for (known, entry) in entries.into_iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    match directory.join(&known) {
                        Ok(below) if !is_last && entry.kind == EntryKind::Directory => next.push(below),
                        _ => return Ok(true),
                    }
                }
            }
            directories = next;
        }
        Ok(false)
    }

    /// The repository at a commit as `git rev-parse` takes it: `HEAD~2`, `v1.0.0`, `main@{yesterday}`, an id or its
    /// beginning.
    pub fn revision(&self, text: &str) -> Result<Snapshot, FetchError> {
        let repository = self.repository.to_thread_local();
        let id = repository.rev_parse_single(text).map_err(|error| FetchError::ReferenceNotFound {
            url: self.url.clone(),
            reference: Reference::Name(text.to_owned()),
            hint: format!(": {}", crate::error::chain(&error)),
        })?;
        let name = (!id.to_string().starts_with(text)).then(|| text.to_owned());
        let found = Found::commit(name, id.detach());
        self.read(&Reference::Name(text.to_owned()), &found, |path| Objects::open(path).map(Arc::new))
    }

    /// The newest commit that both revisions, as `git rev-parse` takes them, have in their history: where one was branched
    /// off from the other. `None` where there is none, as in a shallow clone.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Option<CommitId>, FetchError> {
        let repository = self.repository.to_thread_local();
        let commit = |text: &str| {
            let found = repository.rev_parse_single(text).map_err(|error| chained(&error))?;
            found.object().map_err(|error| chained(&error))?.peel_to_commit().map_err(|error| chained(&error))
        };
        let found = commit(one).and_then(|one| Ok((one.id, commit(other)?.id)));
        let (one, other) = found.map_err(|cause| FetchError::Storage {
            url: self.url.clone(),
            path: self.root().to_owned(),
            cause,
        })?;
        // A history that ends before they meet, as a shallow one does, is no failure.
        Ok(repository.merge_base(one, other).ok().flatten().map(|id| CommitId(id.detach())))
    }

    /// The branches, by their short names.
    pub fn branches(&self) -> Vec<String> {
        let repository = self.repository.to_thread_local();
        let Ok(references) = repository.references() else { return Vec::new() };
        let Ok(branches) = references.local_branches() else { return Vec::new() };
        branches.flatten().map(|branch| branch.name().shorten().to_string()).collect()
    }

    /// The names that a revision may have: branches, also those of remotes, and tags.
    pub fn names(&self) -> Vec<String> {
        let repository = self.repository.to_thread_local();
        let Ok(references) = repository.references() else { return Vec::new() };
        let remote = references.remote_branches().into_iter().flatten().flatten();
        let remote = remote.map(|branch| branch.name().shorten().to_string());
        let mut names = self.branches();
        names.extend(remote);
        names.extend(self.tags().unwrap_or_default());
        names
    }

    /// What the repositories are called that this one was cloned from or is pushed to.
    pub fn remote_names(&self) -> Vec<String> {
        self.repository.to_thread_local().remote_names().iter().map(ToString::to_string).collect()
    }

    /// The addresses of the repositories that this one was cloned from or is pushed to.
    pub fn remotes(&self) -> Vec<RepositoryUrl> {
        let repository = self.repository.to_thread_local();
        let names = repository.remote_names();
        let urls = names.iter().filter_map(|name| {
            let key = format!("remote.{name}.url");
            let url = repository.config_snapshot().string(key.as_str())?.to_string();
            RepositoryUrl::parse(&url).ok()
        });
        urls.collect()
    }

    /// The repository at `reference`, its objects opened with `open`.
    pub(crate) fn snapshot_with(
        &self,
        reference: &Reference,
        open: impl FnOnce(&Path) -> io::Result<Arc<Objects>>,
    ) -> Result<Snapshot, FetchError> {
        let found = self.find(reference)?;
        self.read(reference, &found, open)
    }

    fn read(
        &self,
        reference: &Reference,
        found: &Found,
        open: impl FnOnce(&Path) -> io::Result<Arc<Objects>>,
    ) -> Result<Snapshot, FetchError> {
        let (commit, tree) = self.read_commit(reference, found.id, open)?;
        let (revision, tag) = (found.revision(commit.id), found.tag.and_then(|tag| tree.tag(tag)));
        Snapshot { revision, commit, tree: Arc::new(tree), tag, unchanged: true }.within_limits(&self.url)
    }

    /// A commit and its files, however many they are.
    fn read_commit(
        &self,
        reference: &Reference,
        id: ObjectId,
        open: impl FnOnce(&Path) -> io::Result<Arc<Objects>>,
    ) -> Result<(Commit, GitTree), FetchError> {
        let path = self.repository.to_thread_local().objects.store_ref().path().to_owned();
        let storage = |cause: String| FetchError::Storage { url: self.url.clone(), path: path.clone(), cause };
        let objects = open(&path).map_err(|error| storage(error.to_string()))?;
        let (commit, tree) = objects.commit(id).map_err(|error| match error {
            ObjectError::Missing(_) | ObjectError::NotA(..) => self.missing(reference, &format!(": {error}")),
            error => storage(error.to_string()),
        })?;
        Ok((commit, GitTree::new(objects, tree)))
    }

    /// The name of the revision that `reference` gives, and the object it names.
    fn find(&self, reference: &Reference) -> Result<Found, FetchError> {
        match reference {
            Reference::Commit { id, branch } => {
                let id: CommitId = id.parse().map_err(|hint: String| self.missing(reference, &format!(": {hint}")))?;
                Ok(Found::commit(branch.clone(), id.0))
            }
            Reference::SemVer(range) => {
                let tags = self.tags()?;
                let tag = range.highest(tags.iter().map(String::as_str));
                let tag = tag.ok_or_else(|| self.missing(reference, ""))?.to_owned();
                self.target(&format!("refs/tags/{tag}"), Some(tag), reference)
            }
            Reference::Branch(name) | Reference::Tag(name) | Reference::Name(name) => {
                self.target(&reference.full_name().unwrap_or_default(), Some(name.clone()), reference)
            }
            Reference::Any(name) => match Reference::named_commit(name) {
                Some(commit) => Ok(Found::commit(None, commit.0)),
                None => self.find_any(name, reference),
            },
            Reference::Head => match self.head()? {
                Head::Branch(name) => self.target("HEAD", Some(name), reference),
                Head::Detached(id) => Ok(Found::commit(None, id.0)),
                Head::Unborn(name) => Err(self.missing(reference, &format!(": the branch {name:?} has no commit yet"))),
            },
        }
    }

    /// The first of what `name` may be short for.
    fn find_any(&self, name: &str, reference: &Reference) -> Result<Found, FetchError> {
        for (full, shown) in Reference::candidates(name) {
            // Names are read from files: what cannot be one is none.
            let possible = gix::refs::FullName::try_from(full.as_str()).is_ok();
            match if possible { self.target(&full, Some(shown), reference) } else { continue } {
                Err(FetchError::ReferenceNotFound { .. }) => {}
                found => return found,
            }
        }
        let hint = format!("{}; a commit has to be named by all its 40 digits", self.branches_hint());
        Err(self.missing(reference, &hint))
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        let repository = self.repository.to_thread_local();
        let references = repository.references().map_err(|error| self.unreadable(&error))?;
        let tags = references.tags().map_err(|error| self.unreadable(&error))?;
        Ok(tags.flatten().map(|tag| tag.name().shorten().to_string()).collect())
    }

    /// What the reference of this name stands for, and whether a tag is on the way there.
    fn target(&self, full_name: &str, name: Option<String>, reference: &Reference) -> Result<Found, FetchError> {
        let repository = self.repository.to_thread_local();
        let found = repository.try_find_reference(full_name).map_err(|error| self.unreadable(&error))?;
        let mut found = found
            // A short name would be looked for in many places; what was asked for is one.
            .filter(|found| found.name().as_bstr() == full_name)
            .ok_or_else(|| self.missing(reference, &self.branches_hint()))?;
        let direct = found.try_id().map(|id| id.detach());
        let id = found.peel_to_id().map_err(|error| self.unreadable(&error))?.detach();
        Ok(Found { name, id, tag: direct.filter(|direct| *direct != id) })
    }

    /// Which branches there are, for whoever named one that is not.
    fn branches_hint(&self) -> String {
        let names = self.branches();
        match names.is_empty() {
            true => "; it has no branches".to_owned(),
            false => format!("; it has {}", cowherd_text::listed(&names, MAX_NAMED)),
        }
    }

    fn missing(&self, reference: &Reference, hint: &str) -> FetchError {
        FetchError::ReferenceNotFound { url: self.url.clone(), reference: reference.clone(), hint: hint.to_owned() }
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> FetchError {
        let path = self.root().to_owned();
        FetchError::Storage { url: self.url.clone(), path, cause: crate::error::chain(error) }
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("root", &self.root()).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn chained(error: &dyn std::error::Error) -> String {
    crate::error::chain(error)
}

fn absent(url: &RepositoryUrl, cause: &str) -> FetchError {
    FetchError::RepositoryNotFound { url: url.clone(), cause: cause.to_owned() }
}

fn not_open(url: &RepositoryUrl, error: &gix::Error) -> FetchError {
    let causes = error.iter_errors().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let lower = causes.to_lowercase();
    if lower.contains("objectformat") || lower.contains("object format") || lower.contains("sha256") {
        return FetchError::Unsupported { url: url.clone(), what: "a repository with sha256 object ids".to_owned() };
    }
    absent(url, &causes)
}
