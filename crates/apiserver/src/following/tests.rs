use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use cowherd_store::{
    Backend, Changes, Embedded, Entry, Event, Expected, ListOptions, Options, Page, StorageFailure, Watch, WriteError,
};
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture};

use super::*;

/// Keys and their values, and whether anything ever went back.
#[derive(Clone, Debug, Default)]
struct Shown(Arc<Mutex<Known>>, Arc<AtomicBool>);

type Known = BTreeMap<String, (Option<Bytes>, Revision)>;

impl View for Shown {
    fn prefix(&self) -> String {
        "k/".into()
    }

    fn seen(&mut self, key: &str, value: Option<Bytes>, revision: Revision) -> Result<(), String> {
        let is_open = self.1.load(Ordering::SeqCst);
        assert!(is_open || key != "k/panic", "this key cannot be taken in");
        if !is_open && key == "k/refused" {
            return Err("this key is refused".to_owned());
        }
        let mut shown = self.0.lock().unwrap();
        if let Some((_, before)) = shown.insert(key.into(), (value, revision)) {
            assert!(before <= revision, "{key} went back from {before} to {revision}");
        }
        Ok(())
    }
}

impl Shown {
    fn values(&self) -> Vec<(String, Bytes)> {
        let shown = self.0.lock().unwrap();
        shown.iter().filter_map(|(key, (value, _))| Some((key.clone(), value.clone()?))).collect()
    }
}

/// A store whose watches fail, end or break every few events, and whose lists fail when a test says so.
#[derive(Debug)]
struct Flaky {
    inner: Embedded,
    events: Arc<AtomicUsize>,
    lists_fail: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
}

fn failure() -> Error {
    let (action, remedy) = ("be reached", "wait");
    StorageFailure { path: "flaky".into(), action, cause: "the cable is out".into(), remedy }.into()
}

impl Backend for Flaky {
    fn revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        self.inner.revision()
    }
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.inner.get(key)
    }
    fn list<'a>(&'a self, prefix: &'a str, options: ListOptions) -> BoxFuture<'a, Result<Page, Error>> {
        match self.lists_fail.load(Ordering::SeqCst) || self.is_down.load(Ordering::SeqCst) {
            true => async { Err(failure()) }.boxed(),
            false => self.inner.list(prefix, options),
        }
    }
    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Changed>, WriteError>> {
        self.inner.commit(changes)
    }
    fn watch<'a>(&'a self, prefix: &'a str, from: Revision) -> BoxFuture<'a, Result<Watch, Error>> {
        let watch = self.inner.watch(prefix, from);
        let (events, is_down) = (self.events.clone(), self.is_down.clone());
        if is_down.load(Ordering::SeqCst) {
            return async { Err(failure()) }.boxed();
        }
        async move { Ok(Watch::new(FlakyWatch { inner: watch.await?, events, is_down })) }.boxed()
    }
    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.compact(revision)
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

#[derive(Debug)]
struct FlakyWatch {
    inner: Watch,
    events: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

impl Stream for FlakyWatch {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.inner.poll_next_unpin(context);
        if next.is_pending() {
            return next;
        }
        let count = self.events.fetch_add(1, Ordering::SeqCst);
        match (count % 7, count / 7 % 3) {
            _ if self.is_down.load(Ordering::SeqCst) => Poll::Ready(Some(Err(failure()))),
            (6, 0) => Poll::Ready(Some(Err(failure()))),
            (6, 1) => Poll::Ready(None),
            (6, 2) => panic!("the store has a bug"),
            _ => next,
        }
    }
}

impl Changes for FlakyWatch {
    fn progress(&self) -> Revision {
        self.inner.progress()
    }
}

struct World {
    store: Store,
    lists_fail: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
    shown: Shown,
    following: Following,
    _directory: tempfile::TempDir,
}

async fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let inner = Embedded::open(directory.path().join("state.redb"), Options::default()).unwrap();
    let (lists_fail, is_down) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let flaky = Flaky { inner, events: Arc::default(), lists_fail: lists_fail.clone(), is_down: is_down.clone() };
    let store = Store::new(flaky);
    store.put("k/old", Bytes::from("1"), Expected::Absent).await.unwrap();
    let shown = Shown::default();
    let mut following = Following::new(store.clone(), CancellationToken::new());
    following.follow(shown.clone()).await.unwrap();
    World { store, lists_fail, is_down, shown, following, _directory: directory }
}

async fn stored(store: &Store) -> Vec<(String, Bytes)> {
    let page = store.list("k/", ListOptions::default()).await.unwrap();
    page.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
}

#[tokio::test]
async fn a_view_is_what_is_stored_though_watches_fail_end_and_break_and_history_goes() {
    let World { store, shown, following, .. } = &world().await;
    assert_eq!(shown.values(), stored(store).await, "what is there is seen before anything else");
    let mut last = Revision::FIRST;
    for number in 0..200 {
        let key = format!("k/{}", number % 17);
        last = match number % 5 {
            4 => store.delete(&key, Expected::Any).await.map_or(last, |(revision, _)| revision),
            _ => store.put(&key, Bytes::from(number.to_string()), Expected::Any).await.unwrap(),
        };
        if number % 20 == 0 {
            store.compact(last).await.unwrap();
        }
    }
    following.reached("k/", last).await;
    assert_eq!(shown.values(), stored(store).await);
}

#[tokio::test]
async fn who_waits_for_a_write_sees_it() {
    let World { store, shown, following, .. } = &world().await;
    for number in 0..50 {
        let value = Bytes::from(number.to_string());
        let written = store.put("k/a", value.clone(), Expected::Any).await.unwrap();
        following.reached("k/a", written).await;
        assert_eq!(shown.values()[0], ("k/a".into(), value));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_taken_in_keeps_no_other_away() {
    let World { store, shown, following, .. } = &world().await;
    store.put("k/panic", Bytes::from("1"), Expected::Absent).await.unwrap();
    let written = store.put("k/z", Bytes::from("1"), Expected::Absent).await.unwrap();
    following.reached("k/z", written).await;
    assert_eq!(shown.values().last().unwrap().0, "k/z");
}

#[tokio::test]
async fn what_could_not_be_taken_in_is_told_of_and_taken_in_once_it_can() {
    let World { store, shown, following, .. } = &world().await;
    for key in ["k/gone", "k/panic", "k/refused"] {
        store.put(key, Bytes::from("1"), Expected::Absent).await.unwrap();
    }
    let written = store.put("k/refused", Bytes::from("2"), Expected::Any).await.unwrap();
    following.reached("k/refused", written).await;
    let told = following.check().unwrap_err();
    assert!(told.contains("could not take in k/panic, k/refused;"), "{told}");
    // It is tried in vain, and what happens meanwhile is seen.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (written, _) = store.delete("k/gone", Expected::Any).await.unwrap();
    following.reached("k/gone", written).await;
    assert!(following.check().is_err());
    shown.1.store(true, Ordering::SeqCst);
    while following.check().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shown.values(), stored(store).await);
    assert_eq!(shown.values()[2], ("k/refused".into(), Bytes::from("2")));
}

#[tokio::test]
async fn what_went_and_could_not_be_taken_in_goes_once_it_can() {
    let World { store, shown, following, .. } = &world().await;
    shown.1.store(true, Ordering::SeqCst);
    store.put("k/refused", Bytes::from("1"), Expected::Absent).await.unwrap();
    let (written, _) = store.delete("k/old", Expected::Any).await.unwrap();
    following.reached("k/old", written).await;
    shown.1.store(false, Ordering::SeqCst);
    let (written, _) = store.delete("k/refused", Expected::Any).await.unwrap();
    following.reached("k/refused", written).await;
    assert_eq!(shown.values(), [("k/refused".into(), Bytes::from("1"))]);
    // Where the log was lost meanwhile, a list tells of it.
    let mut last = written;
    for number in 0..20 {
        last = store.put("k/a", Bytes::from(number.to_string()), Expected::Any).await.unwrap();
        store.compact(last).await.unwrap();
    }
    following.reached("k/a", last).await;
    shown.1.store(true, Ordering::SeqCst);
    while following.check().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shown.values(), [("k/a".into(), Bytes::from("19"))]);
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_delays_a_request_for_a_known_time() {
    let World { store, lists_fail, shown, following, .. } = &world().await;
    lists_fail.store(true, Ordering::SeqCst);
    let mut last = Revision::FIRST;
    for number in 0..20 {
        last = store.put("k/a", Bytes::from(number.to_string()), Expected::Any).await.unwrap();
    }
    let began = tokio::time::Instant::now();
    following.reached("k/a", Revision(last.0 + 1)).await;
    assert!(began.elapsed() >= PATIENCE);
    lists_fail.store(false, Ordering::SeqCst);
    while shown.values() != vec![("k/a".to_owned(), Bytes::from("19")), ("k/old".into(), Bytes::from("1"))] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_view_that_cannot_follow_is_told_of_until_it_can() {
    let World { store, is_down, following, .. } = &world().await;
    is_down.store(true, Ordering::SeqCst);
    store.put("k/a", Bytes::from("1"), Expected::Any).await.unwrap();
    let told = loop {
        match following.check() {
            Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(told) => break told,
        }
    };
    assert!(told.contains("of k/ has not followed the store for"), "{told}");
    is_down.store(false, Ordering::SeqCst);
    while following.check().is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_view_that_nobody_feeds_is_told_of() {
    let World { following, .. } = &world().await;
    assert_eq!(following.check(), Ok(()));
    following.closing.cancel();
    while following.check().is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(following.check().unwrap_err().contains("of k/ follows the store no more"));
}
