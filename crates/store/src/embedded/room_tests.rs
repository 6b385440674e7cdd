//! What can be written on a disk without room, and what a start says of one.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::faults::{Faults, open_with, value};
use crate::{Entry, Error, Expected, ListOptions, Options, Revision, Store, WriteError};

const RESERVE: u64 = 1024 * 1024;

fn options() -> Options {
    Options { reserve: RESERVE, ..Options::default() }
}

/// A store on a disk that was filled up to the last byte; how many entries fill it.
async fn full(path: &std::path::Path, faults: &std::sync::Arc<Faults>) -> (Store, u64) {
    let store = open_with(path, faults, options());
    store.put("lease", Bytes::from(vec![1; 300]), Expected::Absent).await.unwrap();
    for number in 0..20 {
        store.put(format!("old/{number}"), value(number), Expected::Absent).await.unwrap();
    }
    faults.fill_up(path);
    for number in 0.. {
        if put(&store, number).await.is_err() {
            // Smaller ones may fit still.
            let mut small = 0..;
            while store.put(format!("small/{:?}", small.next()), Bytes::from_static(b"s"), Expected::Any).await.is_ok()
            {
            }
            return (store, number);
        }
    }
    unreachable!("the disk has an end")
}

async fn put(store: &Store, number: u64) -> Result<Revision, WriteError> {
    store.put(format!("filler/{number}"), value(number), Expected::Absent).await
}

fn is_full(error: &WriteError) -> bool {
    matches!(error, WriteError::Store { error: Error::Storage(failure), .. } if failure.is_full())
}

async fn entries(store: &Store, prefix: &str) -> Vec<Entry> {
    store.list(prefix, ListOptions::default()).await.unwrap().entries
}

#[tokio::test]
async fn who_deletes_makes_room_on_a_full_disk_and_leases_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    faults.keep_reserve(&path, RESERVE);
    let (store, written) = full(&path, &faults).await;
    assert!(store.trouble().await.is_some_and(|trouble| trouble.is_full()));

    store.put("lease", Bytes::from(vec![0; 300]), Expected::Any).await.unwrap();
    // Others have taken what was given back, or the file has.
    let reserve = dir.path().join("state.redb.reserve");
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 0);
    std::fs::remove_file(&reserve).unwrap();
    std::os::unix::fs::symlink("/dev/full", &reserve).unwrap();
    for round in 0..50 {
        store.put("lease", Bytes::from(vec![round; 300]), Expected::Any).await.unwrap();
    }
    let large = store.put("large", Bytes::from(vec![1; 512 * 1024]), Expected::Absent).await.unwrap_err();
    assert!(is_full(&large), "what is kept is not for that: {large}");
    for number in 0..20 {
        store.delete(format!("old/{number}"), Expected::Any).await.unwrap();
    }
    // Nobody freed anything on the disk.
    assert_eq!(entries(&store, "old/").await, []);
    assert_eq!(entries(&store, "filler/").await.len() as u64, written);
    for number in 0..5 {
        put(&store, written + number).await.unwrap();
    }
    assert!(store.trouble().await.is_some(), "nothing is kept for the next time");
    let large = store.put("large", Bytes::from(vec![1; 512 * 1024]), Expected::Absent).await.unwrap_err();
    assert!(is_full(&large), "{large}");

    std::fs::remove_file(&reserve).unwrap();
    faults.is_full.store(false, Ordering::SeqCst);
    assert_eq!(store.trouble().await, None);
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), RESERVE);
    store.put("large", Bytes::from(vec![1; 512 * 1024]), Expected::Absent).await.unwrap();
    let before = entries(&store, "").await;
    drop(store);
    assert_eq!(entries(&open_with(&path, &faults, options()), "").await, before);
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so_before_anybody_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let faults = Faults::new();
    let (store, _) = full(&path, &faults).await;
    drop(store);
    let store = open_with(&path, &faults, Options::default());
    let trouble = store.trouble().await.expect("there is no room");
    assert!(trouble.is_full() && trouble.to_string().contains("free space on its disk"), "{trouble}");
    let revision = store.revision().await.unwrap();
    faults.is_full.store(false, Ordering::SeqCst);
    assert_eq!(store.trouble().await, None);
    assert_eq!(store.revision().await.unwrap(), revision, "nobody sees that it was tried");
}
