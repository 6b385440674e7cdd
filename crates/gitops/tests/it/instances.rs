//! FluxInstances: cowherd is the Flux of a cluster, and follows what they say.

use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map};

const OPERATOR: &str = "fluxcd.controlplane.io/v1";
const INSTANCE: &str = "FluxInstance";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";

/// A FluxInstance that follows a directory of the repository of this world.
async fn follow(world: &World, more: Value) {
    let url = format!("file://{}", world.repository.path().display());
    let sync = json!({ "kind": "GitRepository", "url": url, "ref": "refs/heads/main", "path": "./app" });
    let mut spec = json!({ "distribution": { "version": "2.x", "registry": "ghcr.io/fluxcd" }, "sync": sync });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let object = json!({ "metadata": { "name": "flux", "namespace": FLUX }, "spec": spec });
    world.create(OPERATOR, INSTANCE, object).await;
}

async fn instance(world: &World) -> Value {
    world.get(OPERATOR, INSTANCE, Some(FLUX), "flux").await.unwrap_or_default()
}

fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}

/// Waits until the FluxInstance says this of the spec that it has now; the object.
async fn says(world: &World, reason: &str, text: &str) -> Value {
    world
        .until(&format!("it says {reason} {text:?}"), async || {
            let found = instance(world).await;
            let ready = condition(&found, "Ready");
            let is_of_now = ready["observedGeneration"] == found["metadata"]["generation"];
            let says = ready["message"].as_str().unwrap_or_default().contains(text);
            if is_of_now && ready["reason"] == reason && says { Ok(found) } else { Err(ready.to_string()) }
        })
        .await
}

async fn has(world: &World, value: &str) {
    world
        .until(&format!("the value is {value}"), async || match world.value("apps", "app").await {
            Some(found) if found == value => Ok(()),
            found => Err(format!("{found:?}")),
        })
        .await;
}

/// Deletes the FluxInstance, and waits until it is gone.
async fn delete(world: &World) {
    world.api(OPERATOR, INSTANCE, Some(FLUX)).delete("flux", &Default::default()).await.unwrap();
    world
        .until("it is gone", async || match instance(world).await {
            Value::Null => Ok(()),
            found => Err(found.to_string()),
        })
        .await;
}

async fn is_there(world: &World, api_version: &str, kind: &str) -> bool {
    world.get(api_version, kind, Some(FLUX), FLUX).await.is_some()
}

async fn followed() -> World {
    let world = World::new().await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    world.repository.write("other/a.yaml", &config_map("apps", "app", "2"));
    world.repository.commit("begin");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_is_followed_as_the_flux_operator_follows_it() {
    let world = followed().await;
    follow(&world, json!({ "components": ["source-controller"], "storage": { "class": "fast", "size": "1Gi" } })).await;
    has(&world, "1").await;
    let object = says(&world, "ReconciliationSucceeded", "Applied 2 objects").await;
    let status = &object["status"];
    assert_eq!(object["metadata"]["finalizers"], json!(["fluxcd.controlplane.io/finalizer"]));
    let revision = status["lastAppliedRevision"].as_str().unwrap();
    assert!(revision.starts_with('v') && revision.contains("@sha256:"), "{revision}");
    assert_eq!(status["lastAttemptedRevision"], revision);
    assert_eq!(status["history"][0]["lastReconciledStatus"], "ReconciliationSucceeded");
    assert!(status["components"].as_array().unwrap().iter().any(|one| one["name"] == "helm-controller"), "{status}");
    let idle = condition(&object, "WithoutEffect")["message"].to_string();
    assert!(idle.contains("spec.distribution, spec.components, spec.storage"), "{idle}");
    let kustomization = world.get(KUSTOMIZE, "Kustomization", Some(FLUX), FLUX).await.unwrap();
    let labels = json!({ "app.kubernetes.io/instance": FLUX, "app.kubernetes.io/managed-by": "flux-operator",
        "app.kubernetes.io/part-of": "flux", "app.kubernetes.io/version": revision.split('@').next().unwrap(),
        "fluxcd.controlplane.io/name": "flux", "fluxcd.controlplane.io/namespace": FLUX });
    assert_eq!(kustomization["metadata"]["labels"], labels);
    assert_eq!(kustomization["metadata"]["managedFields"][0]["manager"], "flux-operator");

    // Another directory is followed at once, and nothing while it rests.
    world.patch(OPERATOR, INSTANCE, FLUX, "flux", json!({ "spec": { "sync": { "path": "./other" } } })).await;
    has(&world, "2").await;
    says(&world, "ReconciliationSucceeded", "Applied 2 objects").await;
    let rests = json!({ "metadata": { "annotations": { "fluxcd.controlplane.io/reconcile": "disabled" } } });
    world.patch(OPERATOR, INSTANCE, FLUX, "flux", rests).await;
    delete(&world).await;
    assert!(is_there(&world, KUSTOMIZE, "Kustomization").await && is_there(&world, SOURCE, "GitRepository").await);
    assert_eq!(world.value("apps", "app").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_followed_goes_with_it_but_nothing_that_came_of_that() {
    let world = followed().await;
    follow(&world, json!({})).await;
    says(&world, "ReconciliationSucceeded", "Applied 2 objects").await;
    has(&world, "1").await;
    delete(&world).await;
    world
        .until("what was followed is gone", async || {
            let there =
                (is_there(&world, KUSTOMIZE, "Kustomization").await, is_there(&world, SOURCE, "GitRepository").await);
            if there == (false, false) { Ok(()) } else { Err(format!("{there:?}")) }
        })
        .await;
    assert_eq!(world.value("apps", "app").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_to_be_pruned_stays_and_goes_on() {
    let world = followed().await;
    follow(&world, json!({})).await;
    says(&world, "ReconciliationSucceeded", "Applied 2 objects").await;
    let stays = json!({ "metadata": { "annotations": { "fluxcd.controlplane.io/prune": "disabled" } } });
    // By somebody whose changes are not undone, as those of kubectl are.
    world.patch_as("somebody", KUSTOMIZE, "Kustomization", FLUX, FLUX, stays.clone()).await;
    world.patch_as("somebody", SOURCE, "GitRepository", FLUX, FLUX, stays).await;
    delete(&world).await;
    let kustomization = world.get(KUSTOMIZE, "Kustomization", Some(FLUX), FLUX).await.unwrap();
    assert_eq!(kustomization["spec"]["deletionPolicy"], Value::Null, "{kustomization}");
    world.repository.write("app/a.yaml", &config_map("apps", "app", "3"));
    world.repository.commit("another");
    has(&world, "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_nothing_is_refused_and_tenants_that_are_not_kept_apart_too() {
    let world = followed().await;
    follow(&world, json!({ "cluster": { "multitenant": true } })).await;
    says(&world, "AccessDenied", "start cowherd with --no-cross-namespace-refs and --default-service-account=default")
        .await;
    assert!(!is_there(&world, KUSTOMIZE, "Kustomization").await);
    let nowhere = "- op: replace\n  path: /spec/no/where\n  value: 1\n";
    let patches = json!([{ "target": { "kind": "Kustomization" }, "patch": nowhere }]);
    let change = json!({ "spec": { "cluster": { "multitenant": false }, "kustomize": { "patches": patches } } });
    world.patch(OPERATOR, INSTANCE, FLUX, "flux", change).await;
    says(&world, "BuildFailed", "build failed: spec.kustomize.patches[0]: ").await;
    world.patch(OPERATOR, INSTANCE, FLUX, "flux", json!({ "spec": { "kustomize": null } })).await;
    has(&world, "1").await;
    let other = json!({ "metadata": { "name": "other", "namespace": FLUX },
        "spec": { "distribution": { "version": "2.x", "registry": "ghcr.io/fluxcd" } } });
    world.create(OPERATOR, INSTANCE, other).await;
    world
        .until("another name is refused", async || {
            let found = world.get(OPERATOR, INSTANCE, Some(FLUX), "other").await.unwrap_or_default();
            let ready = condition(&found, "Ready");
            let says =
                ready["message"].as_str().unwrap_or_default().contains("the only accepted name for a FluxInstance is");
            if says { Ok(()) } else { Err(ready.to_string()) }
        })
        .await;
}
