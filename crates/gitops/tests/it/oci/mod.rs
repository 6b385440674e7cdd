//! An artifact of a real registry becomes a running system, as a commit does.

mod cases;
mod keyless;
mod oracle;

use cowherd_gitserver::artifact::{Artifact, Repository};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::signature::Signer;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_kustomization_of_unchanged_files_is_neither_rendered_nor_applied_and_its_status_follows() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let push = |a: &str, b: &str, from: &str| {
        let files = [("a/a.yaml", config_map("apps", "a", a)), ("b/b.yaml", config_map("apps", "b", b))];
        let artifact = Artifact::of(&files).annotated("org.opencontainers.image.revision", from);
        format!("latest@{}", artifact.push(&repository, "latest"))
    };
    let first = push("1", "1", "main@sha1:1");
    follow(&world, "fleet", &repository, json!({})).await;
    for name in ["a", "b"] {
        world.add(of("fleet", name, &format!("./{name}"), json!({}))).await;
    }
    for name in ["a", "b"] {
        let ready = world.ready(name, &first).await.status.unwrap();
        assert_eq!(ready.last_applied_origin_revision.as_deref(), Some("main@sha1:1"));
        let metadata = ready.history[0].metadata.clone().unwrap();
        assert_eq!(metadata["originRevision"], "main@sha1:1");
    }
    let before = world.counts();
    let second = push("1", "2", "main@sha1:2");
    reconcile(&world, "fleet", "1").await;
    world.ready("b", &second).await;
    let followed = world.ready("a", &second).await.status.unwrap();
    assert_eq!(followed.last_applied_origin_revision.as_deref(), Some("main@sha1:2"));
    assert_eq!(world.value("apps", "b").await.as_deref(), Some("2"));
    let after = world.counts();
    assert_eq!(after.renders - before.renders, 1, "only what changed is rendered");
    // The same content under another digest concerns nobody.
    let third = push("1", "2", "main@sha1:3");
    reconcile(&world, "fleet", "2").await;
    for name in ["a", "b"] {
        world.ready(name, &third).await;
    }
    assert_eq!(world.counts().renders, after.renders);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_by_patterns_is_not_applied_unless_the_layer_is_copied() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let artifact = Artifact::of(&[
        ("a.yaml", config_map("apps", "a", "1")),
        ("b.yaml", config_map("apps", "b", "1")),
        ("c.yaml", config_map("apps", "c", "1")),
        (".sourceignore", "b.yaml\n".to_owned()),
    ]);
    let revision = format!("latest@{}", artifact.push(&repository, "latest"));
    follow(&world, "fleet", &repository, json!({ "ignore": "/c.yaml" })).await;
    world.add(of("fleet", "apps", "./", json!({}))).await;
    world.ready("apps", &revision).await;
    let values = async || {
        let (a, b) = (world.value("apps", "a").await, world.value("apps", "b").await);
        [a, b, world.value("apps", "c").await].map(|value| value.is_some())
    };
    assert_eq!(values().await, [true, false, false]);
    let status = says(&world, "fleet", "True", "Succeeded", &revision).await;
    assert_eq!(status["observedIgnore"], "/c.yaml");
    let copy = json!({ "spec": { "layerSelector": { "operation": "copy" } } });
    world.patch(SOURCE, "OCIRepository", FLUX, "fleet", copy).await;
    world.until("all are applied", async || if values().await == [true; 3] { Ok(()) } else { Err("not yet") }).await;
    let status = says(&world, "fleet", "True", "Succeeded", &revision).await;
    assert_eq!(status["observedLayerSelector"], json!({ "operation": "copy" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_secret_or_from_those_of_the_account() {
    let (world, registry, _directory) = world(&Access::Passwords(JANE.into())).await;
    let repository =
        Repository { login: Some(("jane", "open-sesame")), ..Repository::new(&registry.host, "fleet/apps") };
    let digest = Artifact::of(&[("a.yaml", config_map("apps", "a", "1"))]).push(&repository, "latest");
    follow(&world, "fleet", &repository, json!({})).await;
    says(&world, "fleet", "False", "OCIArtifactPullFailed", "no credentials were given").await;

    let set = async |spec: Value| world.patch(SOURCE, "OCIRepository", FLUX, "fleet", json!({ "spec": spec })).await;
    set(json!({ "secretRef": { "name": "registry" } })).await;
    says(&world, "fleet", "False", "AuthenticationFailed", "there is no such Secret in the namespace").await;
    let config = |password: &str| {
        let auths = json!({ &registry.host: { "username": "jane", "password": password } });
        json!({ ".dockerconfigjson": json!({ "auths": auths }).to_string() })
    };
    let secret = |name: &str, data: Value| {
        json!({ "metadata": { "name": name, "namespace": FLUX }, "type": "kubernetes.io/dockerconfigjson",
            "stringData": data })
    };
    world.create("v1", "Secret", secret("registry", config("pass-5ecret"))).await;
    reconcile(&world, "fleet", "1").await;
    let status = says(&world, "fleet", "False", "OCIArtifactPullFailed", "to the credentials given").await;
    assert!(!status.to_string().contains("5ecret"), "{status}");
    world.patch("v1", "Secret", FLUX, "registry", json!({ "stringData": config("open-sesame") })).await;
    reconcile(&world, "fleet", "2").await;
    says(&world, "fleet", "True", "Succeeded", &digest).await;

    set(json!({ "secretRef": null, "serviceAccountName": "puller" })).await;
    says(&world, "fleet", "False", "AuthenticationFailed", "failed to get the ServiceAccount 'puller'").await;
    let account = json!({ "metadata": { "name": "puller", "namespace": FLUX },
        "imagePullSecrets": [{ "name": "registry" }] });
    world.create("v1", "ServiceAccount", account).await;
    reconcile(&world, "fleet", "3").await;
    says(&world, "fleet", "True", "Succeeded", &digest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_said_with_the_reason_that_flux_gives() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    Artifact::of(&[("a.yaml", config_map("apps", "a", "1"))]).push(&repository, "1.0.0");
    for (name, spec, reason, text) in [
        ("tag", json!({}), "OCIArtifactPullFailed", "failed to determine artifact digest"),
        ("range", json!({ "ref": { "semver": ">=2" } }), "ReadOperationFailed", "no match found for semver: >=2"),
        ("digest", json!({ "ref": { "digest": "sha256:1" } }), "ReadOperationFailed", "64 hexadecimal digits"),
        ("filter", json!({ "ref": { "semver": "*", "semverFilter": "(" } }), "ReadOperationFailed", "no regular"),
        (
            "layer",
            json!({ "ref": { "tag": "1.0.0" }, "layerSelector": { "mediaType": "text/x" } }),
            "OCIArtifactLayerOperationFailed",
            "failed to find layer with media type 'text/x' in artifact",
        ),
        (
            "url",
            json!({ "url": format!("{}:1.0.0", repository.url()) }),
            "URLInvalid",
            ":1.0.0': the URL must have no tag; ",
        ),
        ("provider", json!({ "provider": "aws" }), "UnsupportedFeature", "spec.provider \"aws\" is not supported yet"),
        ("far", json!({ "url": "oci://169.254.169.254/x" }), "AccessDenied", "--allow-network 169.254.169.254"),
        ("proxy", json!({ "proxySecretRef": { "name": "none" } }), "AuthenticationFailed", "spec.proxySecretRef"),
        ("certificate", json!({ "certSecretRef": { "name": "none" } }), "AuthenticationFailed", "spec.certSecretRef"),
    ] {
        follow(&world, name, &repository, spec).await;
        let status = says(&world, name, "False", reason, text).await;
        assert_eq!(condition(&status, "FetchFailed")["status"], "True", "{status}");
        assert!(status["artifact"].is_null(), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_suspended_or_deleted_stays_so_and_a_prune_of_everything_waits() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let push = |files: &[(&str, String)]| format!("latest@{}", Artifact::of(files).push(&repository, "latest"));
    let first = push(&[("app/a.yaml", config_map("apps", "a", "1"))]);
    follow(&world, "fleet", &repository, json!({})).await;
    world.add(of("fleet", "apps", "./app", json!({}))).await;
    world.ready("apps", &first).await;

    // An artifact from which everything has gone.
    push(&[("app/kustomization.yaml", "resources: []\n".to_owned())]);
    reconcile(&world, "fleet", "1").await;
    world.failed("apps", "PruneProtected", "").await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));

    let suspend = json!({ "spec": { "suspend": true } });
    world.patch(SOURCE, "OCIRepository", FLUX, "fleet", suspend).await;
    let third = push(&[("app/a.yaml", config_map("apps", "a", "3"))]);
    reconcile(&world, "fleet", "2").await;
    world.patch(SOURCE, "OCIRepository", FLUX, "fleet", json!({ "spec": { "suspend": false } })).await;
    world.ready("apps", &third).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("3"));

    world.api(SOURCE, "OCIRepository", Some(FLUX)).delete("fleet", &Default::default()).await.unwrap();
    world.patch_kustomization("apps", json!({ "spec": { "interval": "2h" } })).await;
    world.failed("apps", "ArtifactFailed", "").await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("3"), "what was applied stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_registry_keeps_the_cluster_as_it_was() {
    let (mut world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let artifact = Artifact::of(&[("app/a.yaml", config_map("apps", "a", "1"))]);
    let revision = format!("latest@{}", artifact.push(&repository, "latest"));
    follow(&world, "fleet", &repository, json!({})).await;
    world.add(of("fleet", "apps", "./app", json!({}))).await;
    world.ready("apps", &revision).await;
    world.kill_agents().await;
    drop(registry);
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "drifted" } })).await;
    world.start_agents();
    world
        .until("the drift is put right", async || match world.value("apps", "a").await.as_deref() {
            Some("1") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    says(&world, "fleet", "False", "OCIArtifactPullFailed", "cannot reach").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_of_the_api_means_the_same() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let digest = Artifact::of(&[("a.yaml", config_map("apps", "a", "1"))]).push(&repository, "1.2.0");
    let spec = json!({ "interval": "1h", "url": repository.url(), "ref": { "semver": "1.x" } });
    let object = json!({ "metadata": { "name": "fleet", "namespace": FLUX }, "spec": spec });
    world.create("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", object).await;
    says(&world, "fleet", "True", "Succeeded", &format!("stored artifact for digest '1.2.0@{digest}'")).await;
    let old = world.get("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", Some(FLUX), "fleet").await.unwrap();
    assert_eq!(old["status"]["artifact"]["revision"], format!("1.2.0@{digest}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_signed_stays_at_the_last_good_artifact_until_the_next_one_is() {
    let (mut world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let push = |value: &str| Artifact::of(&[("a.yaml", config_map("apps", "a", value))]).push(&repository, "latest");
    let ada = Signer::new();
    let first = push("1");
    ada.sign(&repository, &first);
    let keys =
        json!({ "metadata": { "name": "keys", "namespace": FLUX }, "stringData": { "ada.pub": ada.public_key() } });
    follow(&world, "fleet", &repository, json!({ "verify": { "secretRef": { "name": "keys" } } })).await;
    says(&world, "fleet", "False", "VerificationError", "there is no such Secret in the namespace").await;
    world.create("v1", "Secret", keys).await;
    reconcile(&world, "fleet", "1").await;
    let status = says(&world, "fleet", "True", "Succeeded", &first).await;
    let verified = condition(&status, "SourceVerified");
    assert_eq!(verified["message"], format!("verified signature of revision latest@{first}"));
    world.add(of("fleet", "apps", "./", json!({}))).await;
    world.ready("apps", &format!("latest@{first}")).await;

    let second = push("2");
    reconcile(&world, "fleet", "2").await;
    let status = says(&world, "fleet", "False", "VerificationError", "no matching signatures were found for").await;
    assert_eq!(condition(&status, "SourceVerified")["status"], "False");
    assert_eq!(status["artifact"]["revision"], format!("latest@{first}"));
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
    // Nor after a start.
    world.kill_agents().await;
    world.start_agents();
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": "drifted" } })).await;
    world
        .until("the drift is put right", async || match world.value("apps", "a").await.as_deref() {
            Some("1") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    ada.sign(&repository, &second);
    reconcile(&world, "fleet", "3").await;
    world.ready("apps", &format!("latest@{second}")).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("2"));

    // What was never verified is not taken for what must be, whatever is here of it.
    for (verify, reason, text) in [
        (
            json!({ "provider": "notation", "secretRef": { "name": "keys" } }),
            "UnsupportedFeature",
            "spec.verify.provider \"notation\"",
        ),
        (json!({ "provider": "cosign" }), "VerificationError", "it is by a key and has no certificate"),
    ] {
        let spec = json!({ "spec": { "verify": null } });
        world.patch(SOURCE, "OCIRepository", FLUX, "fleet", spec).await;
        says(&world, "fleet", "True", "Succeeded", &second).await;
        world.patch(SOURCE, "OCIRepository", FLUX, "fleet", json!({ "spec": { "verify": verify } })).await;
        says(&world, "fleet", "False", reason, text).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_artifact_says_of_itself_takes_no_more_room_than_a_status_has() {
    let (world, registry, _directory) = world(&Access::Anyone).await;
    let repository = Repository::new(&registry.host, "fleet/apps");
    let artifact = Artifact::of(&[("a.yaml", config_map("apps", "a", "1"))])
        .annotated("endless", &"x".repeat(3 << 20))
        .annotated("cowherd.dev/seal", "mine")
        .annotated("says", "something");
    let digest = artifact.push(&repository, "latest");
    follow(&world, "fleet", &repository, json!({})).await;
    let status = says(&world, "fleet", "True", "Succeeded", &digest).await;
    let metadata = &status["artifact"]["metadata"];
    assert_eq!((&metadata["says"], &metadata["endless"]), (&json!("something"), &Value::Null));
    assert_ne!(metadata["cowherd.dev/seal"], "mine");
}
