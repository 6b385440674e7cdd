//! Writes happen when the key is as expected, in one order, and stay.

use bytes::Bytes;
use cowherd_store::{Change, Error, Expected, ListOptions, MAX_KEY_SIZE, MAX_VALUE_SIZE, Revision, WriteError};
use futures::StreamExt;

use super::{Place, compacted};

fn assert_send<T: Send>(value: T) -> T {
    value
}

pub async fn every_write_gets_the_next_revision(place: &impl Place) {
    let store = place.open().await;
    assert_eq!(store.revision().await.unwrap(), Revision::FIRST);

    let created = store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let modified = store.put("a", Bytes::from("2"), Expected::At(created)).await.unwrap();
    let other = store.put("b", Bytes::from("3"), Expected::Any).await.unwrap();

    assert_eq!([created, modified, other], [Revision(2), Revision(3), Revision(4)]);
    assert_eq!(store.revision().await.unwrap(), other);
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.value.as_ref(), entry.created, entry.modified), (b"2".as_ref(), created, modified));
    assert_eq!(store.get("c").await.unwrap(), None);
}

pub async fn a_write_whose_expectation_fails_changes_nothing_and_shows_what_is_there(place: &impl Place) {
    let store = place.open().await;
    let first = store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let second = store.put("a", Bytes::from("2"), Expected::Any).await.unwrap();

    for expected in [Expected::Absent, Expected::At(first)] {
        let refused = store.put("a", Bytes::from("3"), expected).await.unwrap_err();
        let WriteError::Conflict { key, current: Some(current), .. } = &refused else { panic!("{refused}") };
        assert_eq!((key.as_str(), current.modified, current.value.as_ref()), ("a", second, b"2".as_ref()));
    }
    let missing = store.put("b", Bytes::new(), Expected::At(first)).await.unwrap_err();
    assert!(matches!(missing, WriteError::Conflict { current: None, .. }), "{missing}");
    assert_eq!(store.revision().await.unwrap(), second);
}

pub async fn a_deletion_gives_the_last_entry_and_a_key_written_again_is_created_anew(place: &impl Place) {
    let store = place.open().await;
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

pub async fn of_concurrent_writers_exactly_one_wins_each_round(place: &impl Place) {
    let store = place.open().await;
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

pub async fn what_was_written_is_there_after_a_restart_and_revisions_go_on(place: &impl Place) {
    let store = place.open().await;
    store.put("a", Bytes::from("1"), Expected::Absent).await.unwrap();
    let last = store.delete("a", Expected::Any).await.unwrap().0;
    store.compact(last).await.unwrap();
    drop(store);

    let store = place.open().await;
    assert_eq!((store.revision().await.unwrap(), compacted(&store).await), (last, last));
    assert!(store.put("a", Bytes::from("2"), Expected::Absent).await.unwrap() > last);
}

pub async fn keys_and_values_have_limits(place: &impl Place) {
    let store = place.open().await;
    let long = "k".repeat(MAX_KEY_SIZE + 1);
    for key in ["", long.as_str()] {
        let refused = store.put(key, Bytes::new(), Expected::Any).await.unwrap_err();
        assert!(matches!(refused, WriteError::InvalidKey { .. }), "{refused}");
    }
    store.put(&long[1..], Bytes::new(), Expected::Absent).await.unwrap();
    let large = Bytes::from(vec![0; MAX_VALUE_SIZE + 1]);
    let refused = store.put("a", large.clone(), Expected::Any).await.unwrap_err();
    assert!(refused.to_string().contains("8388609 bytes"), "{refused}");

    store.put("a", large.slice(1..), Expected::Any).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap().value.len(), MAX_VALUE_SIZE);
}

pub async fn a_closed_store_says_so_and_its_file_is_free(place: &impl Place) {
    let store = place.open().await;
    let clone = store.clone();
    store.put("a", Bytes::from("1"), Expected::Any).await.unwrap();
    clone.close().await;
    clone.close().await;

    assert!(matches!(store.get("a").await, Err(Error::Closed { .. })));
    assert!(matches!(store.list("", ListOptions::default()).await, Err(Error::Closed { .. })));
    let refused = store.put("a", Bytes::new(), Expected::Any).await.unwrap_err();
    assert!(refused.to_string().contains("the store is closed"), "{refused}");
    assert_eq!(place.open().await.get("a").await.unwrap().unwrap().value, "1");
}

pub async fn values_are_not_in_what_is_logged(place: &impl Place) {
    let store = place.open().await;
    let first = store.put("a", Bytes::from("hunter2"), Expected::Any).await.unwrap();
    store.put("a", Bytes::from("hunter2"), Expected::Any).await.unwrap();
    let entry = store.get("a").await.unwrap();
    let refused = store.put("a", Bytes::from("hunter2"), Expected::At(first)).await;
    let change = Change::put("a", Bytes::from("hunter2"), Expected::Absent);
    let mut watch = store.watch("a", Revision::FIRST).await.unwrap();
    let event = watch.next().await.unwrap().unwrap();
    let logged = [
        format!("{entry:?}"),
        format!("{refused:?}"),
        format!("{}", refused.unwrap_err()),
        format!("{change:?}"),
        format!("{event:?}"),
        format!("{watch:?} {store:?}"),
    ];
    for logged in &logged {
        assert!(!logged.contains("hunter2"), "{logged}");
    }
    assert!(
        logged[0].contains(r#"key: "a", value: 7 bytes, created: Revision(2), modified: Revision(3)"#),
        "{logged:?}"
    );
    assert!(logged[3].contains(r#"key: "a", expected: Absent, action: "put 7 bytes""#), "{logged:?}");
    assert!(logged[4].contains(r#"key: "a", value: 7 bytes, revision: Revision(2)"#), "{logged:?}");
}

pub async fn all_operations_can_run_on_any_thread(place: &impl Place) {
    let store = place.open().await;
    assert_send(store.put("a", Bytes::new(), Expected::Any)).await.unwrap();
    assert_send(store.get("a")).await.unwrap();
    assert_send(store.list("", ListOptions::default())).await.unwrap();
    assert_send(assert_send(store.watch("", Revision::FIRST)).await.unwrap());
    assert_send(store.delete("a", Expected::Any)).await.unwrap();
    assert_send(store.compact(Revision(2))).await.unwrap();
}
