//! Several keys change together or not at all.

use bytes::Bytes;
use cowherd_store::{Change, Expected, ListOptions, Revision, WriteError};
use futures::StreamExt;

use super::Place;

fn value(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

pub async fn all_changes_happen_or_none(place: &impl Place) {
    let store = place.open().await;
    let first = store.put("a", value("1"), Expected::Absent).await.unwrap();
    store.put("b", value("1"), Expected::Absent).await.unwrap();

    let changes = vec![
        Change::put("c", value("2"), Expected::Absent),
        Change::put("a", value("2"), Expected::At(first)),
        Change::delete("b", Expected::Any),
    ];
    let done = store.commit(changes.clone()).await.unwrap();
    let before: Vec<_> = done.iter().map(|changed| changed.before.as_ref().map(|entry| entry.key.as_str())).collect();
    assert_eq!(before, [None, Some("a"), Some("b")]);
    assert!(done.iter().all(|changed| changed.revision > Some(first)));
    assert_eq!(store.get("a").await.unwrap().unwrap().modified, done[1].revision.unwrap());

    let latest = store.revision().await.unwrap();
    let refused = store.commit(changes).await.unwrap_err();
    assert!(matches!(&refused, WriteError::Conflict { key, .. } if key == "c"), "{refused}");
    assert_eq!(store.revision().await.unwrap(), latest);
    let page = store.list("", ListOptions::default()).await.unwrap();
    let left: Vec<_> = page.entries.iter().map(|entry| (entry.key.as_str(), &entry.value[..])).collect();
    assert_eq!(left, [("a", &b"2"[..]), ("c", &b"2"[..])]);
}

pub async fn a_change_may_depend_on_a_key_that_stays_as_it_is(place: &impl Place) {
    let store = place.open().await;
    let owner = store.put("owner", value("1"), Expected::Absent).await.unwrap();
    let depend = |on| vec![Change::keep("owner", on), Change::put("owned", value("1"), Expected::Absent)];
    for wrong in [Expected::Absent, Expected::At(Revision(owner.0 + 1))] {
        let refused = store.commit(depend(wrong)).await.unwrap_err();
        assert!(matches!(&refused, WriteError::Conflict { key, .. } if key == "owner"), "{refused}");
    }
    let done = store.commit(depend(Expected::At(owner))).await.unwrap();
    assert_eq!(done[0].revision, None);
    assert_eq!(store.get("owner").await.unwrap().unwrap().modified, owner);
    assert!(store.get("owned").await.unwrap().is_some());
}

pub async fn deleting_what_is_not_there_changes_nothing(place: &impl Place) {
    let store = place.open().await;
    let before = store.revision().await.unwrap();
    let done = store.commit(vec![Change::delete("a", Expected::Any), Change::delete("b", Expected::Absent)]).await;
    assert!(done.unwrap().iter().all(|changed| changed.revision.is_none() && changed.before.is_none()));
    assert_eq!(store.revision().await.unwrap(), before);
}

pub async fn a_key_is_named_once(place: &impl Place) {
    let store = place.open().await;
    let twice = vec![Change::put("a", value("1"), Expected::Any), Change::delete("a", Expected::Any)];
    assert_eq!(store.commit(twice).await, Err(WriteError::Twice { key: "a".into() }));
    assert_eq!(store.get("a").await.unwrap(), None);
}

pub async fn watchers_are_told_of_each_change(place: &impl Place) {
    let store = place.open().await;
    let mut watch = store.watch("w/", store.revision().await.unwrap()).await.unwrap();
    let changes = ["w/b", "other", "w/a"].map(|key| Change::put(key, value(key), Expected::Absent));
    let done = store.commit(changes.to_vec()).await.unwrap();
    for (key, index) in [("w/b", 0), ("w/a", 2)] {
        let event = watch.next().await.unwrap().unwrap();
        assert_eq!((event.key.as_str(), Some(event.revision)), (key, done[index].revision));
    }
}

/// Each writer moves one unit from one key to another: whoever looks, the sum is the same.
pub async fn concurrent_commits_keep_what_they_keep_together(place: &impl Place) {
    let store = place.open().await;
    for key in ["sum/a", "sum/b", "sum/c"] {
        store.put(key, value("100"), Expected::Absent).await.unwrap();
    }
    let writers = (0..12).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let (from, to) = (["sum/a", "sum/b", "sum/c"][writer % 3], ["sum/a", "sum/b", "sum/c"][(writer + 1) % 3]);
            let mut moved = 0;
            while moved < 5 {
                let taken = store.get(from).await.unwrap().unwrap();
                let given = store.get(to).await.unwrap().unwrap();
                let number = |bytes: &Bytes| std::str::from_utf8(bytes).unwrap().parse::<i64>().unwrap();
                let changes = vec![
                    Change::put(from, value(&(number(&taken.value) - 1).to_string()), Expected::At(taken.modified)),
                    Change::put(to, value(&(number(&given.value) + 1).to_string()), Expected::At(given.modified)),
                ];
                moved += usize::from(store.commit(changes).await.is_ok());
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let sum = || async {
        let page = store.list("sum/", ListOptions::default()).await.unwrap();
        let numbers = page.entries.iter().map(|entry| std::str::from_utf8(&entry.value).unwrap().parse::<i64>());
        numbers.map(Result::unwrap).sum::<i64>()
    };
    while writers.iter().any(|writer| !writer.is_finished()) {
        assert_eq!(sum().await, 300);
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(sum().await, 300);
}
