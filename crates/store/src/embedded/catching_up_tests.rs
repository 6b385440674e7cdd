//! What watchers are told of writes that turn out to be on disk when the file is opened again.

use bytes::Bytes;
use futures::StreamExt;

use super::recovery_tests::{commit_silently, put};
use super::writer::Command;
use super::{Embedded, compaction};
use crate::backend::Backend;
use crate::{Error, Options, Revision, Watch};

fn open(dir: &tempfile::TempDir) -> Embedded {
    Embedded::open(dir.path().join("state.redb"), Options::default()).unwrap()
}

/// Writes keys of which nobody is told.
fn write_silently(store: &Embedded, keys: &[&str]) {
    keys.iter().for_each(|key| commit_silently(store, put(key, Bytes::from_static(b"value"))));
}

/// Forgets history, of which nobody is told.
fn compact_silently(store: &Embedded, target: u64) {
    let transaction = store.shared.engine.begin_write().unwrap();
    compaction::compact(&transaction, target).unwrap();
    transaction.commit().unwrap();
}

async fn open_again(store: &Embedded) {
    let generation = store.shared.engine.generation();
    store.ask(|reply| Command::Recover(generation, reply)).await.unwrap().unwrap();
}

async fn revisions(watch: &mut Watch, count: usize) -> Vec<u64> {
    watch.take(count).map(|event| event.unwrap().revision.0).collect().await
}

#[tokio::test]
async fn who_is_slow_gets_what_is_still_in_memory_after_the_file_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut watch = store.watch("", Revision::FIRST).await.unwrap();
    for key in ["a", "b", "c"] {
        store.commit(vec![put(key, Bytes::new())]).await.unwrap();
    }
    store.compact(Revision(4)).await.unwrap();
    write_silently(&store, &["d", "e"]);
    open_again(&store).await;
    assert_eq!(revisions(&mut watch, 5).await, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn who_missed_what_is_forgotten_already_is_told_so_and_others_go_on_from_there() {
    for compacted in [3, 5] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let mut lost = store.watch("lost/", Revision::FIRST).await.unwrap();
        write_silently(&store, &["lost/a", "b", "c", "d"]);
        compact_silently(&store, compacted);
        open_again(&store).await;

        let oldest = Revision(compacted);
        assert_eq!(lost.next().await, Some(Err(Error::Compacted { oldest })));
        assert_eq!((store.head(), store.compacted()), (Revision(5), oldest));
        let mut watch = store.watch("", oldest).await.unwrap();
        store.commit(vec![put("e", Bytes::new())]).await.unwrap();
        let rest: Vec<u64> = (compacted + 1..=6).collect();
        assert_eq!(revisions(&mut watch, rest.len()).await, rest);
    }
}
