//! A watch gives every change of its prefix after a revision, once, in order.

use std::time::Duration;

use bytes::Bytes;
use cowherd_store::{Error, Event, EventKind, Expected, Revision, Store, Watch};

use super::Place;
use futures::{FutureExt, StreamExt};

async fn put(store: &Store, key: &str, value: &str) -> Revision {
    store.put(key, Bytes::from(value.to_owned()), Expected::Any).await.unwrap()
}

async fn next(watch: &mut Watch) -> Event {
    let next = tokio::time::timeout(Duration::from_secs(30), watch.next());
    next.await.expect("an event in time").expect("an event").expect("no error")
}

fn assert_quiet(watch: &mut Watch) {
    if let Some(item) = watch.next().now_or_never() {
        panic!("unexpected: {item:?}");
    }
}

pub async fn events_tell_what_happened_and_what_was_before(place: &impl Place) {
    let store = place.open().await;
    {
        let before = store.revision().await.unwrap();
        put(&store, "a", "1").await;
        put(&store, "a", "2").await;
        store.delete("a", Expected::Any).await.unwrap();
        put(&store, "a", "").await;
        store.delete("a", Expected::Any).await.unwrap();

        let mut watch = store.watch("a", before).await.unwrap();
        let put = |created| EventKind::Put { created };
        let told: [(EventKind, &str, Option<&str>); 5] = [
            (put(true), "1", None),
            (put(false), "2", Some("1")),
            (EventKind::Delete, "2", Some("2")),
            (put(true), "", None),
            (EventKind::Delete, "", Some("")),
        ];
        for (number, (kind, value, previous)) in (1..).zip(told) {
            let event = next(&mut watch).await;
            assert_eq!((event.kind, event.revision), (kind, Revision(before.0 + number)));
            assert_eq!((event.key.as_str(), event.value.as_ref()), ("a", value.as_bytes()));
            assert_eq!(event.previous.as_deref(), previous.map(str::as_bytes));
        }
        assert_quiet(&mut watch);
    }
}

pub async fn a_watch_sees_its_prefix_only_and_its_progress_goes_on(place: &impl Place) {
    let store = place.open().await;
    let mut watch = store.watch("pods/", store.revision().await.unwrap()).await.unwrap();
    assert_quiet(&mut watch);
    for number in 0..10 {
        put(&store, &format!("leases/{number}"), "v").await;
    }
    assert_quiet(&mut watch);
    assert_eq!(watch.progress(), store.revision().await.unwrap());

    let first = put(&store, "pods/a", "v").await;
    put(&store, "leases/0", "v").await;
    let second = put(&store, "pods/b", "v").await;
    let last = put(&store, "leases/0", "v").await;
    assert_eq!(watch.progress(), Revision(first.0 - 1), "what isn't delivered isn't progress");
    assert_eq!(next(&mut watch).await.revision, first);
    assert_eq!(watch.progress(), Revision(second.0 - 1));
    assert_eq!(next(&mut watch).await.revision, second);
    assert_eq!(watch.progress(), last);
    assert_quiet(&mut watch);
}

pub async fn a_waiting_watch_is_woken(place: &impl Place) {
    let store = place.open().await;
    let mut watch = store.watch("a", store.revision().await.unwrap()).await.unwrap();
    let waiting = tokio::spawn(async move { next(&mut watch).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    put(&store, "b", "v").await;
    let written = put(&store, "a", "v").await;
    assert_eq!(waiting.await.unwrap().revision, written);
}

pub async fn a_watch_resumes_at_its_progress_after_a_restart(place: &impl Place) {
    let store = place.open().await;
    let first = store.revision().await.unwrap();
    for number in 0..100 {
        put(&store, &format!("k/{}", number % 7), &number.to_string()).await;
    }
    let mut watch = store.watch("k/", first).await.unwrap();
    for _ in 0..40 {
        next(&mut watch).await;
    }
    let progress = watch.progress();
    drop((store, watch));

    let store = place.open().await;
    let mut watch = store.watch("k/", progress).await.unwrap();
    put(&store, "k/0", "100").await;
    for number in 40..=100 {
        assert_eq!(next(&mut watch).await.value, number.to_string());
    }
    assert_quiet(&mut watch);
}

pub async fn history_that_is_compacted_is_refused_at_the_start_and_on_the_way(place: &impl Place) {
    let store = place.open().await;
    let start = store.revision().await.unwrap();
    let mut slow = store.watch("", start).await.unwrap();
    let mut quiet = store.watch("quiet", start).await.unwrap();
    assert_quiet(&mut quiet);
    for number in 0..10 {
        put(&store, "a", &number.to_string()).await;
    }
    let oldest = Revision(6);
    store.compact(oldest).await.unwrap();

    assert_eq!(store.watch("", start).await.map(drop), Err(Error::Compacted { oldest }));
    // Who is slow gets everything all the same, where it is still in memory, or is told.
    let mut expected = start.0 + 1;
    loop {
        match slow.next().await {
            Some(Ok(event)) => assert_eq!(event.revision, Revision(expected)),
            told => {
                assert_eq!((told, expected), (Some(Err(Error::Compacted { oldest })), start.0 + 1));
                assert_eq!(slow.next().await, None);
                break;
            }
        }
        expected += 1;
        if expected > 11 {
            break;
        }
    }
    assert_eq!(next(&mut store.watch("", oldest).await.unwrap()).await.value, "5");
    let written = put(&store, "quiet", "v").await;
    assert_eq!(next(&mut quiet).await.revision, written, "who had nothing to miss misses nothing");
}

pub async fn a_watch_from_the_future_is_refused(place: &impl Place) {
    let store = place.open().await;
    let (requested, current) = (Revision(2), Revision(1));
    assert_eq!(store.watch("", requested).await.map(drop), Err(Error::Future { requested, current }));
}

pub async fn a_watch_ends_when_the_store_is_closed(place: &impl Place) {
    let store = place.open().await;
    let mut watch = store.watch("", store.revision().await.unwrap()).await.unwrap();
    put(&store, "a", "v").await;
    store.close().await;
    assert_eq!(next(&mut watch).await.key, "a");
    assert_eq!(watch.next().await, None);

    let store = place.open().await;
    let mut watch = store.watch("", store.revision().await.unwrap()).await.unwrap();
    let ended = tokio::spawn(async move { watch.next().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    drop(store);
    assert_eq!(ended.await.unwrap(), None);
}

/// Watchers of several prefixes and speeds, one that starts at every list, while writers write.
pub async fn slow_and_fast_watchers_see_everything_once_in_order(place: &impl Place) {
    const WRITES: u64 = 3000;
    let store = place.open().await;
    let start = store.revision().await.unwrap();
    let end = Revision(start.0 + WRITES);
    let mut watchers = Vec::new();
    for (prefix, pause) in [("", 0), ("k/1", 0), ("", 400), ("k/2", 50)] {
        let mut watch = store.watch(prefix, start).await.unwrap();
        watchers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            while watch.progress() < end {
                // The last events may all be of other prefixes: then there is progress without an event.
                let Ok(event) = tokio::time::timeout(Duration::from_millis(100), watch.next()).await else { continue };
                let event = event.unwrap().unwrap();
                seen.push((event.revision, event.key));
                if pause > 0 && seen.len() % pause == 0 {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            }
            (prefix, seen)
        }));
    }
    let writers = (0..30).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut written = Vec::new();
            for round in 0..WRITES / 30 {
                let key = format!("k/{}", (writer + round) % 10);
                written.push((put(&store, &key, "v").await, key));
            }
            written
        })
    });
    let written = futures::future::join_all(writers).await.into_iter().flat_map(|written| written.unwrap());
    let mut written: Vec<(Revision, String)> = written.collect();
    written.sort();
    assert!(written.iter().map(|(revision, _)| revision.0).eq(start.0 + 1..=end.0), "a revision for each write");
    for watcher in watchers {
        let (prefix, seen) = watcher.await.unwrap();
        let expected: Vec<_> = written.iter().filter(|(_, key)| key.starts_with(prefix)).cloned().collect();
        assert!(seen == expected, "{prefix:?}: {} events instead of {}", seen.len(), expected.len());
    }
}
