//! What agents do where somebody else wrote a status meanwhile: another agent, say, that leads since this one was suspended, or
//! whoever restored the cluster from a backup.

use serde_json::{Value, json};

use crate::applied::applied;
use crate::world::{FLUX, World, config_map, inventory, kustomization};

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// Writes a status as another agent does.
async fn write_status(world: &World, api_version: &str, kind: &str, name: &str, status: Value) {
    let params =
        kube::api::PatchParams { field_manager: Some("gotk-kustomize-controller".into()), ..Default::default() };
    let patch = kube::api::Patch::Merge(json!({ "status": status }));
    world.api(api_version, kind, Some(FLUX)).patch_status(name, &params, &patch).await.unwrap();
}

/// A ConfigMap that another agent applied for the Kustomization.
async fn apply_for(world: &World, name: &str, owner: &str) {
    let labels = json!({ "kustomize.toolkit.fluxcd.io/name": owner, "kustomize.toolkit.fluxcd.io/namespace": FLUX });
    let object = json!({ "metadata": { "name": name, "namespace": "apps", "labels": labels } });
    world.create("v1", "ConfigMap", object).await;
}

async fn is_gone(world: &World, name: &str) {
    let gone = async || if world.value("apps", name).await.is_none() { Ok(()) } else { Err("it is there") };
    world.until(&format!("{name} is gone"), gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_suspended_does_not_forget_what_another_agent_applied_meanwhile() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    let checks = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "namespace": "other" }]);
    world.add(kustomization("apps", "./apps", json!({ "healthChecks": checks, "timeout": "1h" }))).await;
    let waits = async || {
        let found = world.kustomization("apps").await.ok_or("it is not there")?;
        if inventory(&found) == ["apps_a__ConfigMap"] { Ok(found) } else { Err("nothing is applied") }
    };
    world.until("it waits for health", waits).await;

    // While this one waits, another one leads, applies a revision that has one more object, and writes that down.
    apply_for(&world, "more", "apps").await;
    let entries = json!([{ "id": "apps_a__ConfigMap", "v": "v1" }, { "id": "apps_more__ConfigMap", "v": "v1" }]);
    write_status(&world, KUSTOMIZE, "Kustomization", "apps", json!({ "inventory": { "entries": entries } })).await;
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "other" } })).await;

    // No revision that this one knows describes it, so it goes; nobody would take it away whose inventory lost it.
    is_gone(&world, "more").await;
    let found = world.ready("apps", &revision).await;
    assert_eq!(inventory(&found), ["apps_a__ConfigMap"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_agent_applied_for_a_kustomization_that_goes_goes_with_it() {
    let world = applied(&["a"], json!({})).await;
    apply_for(&world, "more", "apps").await;
    let entries = json!([{ "id": "apps_a__ConfigMap", "v": "v1" }, { "id": "apps_more__ConfigMap", "v": "v1" }]);
    write_status(&world, KUSTOMIZE, "Kustomization", "apps", json!({ "inventory": { "entries": entries } })).await;
    crate::applied::delete(&world, "apps").await;
    crate::applied::is_gone(&world, "apps").await;
    assert_eq!((world.value("apps", "a").await, world.value("apps", "more").await), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_went_back_is_what_it_should_be_again_although_no_object_did() {
    let world = applied(&["a"], json!({})).await;
    let revision = world.repository.revision();
    let status = json!({ "lastAppliedRevision": "main@sha1:0", "conditions": null, "history": null });
    write_status(&world, KUSTOMIZE, "Kustomization", "apps", status).await;
    world.ready("apps", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_anything_but_the_status_is_no_reason_to_begin_anew() {
    let world = applied(&["a"], json!({})).await;
    for round in 2..7 {
        let noted = json!({ "metadata": { "annotations": { "example.com/note": round.to_string() } } });
        world.patch_kustomization("apps", noted).await;
        world.repository.write("apps/a.yaml", &config_map("apps", "a", &round.to_string()));
        let revision = world.repository.commit("next");
        let noted = json!({ "metadata": { "annotations": { "example.com/more": round.to_string() } } });
        world.patch_kustomization("apps", noted).await;
        world.ready("apps", &revision).await;
    }
    let found = world.kustomization("apps").await.unwrap();
    let history = found.status.unwrap().history;
    assert!(history.iter().all(|entry| entry.total_reconciliations == 1), "{history:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_of_a_source_that_went_back_is_written_again_at_the_interval() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    let url = format!("file://{}", world.repository.path().display());
    let spec = json!({ "interval": "1s", "url": url, "ref": { "branch": "main" } });
    world
        .create(SOURCE, "GitRepository", json!({ "metadata": { "name": FLUX, "namespace": FLUX }, "spec": spec }))
        .await;
    let has_artifact = async || {
        let found = world.git_repository().await.status.and_then(|status| status.artifact);
        if found.is_some_and(|artifact| artifact.revision == revision) { Ok(()) } else { Err("it has not") }
    };
    world.until("it has its artifact", has_artifact).await;
    write_status(&world, SOURCE, "GitRepository", FLUX, json!({ "artifact": null, "conditions": null })).await;
    world.until("it has its artifact again", has_artifact).await;
}
