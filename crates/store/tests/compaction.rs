//! The file forgets history by itself, and uses its space again.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use cowherd_store::{Error, Expected, ListOptions, Options, Revision, Store};

fn open(dir: &tempfile::TempDir, options: Options) -> Store {
    Store::open(dir.path().join("state.redb"), options).unwrap()
}

/// The oldest revision whose state can be listed.
async fn compacted(store: &Store) -> Revision {
    let options = ListOptions { at: Some(Revision(0)), ..ListOptions::default() };
    match store.list("", options).await {
        Err(Error::Compacted { oldest }) => oldest,
        listed => panic!("the state before the first is not compacted: {listed:?}"),
    }
}

async fn put_all(store: &Store, round: usize, keys: usize, size: usize) {
    let value = Bytes::from(vec![u8::try_from(round % 256).unwrap(); size]);
    let writes = (0..keys).map(|key| store.put(format!("k/{key}"), value.clone(), Expected::Any));
    for written in futures::future::join_all(writes).await {
        written.unwrap();
    }
}

#[tokio::test]
async fn no_more_events_are_kept_than_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options { history_events: 100, ..Options::default() });
    for round in 0..20 {
        put_all(&store, round, 50, 10).await;
    }
    let kept = store.revision().await.unwrap().0 - compacted(&store).await.0;
    assert!((100..=106).contains(&kept), "{kept} events are kept");
    assert_eq!(store.list("k/", ListOptions::default()).await.unwrap().entries.len(), 50);
    store.list("k/", ListOptions { at: Some(compacted(&store).await), ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn events_are_not_kept_longer_than_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options { history_age: Duration::from_millis(50), ..Options::default() });
    put_all(&store, 0, 10, 10).await;
    assert_eq!(compacted(&store).await, Revision::FIRST);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let old = store.revision().await.unwrap();
    put_all(&store, 1, 1, 10).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    put_all(&store, 2, 1, 10).await;
    assert!(
        compacted(&store).await >= old,
        "compacted up to {} at {}",
        compacted(&store).await,
        store.revision().await.unwrap()
    );
    assert!(compacted(&store).await < store.revision().await.unwrap());
}

#[tokio::test]
async fn the_space_of_what_is_forgotten_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options { history_events: 200, ..Options::default() });
    let size = || std::fs::metadata(dir.path().join("state.redb")).unwrap().len();
    for round in 0..10 {
        put_all(&store, round, 100, 2000).await;
    }
    let early = size();
    for round in 0..100 {
        put_all(&store, round, 100, 2000).await;
    }
    assert!(size() <= early * 2, "the file went from {early} to {} bytes", size());
    // What is live and in history are 300 values; 11,000 were written.
    assert!(size() < 8 * 1024 * 1024, "{} bytes", size());
}
