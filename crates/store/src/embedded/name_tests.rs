//! A store whose file is removed, moved or replaced while it is open.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::error::WriteError;
use crate::model::Expected;
use crate::{Error, Options, Store};

/// A store with one key, whose file something happens to.
async fn after(happens: impl FnOnce(&Path)) -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data/state.redb");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let store = Store::open(&path, Options::default()).unwrap();
    store.put("cows/berta", Bytes::from("brown"), Expected::Absent).await.unwrap();
    assert_eq!(store.trouble().await, None);
    happens(&path);
    (store, dir)
}

async fn refuses(store: &Store) {
    let written = store.put("cows/anna", Bytes::from("white"), Expected::Absent).await;
    let Err(WriteError::Store { error: Error::Storage(failure), .. }) = written else { panic!("{written:?}") };
    assert!(failure.to_string().contains("removed, moved or replaced"), "{failure}");
    assert!(failure.remedy.contains("git clean"), "{failure}");
    let trouble = store.trouble().await.unwrap();
    assert_eq!(trouble.cause, failure.cause);
    // What was there is still read, and what was refused is not there.
    assert_eq!(store.get("cows/berta").await.unwrap().unwrap().value, "brown");
    assert_eq!(store.get("cows/anna").await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_acknowledged_once_the_file_is_removed() {
    let (store, _dir) = after(|path| fs::remove_dir_all(path.parent().unwrap()).unwrap()).await;
    refuses(&store).await;
}

#[tokio::test]
async fn nothing_is_acknowledged_once_the_directory_is_elsewhere_until_it_is_back() {
    let (store, dir) = after(|path| {
        let directory = path.parent().unwrap();
        fs::rename(directory, directory.with_extension("moved")).unwrap();
    })
    .await;
    refuses(&store).await;
    fs::rename(dir.path().join("data.moved"), dir.path().join("data")).unwrap();
    assert_eq!(store.trouble().await, None);
    store.put("cows/anna", Bytes::from("white"), Expected::Absent).await.unwrap();
}

#[tokio::test]
async fn nothing_is_acknowledged_once_another_file_has_the_name() {
    let (store, dir) = after(|path| {
        let copy = path.with_extension("copy");
        fs::copy(path, &copy).unwrap();
        fs::rename(copy, path).unwrap();
    })
    .await;
    let path = dir.path().join("data/state.redb");
    let before = fs::read(&path).unwrap();
    refuses(&store).await;
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), before, "the other file is left alone");
}

#[tokio::test]
async fn a_file_that_was_removed_is_not_begun_anew() {
    let (store, dir) = after(|path| fs::remove_file(path).unwrap()).await;
    refuses(&store).await;
    assert!(store.compact(store.revision().await.unwrap()).await.is_err());
    drop(store);
    assert!(!dir.path().join("data/state.redb").exists());
}
