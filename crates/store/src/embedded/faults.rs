//! A disk that fails on demand, and what the store makes of it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use redb::backends::FileBackend;
use redb::{BackendError, Database, StorageBackend};

use super::{Embedded, engine};
use crate::{Entry, Error, Event, EventKind, Expected, ListOptions, Options, Revision, Store, Watch, WriteError};

/// What is wrong with the disk.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Nothing can be written at or beyond this offset: there is no more space.
    full_at: AtomicU64,
    pub(super) is_full: AtomicBool,
    flush_fails: AtomicBool,
    all_fails: AtomicBool,
    /// So many operations succeed, then one fails. Off when negative.
    pub(super) countdown: AtomicI64,
    /// Whether opening the file and making it durable panics.
    panics: AtomicBool,
    /// How often what was written was made durable.
    pub(super) flushes: AtomicU64,
    /// So many writes succeed, then so many find no room, half of each written; then there is room again.
    pub(super) room: Mutex<Option<(u64, u64)>>,
    /// The file that takes so many bytes of the disk, unless they were given back.
    reserve: Mutex<Option<(PathBuf, u64)>>,
}

impl Faults {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { countdown: AtomicI64::new(-1), ..Self::default() })
    }

    /// Whether a write finds room.
    fn has_room(&self) -> bool {
        match &mut *self.room.lock().unwrap() {
            Some((0, 0)) | None => true,
            Some((0, lacking)) => {
                *lacking -= 1;
                false
            }
            Some((left, _)) => {
                *left -= 1;
                true
            }
        }
    }

    /// Whether the room has run out, and has come back.
    pub(super) fn was_full(&self) -> bool {
        *self.room.lock().unwrap() == Some((0, 0))
    }

    pub(super) fn fill_up(&self, path: &Path) {
        self.full_at.store(std::fs::metadata(path).unwrap().len(), Ordering::SeqCst);
        self.is_full.store(true, Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        let counted = self.countdown.load(Ordering::SeqCst) >= 0 && self.countdown.fetch_sub(1, Ordering::SeqCst) == 0;
        if counted || self.all_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the cable is out"));
        }
        Ok(())
    }

    /// What a store gives back of its reserve of that size is room for what it writes.
    pub(super) fn keep_reserve(&self, path: &Path, size: u64) {
        let reserve = path.with_file_name(format!("{}.reserve", path.file_name().unwrap().to_str().unwrap()));
        *self.reserve.lock().unwrap() = Some((reserve, size));
    }

    fn given_back(&self) -> u64 {
        let reserve = self.reserve.lock().unwrap();
        reserve.as_ref().map_or(0, |(path, size)| size - std::fs::metadata(path).unwrap().len().min(*size))
    }

    fn check_space(&self, end: u64) -> io::Result<()> {
        let full = self.is_full.load(Ordering::SeqCst) && end > self.full_at.load(Ordering::SeqCst) + self.given_back();
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Disk {
    file: FileBackend,
    faults: Arc<Faults>,
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.faults.check()?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check()?;
        if len > self.file.len()? && !self.faults.has_room() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.check()?;
        self.faults.flushes.fetch_add(1, Ordering::SeqCst);
        assert!(!self.faults.panics.load(Ordering::SeqCst), "the engine met what it did not expect");
        if self.faults.flush_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the flush failed"));
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.check()?;
        self.faults.check_space(offset + data.len() as u64)?;
        if !self.faults.has_room() {
            self.file.write(offset, &data[..data.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

pub(super) fn open(path: &Path, faults: &Arc<Faults>) -> Store {
    open_with(path, faults, Options::default())
}

pub(super) fn open_with(path: &Path, faults: &Arc<Faults>, options: Options) -> Store {
    Store::new(open_embedded(path, faults, options))
}

pub(super) fn open_embedded(path: &Path, faults: &Arc<Faults>, options: Options) -> Embedded {
    // So little cache that reads reach the disk.
    let options = Options { cache_size: 0, ..options };
    Embedded::open_with(path, &options, opener(faults)).unwrap()
}

/// Opens a file on that disk.
pub(super) fn opener(faults: &Arc<Faults>) -> engine::Opener {
    let faults = faults.clone();
    Box::new(move |path: &Path, cache: usize| -> Result<Database, redb::Error> {
        assert!(!faults.panics.load(Ordering::SeqCst), "the engine met what it did not expect");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let disk = Disk { file: FileBackend::new(file)?, faults: faults.clone() };
        engine::open_backend(disk, cache)
    })
}

pub(super) fn value(number: u64) -> Bytes {
    Bytes::from(number.to_string().repeat(3000))
}

async fn fill(store: &Store) -> (u64, WriteError) {
    for number in 0.. {
        if let Err(error) = store.put(format!("filler/{number}"), value(number), Expected::Absent).await {
            return (number, error);
        }
    }
    unreachable!("the disk has an end")
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_reads_and_recovers_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open(&path, &faults);
    let first = store.put("a", value(1), Expected::Absent).await.unwrap();
    let mut watch = store.watch("", first).await.unwrap();
    faults.fill_up(&path);

    let (written, error) = fill(&store).await;
    let text = error.to_string();
    assert!(matches!(error, WriteError::Store { error: Error::Storage(_), .. }), "{error:?}");
    for part in ["filler/", path.to_str().unwrap(), "no storage space", "free space on its disk"] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    // Small changes may still fit, large ones don't, and everything can be read.
    for _ in 0..3 {
        assert!(store.put("large", Bytes::from(vec![1; 1 << 20]), Expected::Any).await.is_err());
        assert_eq!(store.get("a").await.unwrap().unwrap().value, value(1));
        let page = store.list("filler/", ListOptions::default()).await.unwrap();
        assert_eq!(page.entries.len() as u64, written);
    }

    // Who asks how the store is hears of it, also where small writes still fit, and as long as it lasts.
    for number in 0..3 {
        let _ = store.put("small", Bytes::from(vec![number]), Expected::Any).await;
        let trouble = store.trouble().await.expect("there is no room");
        assert!(trouble.to_string().contains("free space on its disk"), "{trouble}");
    }

    // What is wrong now is told, not what was at first.
    faults.all_fails.store(true, Ordering::SeqCst);
    let trouble = store.trouble().await.expect("there is no disk");
    assert!(trouble.to_string().contains("the cable is out"), "{trouble}");
    faults.all_fails.store(false, Ordering::SeqCst);

    let revision = store.revision().await.unwrap();
    faults.is_full.store(false, Ordering::SeqCst);
    assert_eq!(store.trouble().await, None, "found out without a write of anybody");
    assert_eq!(store.revision().await.unwrap(), revision, "nobody sees that it was tried");
    let next = store.put("large", Bytes::from(vec![1; 1 << 20]), Expected::Absent).await.unwrap();
    assert_eq!(next, Revision(revision.0 + 1));
    for expected in first.0 + 1..=next.0 {
        assert_eq!(watch.next().await.unwrap().unwrap().revision, Revision(expected));
    }
}

#[tokio::test]
async fn a_disk_that_is_gone_for_a_while_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open(&path, &faults);
    store.put("a", value(1), Expected::Absent).await.unwrap();
    faults.all_fails.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = store.put("a", value(2), Expected::Any).await.unwrap_err();
        assert!(error.to_string().contains("the cable is out"), "{error}");
        let error = store.get("a").await.unwrap_err();
        assert!(error.to_string().contains("the cable is out"), "{error}");
        assert!(store.compact(store.revision().await.unwrap()).await.is_err());
    }
    faults.all_fails.store(false, Ordering::SeqCst);
    assert_eq!(store.get("a").await.unwrap().unwrap().value, value(1));
    store.put("a", value(2), Expected::Any).await.unwrap();
    drop(store);
    assert_eq!(open(&path, &faults).get("a").await.unwrap().unwrap().value, value(2));
}

#[tokio::test]
async fn a_write_whose_flush_fails_is_not_acknowledged_and_its_fate_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open(&path, &faults);
    let mut watch = store.watch("", store.revision().await.unwrap()).await.unwrap();
    faults.flush_fails.store(true, Ordering::SeqCst);
    let error = store.put("a", value(1), Expected::Absent).await.unwrap_err();
    assert!(matches!(error, WriteError::Unconfirmed { .. }), "{error:?}");
    assert!(watch.next().now_or_never().is_none(), "nobody is told of what may not be there");
    faults.flush_fails.store(false, Ordering::SeqCst);

    // Whichever it is, readers, watchers and writers agree on it.
    let there = store.get("a").await.unwrap();
    let told = watch.next().now_or_never().map(|event| event.unwrap().unwrap().revision);
    assert_eq!(there.map(|entry| entry.modified), told);
    assert_eq!(store.put("a", value(2), Expected::Absent).await.is_ok(), told.is_none());
}

/// A disk that fails where the engine below did not expect it makes it panic, which is the failure of what was asked alone.
#[tokio::test]
async fn an_engine_that_gives_up_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open(&path, &faults);
    store.put("a", value(1), Expected::Absent).await.unwrap();
    for number in 2..5 {
        faults.panics.store(true, Ordering::SeqCst);
        let error = store.put("a", value(number), Expected::Any).await.unwrap_err();
        assert!(!error.to_string().contains("closed"), "{error}");
        faults.panics.store(false, Ordering::SeqCst);
        assert!(store.get("a").await.unwrap().is_some());
        store.put("a", value(number), Expected::Any).await.unwrap();
        assert_eq!(store.get("a").await.unwrap().unwrap().value, value(number));
    }
}

/// The disk fails once, at each of the operations that some concurrent writes come to.
#[tokio::test]
async fn wherever_the_disk_fails_once_answers_and_state_agree() {
    let mut failed = 0;
    for fault in 0..120 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.redb");
        let faults = Faults::new();
        let store = open(&path, &faults);
        let writes = (0..20).map(|number| store.put(format!("k/{number}"), value(number), Expected::Absent));
        futures::future::join_all(writes).await;
        let mut watch = store.watch("", Revision::FIRST).await.unwrap();
        let before = store.revision().await.unwrap();
        faults.countdown.store(fault, Ordering::SeqCst);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let writes = (0..20).map(|number| store.put(format!("k/{number}"), value(100 + number), Expected::Any));
            answers.push(futures::future::join_all(writes).await);
        }
        faults.countdown.store(-1, Ordering::SeqCst);
        failed += usize::from(answers.iter().flatten().any(Result::is_err));

        let revision = store.revision().await.unwrap();
        assert!(revision >= before);
        for (number, answer) in answers.concat().into_iter().enumerate() {
            let entry = store.get(&format!("k/{}", number % 20)).await.unwrap().unwrap();
            match answer {
                Ok(written) => assert!(entry.modified >= written, "{fault}: {written} is lost: {entry:?}"),
                Err(WriteError::Store { .. }) => {}
                Err(error) => panic!("{fault}: {error}"),
            }
        }
        let acknowledged = answers.iter().flatten().flatten().count() as u64;
        assert_eq!(revision.0, before.0 + acknowledged, "{fault}: what failed didn't happen");
        for expected in 2..=revision.0 {
            assert_eq!(watch.next().await.unwrap().unwrap().revision, Revision(expected), "{fault}");
        }
        let entries = store.list("", ListOptions::default()).await.unwrap().entries;
        drop(store);
        let reopened: Vec<Entry> = open(&path, &faults).list("", ListOptions::default()).await.unwrap().entries;
        assert_eq!(entries, reopened, "{fault}");
    }
    assert!(failed > 10, "only {failed} faults were noticed");
}

/// What is done to a store whose disk runs out of room: writes of many at a time, deletions, compaction, reads.
async fn live(store: &Store, round: u64) -> Vec<(String, Result<Revision, WriteError>)> {
    let writes = (0..12).map(|number| async move {
        let key = format!("k/{number}");
        let answer = match (number + round) % 4 {
            3 => store.delete(key.as_str(), Expected::Any).await.map(|(revision, _)| revision),
            _ => store.put(key.as_str(), value(round * 100 + number), Expected::Any).await,
        };
        (key, answer)
    });
    let written = futures::future::join_all(writes);
    let read = futures::future::join_all((0..4).map(|number| {
        let store = store.clone();
        async move {
            let entry = store.get(&format!("k/{number}")).await;
            let page = store.list("k/", ListOptions::default()).await;
            (entry.map(drop), page.map(drop))
        }
    }));
    let (written, read) = futures::future::join(written, read).await;
    for failed in read.into_iter().flat_map(|(one, other)| [one.err(), other.err()]).flatten() {
        let text = failed.to_string();
        assert!(!text.contains("closed") && !text.contains("Previous"), "{text}");
    }
    if round % 3 == 2 {
        let revision = store.revision().await.unwrap();
        let _ = store.compact(Revision(revision.0 - 3)).await;
    }
    written
}

/// What a watcher is told until the key `last` is written: each revision after `from` once, in order. Nothing, where history
/// was forgotten before it could be told, or the watch has ended with what is wrong.
async fn told(mut watch: Watch, from: Revision) -> Option<Vec<Event>> {
    let mut told: Vec<Event> = Vec::new();
    while told.last().is_none_or(|event| event.key != "last") {
        match watch.next().await.unwrap() {
            Ok(event) => {
                assert_eq!(event.revision.0, from.0 + 1 + told.len() as u64);
                told.push(event);
            }
            Err(Error::Compacted { .. }) => return None,
            // Nor could it be read, each time that was tried: there was no room to open the file again, or it had just failed
            // for another one.
            Err(Error::Storage(failure)) if failure.is_full() || failure.is_aftermath() => return None,
            Err(error) => panic!("{error}"),
        }
    }
    Some(told)
}

/// The disk has no room from each of the writes on that some rounds come to, for one write to a few, so that it lacks at
/// the commit, at the compaction, while the file is opened again, and when that has failed already.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wherever_the_disk_is_full_and_for_how_long_the_store_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    // A few of them each time, others in each run; all with FULL_DISKS=1.
    let (step, start) = match std::env::var_os("FULL_DISKS") {
        Some(_) => (1, 0),
        None => (23, std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos() as usize % 23),
    };
    let (mut reached, mut followed) = (0, 0);
    for lacking in [1, 2, 3, 5, 9] {
        for first in (start as u64..).step_by(step) {
            let path = dir.path().join(format!("{lacking}-{first}.redb"));
            let faults = Faults::new();
            let options = Options { history_events: 20, window_events: 3, ..Options::default() };
            let store = open_with(&path, &faults, options.clone());
            for round in 0..2 {
                live(&store, round).await;
            }
            *faults.room.lock().unwrap() = Some((first, lacking));
            // By key, the last write that was acknowledged, be it a deletion.
            let mut acknowledged = BTreeMap::new();
            let from = store.revision().await.unwrap();
            let told = tokio::spawn(told(store.watch("", from).await.unwrap(), from));
            for round in 2..6 {
                for (key, answer) in live(&store, round).await {
                    match answer {
                        Ok(revision) => _ = acknowledged.insert(key, revision),
                        Err(WriteError::NotFound { .. } | WriteError::Unconfirmed { .. }) => {}
                        Err(WriteError::Store { error: Error::Storage(failure), .. }) => {
                            assert!(failure.to_string().contains("space"), "{lacking} after {first}: {failure}");
                        }
                        Err(error) => panic!("{lacking} after {first}: {error}"),
                    }
                }
            }
            let was_full = faults.was_full();
            *faults.room.lock().unwrap() = None;
            assert_eq!(store.trouble().await, None, "{lacking} after {first}");
            let last = store.put("last", value(1), Expected::Any).await.unwrap();
            assert!(acknowledged.values().all(|revision| last > *revision));
            let entries = store.list("", ListOptions::default()).await.unwrap().entries;
            let told = told.await.unwrap();
            followed += u32::from(told.is_some());
            for (key, revision) in acknowledged {
                let there = entries.iter().find(|entry| entry.key == key).map(|entry| entry.modified);
                // What is not there was deleted, by this write or by a later one, of which who watches is told.
                let kept = there.is_some_and(|modified| modified >= revision);
                let deleted = told.as_ref().is_none_or(|told| {
                    told.iter()
                        .any(|event| event.kind == EventKind::Delete && event.key == key && event.revision >= revision)
                });
                assert!(kept || there.is_none() && deleted, "{lacking} after {first}: {key} at {revision}: {there:?}");
            }
            drop(store);
            let again = open_with(&path, &faults, options);
            assert_eq!(
                again.list("", ListOptions::default()).await.unwrap().entries,
                entries,
                "{lacking} after {first}"
            );
            drop(again);
            std::fs::remove_file(&path).unwrap();
            reached += u64::from(was_full);
            if !was_full {
                break;
            }
        }
    }
    assert!(followed > 0, "history was always forgotten before it was told");
    assert!(reached > 10, "only {reached} of them came to pass");
}

/// While one after the other finds no room, and the file is opened again each time, those who read get their answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_reads_while_writes_fail_waits_and_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open_with(&path, &faults, Options { window_events: 1, ..Options::default() });
    for number in 0..50 {
        store.put(format!("k/{number}"), value(number), Expected::Absent).await.unwrap();
    }
    faults.fill_up(&path);
    let reads = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                assert_eq!(store.get("k/7").await.unwrap().unwrap().value, value(7));
                assert_eq!(store.list("k/", ListOptions::default()).await.unwrap().entries.len(), 50);
                let watch = store.watch("k/", Revision::FIRST).await.unwrap();
                let told: Vec<_> = watch.take(50).collect().await;
                assert!(told.iter().all(Result::is_ok), "{:?}", told.last());
                assert_eq!(told.len(), 50);
            }
        })
    });
    let reads: Vec<_> = reads.collect();
    while !reads.iter().all(|read| read.is_finished()) {
        let refused = store.put("large", Bytes::from(vec![1; 1 << 20]), Expected::Any).await.unwrap_err();
        assert!(refused.to_string().contains("free space on its disk"), "{refused}");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for read in reads {
        read.await.unwrap();
    }
}
