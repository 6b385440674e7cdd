//! How much is kept on disk for whom.
//!
//! What several namespaces need is kept once, and counted for each of them: nobody has more because others want the same. It counts as
//! long as somebody has a [`Claim`] to it. What nobody claims is none of this: whoever keeps it removes what was not used for the
//! longest.

use std::collections::HashMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::objects::lock;

/// How many bytes may be kept on disk for sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageLimits {
    /// For those of all namespaces together.
    pub total: u64,
    /// For those of one namespace.
    pub per_namespace: u64,
}

impl Default for StorageLimits {
    /// 16 GiB, of which one namespace has a quarter.
    fn default() -> Self {
        Self { total: 16 << 30, per_namespace: 4 << 30 }
    }
}

/// Why there is no room on disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// The namespace has all that it may.
    #[error(
        "what sources of the namespace {namespace} keep on disk would be more than {} MiB; remove some of them, or start cowherd with a larger --max-storage-per-namespace", .limit >> 20
    )]
    OfNamespace {
        /// The namespace.
        namespace: String,
        /// The most that it may have, in bytes.
        limit: u64,
    },
    /// All together have all that they may.
    #[error(
        "what sources of all namespaces keep on disk would be more than {} MiB; remove some of them, or start cowherd with a larger --max-storage", .limit >> 20
    )]
    InAll {
        /// The most that they may have, in bytes.
        limit: u64,
    },
}

/// The room on disk that tenants share. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Room(Arc<Inner>);

#[derive(Default)]
struct Inner {
    limits: StorageLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: HashMap<PathBuf, Item>,
    used: HashMap<String, Used>,
    total: u64,
}

/// What a namespace claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    bytes: u64,
    items: usize,
}

/// Something on disk that somebody claims.
#[derive(Default)]
struct Item {
    size: u64,
    /// How many claims there are, by namespace.
    claims: HashMap<String, usize>,
}

/// The right to have something on disk. It counts until this is dropped.
pub(crate) struct Claim {
    room: Room,
    namespace: String,
    path: PathBuf,
}

impl Room {
    pub(super) fn new(limits: StorageLimits) -> Self {
        Self(Arc::new(Inner { limits, state: Mutex::default() }))
    }

    /// Claims what is at `path` for a namespace; `size` is how large it is, where nobody claimed it before.
    pub(super) fn claim(&self, namespace: &str, path: &Path, size: u64) -> Result<Claim, NoRoom> {
        let mut state = lock(&self.0.state);
        let known = state.items.get(path);
        let is_claimed = known.is_some_and(|item| item.claims.contains_key(namespace));
        let (of_namespace, in_all) = match known {
            Some(_) if is_claimed => (0, 0),
            Some(item) => (item.size, 0),
            None => (size, size),
        };
        self.check(&state, namespace, of_namespace, in_all)?;
        state.total += in_all;
        let used = state.used.entry(namespace.to_owned()).or_default();
        used.bytes += of_namespace;
        used.items += usize::from(!is_claimed);
        let item = state.items.entry(path.to_owned()).or_insert_with(|| Item { size, claims: HashMap::new() });
        *item.claims.entry(namespace.to_owned()).or_default() += 1;
        Ok(Claim { room: self.clone(), namespace: namespace.to_owned(), path: path.to_owned() })
    }

    /// Whether there is room for so many bytes more.
    fn check(&self, state: &State, namespace: &str, of_namespace: u64, in_all: u64) -> Result<(), NoRoom> {
        let StorageLimits { total, per_namespace } = self.0.limits;
        let used = state.used.get(namespace).map_or(0, |used| used.bytes);
        if of_namespace > 0 && used.saturating_add(of_namespace) > per_namespace {
            return Err(NoRoom::OfNamespace { namespace: namespace.to_owned(), limit: per_namespace });
        }
        if in_all > 0 && state.total.saturating_add(in_all) > total {
            return Err(NoRoom::InAll { limit: total });
        }
        Ok(())
    }
}

impl State {
    /// Notes how large something is.
    fn resize(&mut self, path: &Path, size: u64) {
        let Some(item) = self.items.get_mut(path) else { return };
        let before = std::mem::replace(&mut item.size, size);
        let change = |value: &mut u64| *value = value.saturating_sub(before).saturating_add(size);
        change(&mut self.total);
        for namespace in item.claims.keys() {
            self.used.get_mut(namespace).into_iter().for_each(|used| change(&mut used.bytes));
        }
    }
}

impl Claim {
    /// So many bytes more are about to be written.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), NoRoom> {
        let mut state = lock(&self.room.0.state);
        self.room.check(&state, &self.namespace, bytes, bytes)?;
        let size = state.items.get(&self.path).map_or(0, |item| item.size);
        state.resize(&self.path, size.saturating_add(bytes));
        Ok(())
    }

    /// It has so many bytes after all.
    pub(crate) fn settle(&self, size: u64) {
        lock(&self.room.0.state).resize(&self.path, size);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let state = &mut *lock(&self.room.0.state);
        let Some(item) = state.items.get_mut(&self.path) else { return };
        let Some(count) = item.claims.get_mut(&self.namespace) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        item.claims.remove(&self.namespace);
        let size = item.size;
        if item.claims.is_empty() {
            state.items.remove(&self.path);
            state.total = state.total.saturating_sub(size);
        }
        let Some(used) = state.used.get_mut(&self.namespace) else { return };
        used.bytes = used.bytes.saturating_sub(size);
        used.items -= 1;
        if used.items == 0 {
            state.used.remove(&self.namespace);
        }
    }
}

/// A file that grows within a claim. Why it may not is kept, since it is lost on the way through an error of writing.
pub(crate) struct Growing<'a, W> {
    inner: W,
    claim: Option<&'a Claim>,
    at: u64,
    end: u64,
    /// Why it may not grow.
    pub(crate) refused: Option<NoRoom>,
    /// Why it could not be written otherwise.
    pub(crate) failed: Option<String>,
}

impl<'a, W> Growing<'a, W> {
    pub(crate) fn new(inner: W, claim: Option<&'a Claim>) -> Self {
        Self { inner, claim, at: 0, end: 0, refused: None, failed: None }
    }

    /// How many bytes it has.
    pub(crate) fn written(&self) -> u64 {
        self.end
    }
}

impl<W: Write> Write for Growing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.at.saturating_add(bytes.len() as u64);
        if let Some(claim) = self.claim.filter(|_| end > self.end)
            && let Err(refused) = claim.grow(end - self.end)
        {
            let error = io::Error::other(refused.to_string());
            self.refused = Some(refused);
            return Err(error);
        }
        self.end = self.end.max(end);
        let written = self.inner.write(bytes).inspect_err(|error| self.failed = Some(error.to_string()))?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Seek> Seek for Growing<'_, W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.inner.seek(to)?;
        Ok(self.at)
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("namespace", &self.namespace).field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::new(StorageLimits { total: 100, per_namespace: 60 })
    }

    fn used(room: &Room) -> (u64, Vec<(String, u64)>) {
        let state = lock(&room.0.state);
        let mut used: Vec<_> = state.used.iter().map(|(name, used)| (name.clone(), used.bytes)).collect();
        used.sort();
        (state.total, used)
    }

    #[test]
    fn what_several_need_is_there_once_and_counts_for_each_until_the_last_lets_it_go() {
        let room = room();
        let claim = |namespace, path: &str, size| room.claim(namespace, Path::new(path), size);
        let first = claim("a", "x", 40).unwrap();
        let again = claim("a", "x", 40).unwrap();
        let other = claim("b", "x", 40).unwrap();
        assert_eq!(used(&room), (40, vec![("a".into(), 40), ("b".into(), 40)]));
        assert_eq!(claim("b", "y", 21).unwrap_err(), NoRoom::OfNamespace { namespace: "b".into(), limit: 60 });
        let third = claim("c", "z", 60).unwrap();
        assert_eq!(claim("d", "y", 1).unwrap_err(), NoRoom::InAll { limit: 100 });
        drop((first, other));
        assert_eq!(used(&room), (100, vec![("a".into(), 40), ("c".into(), 60)]));
        drop((again, third));
        assert_eq!(used(&room), (0, vec![]));
        assert!(lock(&room.0.state).items.is_empty());
    }

    #[test]
    fn what_is_being_written_counts_as_it_grows_and_for_what_it_came_to_in_the_end() {
        let room = room();
        let claim = room.claim("a", Path::new("x"), 0).unwrap();
        let mut file = Growing::new(io::Cursor::new(Vec::new()), Some(&claim));
        file.write_all(&[1; 50]).unwrap();
        file.seek(SeekFrom::Start(10)).unwrap();
        file.write_all(&[2; 50]).unwrap();
        assert_eq!(used(&room).0, 60);
        file.write_all(&[3]).unwrap_err();
        assert_eq!(file.refused, Some(NoRoom::OfNamespace { namespace: "a".into(), limit: 60 }));
        claim.settle(30);
        assert_eq!(used(&room), (30, vec![("a".into(), 30)]));
    }
}
