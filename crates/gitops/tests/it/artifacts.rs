//! ArtifactGenerators make ExternalArtifacts, and Kustomizations and releases are made of these.

use cowherd_gitserver::artifact::{digest, packed};
use cowherd_gitserver::files::Server;
use cowherd_source::{Access, LocalAccess};
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, kustomization};

const EXTENSIONS: &str = "source.extensions.fluxcd.io/v1beta1";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// A generator that takes parts of the repository.
fn generator(artifacts: Value) -> Value {
    let sources = json!([{ "alias": "repo", "kind": "GitRepository", "name": FLUX }]);
    json!({ "metadata": { "name": "parts", "namespace": FLUX }, "spec": { "sources": sources, "artifacts": artifacts } })
}

fn part(name: &str, from: &str) -> Value {
    json!({ "name": name, "originRevision": "@repo", "copy": [{ "from": format!("@repo/{from}"), "to": "@artifact/" }] })
}

fn of_artifact(name: &str, artifact: &str, path: &str) -> Value {
    kustomization(name, path, json!({ "sourceRef": { "kind": "ExternalArtifact", "name": artifact } }))
}

/// A cluster that follows a repository with two parts.
async fn world() -> World {
    let world = World::new().await;
    world.repository.write("infra/a.yaml", &config_map("apps", "infra", "1"));
    world.repository.write("apps/base/b.yaml", &config_map("apps", "web", "1"));
    world.repository.write("other.yaml", "x: 1\n");
    world.repository.commit("two parts");
    world.follow_repository().await;
    world
}

async fn generate(world: &World, generator: Value) {
    world.create(EXTENSIONS, "ArtifactGenerator", generator).await;
}

fn ready(status: &Value) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default()
}

/// Waits until the generator says this; its status.
async fn says(world: &World, reason: &str, text: &str) -> Value {
    world
        .until(&format!("the generator says {reason} {text:?}"), async || {
            let found = world.get(EXTENSIONS, "ArtifactGenerator", Some(FLUX), "parts").await.unwrap_or_default();
            let status = found["status"].clone();
            let ready = ready(&status);
            let is_of_now = ready["observedGeneration"] == found["metadata"]["generation"];
            let says = ready["message"].as_str().unwrap_or_default().contains(text);
            if is_of_now && ready["reason"] == reason && says { Ok(status) } else { Err(found.to_string()) }
        })
        .await
}

async fn artifact(world: &World, name: &str) -> Option<Value> {
    world.get(SOURCE, "ExternalArtifact", Some(FLUX), name).await
}

/// The revision and the origin that an ExternalArtifact says, once that is this commit.
async fn revision(world: &World, name: &str, origin: &str) -> String {
    world
        .until(&format!("{name} is of {origin}"), async || {
            let found = artifact(world, name).await.unwrap_or_default();
            let said = &found["status"]["artifact"];
            match said["metadata"]["org.opencontainers.image.revision"] == origin {
                true => Ok(said["revision"].as_str().unwrap().to_owned()),
                false => Err(found.to_string()),
            }
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_touches_one_part_leaves_the_other_as_it_is() {
    let world = world().await;
    generate(&world, generator(json!([part("infra", "infra/**"), part("apps", "apps/base/**")]))).await;
    world.add(of_artifact("infra", "infra", "./")).await;
    world.add(of_artifact("apps", "apps", ".")).await;
    let first = world.repository.revision();
    let (infra, apps) = (revision(&world, "infra", &first).await, revision(&world, "apps", &first).await);
    assert!(infra.starts_with("latest@sha256:") && infra != apps, "{infra} {apps}");
    let of_infra = world.ready("infra", &infra).await;
    world.ready("apps", &apps).await;
    assert_eq!(
        (world.value("apps", "infra").await, world.value("apps", "web").await),
        (Some("1".into()), Some("1".into()))
    );
    let status = says(&world, "Succeeded", "generated 2 artifact(s)").await;
    let names: Vec<_> = status["inventory"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["infra", "apps"]);

    let rendered = world.counts().renders;
    world.repository.write("apps/base/b.yaml", &config_map("apps", "web", "2"));
    let second = world.repository.commit("the other part");
    let changed = revision(&world, "apps", &second).await;
    assert_ne!(changed, apps);
    world.ready("apps", &changed).await;
    assert_eq!(world.value("apps", "web").await.as_deref(), Some("2"));
    // What was not touched says where it comes from now, and is what it was.
    assert_eq!(revision(&world, "infra", &second).await, infra);
    let untouched = world.kustomization("infra").await.unwrap();
    assert_eq!(untouched.metadata.resource_version, of_infra.metadata.resource_version);
    assert_eq!(world.counts().renders, rendered + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_made_any_more_goes_and_what_is_foreign_stays() {
    let world = world().await;
    let foreign = json!({ "metadata": { "name": "foreign", "namespace": FLUX }, "spec": {
        "sourceRef": { "apiVersion": "example.com/v1", "kind": "Builder", "name": "b" } } });
    world.create(SOURCE, "ExternalArtifact", foreign).await;
    generate(
        &world,
        generator(json!([part("infra", "infra/**"), part("apps", "apps/**"), part("foreign", "apps/**")])),
    )
    .await;
    says(
        &world,
        "ReconciliationFailed",
        "foreign reconcile failed: ExternalArtifact 'flux-system/foreign' is there already",
    )
    .await;
    let first = world.repository.revision();
    // It keeps nothing else from being made.
    revision(&world, "infra", &first).await;
    revision(&world, "apps", &first).await;
    assert!(artifact(&world, "foreign").await.unwrap()["status"].is_null());

    let fewer = json!({ "spec": { "artifacts": [part("apps", "apps/**")] } });
    world.patch(EXTENSIONS, "ArtifactGenerator", FLUX, "parts", fewer).await;
    says(&world, "Succeeded", "generated 1 artifact(s)").await;
    assert!(artifact(&world, "infra").await.is_none() && artifact(&world, "apps").await.is_some());

    let api = world.api(EXTENSIONS, "ArtifactGenerator", Some(FLUX));
    api.delete("parts", &Default::default()).await.unwrap();
    world
        .until("it is gone with what it made", async || {
            let left = (artifact(&world, "apps").await.is_some(), api.get_opt("parts").await.unwrap().is_some());
            if left == (false, false) { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
    assert!(artifact(&world, "foreign").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_said_and_what_was_made_before_stays() {
    let world = world().await;
    generate(&world, generator(json!([part("infra", "infra/**")]))).await;
    world.add(of_artifact("infra", "infra", "./")).await;
    let first = revision(&world, "infra", &world.repository.revision()).await;
    world.ready("infra", &first).await;
    world.repository.remove("infra");
    world.repository.commit("nothing is there any more");
    let said = "infra build failed: failed to apply copy operations: failed to apply copy operation from '@repo/infra/**' to \
                '@artifact/': no files match pattern 'infra/**' in source 'repo'";
    let status = says(&world, "BuildFailed", said).await;
    assert_eq!(ready(&status)["status"], "False");
    assert_eq!(status["inventory"][0]["name"], "infra");
    world.ready("infra", &first).await;
    assert_eq!(world.value("apps", "infra").await.as_deref(), Some("1"));

    let own = json!({ "spec": { "sources": [{ "alias": "repo", "kind": "ExternalArtifact", "name": "infra" }] } });
    world.patch(EXTENSIONS, "ArtifactGenerator", FLUX, "parts", own).await;
    let status =
        says(&world, "ValidationFailed", "it is made of what it makes itself: flux-system/parts -> flux-system/parts")
            .await;
    assert!(status["conditions"].to_string().contains("Stalled"), "{status}");
    let missing = json!({ "spec": { "sources": [{ "alias": "repo", "kind": "GitRepository", "name": "gone" }] } });
    world.patch(EXTENSIONS, "ArtifactGenerator", FLUX, "parts", missing).await;
    says(&world, "SourceFetchFailed", "get sources failed: source 'GitRepository/flux-system/gone' is not ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_another_namespace_is_none_where_references_are_blocked() {
    let mut world = world().await;
    world.kill_agents().await;
    world.policy.no_cross_namespace_refs = true;
    world.start_agents();
    let mut of_another = generator(json!([part("infra", "infra/**")]));
    of_another["spec"]["sources"][0]["namespace"] = "other".into();
    generate(&world, of_another).await;
    let said = "cross-namespace reference to source GitRepository/other/flux-system is not allowed";
    says(&world, "AccessDenied", said).await;
    assert!(artifact(&world, "infra").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_is_disabled_rests_until_it_is_not() {
    let world = world().await;
    generate(&world, generator(json!([part("infra", "infra/**")]))).await;
    let first = revision(&world, "infra", &world.repository.revision()).await;
    let key = "source.extensions.fluxcd.io/reconcile";
    let disabled = |value: Value| json!({ "metadata": { "annotations": { key: value } } });
    world.patch(EXTENSIONS, "ArtifactGenerator", FLUX, "parts", disabled("Disabled".into())).await;
    world.repository.write("infra/a.yaml", &config_map("apps", "infra", "2"));
    let second = world.repository.commit("another one");
    world
        .until("the repository is there", async || {
            let found = world.git_repository().await.status.and_then(|status| status.artifact);
            if found.is_some_and(|artifact| artifact.revision == second) { Ok(()) } else { Err("not yet") }
        })
        .await;
    let rests = artifact(&world, "infra").await.unwrap();
    assert_eq!(rests["status"]["artifact"]["revision"], first);
    world.patch(EXTENSIONS, "ArtifactGenerator", FLUX, "parts", disabled(Value::Null)).await;
    assert_ne!(revision(&world, "infra", &second).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_a_pattern_finds_are_artifacts_with_its_labels() {
    let world = world().await;
    world.repository.write("teams/Red/a.yaml", &config_map("apps", "red", "1"));
    world.repository.write("teams/blue/a.yaml", &config_map("apps", "blue", "1"));
    let first = world.repository.commit("two teams");
    let artifacts = json!([{ "name": "team-{team}", "originRevision": "@repo",
        "copy": [{ "from": "@repo/teams/{team}/**", "to": "@artifact/" }] }]);
    let mut found = generator(artifacts);
    found["spec"]["pathPattern"] = "@repo/teams/{team}".into();
    found["spec"]["commonMetadata"] = json!({ "labels": { "env": "prod" }, "annotations": { "about": "teams" } });
    generate(&world, found).await;
    revision(&world, "team-blue", &first).await;
    revision(&world, "team-red", &first).await;
    let metadata = artifact(&world, "team-red").await.unwrap()["metadata"].clone();
    let labels = &metadata["labels"];
    assert_eq!((&labels["team"], &labels["env"]), (&json!("red"), &json!("prod")));
    assert_eq!(labels["app.kubernetes.io/managed-by"], "source-watcher");
    assert_eq!(metadata["annotations"]["about"], "teams");
    world.add(of_artifact("red", "team-red", ".")).await;
    world.until("the team's map is there", async || world.value("apps", "red").await.ok_or("it is not")).await;
    world.repository.remove("teams/blue");
    let second = world.repository.commit("one team");
    revision(&world, "team-red", &second).await;
    world
        .until("the other team's is gone", async || {
            if artifact(&world, "team-blue").await.is_none() { Ok(()) } else { Err("it is there") }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_put_together_and_released() {
    let world = world().await;
    world.repository.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    world.repository.write("chart/values.yaml", "key: own\nother: 1\n");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: released}\ndata: {key: \"{{ .Values.key }} {{ .Values.other }}\"}\n";
    world.repository.write("chart/templates/a.yaml", template);
    world.repository.write("prod.yaml", "key: prod\n");
    let first = world.repository.commit("a chart");
    let copy = json!([{ "from": "@repo/chart/**", "to": "@artifact/" },
        { "from": "@repo/prod.yaml", "to": "@artifact/values.yaml", "strategy": "Merge" }]);
    generate(&world, generator(json!([{ "name": "web", "originRevision": "@repo", "copy": copy }]))).await;
    let spec = json!({ "interval": "1h", "chartRef": { "kind": "ExternalArtifact", "name": "web" } });
    let release = json!({ "metadata": { "name": "web", "namespace": FLUX }, "spec": spec });
    world.create("helm.toolkit.fluxcd.io/v2", "HelmRelease", release).await;
    let revision = revision(&world, "web", &first).await;
    let status = world
        .until("it is released", async || {
            let found = world.get("helm.toolkit.fluxcd.io/v2", "HelmRelease", Some(FLUX), "web").await.unwrap();
            let status = found["status"].clone();
            if ready(&status)["status"] == "True" { Ok(status) } else { Err(found.to_string()) }
        })
        .await;
    let digest: String = revision.rsplit(':').next().unwrap().chars().take(12).collect();
    assert_eq!(status["history"][0]["chartVersion"], format!("1.0.0+{digest}"));
    assert_eq!(status["history"][0]["ociDigest"], revision);
    assert_eq!(world.value(FLUX, "released").await.as_deref(), Some("prod 1"));
}

/// Waits until there is a warning about an ExternalArtifact that says this.
async fn told(world: &World, name: &str, text: &str) {
    world
        .until(&format!("a warning about {name} says {text:?}"), async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap().items;
            let is_it = |event: &Value| {
                event["involvedObject"]["kind"] == "ExternalArtifact"
                    && event["involvedObject"]["name"] == name
                    && event["type"] == "Warning"
                    && event["message"].as_str().unwrap_or_default().contains(text)
            };
            events.iter().any(|event| is_it(&event.data)).then_some(()).ok_or("there is none")
        })
        .await;
}

/// An artifact that somebody else than a generator makes.
async fn publish(world: &World, url: &str, revision: &str, digest: &str) {
    if artifact(world, "published").await.is_none() {
        let object = json!({ "metadata": { "name": "published", "namespace": FLUX }, "spec": {
            "sourceRef": { "apiVersion": "example.com/v1", "kind": "Builder", "name": "b" } } });
        world.create(SOURCE, "ExternalArtifact", object).await;
    }
    let said = json!({ "path": "p", "url": url, "revision": revision, "digest": digest, "lastUpdateTime": "2026-01-01T00:00:00Z" });
    let api = world.api(SOURCE, "ExternalArtifact", Some(FLUX));
    let patch = kube::api::Patch::Merge(json!({ "status": { "artifact": said } }));
    api.patch_status("published", &Default::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_publish_is_fetched_and_compared_with_its_digest() {
    let mut world = world().await;
    let root = tempfile::tempdir().unwrap();
    let server = Server::start(root.path());
    let first = packed(&[("a.yaml", config_map("apps", "published", "1"))]);
    std::fs::write(root.path().join("one.tar.gz"), &first).unwrap();
    world.add(of_artifact("published", "published", "./")).await;
    publish(&world, &server.url("one.tar.gz"), "v1", &digest(&first)).await;
    world.failed("published", "ArtifactFailed", "--allow-network").await;
    assert_eq!(server.seen(), [], "an address of this machine is reached on nobody's word");

    world.kill_agents().await;
    world.policy.access = Access { local: LocalAccess::Any, ..Access::own() };
    world.start_agents();
    world.ready("published", "v1").await;
    assert_eq!(world.value("apps", "published").await.as_deref(), Some("1"));
    let second = packed(&[("a.yaml", config_map("apps", "published", "2"))]);
    std::fs::write(root.path().join("two.tar.gz"), &second).unwrap();
    publish(&world, &server.url("two.tar.gz"), "v2", &digest(&first)).await;
    told(&world, "published", "it was changed or damaged on the way").await;
    assert_eq!(world.value("apps", "published").await.as_deref(), Some("1"));
    publish(&world, &server.url("two.tar.gz"), "v2", &digest(&second)).await;
    world.ready("published", "v2").await;
    assert_eq!(world.value("apps", "published").await.as_deref(), Some("2"));
}
