//! How many objects are deleted at a time, and in which order.

use std::sync::{Arc, Mutex};

use kube::client::Body;
use tokio::sync::Barrier;

use super::*;

/// How many deletions are under way at a time.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

fn service(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "default" },
        "spec": { "ports": [{ "port": 80 }] } })
}

/// Objects of two ranks, eight of each, as they were applied.
async fn applied(world: &World) -> Stale {
    let names: Vec<String> = (0..AT_ONCE).map(|number| format!("a{number}")).collect();
    let maps = names.iter().map(|name| config_map(name, json!({})));
    let objects = maps.chain(names.iter().map(|name| service(name))).collect();
    let applied = world.apply("x", objects).await.unwrap();
    let owner = Owner::new("flux-system", "x");
    Stale { owner, objects: entries(&applied), account: None, abandoned_by: Owners::none() }
}

#[tokio::test]
async fn objects_of_one_rank_are_deleted_eight_at_a_time_and_what_needs_them_before() {
    let world = World::new().await;
    let stale = applied(&world).await;
    let (api, all, kinds) = (world.client.clone(), Arc::new(Barrier::new(AT_ONCE)), Arc::new(Mutex::new(Vec::new())));
    let deleted = Arc::clone(&kinds);
    let client = tower::service_fn(move |request: http::Request<Body>| {
        let (api, all, deleted) = (api.clone(), Arc::clone(&all), Arc::clone(&deleted));
        async move {
            if request.method() == http::Method::DELETE {
                let kind = request.uri().path().split('/').nth(5).unwrap().to_owned();
                deleted.lock().unwrap().push(kind);
                // None of them is answered before all of them are asked for.
                all.wait().await;
            }
            api.send(request).await
        }
    });
    let (applier, _drift) = Applier::new(kube::Client::new(client, "default"), Options::default());
    let pruned =
        tokio::time::timeout(PATIENCE, applier.prune(&stale)).await.expect("they wait for each other").unwrap();
    assert_eq!(pruned.changes.count(Action::Deleted), 2 * AT_ONCE);
    let told: Vec<_> = pruned.changes.iter().map(|change| change.object.id.clone()).collect();
    let mut expected = stale.objects.clone();
    expected.sort_by(|a, b| cowherd_apply::order::compare(&b.id, &a.id));
    assert_eq!(told, expected.into_iter().map(|object| object.id).collect::<Vec<_>>(), "in their order");
    let kinds = kinds.lock().unwrap();
    assert!(
        kinds[..AT_ONCE].iter().all(|kind| kind == "services")
            && kinds[AT_ONCE..].iter().all(|kind| kind == "configmaps")
    );
}

#[tokio::test]
async fn what_has_begun_is_told_of_when_it_does_not_go_on() {
    let world = World::new().await;
    let stale = applied(&world).await;
    let stops = |object: &cowherd_apply::ObjectId| object.kind == "Service" && object.name != "a3";
    let mut told = 0;
    let stopped = world.applier.prune_while(&stale, stops, |_| told += 1).await.unwrap_err();
    assert!(matches!(stopped.error, ApplyError::Superseded), "{stopped:?}");
    let deleted: Vec<_> = stopped.changes.iter().map(|change| change.object.id.name.clone()).collect();
    assert_eq!(told, deleted.len());
    for number in 0..AT_ONCE {
        let name = format!("a{number}");
        let is_there = world.get("v1", "Service", &name).await.is_some();
        assert_eq!(is_there, !deleted.contains(&name), "{name}");
        assert!(world.get("v1", "ConfigMap", &name).await.is_some(), "nothing of the next rank is begun");
    }
    assert!(!deleted.contains(&"a3".to_owned()) && !deleted.is_empty());
}
