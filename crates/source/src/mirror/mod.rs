//! Copies of remote repositories, shared by everything that uses them.

mod generation;
mod idle;
mod options;
mod refused;
mod shared;

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::connect::{Attempt, Authorities, Command, Depth, Means, Session, Unreceived, connect, connect_to_push};
use crate::local;
use crate::objects::{Objects, lock};
use crate::push::{self, LONGEST_OPTION, Push, PushError, RefUpdate, is_reference};
use crate::reference::Found;
use crate::submodule;
use crate::{Access, FetchError, Reference, Remote, RepositoryUrl, Revision, Snapshot, Submodule};
pub use options::MirrorOptions;
use shared::Mirror;

/// Why the directory of the mirrors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MirrorsError {
    /// Another process uses it.
    #[error("{} is in use by another cowherd; stop it, or give another data directory", .0.display())]
    InUse(PathBuf),
    /// It cannot be made or read.
    #[error("the directory {} cannot be used: {cause}; check its permissions", .path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
}

/// Fetches repositories, and keeps one bare, shallow mirror per URL.
///
/// Clones share everything. Fetches of one URL that transfer something take turns; all else goes in parallel.
/// Calls block the thread.
#[derive(Clone)]
pub struct Mirrors(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    /// Where keys are put that `ssh` takes as files.
    keys: PathBuf,
    options: MirrorOptions,
    opened: Instant,
    /// When it was looked last what nobody needs.
    looked: Mutex<Option<Instant>>,
    authorities: Authorities,
    mirrors: Mutex<HashMap<String, Arc<Mirror>>>,
    locals: Mutex<HashMap<PathBuf, Weak<Objects>>>,
    in_use: File,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started holds it for a moment too.
        if let Err(error) = self.in_use.unlock() {
            tracing::debug!(%error, "the lock of the mirrors was not released");
        }
    }
}

impl Mirrors {
    /// The mirrors in `directory`, which is made where it is missing, and belongs to this alone.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, MirrorsError> {
        Self::open_with(directory, MirrorOptions::default())
    }

    /// The same with other options than the default ones.
    pub fn open_with(directory: impl Into<PathBuf>, options: MirrorOptions) -> Result<Self, MirrorsError> {
        let directory = directory.into();
        let unusable = |cause| MirrorsError::Unusable { path: directory.clone(), cause };
        fs::create_dir_all(&directory).map_err(unusable)?;
        let in_use = File::create(directory.join("lock")).map_err(unusable)?;
        match in_use.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MirrorsError::InUse(directory)),
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        idle::remove_remains(&directory).map_err(unusable)?;
        empty_private_directory(&directory.join("keys")).map_err(unusable)?;
        Ok(Self(Arc::new(Inner {
            keys: directory.join("keys"),
            directory,
            options,
            opened: Instant::now(),
            looked: Mutex::default(),
            authorities: Authorities::default(),
            mirrors: Mutex::default(),
            locals: Mutex::default(),
            in_use,
        })))
    }

    /// The repository of `remote` at `reference`.
    ///
    /// The server is asked where the reference stands, with the credentials of `remote`, also when the answer
    /// is already here. Objects are transferred only if the commit is not: the commit and its files, nothing of
    /// its history. A local repository is read where it is.
    pub fn fetch(&self, remote: &Remote, reference: &Reference) -> Result<Snapshot, FetchError> {
        self.fetch_counted(remote, reference).map(|(snapshot, _)| snapshot)
    }

    /// The repositories in a snapshot of `remote`, and in those, the outer ones first. They have as much time and as many bytes together as
    /// `remote` had, and are fetched with this access.
    pub fn submodules(
        &self,
        remote: &Remote,
        snapshot: &Snapshot,
        access: &Access,
    ) -> Result<Vec<Submodule>, FetchError> {
        submodule::fetch(self, remote, snapshot, access)
    }

    /// The names of the branches of a remote repository; none where nothing was pushed to it yet.
    ///
    /// # Errors
    /// When the server gives no answer, or there is no repository.
    pub fn branches(&self, remote: &Remote) -> Result<Vec<String>, FetchError> {
        remote.check()?;
        let mut names = self.connect(&Arc::new(Attempt::new(remote)))?.branches()?;
        names.sort();
        Ok(names)
    }

    /// Pushes a commit: references of the server stand at it from then on, as far as they stand where they may. Nothing else there is
    /// touched. Where the server can, all of them move or none does.
    ///
    /// # Errors
    /// When a reference stands elsewhere, or the server does not take the push.
    pub fn push(&self, remote: &Remote, push: &Push) -> Result<(), PushError> {
        remote.check()?;
        let names: Vec<String> = push.updates.iter().map(|update| update.name.clone()).collect();
        if let Some(name) = names.iter().find(|name| !is_reference(name)) {
            return Err(PushError::Reference(name.clone()));
        }
        // What is longer would be read as packets of the protocol that we did not write.
        if let Some(option) = push.options.iter().find(|option| option.len() > LONGEST_OPTION) {
            return Err(PushError::LongOption(option.len()));
        }
        let attempt = Arc::new(Attempt::new(remote));
        let session = connect_to_push(&attempt, &self.means(), &names)?;
        let url = || remote.url.clone();
        if !push.options.is_empty() && !session.takes_options() {
            return Err(PushError::Unable { url: url(), what: "push options (spec.git.push.options)" });
        }
        let mut commands = Vec::new();
        for RefUpdate { name, is_forced, must_exist } in &push.updates {
            let old = session.reference(name);
            let may_move = match old {
                Some(old) => *is_forced || Some(old) == push.draft.parent || old == push.draft.id,
                None => !must_exist,
            };
            if !may_move {
                return Err(PushError::Overtaken { url: url(), reference: name.clone() });
            }
            if old != Some(push.draft.id) {
                commands.push(Command { name: name.clone(), old, new: push.draft.id });
            }
        }
        if commands.is_empty() {
            return Ok(());
        }
        let report = session.push(&commands, &push.options, &push.draft.pack)?;
        push::judge(report, &remote.url)
    }

    /// The repository at `reference`, and how many bytes were received.
    pub(crate) fn fetch_counted(&self, remote: &Remote, reference: &Reference) -> Result<(Snapshot, u64), FetchError> {
        remote.check()?;
        if let Some(path) = remote.url.local_path() {
            let snapshot = local::Repository::open(path)?.snapshot_with(reference, |objects| self.local(objects))?;
            return Ok((snapshot, 0));
        }
        let attempt = Arc::new(Attempt::new(remote));
        let snapshot = self.fetch_remote(remote, reference, &attempt)?;
        Ok((snapshot, attempt.received()))
    }

    fn fetch_remote(
        &self,
        remote: &Remote,
        reference: &Reference,
        attempt: &Arc<Attempt>,
    ) -> Result<Snapshot, FetchError> {
        let mut session = self.connect(attempt)?;
        let mut found = session.find(reference)?;
        found.tag = found.tag.filter(|_| remote.with_tag);
        let (mirror, tenant) = (self.mirror(&remote.url, remote.scope.as_deref()), remote.tenant.as_ref());
        if let Some(snapshot) = mirror.held(&found, true, tenant)? {
            return snapshot.within_limits(&remote.url);
        }
        let _turn = mirror.turn(attempt).ok_or_else(|| attempt.ended())?;
        // Whoever had the turn before may have fetched the same.
        if let Some(snapshot) = mirror.held(&found, true, tenant)? {
            return snapshot.within_limits(&remote.url);
        }
        if let Some(refusal) = mirror.refusal(attempt, &found, remote.is_requested) {
            return Err(refusal);
        }
        let received = match mirror.receive(session, &found, &found, reference, Depth::Files, tenant) {
            Err(Unreceived::Unadvertised(_)) => self.fetch_from_history(attempt, &mirror, &found, reference),
            received => received.map_err(FetchError::from),
        };
        received.inspect_err(|error| mirror.note_refusal(attempt, &found, error))?;
        self.0.make_room();
        let snapshot = mirror.held(&found, false, tenant)?.ok_or_else(|| FetchError::ReferenceNotFound {
            url: remote.url.clone(),
            reference: reference.clone(),
            hint: "; what stands there is no commit".to_owned(),
        })?;
        snapshot.within_limits(&remote.url)
    }

    /// What was fetched of a remote repository before, in the same scope, and is still here, without asking its server. A local
    /// repository is never held.
    pub fn held(&self, remote: &Remote, revision: &Revision) -> Option<Snapshot> {
        let Remote { url, scope, tenant, .. } = remote;
        if url.local_path().is_some() {
            return None;
        }
        let found = Found::commit(revision.name().map(str::to_owned), revision.commit().0);
        let mirror = self.mirror(url, scope.as_deref());
        mirror.held(&found, true, tenant.as_ref()).ok()??.within_limits(url).ok()
    }

    /// Fetches a commit from a server that gives only the tips of branches: with the whole history of its branch.
    fn fetch_from_history(
        &self,
        attempt: &Arc<Attempt>,
        mirror: &Mirror,
        found: &Found,
        reference: &Reference,
    ) -> Result<(), FetchError> {
        let branch = match reference {
            Reference::Commit { branch: Some(branch), .. } => Reference::Branch(branch.clone()),
            _ => Reference::Head,
        };
        let mut session = self.connect(attempt)?;
        let tip = session.find(&branch)?;
        Ok(mirror.receive(session, &tip, found, reference, Depth::History, attempt.tenant())?)
    }

    fn connect(&self, attempt: &Arc<Attempt>) -> Result<Session, FetchError> {
        connect(attempt, &self.means())
    }

    fn means(&self) -> Means<'_> {
        let Inner { options, authorities, keys, .. } = &*self.0;
        Means { ssh: &options.ssh, keys, authorities }
    }

    /// Forgets the mirror of `url` that has no scope. Trees that are held stay readable; the files go with the last of them.
    pub fn forget(&self, url: &RepositoryUrl) {
        let removed = lock(&self.0.mirrors).remove(&url.key());
        let mirror = removed.unwrap_or_else(|| Arc::new(self.new_mirror(url, &url.key())));
        mirror.discard();
    }

    fn mirror(&self, url: &RepositoryUrl, scope: Option<&str>) -> Arc<Mirror> {
        let key = scoped(url, scope);
        let mut mirrors = lock(&self.0.mirrors);
        mirrors.entry(key.clone()).or_insert_with(|| Arc::new(self.new_mirror(url, &key))).clone()
    }

    fn new_mirror(&self, url: &RepositoryUrl, key: &str) -> Mirror {
        Mirror::new(self.0.directory.join(directory_name(url, key)), url.clone(), self.0.options.max_commits)
    }

    /// The object database in `path`, shared while anyone reads from it.
    fn local(&self, path: &Path) -> io::Result<Arc<Objects>> {
        let mut locals = lock(&self.0.locals);
        if let Some(objects) = locals.get(path).and_then(Weak::upgrade).filter(|objects| !objects.damaged()) {
            return Ok(objects);
        }
        locals.retain(|_, objects| objects.strong_count() > 0);
        let objects = Arc::new(Objects::open(path)?);
        locals.insert(path.to_owned(), Arc::downgrade(&objects));
        Ok(objects)
    }
}

impl std::fmt::Debug for Mirrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirrors").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}

/// What tells a mirror from all others. A scope is the name of a namespace, with which no URL begins.
fn scoped(url: &RepositoryUrl, scope: Option<&str>) -> String {
    let key = url.key();
    scope.map_or_else(|| key.clone(), |scope| format!("{scope}\n{key}"))
}

/// A name for a directory that tells a person which repository it is, and is different for each key.
fn directory_name(url: &RepositoryUrl, key: &str) -> String {
    let digest = Sha256::digest(key);
    let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let url = url.key();
    let name = url.trim_end_matches(".git").trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let readable: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    format!("{readable}-{digest}")
}

/// Makes a directory for keys, empty: a killed process may have left some.
fn empty_private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(path)
}
