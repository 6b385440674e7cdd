//! The mirror of one repository.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::generation::Generation;
use super::refused::{Asked, Refused};
use crate::connect::{Attempt, Depth, Receiver, Session, Unreceived};
use crate::objects::{Objects, lock};
use crate::reference::Found;
use crate::tenant::Claim;
use crate::{FetchError, GitTree, Reference, RepositoryUrl, Snapshot, Tenant};

/// How many of the commits that are here are offered to the server as a base for what it sends.
const MAX_HAVES: usize = 32;

/// How often it is looked whether somebody who waits for a turn still wants it.
const GLANCE: Duration = Duration::from_millis(200);

/// The mirror of one repository: a succession of generations, of which the last is in use.
///
/// A generation only grows. When it has grown too much, or is damaged, a new one begins; the old one is removed
/// when the last tree that reads from it is dropped.
pub(super) struct Mirror {
    directory: PathBuf,
    url: RepositoryUrl,
    max_commits: usize,
    generation: Mutex<State>,
    refused: Mutex<Refused>,
    /// When somebody wanted something of it.
    used: Mutex<SystemTime>,
    taken: Mutex<bool>,
    given: Condvar,
}

enum State {
    /// What is on disk was not looked at yet.
    Unread,
    Empty,
    Current(Generation),
}

/// The right to change a mirror.
pub(super) struct Turn<'a>(&'a Mirror);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.taken) = false;
        self.0.given.notify_one();
    }
}

impl Mirror {
    pub(super) fn new(directory: PathBuf, url: RepositoryUrl, max_commits: usize) -> Self {
        Self {
            directory,
            url,
            max_commits,
            generation: Mutex::new(State::Unread),
            refused: Mutex::default(),
            used: Mutex::new(SystemTime::UNIX_EPOCH),
            taken: Mutex::new(false),
            given: Condvar::new(),
        }
    }

    /// Waits for the right to change this mirror; `None` when `attempt` came to its end before.
    pub(super) fn turn(&self, attempt: &Attempt) -> Option<Turn<'_>> {
        let mut taken = lock(&self.taken);
        while *taken {
            if attempt.is_over() {
                return None;
            }
            let waited = self.given.wait_timeout(taken, attempt.deadline().remaining().min(GLANCE));
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken = true;
        Some(Turn(self))
    }

    /// The snapshot of what was found on the server, if it is all here.
    ///
    /// # Errors
    /// When `tenant` has no room for it.
    pub(super) fn held(
        &self,
        found: &Found,
        unchanged: bool,
        tenant: Option<&Tenant>,
    ) -> Result<Option<Snapshot>, FetchError> {
        *lock(&self.used) = SystemTime::now();
        let Some((objects, size)) = self.holding(found) else { return Ok(None) };
        let claim = self.claim(tenant, objects.repository(), size)?;
        Ok(self.snapshot(found, unchanged, objects, claim))
    }

    /// The object database in which the commit is, with the tag if that is wanted, and how large it is on disk.
    fn holding(&self, found: &Found) -> Option<(Arc<Objects>, u64)> {
        let mut state = self.read_state();
        let State::Current(generation) = &*state else { return None };
        if generation.objects().damaged() {
            tracing::warn!(url = %self.url, "the local copy of a repository is damaged; it is fetched anew");
            discard(&mut state);
            return None;
        }
        let is_whole = generation.holds(found.id) && found.tag.is_none_or(|tag| generation.objects().has(tag));
        is_whole.then(|| (generation.objects().clone(), generation.size()))
    }

    /// Claims a generation for whom it is read or written.
    fn claim(&self, tenant: Option<&Tenant>, directory: &Path, size: u64) -> Result<Option<Claim>, FetchError> {
        let claim = tenant.map(|tenant| tenant.claim(directory, size)).transpose();
        claim.map_err(|cause| FetchError::NoRoom { url: self.url.clone(), cause })
    }

    fn snapshot(
        &self,
        found: &Found,
        unchanged: bool,
        objects: Arc<Objects>,
        claim: Option<Claim>,
    ) -> Option<Snapshot> {
        let read = objects.commit(found.id).and_then(|(commit, tree)| objects.directory(tree).map(|_| (commit, tree)));
        let Ok((commit, tree)) = read else {
            if objects.damaged() {
                self.discard();
            }
            return None;
        };
        let tree = Arc::new(GitTree::new(objects, tree).with_claim(claim));
        let tag = found.tag.and_then(|tag| tree.tag(tag));
        Some(Snapshot { revision: found.revision(commit.id), commit, tree, tag, unchanged })
    }

    /// Why what was found is not asked for again, if it is not. Who was asked by a person asks in any case.
    pub(super) fn refusal(&self, attempt: &Attempt, found: &Found, is_requested: bool) -> Option<FetchError> {
        let mut refused = lock(&self.refused);
        if is_requested {
            refused.forget(found.id);
        }
        let (asked, now) = (asked(attempt, found), Instant::now());
        let namespace = attempt.tenant().map(|tenant| tenant.namespace().to_owned());
        refused.of(&asked, now).or_else(|| refused.of(&Asked { namespace, ..asked }, now))
    }

    /// Notes why what was found was not received, where something of it was.
    pub(super) fn note_refusal(&self, attempt: &Attempt, found: &Found, error: &FetchError) {
        let may_have_come = matches!(
            error,
            FetchError::Protocol { .. }
                | FetchError::Timeout { .. }
                | FetchError::Unreachable { .. }
                | FetchError::NoRoom { .. }
        );
        let mut asked = asked(attempt, found);
        if matches!(error, FetchError::NoRoom { .. }) {
            asked.namespace = attempt.tenant().map(|tenant| tenant.namespace().to_owned());
        }
        if error.is_of_content() || may_have_come {
            lock(&self.refused).note(asked, error, attempt.is_whole(), Instant::now());
        }
    }

    /// Fetches `want` through `session`, and holds the commit `keep` that comes with it. The caller has the turn.
    pub(super) fn receive(
        &self,
        session: Session,
        want: &Found,
        keep: &Found,
        reference: &Reference,
        depth: Depth,
        tenant: Option<&Tenant>,
    ) -> Result<(), Unreceived> {
        let (place, haves) = self.place()?;
        let claim = self.claim(tenant, &place.directory, place.size)?;
        let bases = place.objects.bases().map_err(|error| self.storage(&error))?;
        let to = Receiver { repository: &place.directory, bases, claim: claim.as_ref() };
        let received = session.receive(want, reference, depth, &haves, to);
        let received = received.and_then(|written| {
            let absent = depth == Depth::History && !place.objects.has(keep.id);
            if absent { Err(self.not_in_history(reference).into()) } else { Ok(written) }
        });
        let written = received.inspect_err(|_| {
            claim.iter().for_each(|claim| claim.settle(place.size));
            // A generation that never held anything is of no use.
            if place.begins {
                place.objects.retire();
            }
        })?;
        let mut state = self.read_state();
        if place.begins {
            let begun = Generation::begun(place.directory, place.number, place.objects);
            if let State::Current(old) = std::mem::replace(&mut *state, State::Current(begun)) {
                old.objects().retire();
            }
        }
        let State::Current(generation) = &mut *state else {
            let discarded = std::io::Error::other("it was found to be damaged meanwhile; it is fetched anew");
            return Err(self.storage(&discarded).into());
        };
        lock(&self.refused).forget(keep.id);
        let added = generation.add(keep.id, &written).map_err(|error| self.storage(&error));
        claim.iter().for_each(|claim| claim.settle(generation.size()));
        Ok(added?)
    }

    fn not_in_history(&self, reference: &Reference) -> FetchError {
        FetchError::ReferenceNotFound {
            url: self.url.clone(),
            reference: reference.clone(),
            hint: "; the server gives only what branches hold, and it is not in the branch".to_owned(),
        }
    }

    /// Where to put what is fetched, and what is there already.
    fn place(&self) -> Result<(Place, Vec<gix::ObjectId>), FetchError> {
        let state = self.read_state();
        let number = match &*state {
            State::Current(generation) if !generation.is_full(self.max_commits) => {
                let haves = generation.newest(MAX_HAVES);
                return Ok((generation.place(), haves));
            }
            State::Current(generation) => generation.number() + 1,
            _ => Generation::next_number(&self.directory),
        };
        let directory = Generation::create(&self.directory, number, &self.url).map_err(|error| self.storage(&error))?;
        let objects = Objects::open(&directory.join("objects")).map_err(|error| self.storage(&error))?;
        Ok((Place { directory, number, objects: Arc::new(objects), begins: true, size: 0 }, Vec::new()))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// When it was used last, and how large it is, if nobody needs it at the moment.
    pub(super) fn idle(&self) -> Option<(SystemTime, u64)> {
        let taken = lock(&self.taken);
        match &*self.read_state() {
            State::Current(generation) if !*taken && generation.is_idle() => {
                Some((*lock(&self.used), generation.size()))
            }
            _ => None,
        }
    }

    /// Gives up what is here, unless somebody needs it by now.
    pub(super) fn discard_idle(&self) -> bool {
        let taken = lock(&self.taken);
        let mut state = self.read_state();
        let is_idle = matches!(&*state, State::Current(generation) if generation.is_idle());
        if is_idle && !*taken {
            discard(&mut state);
        }
        is_idle && !*taken
    }

    /// Gives up what is here.
    pub(super) fn discard(&self) {
        discard(&mut self.read_state());
    }

    /// The state, read from disk where it was not yet.
    fn read_state(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = lock(&self.generation);
        if matches!(*state, State::Unread) {
            *state = Generation::load(&self.directory).map_or(State::Empty, State::Current);
        }
        state
    }

    fn storage(&self, error: &std::io::Error) -> FetchError {
        FetchError::Storage { url: self.url.clone(), path: self.directory.clone(), cause: error.to_string() }
    }
}

fn asked(attempt: &Attempt, found: &Found) -> Asked {
    let (max_size, max_unpacked) = (attempt.max_size(), attempt.max_unpacked());
    Asked { id: found.id, max_size, max_unpacked, timeout: attempt.deadline().timeout(), namespace: None }
}

fn discard(state: &mut State) {
    if let State::Current(generation) = std::mem::replace(state, State::Empty) {
        generation.objects().retire();
    }
}

/// A repository to fetch into.
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) number: u64,
    pub(super) objects: Arc<Objects>,
    /// Whether it begins a generation.
    pub(super) begins: bool,
    /// How many bytes it has on disk.
    pub(super) size: u64,
}
