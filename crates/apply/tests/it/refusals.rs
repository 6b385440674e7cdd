//! What is made of refusals where objects are deleted, or made anew.

use std::sync::atomic::Ordering;

use super::between::Between;
use super::*;

/// An object of the owner `y`, which gave it up, and how `x` would delete it.
async fn abandoned(world: &World) -> Stale {
    let objects = entries(&world.apply("y", vec![config_map("a", json!({}))]).await.unwrap());
    let account = Some(of_one_namespace(world).await);
    Stale { owner: Owner::new("flux-system", "x"), objects, account, abandoned_by: Owners::those(|_, _| true) }
}

#[tokio::test]
async fn what_was_anothers_and_may_not_be_deleted_stays_and_any_other_answer_is_an_error() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let stale = abandoned(&world).await;
    for method in [http::Method::GET, http::Method::DELETE] {
        between.refuse_some(method.clone(), "/configmaps/a", 403, 1);
        let pruned = applier.prune(&stale).await.unwrap();
        assert_eq!((pruned.changes.count(Action::Skipped), pruned.leaving.len()), (1, 0), "{method}");
        between.refuse_some(method.clone(), "/configmaps/a", 500, 1);
        let failed = applier.prune(&stale).await.unwrap_err();
        assert!(failed.error.is_transient() && failed.changes.is_empty(), "{method}: {failed:?}");
    }
    assert_eq!(applier.prune(&stale).await.unwrap().changes.count(Action::Deleted), 1);
}

#[tokio::test]
async fn an_object_that_is_made_anew_is_deleted_although_somebody_writes_it() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let fixed = |value: usize| {
        let mut object = config_map("a", json!({ "k": value.to_string() }));
        object["immutable"] = true.into();
        Desired { force: true, ..desired("x", vec![object]) }
    };
    applier.apply(&fixed(0)).await.unwrap();
    for (value, code, times, deletes) in [(1, 409, 5, 5), (2, 500, 1, 1), (3, 403, 1, 1)] {
        between.refuse(http::Method::DELETE, code, times);
        let failed = applier.apply(&fixed(value)).await.unwrap_err();
        assert!(failed.told(&Default::default()).contains("recreation failed"), "{failed:?}");
        assert_eq!(between.deletes.swap(0, Ordering::Relaxed), deletes, "{code}");
        assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "0");
    }
    between.refuse(http::Method::DELETE, 409, 4);
    applier.apply(&fixed(4)).await.unwrap();
    assert_eq!(between.deletes.load(Ordering::Relaxed), 5);
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "4");
}

#[tokio::test]
async fn an_object_is_deleted_only_if_the_very_apply_that_follows_would_be_taken() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let fixed = |value: &str| {
        let mut object = config_map("a", json!({ "k": value }));
        object["immutable"] = true.into();
        Desired { force: true, ..desired("x", vec![object]) }
    };
    applier.apply(&fixed("1")).await.unwrap();
    between.refuse_some(http::Method::PATCH, "/configmaps/check-", 403, 1);
    applier.apply(&fixed("2")).await.unwrap_err();
    assert_eq!(between.deletes.load(Ordering::Relaxed), 0);
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "1");
}

#[tokio::test]
async fn what_kubectl_gave_of_an_object_is_that_object_and_never_deletes_it() {
    let world = World::new().await;
    world.apply("x", vec![config_map("a", json!({ "k": "1" }))]).await.unwrap();
    let mut dump = world.get("v1", "ConfigMap", "a").await.unwrap();
    let uid = dump["metadata"]["uid"].clone();
    // As it was in another cluster, or before it was made anew.
    dump["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555".into();
    for (value, force) in [("2", false), ("3", true)] {
        dump["data"]["k"] = value.into();
        world.applier.apply(&Desired { force, ..desired("x", vec![dump.clone()]) }).await.unwrap();
        let found = world.get("v1", "ConfigMap", "a").await.unwrap();
        assert_eq!((&found["data"]["k"], &found["metadata"]["uid"]), (&json!(value), &uid));
    }
}
