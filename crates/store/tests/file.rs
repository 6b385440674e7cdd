//! The file of an embedded store: whose it is, and what is said of one that is damaged.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cowherd_store::{Expected, OpenError, Options, Revision, Store};

fn path(dir: &tempfile::TempDir) -> std::path::PathBuf {
    dir.path().join("state.redb")
}

fn open(dir: &tempfile::TempDir) -> Store {
    Store::open(path(dir), Options::default()).unwrap()
}

#[tokio::test]
async fn a_file_has_one_store_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let refused = Store::open(path(&dir), Options::default()).unwrap_err();
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
    let path = path(&dir);
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
    assert_eq!(found(&whole).unwrap().revision().await.unwrap(), Revision(101));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _store = open(&dir);
    assert_eq!(std::fs::metadata(path(&dir)).unwrap().permissions().mode() & 0o777, 0o600);
}
