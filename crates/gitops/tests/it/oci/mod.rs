//! An artifact of a real registry becomes a running system, as a commit does.

use cowherd_gitserver::artifact::{Artifact, Repository};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::{Access as Reach, Network};
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, inventory, kustomization};

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
/// Jane, whose password is `open-sesame`.
const JANE: &str = "jane:$2y$05$XoLvnbgft9x0ZmG1CGEZbeFof1S40j3jYVUdJ3LIwlJ/S60Gm2vlS\n";

/// A cluster whose tenants may reach the registries of this machine, and a registry.
async fn world(access: &Access) -> (World, Registry, tempfile::TempDir) {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access = Reach { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Reach::default() };
    world.start_agents();
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), access);
    (world, registry, directory)
}

async fn follow(world: &World, name: &str, repository: &Repository<'_>, more: Value) {
    let mut spec = json!({ "interval": "1h", "url": repository.url() });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let object = json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec });
    world.create(SOURCE, "OCIRepository", object).await;
}

/// A Kustomization of an OCIRepository.
fn of(source: &str, name: &str, path: &str, more: Value) -> Value {
    let mut object = kustomization(name, path, more);
    object["spec"]["sourceRef"] = json!({ "kind": "OCIRepository", "name": source });
    object
}

/// Has the OCIRepository looked at now.
async fn reconcile(world: &World, name: &str, at: &str) {
    let annotations = json!({ "reconcile.fluxcd.io/requestedAt": at });
    world.patch(SOURCE, "OCIRepository", FLUX, name, json!({ "metadata": { "annotations": annotations } })).await;
}

/// Waits until the condition Ready says this; the status.
async fn says(world: &World, name: &str, status: &str, reason: &str, text: &str) -> Value {
    world
        .until(&format!("{name} says {reason} {text:?}"), async || {
            let object =
                world.get(SOURCE, "OCIRepository", Some(FLUX), name).await.ok_or("it does not exist".to_owned())?;
            let found = object["status"].clone();
            let ready = condition(&found, "Ready");
            let message = ready["message"].as_str().unwrap_or_default();
            match ready["status"] == status && ready["reason"] == reason && message.contains(text) {
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

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_applied_and_told_of_in_the_words_of_flux() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let artifact = Artifact::of(&[("app/a.yaml", config_map("apps", "a", "1"))])
        .annotated("org.opencontainers.image.source", "https://example.org/fleet")
        .annotated("org.opencontainers.image.revision", "main@sha1:0123456789abcdef0123456789abcdef01234567");
    let digest = artifact.push(&repository, "latest");
    follow(&world, "fleet", &repository, json!({})).await;
    world.add(of("fleet", "apps", "./app", json!({}))).await;

    let revision = format!("latest@{digest}");
    let applied = world.ready("apps", &revision).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
    assert_eq!(inventory(&applied), ["apps_a__ConfigMap"]);

    let status = says(&world, "fleet", "True", "Succeeded", &format!("stored artifact for digest '{revision}'")).await;
    assert_eq!(condition(&status, "ArtifactInStorage")["message"], format!("stored artifact for digest '{revision}'"));
    assert_eq!(status["artifact"]["revision"], revision);
    let metadata = &status["artifact"]["metadata"];
    assert_eq!(metadata["org.opencontainers.image.source"], "https://example.org/fleet");
    let event = world
        .until("the event of the new artifact", async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap().items;
            let new = events.into_iter().find(|event| event.data["reason"] == "NewArtifact");
            new.map(|event| event.data).ok_or("there is none")
        })
        .await;
    assert_eq!(event["involvedObject"]["kind"], "OCIRepository");
    assert_eq!(
        event["message"],
        format!(
            "stored artifact with revision '{revision}' from '{}', origin source 'https://example.org/fleet', origin \
             revision 'main@sha1:0123456789abcdef0123456789abcdef01234567'",
            repository.url()
        )
    );
}
