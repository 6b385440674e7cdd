//! Lists are consistent states, the latest one or an older one, in pages.

use std::time::Duration;

use bytes::Bytes;
use cowherd_store::{Change, Entry, Error, Expected, ListOptions, Page, Revision, Store};

use super::Place;

async fn put(store: &Store, key: &str, value: &str) -> Revision {
    store.put(key, Bytes::from(value.to_owned()), Expected::Any).await.unwrap()
}

fn shown(page: &Page) -> Vec<String> {
    page.entries.iter().map(|entry| format!("{}={}", entry.key, String::from_utf8_lossy(&entry.value))).collect()
}

fn at(revision: Revision) -> ListOptions {
    ListOptions { at: Some(revision), ..Default::default() }
}

pub async fn a_list_has_exactly_the_prefix_in_order(place: &impl Place) {
    let store = place.open().await;
    for key in ["pods/b", "pods/a/1", "pods", "podsx", "pod", "pods/é", "quux", "pods/"] {
        put(&store, key, "v").await;
    }
    let page = store.list("pods/", ListOptions::default()).await.unwrap();
    assert_eq!(shown(&page), ["pods/=v", "pods/a/1=v", "pods/b=v", "pods/é=v"]);
    assert_eq!((page.revision, page.remaining), (store.revision().await.unwrap(), 0));
    assert_eq!(store.list("", ListOptions::default()).await.unwrap().entries.len(), 8);
    assert_eq!(store.list("zebra/", ListOptions::default()).await.unwrap().entries, []);
}

pub async fn pages_tell_how_much_is_left(place: &impl Place) {
    let store = place.open().await;
    for number in 0..10 {
        put(&store, &format!("a/{number}"), "v").await;
    }
    put(&store, "b", "v").await;
    put(&store, "Zoo", "v").await;
    let page = |limit, start_after: Option<&str>| {
        let start_after = start_after.map(str::to_owned);
        store.list("a/", ListOptions { limit: Some(limit), start_after, ..ListOptions::default() })
    };
    let remaining = |page: Result<Page, Error>| page.map(|page| (page.entries.len(), page.remaining)).unwrap();
    assert_eq!(remaining(page(4, None).await), (4, 6));
    assert_eq!(remaining(page(4, Some("a/3")).await), (4, 2));
    assert_eq!(remaining(page(4, Some("a/7")).await), (2, 0));
    assert_eq!(remaining(page(0, None).await), (0, 10));
    assert_eq!(remaining(page(4, Some("a/9")).await), (0, 0));
    assert_eq!(remaining(page(4, Some("a/55")).await), (4, 0));
    assert_eq!(remaining(page(20, Some("Z")).await), (10, 0), "a start before the prefix is the prefix");

    let uncounted = |limit, start_after: Option<&str>| {
        let start_after = start_after.map(str::to_owned);
        store.list("a/", ListOptions { limit: Some(limit), start_after, uncounted: true, ..ListOptions::default() })
    };
    let more = |page: Result<Page, Error>| page.map(|page| (page.entries.len(), page.remaining > 0)).unwrap();
    assert_eq!(more(uncounted(4, None).await), (4, true));
    assert_eq!(more(uncounted(4, Some("a/5")).await), (4, false));
    assert_eq!(more(uncounted(0, None).await), (0, true));
}

pub async fn a_page_has_as_many_bytes_as_asked_for_and_one_entry_at_least(place: &impl Place) {
    let store = place.open().await;
    for (key, size) in [("a/1", 10), ("a/2", 10), ("a/3", 0), ("a/4", 1000), ("a/5", 10), ("b", 10)] {
        put(&store, key, &"v".repeat(size)).await;
    }
    let (mut pages, mut start_after) = (Vec::new(), None);
    loop {
        let options = ListOptions { size: Some(15), start_after, ..ListOptions::default() };
        let page = store.list("a/", options).await.unwrap();
        start_after = page.entries.last().map(|entry| entry.key.clone());
        pages.push((page.entries.len(), page.remaining));
        if page.remaining == 0 {
            break;
        }
    }
    assert_eq!(pages, [(2, 3), (2, 1), (1, 0)]);
    let both = ListOptions { size: Some(15), limit: Some(1), ..ListOptions::default() };
    let page = store.list("a/", both).await.unwrap();
    assert_eq!((page.entries.len(), page.remaining), (1, 4));
}

pub async fn what_is_left_is_counted_as_it_was_then(place: &impl Place) {
    let store = place.open().await;
    // More keys than are looked at, or counted, at once.
    let new = |key: String| Change::put(key, "v".into(), Expected::Absent);
    store.commit((0..5000).map(|number| new(format!("a/{number:04}"))).collect()).await.unwrap();
    let then = store.revision().await.unwrap();
    let moved = (0..5000).step_by(7).flat_map(|number| {
        let gone = Change::delete(format!("a/{number:04}"), Expected::Any);
        [gone, new(format!("a/{number:04}x"))]
    });
    store.commit(moved.chain([new("a/zz".to_owned())]).collect()).await.unwrap();
    for limit in [1, 255, 256, 257, 4100] {
        let options = ListOptions { limit: Some(limit), at: Some(then), ..ListOptions::default() };
        let page = store.list("a/", options).await.unwrap();
        assert_eq!((page.entries.len(), page.remaining), (limit, 5000 - limit as u64));
    }
    let options = ListOptions { limit: Some(300), ..ListOptions::default() };
    assert_eq!(store.list("a/", options).await.unwrap().remaining, 5001 - 300);
    for (limit, listed) in [(Some(300), 300), (Some(5001), 5001), (None, 5001)] {
        let options = ListOptions { limit, uncounted: true, ..ListOptions::default() };
        let page = store.list("a/", options).await.unwrap();
        assert_eq!(
            (page.entries.len(), page.remaining > 0),
            (listed, listed < 5001),
            "all that was asked for is there"
        );
    }
}

pub async fn an_older_revision_lists_as_it_was(place: &impl Place) {
    let store = place.open().await;
    put(&store, "a", "1").await;
    let before = put(&store, "b", "1").await;
    put(&store, "a", "2").await;
    let between = put(&store, "c", "1").await;
    store.delete("b", Expected::Any).await.unwrap();
    store.delete("a", Expected::Any).await.unwrap();
    put(&store, "a", "3").await;

    assert_eq!(shown(&store.list("", at(Revision::FIRST)).await.unwrap()), [""; 0]);
    let page = store.list("", at(before)).await.unwrap();
    assert_eq!((shown(&page), page.revision), (vec!["a=1".into(), "b=1".into()], before));
    let page = store.list("", at(between)).await.unwrap();
    assert_eq!(shown(&page), ["a=2", "b=1", "c=1"]);
    let a = &page.entries[0];
    assert_eq!((a.created, a.modified), (Revision(2), Revision(4)), "created and modified are those of then");
    assert_eq!(shown(&store.list("", ListOptions::default()).await.unwrap()), ["a=3", "c=1"]);
}

pub async fn revisions_that_are_gone_or_to_come_are_refused(place: &impl Place) {
    let store = place.open().await;
    put(&store, "a", "1").await;
    let kept = put(&store, "a", "2").await;
    let current = put(&store, "a", "3").await;
    store.compact(kept).await.unwrap();

    assert_eq!(store.list("", at(Revision(2))).await, Err(Error::Compacted { oldest: kept }));
    assert_eq!(store.list("", at(Revision(0))).await, Err(Error::Compacted { oldest: kept }));
    assert_eq!(shown(&store.list("", at(kept)).await.unwrap()), ["a=2"]);
    let requested = Revision(current.0 + 1);
    assert_eq!(store.list("", at(requested)).await, Err(Error::Future { requested, current }));
    assert_eq!(store.compact(requested).await, Err(Error::Future { requested, current }));
}

pub async fn pages_at_a_revision_stay_the_same_while_writes_go_on(place: &impl Place) {
    let store = place.open().await;
    let keys: Vec<String> = (0..700).map(|number| format!("k/{number:03}")).collect();
    futures::future::join_all(keys.iter().step_by(2).map(|key| put(&store, key, "old"))).await;
    let then = store.list("k/", ListOptions::default()).await.unwrap();
    assert_eq!(then.entries.len(), 350);

    let writer = tokio::spawn({
        let (store, keys) = (store.clone(), keys.clone());
        async move {
            for round in 0.. {
                let store = &store;
                let changes = keys.iter().enumerate().skip(round % 5).step_by(5).map(|(number, key)| async move {
                    match (number + round) % 3 {
                        0 => drop(store.delete(key.as_str(), Expected::Any).await),
                        _ => drop(put(store, key, "new").await),
                    }
                });
                futures::future::join_all(changes).await;
            }
        }
    });
    for limit in [7, 100, 349] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let start_after = entries.last().map(|entry| entry.key.clone());
            let options =
                ListOptions { limit: Some(limit), start_after, at: Some(then.revision), ..Default::default() };
            let page = store.list("k/", options).await.unwrap();
            entries.extend(page.entries);
            assert_eq!(page.remaining as usize + entries.len(), 350);
            if page.remaining == 0 {
                break;
            }
        }
        assert_eq!(entries, then.entries);
    }
    assert!(store.revision().await.unwrap() > then.revision, "nothing was written meanwhile");
    writer.abort();
}
