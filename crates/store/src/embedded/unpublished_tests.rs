//! A write that is on disk, and of which nobody was told yet.

use bytes::Bytes;
use futures::{FutureExt, StreamExt};

use super::{Embedded, commit};
use crate::backend::Backend;
use crate::model::{Action, Change, Expected, ListOptions};
use crate::{Options, Revision};

fn put(key: &str) -> Vec<Change> {
    vec![Change { key: key.into(), expected: Expected::Any, action: Action::Put(Bytes::from_static(b"value")) }]
}

#[tokio::test]
async fn whoever_has_read_a_write_can_watch_from_it_before_watchers_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let store = Embedded::open(directory.path().join("state.redb"), Options::default()).unwrap();
    store.commit(put("a/1")).await.unwrap();
    // The writer has committed, and has not published yet.
    let transaction = store.shared.engine.begin_write().unwrap();
    let changes = put("a/2");
    let (_, events) = commit::apply(&transaction, [changes.as_slice()].into_iter()).unwrap();
    transaction.commit().unwrap();

    let page = store.list("a/", ListOptions::default()).await.unwrap();
    assert_eq!(page.entries.len(), 2);
    assert!(page.revision > store.head());
    assert_eq!(store.revision().await.unwrap(), page.revision, "what was read is not in the future");
    let mut watch = store.watch("a/", page.revision).await.unwrap();
    let future = store.watch("a/", Revision(page.revision.0 + 1)).await;
    assert!(matches!(future, Err(crate::Error::Future { current, .. }) if current == page.revision));

    store.shared.hub.publish(events);
    assert!(watch.next().now_or_never().is_none(), "the listing had it");
    store.commit(put("a/3")).await.unwrap();
    let next = watch.next().await.unwrap().unwrap();
    assert_eq!((next.key.as_str(), next.revision), ("a/3", Revision(page.revision.0 + 1)));
}
