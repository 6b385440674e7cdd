//! How a Kustomization begins, is killed half way, and ends.

use std::time::Duration;

use serde_json::json;

use crate::applied::{applied, delete, is_gone};
use crate::telling::event;
use crate::world::{World, config_map, inventory, kustomization};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_kustomization_takes_its_objects_along() {
    let world = applied(&["a"], json!({})).await;
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    assert_eq!(world.value("apps", "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_kustomization_leaves_its_objects_when_told_so() {
    let world = applied(&["a"], json!({ "deletionPolicy": "Orphan" })).await;
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_point_of_an_apply_converges_after_its_restart() {
    let mut world = World::new().await;
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    for round in 0..12_u64 {
        // Each round replaces all objects but one, so that an object that no inventory knew of would stay.
        let _ = std::fs::remove_dir_all(world.repository.path().join("apps"));
        world.repository.write("apps/stays.yaml", &config_map("apps", "stays", "1"));
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
    assert_eq!(inventory(&found).len(), 6);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_never_deletes_the_namespace_that_it_lives_in() {
    let world = World::new().await;
    world.repository.write("apps/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: develop-test}\n");
    world.repository.write("apps/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: '1'}\n");
    let first = world.repository.commit("first");
    world.follow_repository().await;
    // As kustomize does it, the Namespace is renamed too.
    world.add(kustomization("apps", "./apps", json!({ "targetNamespace": "flux-system" }))).await;
    let found = world.ready("apps", &first).await;
    assert!(inventory(&found).contains(&"_flux-system__Namespace".to_owned()));
    let uid = async || world.get("v1", "Namespace", None, "flux-system").await.unwrap()["metadata"]["uid"].clone();
    let before = uid().await;

    world.repository.remove("apps/ns.yaml");
    let second = world.repository.commit("without the namespace");
    let found = world.ready("apps", &second).await;
    event(
        &world,
        "apps",
        "PruneSkipped",
        &["Namespace/flux-system is to go, but stays: this Kustomization, flux-system/apps, lives"],
    )
    .await;
    assert_eq!(inventory(&found), ["flux-system_a__ConfigMap"]);

    // Nor when all of it goes.
    world.repository.write("apps/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: develop-test}\n");
    let third = world.repository.commit("with it again");
    world.ready("apps", &third).await;
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    assert_eq!(world.value("flux-system", "a").await, None);
    let namespace = world.get("v1", "Namespace", None, "flux-system").await.unwrap();
    assert_eq!((namespace["metadata"]["deletionTimestamp"].clone(), uid().await), (json!(null), before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_never_deletes_the_namespace_that_its_source_lives_in() {
    let world = World::new().await;
    world.repository.write("apps/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n");
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    let mut tenant = kustomization("tenant", "./apps", json!({}));
    tenant["metadata"]["namespace"] = "other".into();
    tenant["spec"]["sourceRef"]["namespace"] = "flux-system".into();
    world.add(tenant).await;
    let becomes = async |value: &str| {
        let what = format!("apps/a is {value}");
        let check = async || match world.value("apps", "a").await {
            Some(found) if found == value => Ok(()),
            found => Err(format!("{found:?}")),
        };
        world.until(&what, check).await;
    };
    becomes("1").await;
    world.repository.remove("apps/ns.yaml");
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    world.repository.commit("without the namespace");
    event(
        &world,
        "tenant",
        "PruneSkipped",
        &["Namespace/flux-system is to go, but stays: its source, flux-system/flux-system, lives"],
    )
    .await;
    becomes("2").await;
    let namespace = world.get("v1", "Namespace", None, "flux-system").await.unwrap();
    assert_eq!(namespace["metadata"]["deletionTimestamp"], json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_whose_account_is_gone_can_be_deleted_and_says_what_stays() {
    let world = World::new().await;
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": "rec", "namespace": "flux-system" } })).await;
    let subject = json!({ "kind": "ServiceAccount", "name": "rec", "namespace": "flux-system" });
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" });
    let binding = json!({ "metadata": { "name": "rec", "namespace": "apps" }, "subjects": [subject], "roleRef": role });
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "serviceAccountName": "rec" }))).await;
    world.ready("apps", &revision).await;

    world.api("v1", "ServiceAccount", Some("flux-system")).delete("rec", &Default::default()).await.unwrap();
    let bindings = world.api("rbac.authorization.k8s.io/v1", "RoleBinding", Some("apps"));
    bindings.delete("rec", &Default::default()).await.unwrap();
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    event(
        &world,
        "apps",
        "PruneSkipped",
        &["system:serviceaccount:flux-system:rec does not exist any more; these stay"],
    )
    .await;
    event(&world, "apps", "PruneSkipped", &["ConfigMap/apps/a"]).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_account_may_not_delete_is_not_forgotten() {
    let world = World::new().await;
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": "rec", "namespace": "flux-system" } })).await;
    let subject = json!({ "kind": "ServiceAccount", "name": "rec", "namespace": "flux-system" });
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" });
    let binding = json!({ "metadata": { "name": "rec", "namespace": "apps" }, "subjects": [subject], "roleRef": role });
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding.clone()).await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "serviceAccountName": "rec" }))).await;
    world.ready("apps", &revision).await;
    let bindings = world.api("rbac.authorization.k8s.io/v1", "RoleBinding", Some("apps"));
    bindings.delete("rec", &Default::default()).await.unwrap();
    delete(&world, "apps").await;
    world.failed("apps", "PruneFailed", "ConfigMap/apps/a").await;
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
    is_gone(&world, "apps").await;
    assert_eq!(world.value("apps", "a").await, None);
}
