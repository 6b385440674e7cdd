//! How a Kustomization begins, is killed half way, and ends.

use std::time::Duration;

use serde_json::json;

use crate::world::{World, config_map, inventory, kustomization};

async fn gone(world: &World, name: &str) {
    world
        .until("the Kustomization is gone", async || {
            if world.kustomization(name).await.is_none() { Ok(()) } else { Err("still there") }
        })
        .await;
}

async fn applied(more: serde_json::Value) -> World {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", more)).await;
    world.ready("apps", &revision).await;
    world
}

async fn delete(world: &World) {
    let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some("flux-system"));
    api.delete("apps", &Default::default()).await.unwrap();
    gone(world, "apps").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_kustomization_takes_its_objects_along() {
    let world = applied(json!({})).await;
    delete(&world).await;
    assert_eq!(world.value("apps", "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_kustomization_leaves_its_objects_when_told_so() {
    let world = applied(json!({ "deletionPolicy": "Orphan" })).await;
    delete(&world).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_point_of_an_apply_converges_after_its_restart() {
    let mut world = World::new().await;
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    for round in 0..12_u64 {
        // Each round replaces all objects, so that an object that no inventory knew of would stay.
        let _ = std::fs::remove_dir_all(world.repository.path().join("apps"));
        for object in 0..5 {
            let name = format!("round-{round}-{object}");
            world.repository.write(&format!("apps/{name}.yaml"), &config_map("apps", &name, "1"));
        }
        world.repository.commit("next");
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        world.kill_agents().await;
        world.start_agents();
    }
    let revision = world.repository.revision();
    let found = world.ready("apps", &revision).await;
    assert_eq!(inventory(&found).len(), 5);
    let names: Vec<_> = world.versions("apps").await.into_iter().map(|(name, _)| name).collect();
    let ours: Vec<_> = names.iter().filter(|name| name.starts_with("round-")).collect();
    assert_eq!(ours, ["round-11-0", "round-11-1", "round-11-2", "round-11-3", "round-11-4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_says_so_is_not_pruned() {
    let world = World::new().await;
    let kept = config_map("apps", "kept", "1")
        .replace("metadata:\n", "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}\n");
    world.repository.write("apps/kept.yaml", &kept);
    world.repository.write("apps/gone.yaml", &config_map("apps", "gone", "1"));
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &first).await;
    world.repository.remove("apps/kept.yaml");
    world.repository.remove("apps/gone.yaml");
    let second = world.repository.commit("second");
    world.ready("apps", &second).await;
    assert_eq!(world.value("apps", "kept").await.as_deref(), Some("1"));
    assert_eq!(world.value("apps", "gone").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_of_something_that_others_make_fails_until_it_is_there() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    let checks = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "namespace": "other" }]);
    world.add(kustomization("apps", "./apps", json!({ "healthChecks": checks, "timeout": "1s" }))).await;
    let text = "health check failed after 1s: timeout waiting for: [ConfigMap/other/theirs status: 'NotFound'";
    world.failed("apps", "HealthCheckFailed", text).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"), "it was applied all the same");
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "other" } })).await;
    world.ready("apps", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_looked_at_again_when_the_interval_is_over() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "other" } })).await;
    let checks = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "namespace": "other" }]);
    let more = json!({ "healthChecks": checks, "timeout": "1s", "interval": "1s" });
    world.add(kustomization("apps", "./apps", more)).await;
    world.ready("apps", &revision).await;
    world.api("v1", "ConfigMap", Some("other")).delete("theirs", &Default::default()).await.unwrap();
    world.failed("apps", "HealthCheckFailed", "ConfigMap/other/theirs").await;
}
