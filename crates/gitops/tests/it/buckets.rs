//! The objects of a bucket become a running system, as a commit does.

use cowherd_gitserver::storage::{Fault, Storage};
use cowherd_source::{Access, Network};
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, inventory, kustomization};

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const EXTENSIONS: &str = "source.extensions.fluxcd.io/v1beta1";

/// A cluster whose tenants may reach the servers of this machine, and a bucket.
async fn world() -> (World, Storage) {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access = Access { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Access::default() };
    world.start_agents();
    let storage = Storage::start("fleet");
    storage.put("a/a.yaml", config_map("apps", "a", "1"));
    storage.put("b/b.yaml", config_map("apps", "b", "1"));
    (world, storage)
}

async fn follow(world: &World, storage: &Storage, more: Value) {
    let mut spec = json!({ "interval": "1h", "endpoint": storage.endpoint(), "insecure": true, "bucketName": "fleet" });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.create(SOURCE, "Bucket", json!({ "metadata": { "name": "fleet", "namespace": FLUX }, "spec": spec })).await;
}

fn of_bucket(name: &str, path: &str) -> Value {
    kustomization(name, path, json!({ "sourceRef": { "kind": "Bucket", "name": "fleet" } }))
}

async fn reconcile(world: &World, at: &str) {
    let annotations = json!({ "reconcile.fluxcd.io/requestedAt": at });
    world.patch(SOURCE, "Bucket", FLUX, "fleet", json!({ "metadata": { "annotations": annotations } })).await;
}

/// Waits until the Bucket says this at its generation; the status.
async fn says(world: &World, status: &str, reason: &str, text: &str) -> Value {
    world
        .until(&format!("the bucket says {reason} {text:?}"), async || {
            let object = world.get(SOURCE, "Bucket", Some(FLUX), "fleet").await.unwrap_or_default();
            let found = object["status"].clone();
            let ready = condition(&found, "Ready");
            let is_of_now = ready["observedGeneration"] == object["metadata"]["generation"];
            let message = ready["message"].as_str().unwrap_or_default();
            match is_of_now && ready["status"] == status && ready["reason"] == reason && message.contains(text) {
                true => Ok(found),
                false => Err(found.to_string()),
            }
        })
        .await
}

fn condition(status: &Value, type_: &str) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}

fn revision(status: &Value) -> String {
    status["artifact"]["revision"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_applied_and_told_of_in_the_words_of_flux_and_a_change_costs_what_it_changes() {
    let (world, storage) = world().await;
    storage.put("notes.md", "# notes");
    follow(&world, &storage, json!({ "ignore": "*.md" })).await;
    for name in ["a", "b"] {
        world.add(of_bucket(name, &format!("./{name}"))).await;
    }
    let status = says(&world, "True", "Succeeded", "stored artifact: revision 'sha256:").await;
    let first = revision(&status);
    assert_eq!(condition(&status, "ArtifactInStorage")["message"], format!("stored artifact: revision '{first}'"));
    assert_eq!(condition(&status, "ArtifactInStorage")["reason"], "Succeeded");
    assert_eq!((&status["observedIgnore"], &status["observedGeneration"]), (&json!("*.md"), &json!(1)));
    let path = format!("bucket/flux-system/fleet/{}.tar.gz", first.strip_prefix("sha256:").unwrap());
    assert_eq!(status["artifact"]["path"], path);
    assert_eq!(inventory(&world.ready("a", &first).await), ["apps_a__ConfigMap"]);
    world.ready("b", &first).await;
    let told = "stored artifact with 2 fetched files from 'fleet' bucket";
    world
        .until("it is told", async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
            let is_it = |event: &Value| {
                event["reason"] == "NewArtifact"
                    && event["message"] == told
                    && event["involvedObject"]["kind"] == "Bucket"
            };
            if events.items.iter().any(|event| is_it(&event.data)) { Ok(()) } else { Err(format!("{events:?}")) }
        })
        .await;

    let before = world.counts();
    storage.put("b/b.yaml", config_map("apps", "b", "2"));
    reconcile(&world, "1").await;
    world
        .until("the change is there", async || match world.value("apps", "b").await.as_deref() {
            Some("2") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    let second = revision(&says(&world, "True", "Succeeded", "").await);
    assert_ne!(second, first);
    for name in ["a", "b"] {
        world.ready(name, &second).await;
    }
    assert_eq!(world.counts().renders - before.renders, 1, "only what changed is rendered");
    // What is left out concerns nobody.
    storage.put("notes.md", "# other notes");
    reconcile(&world, "2").await;
    world
        .until("it was looked at", async || {
            let found = world.get(SOURCE, "Bucket", Some(FLUX), "fleet").await.unwrap()["status"].clone();
            if found["lastHandledReconcileAt"] == "2" { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    assert_eq!(revision(&says(&world, "True", "Succeeded", "").await), second);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_what_was_brought_before_stays_over_a_restart() {
    let (mut world, storage) = world().await;
    storage.behave(|behaviour| behaviour.keys = Some(("jane".into(), "jane-5ecret".into())));
    follow(&world, &storage, json!({ "secretRef": { "name": "keys" } })).await;
    world.add(of_bucket("a", "./a")).await;
    says(&world, "False", "AuthenticationFailed", "failed to get the Secret 'keys' of spec.secretRef").await;
    let keys = |secret: &str| json!({ "stringData": { "accesskey": "jane", "secretkey": secret } });
    let mut secret =
        json!({ "metadata": { "name": "keys", "namespace": FLUX }, "stringData": { "accesskey": "jane" } });
    world.create("v1", "Secret", secret.clone()).await;
    reconcile(&world, "1").await;
    says(&world, "False", "AuthenticationFailed", "it needs both accesskey and secretkey").await;
    secret = keys("other-5ecret");
    world.patch("v1", "Secret", FLUX, "keys", secret).await;
    reconcile(&world, "2").await;
    let status = says(&world, "False", "BucketOperationFailed", "SignatureDoesNotMatch").await;
    assert_eq!(condition(&status, "FetchFailed")["reason"], "BucketOperationFailed");
    assert!(!status.to_string().contains("5ecret"), "{status}");
    world.patch("v1", "Secret", FLUX, "keys", keys("jane-5ecret")).await;
    reconcile(&world, "3").await;
    let status = says(&world, "True", "Succeeded", "stored artifact").await;
    assert!(condition(&status, "FetchFailed").is_null(), "{status}");
    let first = revision(&status);
    world.ready("a", &first).await;

    world.kill_agents().await;
    let down = Fault::error(503, "SlowDown", "Please reduce your request rate.");
    storage.behave(|behaviour| behaviour.faults = vec![down; 1000].into());
    let api = world.api("v1", "ConfigMap", Some("apps"));
    api.delete("a", &Default::default()).await.unwrap();
    world.start_agents();
    world.until("it is put back", async || world.value("apps", "a").await.map(drop).ok_or("it is gone")).await;
    reconcile(&world, "4").await;
    let said =
        "the server answered 503 Service Unavailable, SlowDown: Please reduce your request rate; it is tried again";
    let status = says(&world, "False", "BucketOperationFailed", said).await;
    assert_eq!(revision(&status), first);
    storage.behave(|behaviour| behaviour.faults.clear());
    says(&world, "True", "Succeeded", "stored artifact").await;

    world.patch(SOURCE, "Bucket", FLUX, "fleet", json!({ "spec": { "bucketName": "other" } })).await;
    says(&world, "False", "BucketOperationFailed", "bucket 'other' not found").await;
    let changed = json!({ "spec": { "bucketName": "fleet", "provider": "gcp" } });
    world.patch(SOURCE, "Bucket", FLUX, "fleet", changed).await;
    let status = says(&world, "False", "UnsupportedFeature", "spec.provider \"gcp\" is not supported yet").await;
    assert_eq!(condition(&status, "Stalled")["status"], "True");
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_made_of_parts_of_a_bucket() {
    let (world, storage) = world().await;
    follow(&world, &storage, json!({})).await;
    let copy = json!([{ "from": "@objects/a/**", "to": "@artifact/" }]);
    let spec = json!({ "sources": [{ "alias": "objects", "kind": "Bucket", "name": "fleet" }],
        "artifacts": [{ "name": "part", "revision": "@objects", "copy": copy }] });
    let object = json!({ "metadata": { "name": "parts", "namespace": FLUX }, "spec": spec });
    world.create(EXTENSIONS, "ArtifactGenerator", object).await;
    let of_part = json!({ "sourceRef": { "kind": "ExternalArtifact", "name": "part" } });
    world.add(kustomization("part", "./", of_part)).await;
    let first = revision(&says(&world, "True", "Succeeded", "").await);
    assert_eq!(inventory(&world.ready("part", &first).await), ["apps_a__ConfigMap"]);
    storage.put("a/a.yaml", config_map("apps", "a", "2"));
    reconcile(&world, "1").await;
    world
        .until("the change is there", async || match world.value("apps", "a").await.as_deref() {
            Some("2") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
}
