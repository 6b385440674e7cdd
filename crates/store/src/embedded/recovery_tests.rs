//! What a store makes of what a failed write left behind.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;

use super::Embedded;
use super::faults::{Faults, open_embedded, value};
use super::layout::{META, META_COMPACTED};
use crate::backend::Backend;
use crate::model::{Action, Change, Expected, ListOptions};
use crate::{Options, Revision};

fn put(key: &str, value: Bytes) -> Change {
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
