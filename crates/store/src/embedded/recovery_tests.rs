//! What a store makes of what a failed write left behind.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::access::{Access, Trials};
use super::faults::{Faults, open_embedded, value};
use super::layout::{META, META_COMPACTED, VALUES};
use super::writer::Command;
use super::{Embedded, Trouble, commit};
use crate::backend::Backend;
use crate::error::StorageFailure;
use crate::model::{Action, Change, Expected, ListOptions};
use crate::{Options, Revision};

pub(super) fn put(key: &str, value: Bytes) -> Change {
    Change { key: key.into(), expected: Expected::Any, action: Action::Put(value) }
}

/// Lists and watches what there is, and sees one more write.
async fn assert_alive(store: &Embedded) {
    let page = store.list("", ListOptions::default()).await.unwrap();
    let mut watch = store.watch("", page.revision).await.unwrap();
    store.commit(vec![put("alive", value(1))]).await.unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap().revision, Revision(page.revision.0 + 1));
    store.list("", ListOptions::default()).await.unwrap();
}

/// The disk has no room for one write, each of those that making ten changes comes to.
#[tokio::test]
async fn history_that_never_was_is_not_forgotten() {
    let (dir, age) = (tempfile::tempdir().unwrap(), Duration::from_millis(32));
    for first in (0..).step_by(3) {
        let faults = Faults::new();
        let options = Options { history_age: age, ..Options::default() };
        let store = open_embedded(&dir.path().join(format!("{first}.redb")), &faults, options);
        store.commit(vec![put("a", value(0))]).await.unwrap();
        tokio::time::sleep(age / 16).await;
        *faults.room.lock().unwrap() = Some((first, 1));
        let written = store.commit((0..10).map(|number| put(&format!("k/{number}"), value(number))).collect()).await;
        if !faults.was_full() {
            assert!(first > 9 && written.is_ok());
            break;
        }
        // Whatever was written meanwhile is old by now.
        tokio::time::sleep(age * 2).await;
        store.commit(vec![put("a", value(1))]).await.unwrap();
        assert_alive(&store).await;
        assert!(store.compacted() < store.head(), "what came last is history yet");
    }
}

#[tokio::test]
async fn a_store_whose_history_was_forgotten_too_far_is_mended_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let store = Embedded::open(&path, Options::default()).unwrap();
    store.commit(vec![put("a", value(1)), put("b", value(2))]).await.unwrap();
    let transaction = store.shared.engine.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(META_COMPACTED, 500).unwrap();
    transaction.commit().unwrap();
    drop(store);

    for _ in 0..2 {
        let store = Embedded::open(&path, Options { history_events: 1, ..Options::default() }).unwrap();
        assert_eq!(store.get("a").await.unwrap().unwrap().value, value(1));
        assert_alive(&store).await;
    }
}

/// Writes without publishing: the disk is ahead of what watchers were told.
pub(super) fn commit_silently(store: &Embedded, change: Change) {
    let transaction = store.shared.engine.begin_write().unwrap();
    commit::apply(&transaction, [[change].as_slice()].into_iter()).unwrap();
    transaction.commit().unwrap();
}

/// Damages the file: a value is gone.
fn lose_value(store: &Embedded, revision: u64) {
    let transaction = store.shared.engine.begin_write().unwrap();
    transaction.open_table(VALUES).unwrap().remove(revision).unwrap();
    transaction.commit().unwrap();
}

/// The disk has no room for one write, each of those that a change comes to.
#[tokio::test]
async fn what_turns_out_to_be_written_by_others_is_no_success_of_a_write_that_failed() {
    let dir = tempfile::tempdir().unwrap();
    for first in 0.. {
        let faults = Faults::new();
        let store = open_embedded(&dir.path().join(format!("{first}.redb")), &faults, Options::default());
        commit_silently(&store, put("a", value(1)));
        *faults.room.lock().unwrap() = Some((first, 1));
        let written = store.commit(vec![put("b", value(2))]).await;
        if !faults.was_full() {
            assert!(first > 2 && written.is_ok());
            break;
        }
        let there = store.get("b").await.unwrap();
        assert_eq!(there.is_some(), written.is_ok(), "{first}: {written:?}");
    }
}

/// The disk fails once, at each of the operations that opening the file again comes to, and reading what was missed.
#[tokio::test]
async fn nothing_is_written_before_what_was_missed_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut failed = 0;
    for fault in 0.. {
        let faults = Faults::new();
        let store = open_embedded(&dir.path().join(format!("{fault}.redb")), &faults, Options::default());
        let mut watch = store.watch("", Revision::FIRST).await.unwrap();
        commit_silently(&store, put("a", value(1)));
        faults.countdown.store(fault, Ordering::SeqCst);
        let generation = store.shared.engine.generation();
        let recovered = store.ask(|reply| Command::Recover(generation, reply)).await.unwrap();
        let is_last = faults.countdown.swap(-1, Ordering::SeqCst) >= 0;
        failed += u32::from(recovered.is_err());

        let written = store.commit(vec![put("b", value(2))]).await.unwrap();
        assert_eq!(written[0].revision, Some(Revision(3)));
        for expected in 2..=3 {
            let event = watch.next().await.unwrap().unwrap();
            assert_eq!(event.revision, Revision(expected), "{fault}: {recovered:?}");
        }
        if is_last {
            break;
        }
    }
    assert!(failed > 10, "only {failed} faults were noticed");
}

#[tokio::test]
async fn nothing_is_written_while_what_was_missed_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let store = Embedded::open(&path, Options::default()).unwrap();
    commit_silently(&store, put("a", value(1)));
    lose_value(&store, 2);
    for _ in 0..2 {
        let recovered = store.ask(|reply| Command::Recover(store.shared.engine.generation(), reply)).await.unwrap();
        assert!(recovered.unwrap_err().to_string().contains("restore the file from a backup"));
        store.commit(vec![put("b", value(2))]).await.unwrap_err();
    }
    drop(store);
    assert_eq!(Embedded::open(&path, Options::default()).unwrap().get("b").await.unwrap(), None);
}

pub(super) fn no_room(store: &Embedded) -> StorageFailure {
    let full = redb::Error::Io(io::ErrorKind::StorageFull.into());
    StorageFailure::new(store.path(), "write to the store", &full)
}

/// A store in which writes of 200 to 1000 bytes failed, which are not tried again before `until`.
fn in_trouble(dir: &tempfile::TempDir, until: Instant) -> Embedded {
    let store = Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap();
    let trouble = Trouble::with(None, no_room(&store), 1000, until);
    let trouble = Trouble::with(Some(trouble), no_room(&store), 200, until);
    *store.shared.trouble() = Some(trouble);
    store
}

#[tokio::test]
async fn as_much_as_the_least_that_failed_is_not_tried_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = in_trouble(&dir, Instant::now() + Duration::from_secs(3600));
    let bytes = |length: usize| Bytes::from(vec![1; length]);
    store.commit(vec![put("k", bytes(198))]).await.unwrap();
    for length in [199, 300, 2000] {
        let refused = store.commit(vec![put("k", bytes(length))]).await.unwrap_err();
        assert!(refused.to_string().contains("free space on its disk"), "{refused}");
    }
    assert_eq!(store.get("k").await.unwrap().unwrap().value.len(), 198);

    let sizes = |trouble: Option<Trouble>| trouble.map(|trouble| (trouble.least, trouble.size));
    let trouble = store.shared.trouble().clone();
    let after = |written| sizes(trouble.clone().unwrap().after(written));
    assert_eq!(after(0), Some((200, 1000)));
    assert_eq!(after(199), Some((200, 1000)));
    assert_eq!(after(300), Some((301, 1000)), "as much fits again");
    assert_eq!(after(1000), None);
}

#[tokio::test]
async fn a_write_that_is_refused_does_not_say_that_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = in_trouble(&dir, Instant::now());
    let large = |expected| vec![Change { expected, ..put("k", value(5)) }];
    store.commit(large(Expected::At(Revision(7)))).await.unwrap_err();
    store.commit(vec![Change { action: Action::Delete, ..put("k", value(5)) }]).await.unwrap();
    assert!(Backend::trouble(&store).is_some(), "nothing was written");
    store.commit(large(Expected::Absent)).await.unwrap();
    assert_eq!(Backend::trouble(&store), None);
}

#[tokio::test]
async fn damage_is_told_without_opening_the_file_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap();
    store.commit(vec![put("a", value(1))]).await.unwrap();
    lose_value(&store, 2);
    let generation = store.shared.engine.generation();
    let failed = [store.get("a").await.unwrap_err(), store.list("", ListOptions::default()).await.unwrap_err()];
    for error in failed {
        assert!(error.to_string().contains("restore the file from a backup"), "{error}");
    }
    assert_eq!(store.shared.engine.generation(), generation);
}

#[tokio::test]
async fn a_write_that_found_no_room_is_not_tried_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let store = open_embedded(&path, &faults, Options::default());
    faults.fill_up(&path);
    let began = Instant::now();
    store.commit(vec![put("large", Bytes::from(vec![1; 1 << 20]))]).await.unwrap_err();
    let until = store.shared.trouble().as_ref().unwrap().until;
    assert!(until > began);
}

/// The file is open again at once, each time, and fails again.
#[tokio::test]
async fn a_read_is_tried_eight_times() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap();
    let (commands, mut asked) = mpsc::channel(8);
    let access = Access { shared: store.shared.clone(), commands: commands.downgrade() };
    let (tried, opened) = (AtomicU32::new(0), AtomicU32::new(0));
    let open = async {
        while let Some(Command::Recover(_, reply)) = asked.recv().await {
            opened.fetch_add(1, Ordering::Relaxed);
            let _ = reply.send(Ok(()));
        }
    };
    let read = access.read(|| async {
        tried.fetch_add(1, Ordering::Relaxed);
        Err::<(), _>(no_room(&store).into())
    });
    futures::future::select(Box::pin(read), Box::pin(open)).await;
    assert_eq!((tried.load(Ordering::Relaxed), opened.load(Ordering::Relaxed)), (8, 7));
}

/// A reader meets an engine that is out of service, since others found no room.
#[tokio::test]
async fn a_read_that_is_given_up_says_why_the_file_is_out_of_service() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap();
    let access = Access { shared: store.shared.clone(), commands: mpsc::channel(1).0.downgrade() };
    let met = StorageFailure::new(store.shared.engine.path(), "read the store", &redb::Error::PreviousIo);
    let given_up = async || {
        let mut trials = Trials::new();
        (0..7).for_each(|_| drop(trials.wait(&access, 0, met.clone())));
        trials.wait(&access, 0, met.clone()).await.unwrap_err()
    };
    assert_eq!(given_up().await, met.clone().into());
    let full = no_room(&store);
    *store.shared.trouble() = Some(Trouble::at_start(full.clone()));
    assert_eq!(given_up().await, StorageFailure { action: "read the store", ..full }.into());
}

/// The file is open again after six seconds, each time, and fails again.
#[tokio::test(start_paused = true)]
async fn a_read_has_one_deadline_for_all_its_trials() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap();
    let (commands, mut asked) = mpsc::channel(8);
    let access = Access { shared: store.shared.clone(), commands: commands.downgrade() };
    let open_slowly = async {
        while let Some(Command::Recover(_, reply)) = asked.recv().await {
            tokio::time::sleep(Duration::from_secs(6)).await;
            let _ = reply.send(Ok(()));
        }
    };
    let began = tokio::time::Instant::now();
    let read = async {
        let mut trials = Trials::new();
        while trials.wait(&access, 0, no_room(&store)).await.is_ok() {}
    };
    futures::future::select(Box::pin(read), Box::pin(open_slowly)).await;
    assert_eq!(began.elapsed(), Duration::from_secs(10));
}
