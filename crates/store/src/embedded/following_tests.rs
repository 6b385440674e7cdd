//! How watches and lists read the file.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Wake, Waker};

use bytes::Bytes;
use futures::StreamExt;

use super::Embedded;
use super::engine::{open_file, sync_directory};
use super::faults::{Faults, open_embedded, value};
use super::layout::{META, META_FORMAT};
use super::recovery_tests::put;
use crate::backend::Backend;
use crate::{ListOptions, OpenError, Options, Revision};

fn open(dir: &tempfile::TempDir, options: Options) -> Embedded {
    Embedded::open(dir.path().join("state.redb"), options).unwrap()
}

#[tokio::test]
async fn a_stretch_of_the_log_is_64_events_or_64_kibibytes_of_them_or_512_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    store.commit((0..600).map(|number| put(&format!("a/{number}"), Bytes::new())).collect()).await.unwrap();
    let large = |number: usize| Bytes::from(vec![0; [100, 20 * 1024, 20 * 1024, 130 * 1024, 130 * 1024][number]]);
    store.commit((0..5).map(|number| put(&format!("b/{number}"), large(number))).collect()).await.unwrap();
    // How many events there are, and up to where these are all.
    let stretch = |prefix: &str, after| {
        let (events, reached) = store.shared.read(|snapshot| snapshot.events(prefix, after)).unwrap();
        (events.len(), reached)
    };
    assert_eq!(stretch("a/", 1), (64, 65));
    assert_eq!(stretch("a/", 550), (51, 606));
    assert_eq!(stretch("b/", 1), (0, 513));
    // A larger one comes alone.
    assert_eq!(stretch("b/", 513), (3, 604));
    assert_eq!(stretch("b/", 604), (1, 605));
    assert_eq!(stretch("b/", 605), (1, 606));
}

#[tokio::test]
async fn a_count_lets_others_have_the_thread_after_as_many_keys_as_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    let keys = ["a/1", "a/2", "a/3", "b/1"];
    store.commit(keys.iter().map(|key| put(key, Bytes::new())).collect()).await.unwrap();
    // How many keys were counted, and the last one where there may be more.
    let count = |after, most| {
        let counted = store.shared.read(|snapshot| snapshot.count("a/", after, most)).unwrap();
        (counted.keys, counted.last)
    };
    assert_eq!(count(None, 2), (2, Some("a/2".to_owned())));
    assert_eq!(count(Some("a/2"), 2), (1, None));
    assert_eq!(count(None, 4), (3, None));
}

#[tokio::test]
async fn what_need_not_be_counted_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    store.commit((0..1000).map(|number| put(&format!("a/{number}"), Bytes::new())).collect()).await.unwrap();
    let options = ListOptions { limit: Some(1), uncounted: true, ..ListOptions::default() };
    let page = store.list("a/", options).await.unwrap();
    assert!((1..999).contains(&page.remaining), "{}", page.remaining);
}

/// Who would be woken.
struct Sleeper;

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn a_watch_that_nobody_has_any_more_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    let mut watch = store.watch("", Revision::FIRST).await.unwrap();
    let sleeper = Arc::new(Sleeper);
    assert!(watch.poll_next_unpin(&mut Context::from_waker(&Waker::from(sleeper.clone()))).is_pending());
    assert_eq!(Arc::strong_count(&sleeper), 2);
    drop(watch);
    assert_eq!(Arc::strong_count(&sleeper), 1);
}

#[tokio::test]
async fn a_watch_goes_on_where_it_was_when_the_disk_failed_for_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::new();
    let options = Options { window_events: 1, ..Options::default() };
    let store = open_embedded(&dir.path().join("state.redb"), &faults, options);
    store.commit((0..10).map(|number| put(&format!("k/{number}"), value(number))).collect()).await.unwrap();
    let mut watch = store.watch("", Revision::FIRST).await.unwrap();
    faults.countdown.store(0, Ordering::SeqCst);
    for expected in 2..=11 {
        assert_eq!(watch.next().await.unwrap().unwrap().revision, Revision(expected));
    }
    assert_eq!(faults.countdown.load(Ordering::SeqCst), -1, "the disk has failed");
}

#[tokio::test]
async fn a_store_and_its_watches_say_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    store.commit(vec![put("a", Bytes::new())]).await.unwrap();
    let told = format!("{store:?}");
    assert!(told.contains("state.redb") && told.contains("revision: Revision(2)"), "{told}");
    let told = format!("{:?}", store.watch("cows/", Revision(1)).await.unwrap());
    assert!(told.contains(r#"Following { prefix: "cows/", progress: Revision(1) }"#), "{told}");
}

#[tokio::test]
async fn a_store_in_a_format_that_is_not_known_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, Options::default());
    let path = store.path().to_owned();
    let transaction = store.shared.engine.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(META_FORMAT, 2).unwrap();
    transaction.commit().unwrap();
    drop(store);
    let refused = Embedded::open(&path, Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Format { found: 2, supported: 1, .. }), "{refused:?}");
    assert!(refused.to_string().contains("run the version that wrote it"), "{refused}");
}

#[test]
fn the_name_of_a_new_file_is_made_durable_too() {
    let dir = tempfile::tempdir().unwrap();
    open_file(&dir.path().join("state.redb"), 0).unwrap();
    sync_directory("state.redb".as_ref()).unwrap();
    sync_directory(&dir.path().join("no/such/state.redb")).unwrap_err();
}
