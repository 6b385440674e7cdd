//! Writes happen when the key is as expected, in one order, and stay.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cowherd_store::{
    Error, Expected, ListOptions, MAX_KEY_SIZE, MAX_VALUE_SIZE, OpenError, Options, Revision, Store, WriteError,
};

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path().join("state.redb"), Options::default()).unwrap()
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn every_write_gets_the_next_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(store.revision(), Revision::FIRST);

    let created = store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let modified = store.put("a", Bytes::from("2"), Expected::At(created)).await.unwrap();
    let other = store.put("b", Bytes::from("3"), Expected::Any).await.unwrap();

    assert_eq!([created, modified, other], [Revision(2), Revision(3), Revision(4)]);
    assert_eq!(store.revision(), other);
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.value.as_ref(), entry.created, entry.modified), (b"2".as_ref(), created, modified));
    assert_eq!(store.get("c").await.unwrap(), None);
}

#[tokio::test]
async fn a_write_whose_expectation_fails_changes_nothing_and_shows_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let first = store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let second = store.put("a", Bytes::from("2"), Expected::Any).await.unwrap();

    for expected in [Expected::Absent, Expected::At(first)] {
        let refused = store.put("a", Bytes::from("3"), expected).await.unwrap_err();
        let WriteError::Conflict { key, current: Some(current), .. } = &refused else { panic!("{refused}") };
        assert_eq!((key.as_str(), current.modified, current.value.as_ref()), ("a", second, b"2".as_ref()));
    }
    let missing = store.put("b", Bytes::new(), Expected::At(first)).await.unwrap_err();
    assert!(matches!(missing, WriteError::Conflict { current: None, .. }), "{missing}");
    assert_eq!(store.revision(), second);
}

#[tokio::test]
async fn a_deletion_gives_the_last_entry_and_a_key_written_again_is_created_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let written = store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();

    assert!(matches!(store.delete("a", Expected::At(Revision(99))).await, Err(WriteError::Conflict { .. })));
    let (deleted, last) = store.delete("a", Expected::At(written)).await.unwrap();
    assert_eq!((deleted, last.value.as_ref(), last.modified), (Revision(3), b"1".as_ref(), written));
    assert_eq!(store.get("a").await.unwrap(), None);
    for expected in [Expected::Any, Expected::At(written)] {
        assert_eq!(store.delete("a", expected).await, Err(WriteError::NotFound { key: "a".into() }));
    }

    let again = store.put("a", Bytes::from("2"), Expected::Absent).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap().created, again);
}

#[tokio::test]
async fn of_concurrent_writers_exactly_one_wins_each_round() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let mut at = store.put("counter", Bytes::from("0"), Expected::Absent).await.unwrap();
    for round in 0..20 {
        let writers = (0..16).map(|writer| {
            let (store, value) = (store.clone(), Bytes::from(format!("{round}/{writer}")));
            tokio::spawn(async move { store.put("counter", value, Expected::At(at)).await })
        });
        let outcomes = futures::future::join_all(writers).await;
        let won: Vec<Revision> = outcomes.into_iter().filter_map(|outcome| outcome.unwrap().ok()).collect();
        assert_eq!(won.len(), 1);
        at = won[0];
    }
    assert_eq!(at, Revision(22));
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_revisions_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let last = store.delete("a", Expected::Any).await.unwrap().0;
    store.compact(last).await.unwrap();
    drop(store);

    let store = open(&dir);
    assert_eq!((store.revision(), store.compacted()), (last, last));
    assert!(store.put("a", Bytes::from("2"), Expected::Absent).await.unwrap() > last);
}

#[tokio::test]
async fn keys_and_values_have_limits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let long = "k".repeat(MAX_KEY_SIZE + 1);
    for key in ["", long.as_str()] {
        let refused = store.put(key, Bytes::new(), Expected::Any).await.unwrap_err();
        assert!(matches!(refused, WriteError::InvalidKey { .. }), "{refused}");
    }
    let large = Bytes::from(vec![0; MAX_VALUE_SIZE + 1]);
    let refused = store.put("a", large.clone(), Expected::Any).await.unwrap_err();
    assert!(refused.to_string().contains("8388609 bytes"), "{refused}");

    store.put("a", large.slice(1..), Expected::Any).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap().value.len(), MAX_VALUE_SIZE);
}

#[tokio::test]
async fn a_file_has_one_store_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let refused = Store::open(store.path(), Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused:?}");
    assert!(refused.to_string().contains("use another data directory"), "{refused}");
    drop(store);
    open(&dir);
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let text = "not a store\n".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let refused = Store::open(&path, Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NotAStore { .. }), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let missing = Store::open(dir.path().join("no/such/state.redb"), Options::default()).unwrap_err();
    assert!(missing.to_string().contains("create the directory"), "{missing}");
}

#[tokio::test]
async fn a_damaged_file_is_told_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let path = store.path().to_owned();
    let writes = (0..100).map(|key| store.put(format!("k/{key}"), Bytes::from(vec![7; 1000]), Expected::Any));
    futures::future::join_all(writes).await;
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let found = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        Store::open(&path, Options::default()).map_err(|error| error.to_string())
    };
    let value = whole.windows(100).position(|bytes| bytes == [7; 100]).unwrap();
    let mut flipped = whole.clone();
    flipped[value] = 8;
    for damaged in [flipped.as_slice(), &whole[..whole.len() / 2], &whole[..whole.len() - 1], &whole[..100]] {
        let error = found(damaged).unwrap_err();
        assert!(error.contains("state.redb: cannot open the store: "), "{error}");
    }
    assert_eq!(found(&whole).unwrap().revision(), Revision(101));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_eq!(std::fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_closed_store_says_so_and_its_file_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let clone = store.clone();
    store.put("a", Bytes::from("1"), Expected::Any).await.unwrap();
    clone.close().await;
    clone.close().await;

    assert!(matches!(store.get("a").await, Err(Error::Closed { .. })));
    assert!(matches!(store.list("", ListOptions::default()).await, Err(Error::Closed { .. })));
    let refused = store.put("a", Bytes::new(), Expected::Any).await.unwrap_err();
    assert!(refused.to_string().contains("the store is closed"), "{refused}");
    assert_eq!(open(&dir).get("a").await.unwrap().unwrap().value, "1");
}

#[tokio::test]
async fn values_are_not_in_what_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let first = store.put("a", Bytes::from("hunter2"), Expected::Any).await.unwrap();
    store.put("a", Bytes::from("hunter2"), Expected::Any).await.unwrap();
    let entry = store.get("a").await.unwrap();
    let refused = store.put("a", Bytes::from("hunter2"), Expected::At(first)).await;
    let logged = format!("{entry:?} {refused:?} {}", refused.as_ref().unwrap_err());
    assert!(!logged.contains("hunter2"), "{logged}");
    assert!(logged.contains("7 bytes"), "{logged}");
}

#[tokio::test]
async fn all_operations_can_run_on_any_thread() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    assert_send(store.put("a", Bytes::new(), Expected::Any)).await.unwrap();
    assert_send(store.get("a")).await.unwrap();
    assert_send(store.list("", ListOptions::default())).await.unwrap();
    assert_send(assert_send(store.watch("", Revision::FIRST)).await.unwrap());
    assert_send(store.delete("a", Expected::Any)).await.unwrap();
    assert_send(store.compact(Revision(2))).await.unwrap();
}
