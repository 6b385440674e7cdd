//! ResourceSetInputProviders that ask hosts of repositories and registries.

use cowherd_gitserver::artifact::{Artifact, Repository};
use cowherd_gitserver::hosting::Host;
use cowherd_gitserver::registry::{Access as Entry, Registry};
use cowherd_source::{Access, Network};
use serde_json::{Value, json};

use crate::world::{FLUX, World};

const OPERATOR: &str = "fluxcd.controlplane.io/v1";
const SET: &str = "ResourceSet";
const PROVIDER: &str = "ResourceSetInputProvider";
const PULLS: &str = "/api/v3/repos/team/app/pulls";

/// A cluster whose tenants may reach this machine.
async fn reaching() -> World {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access = Access { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Access::default() };
    world.start_agents();
    world
}

/// A provider, and a ResourceSet that makes a ConfigMap of each of its inputs.
async fn preview(world: &World, spec: Value, name: &str, value: &str) {
    let metadata = |name: &str| json!({ "name": name, "namespace": FLUX });
    let annotations = json!({ "fluxcd.controlplane.io/reconcileEvery": "1h" });
    let mut provider = json!({ "metadata": metadata("app"), "spec": spec });
    provider["metadata"]["annotations"] = annotations;
    world.create(OPERATOR, PROVIDER, provider).await;
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "apps" },
        "data": { "key": value } });
    let spec = json!({ "inputsFrom": [{ "name": "app" }], "resources": [map] });
    world.create(OPERATOR, SET, json!({ "metadata": metadata("previews"), "spec": spec })).await;
}

/// Asks for a look.
async fn look(world: &World, at: &str) {
    let requested = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": at } } });
    world.patch(OPERATOR, PROVIDER, FLUX, "app", requested).await;
}

/// Waits until the provider says this.
async fn says(world: &World, reason: &str, text: &str) -> Value {
    world
        .until(&format!("it says {reason} {text:?}"), async || {
            let found = world.get(OPERATOR, PROVIDER, Some(FLUX), "app").await.unwrap_or_default();
            let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default();
            let says = ready["message"].as_str().unwrap_or_default().contains(text);
            if ready["reason"] == reason && says { Ok(found) } else { Err(ready.to_string()) }
        })
        .await
}

/// Waits until there are these ConfigMaps.
async fn are(world: &World, expected: &[(&str, &str)]) {
    world
        .until(&format!("there are {expected:?}"), async || {
            let mut all = Vec::new();
            for (name, _) in world.versions("apps").await {
                if name != "kube-root-ca.crt" {
                    all.push((name.clone(), world.value("apps", &name).await.unwrap_or_default()));
                }
            }
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            if all == expected { Ok(()) } else { Err(format!("{all:?}")) }
        })
        .await;
}

fn pull(number: u64, sha: &str, labels: &[&str]) -> Value {
    let labels: Vec<_> = labels.iter().map(|label| json!({ "name": label })).collect();
    json!({ "number": number, "title": "a change", "user": { "login": "ada" }, "labels": labels,
        "head": { "ref": format!("change-{number}"), "sha": sha } })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_open_request_has_its_objects_as_long_as_it_is_open() {
    let world = reaching().await;
    let host = Host::start();
    host.answer(PULLS, 1, 200, &[], json!([pull(1, "a1", &["preview"]), pull(2, "a2", &[])]));
    let secret = json!({ "metadata": { "name": "token", "namespace": FLUX },
        "stringData": { "username": "bot", "password": "open-sesame" } });
    world.create("v1", "Secret", secret).await;
    let spec = json!({ "type": "GitHubPullRequest", "url": host.url("/team/app"), "secretRef": { "name": "token" },
        "filter": { "labels": ["preview"] }, "skip": { "labels": ["hold"] }, "defaultValues": { "tier": "small" } });
    preview(&world, spec, "pr-<< inputs.id >>", "<< inputs.branch >> << inputs.sha >> << inputs.tier >>").await;
    are(&world, &[("pr-1", "change-1 a1 small")]).await;
    let given = says(&world, "ReconciliationSucceeded", "Exported 1 input").await;
    let expected = json!([{ "id": "1", "branch": "change-1", "sha": "a1", "title": "a change", "author": "ada",
        "labels": ["preview"], "tier": "small" }]);
    assert_eq!(given["status"]["exportedInputs"], expected);
    let asked = host.asked();
    assert_eq!(asked[0].shown["authorization"], "Bearer open-sesame");
    assert_eq!(asked[0].path, format!("{PULLS}?state=open&per_page=100&page=1"));

    // What is held stays as it was, what is new is there, and what is closed is gone.
    let held = pull(1, "b1", &["preview", "hold"]);
    host.answer(PULLS, 1, 200, &[], json!([held, pull(3, "a3", &["preview"])]));
    look(&world, "1").await;
    are(&world, &[("pr-1", "change-1 a1 small"), ("pr-3", "change-3 a3 small")]).await;
    host.answer(PULLS, 1, 200, &[], json!([pull(3, "b3", &["preview"])]));
    look(&world, "2").await;
    are(&world, &[("pr-3", "change-3 b3 small")]).await;

    // A host that fails takes nothing away.
    host.answer(PULLS, 1, 401, &[], "{}");
    look(&world, "3").await;
    let failed =
        says(&world, "ReconciliationFailed", "the token in the Secret of spec.secretRef is not one that may read")
            .await;
    assert!(!failed.to_string().contains("sesame"), "{failed}");
    are(&world, &[("pr-3", "change-3 b3 small")]).await;
    host.answer(PULLS, 1, 200, &[], json!([]));
    look(&world, "4").await;
    are(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_registry_are_given_with_their_digests() {
    let world = reaching().await;
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Entry::Anyone);
    let repository = Repository::new(&registry.host, "team/apps");
    let push = |tag: &str| Artifact::of(&[("a", tag)]).push(&repository, tag);
    let (_, second) = (push("1.0.0"), push("1.1.0"));
    push("latest");
    let spec =
        json!({ "type": "OCIArtifactTag", "url": repository.url(), "filter": { "semver": ">=1.0.0", "limit": 1 } });
    preview(&world, spec, "<< inputs.tag | slugify >>", "<< inputs.digest >>").await;
    are(&world, &[("1-1-0", &second)]).await;
    let third = push("2.0.0");
    look(&world, "1").await;
    are(&world, &[("2-0-0", &third)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_at_an_address_that_tenants_may_not_reach() {
    let world = World::new().await;
    let host = Host::start();
    let spec = json!({ "type": "GiteaTag", "url": host.url("/team/app") });
    preview(&world, spec, "x", "y").await;
    says(&world, "AccessDenied", "127.0.0.1").await;
    assert!(host.asked().is_empty());
    for (spec, reason, text) in [
        (
            json!({ "type": "AzureDevOpsTag" }),
            "UnsupportedFeature",
            "spec.type \"AzureDevOpsTag\" is not supported yet",
        ),
        (json!({ "type": "OCIArtifactTag", "url": "oci://169.254.169.254/a" }), "AccessDenied", "169.254.169.254"),
        (json!({ "type": "GitHubTag", "url": "https://user:open-sesame@github.com/a/b" }), "InvalidSpec", "spec.url"),
        (
            json!({ "type": "GitHubTag", "url": host.url("/a/b"), "filter": { "includeTag": "(" } }),
            "InvalidSpec",
            "spec.filter.includeTag",
        ),
    ] {
        world.patch(OPERATOR, PROVIDER, FLUX, "app", json!({ "spec": spec })).await;
        let said = says(&world, reason, text).await;
        assert!(!said["status"].to_string().contains("sesame"), "{said}");
        world.patch(OPERATOR, PROVIDER, FLUX, "app", json!({ "spec": { "filter": null } })).await;
    }
}
