//! Two Kustomizations describe the same object.

use serde_json::{Value, json};

use crate::applied::becomes;
use crate::world::{FLUX, World, condition, config_map, inventory, kustomization};

/// Two Kustomizations, `first` and `second`, with an object of each and one of both. The first is older, or, where both
/// are of the same second, comes first by its name.
async fn two() -> World {
    let world = World::new().await;
    for name in ["first", "second"] {
        world.repository.write(&format!("{name}/own.yaml"), &config_map("apps", name, "1"));
        world.repository.write(&format!("{name}/shared.yaml"), &config_map("apps", "shared", name));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["first", "second"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
    }
    for name in ["first", "second"] {
        world.ready(name, &revision).await;
    }
    shares(&world, "first", FIRST).await;
    shares(&world, "second", SECOND).await;
    // Where both begin at the same moment, the younger one may be the last to write, until that is seen.
    world
        .until("the older one has it", async || match world.value("apps", "shared").await {
            Some(value) if value == "first" => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    for name in ["first", "second"] {
        world.ready(name, &revision).await;
    }
    world
}

const FIRST: Option<&str> =
    Some("ConfigMap/apps/shared is as described here, though flux-system/second describes it too");
const SECOND: Option<&str> =
    Some("ConfigMap/apps/shared is as flux-system/first describes it, which describes it too and ");

/// Waits until the condition of the Kustomization says this of what it shares, or nothing.
async fn shares(world: &World, name: &str, text: Option<&str>) {
    world
        .until(&format!("{name} says that it shares {text:?}"), async || {
            let found = condition(&world.kustomization(name).await.unwrap(), "SharedObjects");
            match (&found, text) {
                (None, None) => Ok(()),
                (Some((_, _, message)), Some(text)) if message.starts_with(text) => Ok(()),
                _ => Err(format!("{found:?}")),
            }
        })
        .await;
}

async fn is_gone(world: &World, name: &str) {
    world
        .until(&format!("{name} is gone"), async || match world.value("apps", name).await {
            None => Ok(()),
            Some(found) => Err(found),
        })
        .await;
}

async fn object(world: &World) -> Value {
    world.get("v1", "ConfigMap", Some("apps"), "shared").await.unwrap()["metadata"].clone()
}

/// How often events told of shared objects.
async fn events(world: &World) -> i64 {
    let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
    let told = events.items.iter().filter(|event| event.data["reason"] == "SharedObjects");
    told.map(|event| event.data["count"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_one_has_it_both_say_so_and_nobody_fights() {
    let mut world = two().await;
    world
        .until("both have told of it", async || match events(&world).await {
            told if told >= 2 => Ok(told),
            told => Err(told),
        })
        .await;
    let before = object(&world).await;
    for round in 2..6 {
        for name in ["first", "second"] {
            world.repository.write(&format!("{name}/own.yaml"), &config_map("apps", name, &round.to_string()));
        }
        let revision = world.repository.commit("others");
        world.ready("first", &revision).await;
        world.ready("second", &revision).await;
    }
    world.repository.write("second/shared.yaml", &config_map("apps", "shared", "second, changed"));
    let revision = world.repository.commit("what does not count");
    world.ready("second", &revision).await;
    world.kill_agents().await;
    world.start_agents();
    world.repository.write("first/own.yaml", &config_map("apps", "first", "last"));
    world.repository.write("second/own.yaml", &config_map("apps", "second", "last"));
    let revision = world.repository.commit("after a restart");
    world.ready("first", &revision).await;
    world.ready("second", &revision).await;
    assert_eq!(object(&world).await["resourceVersion"], before["resourceVersion"], "it was never written again");
    // Each says it once, whoever of them is first at the beginning, and not again with each commit or start.
    assert_eq!(events(&world).await, 2);
    shares(&world, "first", FIRST).await;
    shares(&world, "second", SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_is_put_right_as_the_winner_has_it() {
    let world = two().await;
    for round in 0..3 {
        world
            .patch("v1", "ConfigMap", "apps", "shared", json!({ "data": { "key": format!("by hand {round}") } }))
            .await;
        becomes(&world, "shared", "first").await;
    }
    world.api("v1", "ConfigMap", Some("apps")).delete("shared", &Default::default()).await.unwrap();
    becomes(&world, "shared", "first").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_winner_is_deleted_the_other_one_has_it() {
    let world = two().await;
    let uid = object(&world).await["uid"].clone();
    let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some(FLUX));
    api.delete("first", &Default::default()).await.unwrap();
    becomes(&world, "shared", "second").await;
    shares(&world, "second", None).await;
    assert_eq!(object(&world).await["uid"], uid, "it was there all the time");
    api.delete("second", &Default::default()).await.unwrap();
    is_gone(&world, "shared").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_winner_drops_it_the_other_one_has_it() {
    let world = two().await;
    let uid = object(&world).await["uid"].clone();
    world.repository.remove("first/shared.yaml");
    let revision = world.repository.commit("without it");
    world.ready("first", &revision).await;
    becomes(&world, "shared", "second").await;
    shares(&world, "first", None).await;
    shares(&world, "second", None).await;
    assert_eq!(object(&world).await["uid"], uid, "it was there all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_other_one_leaves_the_winner_keeps_it() {
    let world = two().await;
    let before = object(&world).await;
    world.repository.remove("second/shared.yaml");
    let revision = world.repository.commit("without it");
    world.ready("second", &revision).await;
    shares(&world, "first", None).await;
    shares(&world, "second", None).await;
    assert_eq!(object(&world).await["resourceVersion"], before["resourceVersion"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_winner_is_suspended_the_other_one_has_it_until_it_is_resumed() {
    let world = two().await;
    world.patch_kustomization("first", json!({ "spec": { "suspend": true } })).await;
    becomes(&world, "shared", "second").await;
    world.patch_kustomization("first", json!({ "spec": { "suspend": false } })).await;
    becomes(&world, "shared", "first").await;
    shares(&world, "second", SECOND).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_have_an_object_takes_it_from_nobody_by_describing_it() {
    let world = World::new().await;
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": "nobody", "namespace": FLUX } })).await;
    world.repository.write("first/shared.yaml", &config_map("apps", "shared", "first"));
    world.repository.write("second/shared.yaml", &config_map("apps", "shared", "second"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("first", "./first", json!({ "serviceAccountName": "nobody" }))).await;
    world.failed("first", "ReconciliationFailed", "ConfigMap/apps/shared").await;
    world.add(kustomization("second", "./second", json!({}))).await;
    becomes(&world, "shared", "second").await;
    world.repository.write("second/shared.yaml", &config_map("apps", "shared", "changed"));
    let revision = world.repository.commit("second");
    world.ready("second", &revision).await;
    assert_eq!(world.value("apps", "shared").await.as_deref(), Some("changed"));
    world.patch("v1", "ConfigMap", "apps", "shared", json!({ "data": { "key": "by hand" } })).await;
    becomes(&world, "shared", "changed").await;
    // Nor does it keep the object from going.
    world.repository.remove("second/shared.yaml");
    world.repository.write("second/own.yaml", &config_map("apps", "second", "1"));
    world.repository.commit("without it");
    is_gone(&world, "shared").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_have_an_object_is_not_ready_although_another_has_it_and_is_not_stuck_once_it_gives_it_up() {
    let world = World::new().await;
    of_other(&world, "tenant").await;
    world.repository.write("first/shared.yaml", &config_map("apps", "shared", "first"));
    world.repository.write("tenant/own.yaml", &config_map("other", "own", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("first", "./first", json!({}))).await;
    world.ready("first", &revision).await;
    world.add(kustomization("tenant", "./tenant", json!({ "serviceAccountName": "tenant" }))).await;
    world.ready("tenant", &revision).await;

    world.repository.write("tenant/shared.yaml", &config_map("apps", "shared", "tenant"));
    world.repository.commit("what it may not have");
    let message = world.failed("tenant", "ReconciliationFailed", "ConfigMap/apps/shared").await;
    assert!(message.to_lowercase().contains("forbidden"), "{message}");
    let kept = inventory(&world.kustomization("tenant").await.unwrap());
    assert_eq!(kept, ["other_own__ConfigMap"], "what was never there by its hand is not its to delete");

    world.repository.remove("tenant/shared.yaml");
    let revision = world.repository.commit("without it");
    world.ready("tenant", &revision).await;
    assert_eq!(world.value("apps", "shared").await.as_deref(), Some("first"));
}

/// A ServiceAccount in the namespace of the Kustomizations that may do everything with ConfigMaps in `other`.
async fn of_other(world: &World, name: &str) {
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": name, "namespace": FLUX } })).await;
    let metadata = json!({ "name": name, "namespace": "other" });
    let rules = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }]);
    let role = json!({ "metadata": metadata, "rules": rules });
    world.create("rbac.authorization.k8s.io/v1", "Role", role).await;
    let binding = json!({ "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": FLUX }] });
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
}
