//! What someone changes by hand is put right.

use std::time::Instant;

use cowherd_api::flux::source::v1::GitRepository;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::applied::{applied, becomes};
use crate::world::{World, config_map, kustomization};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_object_is_back_and_nothing_else_is_touched() {
    let world = applied(&["a", "b"], json!({})).await;
    let before = world.versions("apps").await;
    let began = Instant::now();
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    becomes(&world, "a", "1").await;
    eprintln!("put right in {:?}", began.elapsed());
    let after = world.versions("apps").await;
    let version = |list: &[(String, String)], name: &str| list.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(version(&before, "b"), version(&after, "b"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_object_is_back() {
    let world = applied(&["a", "b"], json!({})).await;
    world.api("v1", "ConfigMap", Some("apps")).delete("a", &Default::default()).await.unwrap();
    becomes(&world, "a", "1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_controllers_add_is_left_alone_and_what_kubectl_adds_is_not() {
    let world = applied(&["a", "b"], json!({})).await;
    world.patch_as("autoscaler", "v1", "ConfigMap", "apps", "a", json!({ "data": { "theirs": "x" } })).await;
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "mine": "x" } })).await;
    world
        .until("what kubectl added is gone", async || {
            let object = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap();
            if object["data"].get("mine").is_none() { Ok(object) } else { Err(object["data"].to_string()) }
        })
        .await;
    let object = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap();
    assert_eq!(object["data"], json!({ "key": "1", "theirs": "x" }));
    assert_eq!(world.counts().drifts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_kustomization_lets_drift_be_until_it_is_resumed() {
    let world = applied(&["a", "b"], json!({})).await;
    world.patch_kustomization("apps", json!({ "spec": { "suspend": true } })).await;
    // What was written before another Kustomization is known once that one is.
    world.add(kustomization("later", "./nowhere", json!({}))).await;
    world.failed("later", "ArtifactFailed", "nowhere").await;
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    world.until("the drift was seen", async || if world.counts().drifts > 0 { Ok(()) } else { Err("not yet") }).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("by hand"));
    world.patch_kustomization("apps", json!({ "spec": { "suspend": false } })).await;
    becomes(&world, "a", "1").await;
}

/// Suspends the repository, or resumes it.
async fn suspend(world: &World, is_suspended: bool) {
    let suspend = json!({ "spec": { "suspend": is_suspended } });
    world.patch("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system", suspend).await;
}

/// Suspends the repository, and waits until that is seen.
async fn rest(world: &World) {
    suspend(world, true).await;
    world
        .until("the repository is suspended", async || {
            let found = world.git_repository().await;
            let seen = found.status.and_then(|status| status.observed_generation);
            if found.spec.suspend == Some(true) && seen.is_some() { Ok(()) } else { Err("not yet") }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_fetched_of_a_suspended_source_is_gone_on_with_while_it_names_that() {
    let mut world = applied(&["a", "b"], json!({})).await;
    rest(&world).await;
    world.kill_agents().await;
    // As Flux writes it: nothing shows that it was fetched here.
    let api: Api<GitRepository> = Api::namespaced(world.client.clone(), "flux-system");
    let unsealed = Patch::Merge(json!({ "status": { "artifact": { "metadata": null } } }));
    api.patch_status("flux-system", &PatchParams::default(), &unsealed).await.unwrap();
    let before = world.git_repository().await.status;
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    world.start_agents();
    becomes(&world, "a", "1").await;
    assert_eq!(world.git_repository().await.status, before, "what rests is left as it is");
    world.kill_agents().await;

    // A branch that moved on brings nothing until it is resumed.
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    let second = world.repository.commit("second");
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    world.start_agents();
    world.patch_kustomization("apps", json!({ "spec": { "interval": "2h" } })).await;
    world.failed("apps", "ArtifactFailed", "").await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("by hand"));
    suspend(&world, false).await;
    world.ready("apps", &second).await;
    becomes(&world, "a", "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_suspended_source_brought_before_is_kept_up_after_a_restart() {
    let mut world = applied(&["a", "b"], json!({})).await;
    rest(&world).await;
    world.kill_agents().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "not to be seen"));
    world.repository.commit("second");
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "by hand" } })).await;
    world.start_agents();
    becomes(&world, "a", "1").await;
}

/// Says of the ConfigMap `a` by hand that it is to be left alone, or, with `null`, that it is not.
async fn annotate(world: &World, key: &str, value: serde_json::Value, data: serde_json::Value) {
    let annotations = json!({ format!("kustomize.toolkit.fluxcd.io/{key}"): value });
    world
        .patch("v1", "ConfigMap", "apps", "a", json!({ "metadata": { "annotations": annotations }, "data": data }))
        .await;
}

/// Commits a change of the ConfigMap `b`, and waits until it is there.
async fn change_b(world: &World, value: &str) {
    world.repository.write("apps/b.yaml", &config_map("apps", "b", value));
    let revision = world.repository.commit("change b");
    world.ready("apps", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_to_be_left_alone_is_and_is_put_right_once_it_does_not() {
    for (key, value) in [("reconcile", "disabled"), ("ssa", "Ignore")] {
        let mut world = applied(&["a", "b"], json!({ "interval": "1h" })).await;
        annotate(&world, key, json!(value), json!({ "key": "by hand" })).await;
        change_b(&world, "2").await;
        assert_eq!(world.value("apps", "a").await.as_deref(), Some("by hand"));
        // Agents that have just started know it too.
        world.kill_agents().await;
        world.start_agents();
        change_b(&world, "3").await;
        assert_eq!(world.value("apps", "a").await.as_deref(), Some("by hand"), "{key}");
        annotate(&world, key, json!(null), json!({})).await;
        becomes(&world, "a", "1").await;
        // And what was left alone is there again when it is deleted.
        annotate(&world, key, json!(value), json!({})).await;
        change_b(&world, "4").await;
        world.api("v1", "ConfigMap", Some("apps")).delete("a", &Default::default()).await.unwrap();
        becomes(&world, "a", "1").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_alone_is_left_alone_too() {
    let mut world = applied(&["a", "b"], json!({ "interval": "1h" })).await;
    world.repository.remove("apps/b.yaml");
    world.ready("apps", &world.repository.commit("only one")).await;
    annotate(&world, "reconcile", json!("disabled"), json!({ "key": "by hand" })).await;
    world.kill_agents().await;
    world.start_agents();
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    world.ready("apps", &world.repository.commit("change it")).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("by hand"));
    annotate(&world, "reconcile", json!(null), json!({})).await;
    becomes(&world, "a", "2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_only_if_it_is_not_there_is_there_again_when_it_is_deleted() {
    let world = applied(&["a", "b"], json!({ "interval": "1h" })).await;
    let once = config_map("apps", "once", "1")
        .replace("metadata:\n", "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}\n");
    world.repository.write("apps/once.yaml", &once);
    world.ready("apps", &world.repository.commit("one that is made once")).await;
    world.patch("v1", "ConfigMap", "apps", "once", json!({ "data": { "key": "theirs" } })).await;
    change_b(&world, "2").await;
    assert_eq!(world.value("apps", "once").await.as_deref(), Some("theirs"));
    world.api("v1", "ConfigMap", Some("apps")).delete("once", &Default::default()).await.unwrap();
    becomes(&world, "once", "1").await;
}
