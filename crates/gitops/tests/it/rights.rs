//! The agents of a control plane are accounts of their own: they have what they need, and nothing else.

use cowherd_gitops::Clients;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::asked::{Asked, given};
use crate::notifications::{self, BETA};
use crate::world::{FLUX, World, condition, config_map, kustomization};

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";
const EXTENSIONS: &str = "source.extensions.fluxcd.io/v1beta1";
const OPERATOR: &str = "fluxcd.controlplane.io/v1";
const IMAGE: &str = "image.toolkit.fluxcd.io/v1";

/// What each of the agents asked.
#[derive(Default)]
struct Agents {
    sources: Asked,
    delivery: Asked,
    applying: Asked,
    notifying: Asked,
}

impl Drop for Agents {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "refused: {:?}",
                [self.sources.refused(), self.delivery.refused(), self.applying.refused(), self.notifying.refused()]
            );
        }
    }
}

impl Agents {
    /// A cluster whose agents are listened to.
    async fn listened_to() -> (World, Self) {
        let mut world = World::new().await;
        world.kill_agents().await;
        let asked = Self::default();
        let Clients { sources, delivery, applying, notifying } = world.agents.clone();
        world.agents = Clients {
            sources: asked.sources.by(sources),
            delivery: asked.delivery.by(delivery),
            applying: asked.applying.by(applying),
            notifying: asked.notifying.by(notifying),
        };
        world.start_agents();
        (world, asked)
    }
}

/// A GitRepository of this world that has credentials, as private ones have.
async fn follow_with_credentials(world: &World) {
    let secret = json!({ "metadata": { "name": "deploy-key", "namespace": FLUX }, "stringData": { "identity": "k" } });
    world.create("v1", "Secret", secret).await;
    let url = format!("file://{}", world.repository.path().display());
    let spec =
        json!({ "interval": "1h", "url": url, "ref": { "branch": "main" }, "secretRef": { "name": "deploy-key" } });
    world
        .create(SOURCE, "GitRepository", json!({ "metadata": { "name": FLUX, "namespace": FLUX }, "spec": spec }))
        .await;
}

/// A Kustomization of a tenant's: it acts for an account, and takes variables from a Secret.
async fn add_tenant(world: &World) {
    let account = json!({ "metadata": { "name": "tenant", "namespace": FLUX } });
    world.create("v1", "ServiceAccount", account).await;
    let secret = json!({ "metadata": { "name": "values", "namespace": FLUX }, "stringData": { "value": "mine" } });
    world.create("v1", "Secret", secret).await;
    let subject = json!({ "kind": "ServiceAccount", "name": "tenant", "namespace": FLUX });
    let binding = json!({ "metadata": { "name": "tenant", "namespace": "apps" }, "subjects": [subject],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" } });
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
    let more = json!({ "serviceAccountName": "tenant",
        "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "values" }] } });
    world.add(kustomization("tenant", "./tenant", more)).await;
}

/// A GitRepository of a place where there is none.
fn fetched_from(world: &World, place: &str) -> Value {
    let url = format!("file://{}/{place}", world.repository.path().display());
    json!({ "metadata": { "name": "gone", "namespace": FLUX }, "spec": { "interval": "1h", "url": url } })
}

async fn fetch_failed(world: &World, place: &str) {
    world
        .until(&format!("{place} could not be fetched"), async || {
            let status = world.get(SOURCE, "GitRepository", Some(FLUX), "gone").await.unwrap()["status"].to_string();
            if status.contains(&format!("/{place}")) { Ok(()) } else { Err(status) }
        })
        .await;
}

/// An OCIRepository that has the pull secrets of an account, in a registry that may not be asked.
async fn play_artifact(world: &World) {
    let account = json!({ "metadata": { "name": "puller", "namespace": FLUX } });
    world.create("v1", "ServiceAccount", account).await;
    let spec = json!({ "interval": "1h", "url": "oci://127.0.0.1:1/apps", "serviceAccountName": "puller" });
    let object = json!({ "metadata": { "name": "artifact", "namespace": FLUX }, "spec": spec });
    world.create(SOURCE, "OCIRepository", object).await;
    world
        .until("the registry may not be asked", async || {
            let found = world.get(SOURCE, "OCIRepository", Some(FLUX), "artifact").await.unwrap();
            let status = found["status"].to_string();
            if status.contains("AccessDenied") { Ok(()) } else { Err(status) }
        })
        .await;
}

/// A Bucket with keys, on a server that may not be asked.
async fn play_bucket(world: &World) {
    let keys = json!({ "accesskey": "jane", "secretkey": "hunter2" });
    let secret = json!({ "metadata": { "name": "keys", "namespace": FLUX }, "stringData": keys });
    world.create("v1", "Secret", secret).await;
    let spec =
        json!({ "interval": "1h", "endpoint": "127.0.0.1:1", "bucketName": "apps", "secretRef": { "name": "keys" } });
    world.create(SOURCE, "Bucket", json!({ "metadata": { "name": "bucket", "namespace": FLUX }, "spec": spec })).await;
    world
        .until("the server may not be asked", async || {
            let found = world.get(SOURCE, "Bucket", Some(FLUX), "bucket").await.unwrap();
            let status = found["status"].to_string();
            if status.contains("AccessDenied") { Ok(()) } else { Err(status) }
        })
        .await;
}

/// A GitRepository that is made of another.
async fn play_inclusion(world: &World) {
    let url = format!("file://{}", world.repository.path().display());
    let include = json!([{ "repository": { "name": FLUX }, "toPath": "included" }]);
    let spec = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" }, "include": include });
    let object = json!({ "metadata": { "name": "including", "namespace": FLUX }, "spec": spec });
    world.create(SOURCE, "GitRepository", object).await;
    world
        .until("it is made of the other", async || {
            let found = world.get(SOURCE, "GitRepository", Some(FLUX), "including").await.unwrap();
            let included = &found["status"]["includedArtifacts"];
            if included.is_array() { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
}

/// A Kustomization for another cluster, to which an account shows itself by a token, and which may not be asked.
async fn play_elsewhere(world: &World) {
    let data = json!({ "provider": "generic", "address": "127.0.0.1:1", "serviceAccountName": "tenant" });
    let map = json!({ "metadata": { "name": "elsewhere", "namespace": FLUX }, "data": data });
    world.create("v1", "ConfigMap", map).await;
    let more = json!({ "kubeConfig": { "configMapRef": { "name": "elsewhere" } } });
    world.add(kustomization("elsewhere", "./tenant", more)).await;
    world.failed("elsewhere", "ReconciliationFailed", "where manifests must not have cowherd connect to").await;
}

/// HelmRepositories that may not be asked, a chart of one of them, and a release of a tenant's from the repository.
async fn play_release(world: &World) {
    world.repository.write("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n");
    world.repository.write("chart/templates/a.yaml", &config_map("apps", "released", "1"));
    world.repository.commit("a chart");
    for (name, url, of) in [("charts", "http://127.0.0.1:1", "default"), ("registry", "oci://127.0.0.1:1/a", "oci")] {
        let spec = json!({ "interval": "1h", "url": url, "type": of });
        let object = json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec });
        world.create(SOURCE, "HelmRepository", object).await;
    }
    let source = json!({ "kind": "HelmRepository", "name": "registry" });
    let spec = json!({ "interval": "1h", "chart": "web", "version": "1.0.0", "sourceRef": source });
    world.create(SOURCE, "HelmChart", json!({ "metadata": { "name": "web", "namespace": FLUX }, "spec": spec })).await;
    for (kind, name) in [("HelmRepository", "charts"), ("HelmChart", "web")] {
        world
            .until(&format!("{kind} {name} may not be asked for"), async || {
                let status = world.get(SOURCE, kind, Some(FLUX), name).await.unwrap()["status"].to_string();
                if status.contains("AccessDenied") { Ok(()) } else { Err(status) }
            })
            .await;
    }
    let source = json!({ "kind": "GitRepository", "name": FLUX });
    let chart = json!({ "spec": { "chart": "./chart", "sourceRef": source, "reconcileStrategy": "Revision" } });
    let spec = json!({ "interval": "1h", "serviceAccountName": "tenant", "targetNamespace": "apps",
        "storageNamespace": "apps", "chart": chart });
    world.create(HELM, "HelmRelease", json!({ "metadata": { "name": "web", "namespace": FLUX }, "spec": spec })).await;
    world
        .until("the chart is released", async || {
            let status = world.get(HELM, "HelmRelease", Some(FLUX), "web").await.unwrap()["status"].to_string();
            if status.contains("InstallSucceeded") { Ok(()) } else { Err(status) }
        })
        .await;
}

/// An ArtifactGenerator that makes an artifact of a part of the repository, and one of somebody else's, which may not be fetched.
async fn play_generator(world: &World) {
    let object = json!({ "metadata": { "name": "published", "namespace": FLUX }, "spec": {} });
    world.create(SOURCE, "ExternalArtifact", object).await;
    let said = json!({ "path": "p", "url": "http://127.0.0.1:1/a.tgz", "revision": "v1", "lastUpdateTime": "2026-01-01T00:00:00Z",
        "digest": format!("sha256:{}", "0".repeat(64)) });
    let patch = kube::api::Patch::Merge(json!({ "status": { "artifact": said } }));
    let api = world.api(SOURCE, "ExternalArtifact", Some(FLUX));
    api.patch_status("published", &Default::default(), &patch).await.unwrap();
    let copy = json!([{ "from": "@repo/examples/**", "to": "@artifact/" }]);
    let spec = json!({ "sources": [{ "alias": "repo", "kind": "GitRepository", "name": FLUX }],
        "artifacts": [{ "name": "part", "copy": copy }] });
    let object = json!({ "metadata": { "name": "parts", "namespace": FLUX }, "spec": spec });
    world.create(EXTENSIONS, "ArtifactGenerator", object).await;
    world
        .until("the part is there", async || {
            let found = world.get(SOURCE, "ExternalArtifact", Some(FLUX), "part").await.unwrap_or_default();
            if found["status"]["artifact"].is_object() { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
}

/// Waits until an event about the object has been counted.
async fn told_again(world: &World, name: &str) {
    world
        .until(&format!("an event about {name} is counted"), async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
            let of = |event: &Value| event["involvedObject"]["name"] == name && event["count"].as_u64() > Some(1);
            if events.items.iter().any(|event| of(&event.data)) { Ok(()) } else { Err("none is") }
        })
        .await;
}

/// The kinds of which Alerts tell, with objects of them that webhooks have reconciled.
const TOLD: [(&str, &str, &str); 15] = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "root"),
    (HELM, "HelmRelease", "web"),
    (SOURCE, "GitRepository", FLUX),
    (SOURCE, "OCIRepository", "artifact"),
    (SOURCE, "Bucket", "bucket"),
    (SOURCE, "HelmRepository", "charts"),
    (SOURCE, "HelmChart", "web"),
    (SOURCE, "ExternalArtifact", "part"),
    (EXTENSIONS, "ArtifactGenerator", "parts"),
    (OPERATOR, "ResourceSet", "set"),
    (OPERATOR, "ResourceSetInputProvider", "given"),
    (OPERATOR, "FluxInstance", "flux"),
    (IMAGE, "ImageRepository", "scanned"),
    (IMAGE, "ImagePolicy", "latest"),
    (IMAGE, "ImageUpdateAutomation", "writing"),
];

/// A FluxInstance that follows this repository under another name, and the report on it.
async fn play_instance(world: &World) {
    world.repository.write("instance/a.yaml", &config_map("apps", "instance", "1"));
    world.repository.commit("an instance");
    let url = format!("file://{}", world.repository.path().display());
    let sync = json!({ "kind": "GitRepository", "name": "instance", "url": url, "ref": "refs/heads/main", "path": "./instance" });
    let spec = json!({ "distribution": { "version": "2.x", "registry": "ghcr.io/fluxcd" }, "sync": sync });
    let object = json!({ "metadata": { "name": "flux", "namespace": FLUX }, "spec": spec });
    world.create(OPERATOR, "FluxInstance", object).await;
    world
        .until("there is a report of what is followed", async || {
            let report = world.get(OPERATOR, "FluxReport", Some(FLUX), "flux").await.unwrap_or_default();
            let is_whole = report["spec"]["sync"]["ready"] == true && report["status"]["conditions"].is_array();
            if is_whole { Ok(()) } else { Err(report.to_string()) }
        })
        .await;
}

/// A ResourceSet whose objects are filled in with what a provider gives, one of them a copy, after something else is there.
async fn play_set(world: &World) {
    let metadata = |name: &str, labels: Value| json!({ "name": name, "namespace": FLUX, "labels": labels });
    let provider = json!({ "metadata": metadata("given", json!({ "gives": "values" })),
        "spec": { "type": "Static", "defaultValues": { "value": "given" } } });
    world.create(OPERATOR, "ResourceSetInputProvider", provider).await;
    let copied = json!({ "metadata": { "name": "copied", "namespace": FLUX }, "data": { "a": "b" } });
    world.create("v1", "ConfigMap", copied).await;
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "set", "namespace": "apps" },
        "data": { "key": "<< inputs.value >>" } });
    let annotations = json!({ "fluxcd.controlplane.io/copyFrom": format!("{FLUX}/copied") });
    let copy = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "copy", "namespace": "apps", "annotations": annotations } });
    let needs = json!([{ "apiVersion": "v1", "kind": "Namespace", "name": "apps", "ready": true }]);
    let from = json!([{ "name": "given" }, { "selector": { "matchLabels": { "gives": "values" } } }]);
    let set = json!({ "metadata": metadata("set", json!({})),
        "spec": { "inputsFrom": from, "dependsOn": needs, "resources": [map, copy] } });
    world.create(OPERATOR, "ResourceSet", set).await;
    world
        .until("the set is there", async || match world.value("apps", "set").await.as_deref() {
            Some("given") => Ok(()),
            _ => Err(format!("{:?}", world.get(OPERATOR, "ResourceSet", Some(FLUX), "set").await)),
        })
        .await;
}

/// An ImageRepository whose registry may not be asked, a policy that names one of another namespace, which does not let it, and an automation of
/// a repository that is on this machine.
async fn play_images(world: &World) {
    let metadata = |name: &str| json!({ "name": name, "namespace": FLUX });
    let spec = json!({ "image": "127.0.0.1:1/app", "interval": "1h" });
    world.create(IMAGE, "ImageRepository", json!({ "metadata": metadata("scanned"), "spec": spec.clone() })).await;
    let mut open = spec;
    open["accessFrom"] = json!({ "namespaceSelectors": [{ "matchLabels": { "no": "namespace" } }] });
    let elsewhere = json!({ "metadata": { "name": "elsewhere", "namespace": "apps" }, "spec": open });
    world.create(IMAGE, "ImageRepository", elsewhere).await;
    let policy = json!({ "imageRepositoryRef": { "name": "elsewhere", "namespace": "apps" },
        "policy": { "semver": { "range": "*" } } });
    world.create(IMAGE, "ImagePolicy", json!({ "metadata": metadata("latest"), "spec": policy })).await;
    let automation = json!({ "interval": "1h", "sourceRef": { "kind": "GitRepository", "name": FLUX },
        "git": { "commit": { "author": { "email": "robot@example.com" } }, "push": { "branch": "main" } } });
    world.create(IMAGE, "ImageUpdateAutomation", json!({ "metadata": metadata("writing"), "spec": automation })).await;
    for (kind, name, told) in [
        ("ImageRepository", "scanned", "where manifests must not have cowherd connect to"),
        ("ImagePolicy", "latest", "ACL labels mismatch on namespace"),
        ("ImageUpdateAutomation", "writing", "is a repository of this machine"),
    ] {
        world
            .until(&format!("{kind} says {told}"), async || {
                let status = world.get(IMAGE, kind, Some(FLUX), name).await.unwrap()["status"].to_string();
                if status.contains(told) { Ok(()) } else { Err(status) }
            })
            .await;
    }
}

/// An Alert whose Provider may not be asked, about all that happens, and one whose labels nothing has.
async fn follow_with_alerts(world: &World) {
    notifications::token(world, FLUX, "token").await;
    let spec = json!({ "type": "generic", "address": "http://127.0.0.1:1", "secretRef": { "name": "webhook" } });
    world.create(BETA, "Provider", json!({ "metadata": { "name": "chat", "namespace": FLUX }, "spec": spec })).await;
    for (name, labels) in [("all", json!({})), ("labelled", json!({ "matchLabels": { "nothing": "has" } }))] {
        let sources = TOLD.map(|(_, kind, _)| {
            let mut source = json!({ "kind": kind, "name": "*" });
            source.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
            source
        });
        let spec = json!({ "providerRef": { "name": "chat" }, "eventSources": sources });
        world.create(BETA, "Alert", json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec })).await;
    }
}

/// A webhook that has all sorts of resources reconciled.
async fn play_webhook(world: &World) {
    let named = TOLD.map(|(api_version, kind, name)| json!({ "apiVersion": api_version, "kind": kind, "name": name }));
    let labelled = TOLD.map(|(api_version, kind, _)| {
        json!({ "apiVersion": api_version, "kind": kind, "name": "*", "matchLabels": { "nothing": "has" } })
    });
    let resources: Vec<Value> = named.into_iter().chain(labelled).collect();
    let spec = json!({ "type": "generic", "secretRef": { "name": "webhook" }, "resources": resources });
    let path = notifications::receiver(world, FLUX, "all", spec).await;
    let address = notifications::hooks(world).await;
    world
        .until("the webhook is taken", async || {
            let path = path.clone();
            let sending = move || notifications::send(address, "POST", &path, &[], "{}");
            match tokio::task::spawn_blocking(sending).await.unwrap() {
                200 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
}

/// Plays all that agents meet on the quickstart, and what tenants and mistakes add to it.
async fn play(world: &World) {
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart");
    world.repository.copy(quickstart.as_ref(), "examples/quickstart");
    world.repository.write("tenant/a.yaml", &config_map("apps", "tenant", "${value}"));
    let first = world.repository.commit("the quickstart");
    follow_with_alerts(world).await;
    follow_with_credentials(world).await;
    world.add(kustomization("root", "./examples/quickstart", json!({}))).await;
    add_tenant(world).await;
    for name in ["root", "infrastructure", "apps-dev", "apps-staging", "apps-prod", "tenant"] {
        world.ready(name, &first).await;
    }
    assert_eq!(world.value("apps", "tenant").await.as_deref(), Some("mine"));

    // What somebody changes is put right.
    world.patch("apps/v1", "Deployment", "prod", "nginx", json!({ "spec": { "replicas": 1 } })).await;
    world
        .until("what was scaled by hand is put right", async || {
            let found = world.get("apps/v1", "Deployment", Some("prod"), "nginx").await.unwrap();
            let replicas = found["spec"]["replicas"].clone();
            if replicas == 5 { Ok(()) } else { Err(replicas.to_string()) }
        })
        .await;

    // What fails again for the same reason is counted.
    world.add(kustomization("nowhere", "./nowhere", json!({}))).await;
    told_again(world, "nowhere").await;
    world.create(SOURCE, "GitRepository", fetched_from(world, "gone")).await;
    for place in ["gone", "missing", "gone"] {
        world.patch(SOURCE, "GitRepository", FLUX, "gone", fetched_from(world, place)).await;
        fetch_failed(world, place).await;
    }
    told_again(world, "gone").await;

    // What leaves the repository is pruned, and what is deleted is cleaned up, Flux's finalizer of a source too.
    world.repository.remove("tenant/a.yaml");
    world.repository.write("tenant/b.yaml", &config_map("apps", "other", "2"));
    let second = world.repository.commit("another");
    world.ready("tenant", &second).await;
    // Who describes nothing by now has to say so first.
    world
        .until("what left the repository is gone", async || {
            world.value("apps", "tenant").await.map_or(Ok(()), |value| Err(format!("it says {value}")))
        })
        .await;
    let finalizer = json!({ "metadata": { "finalizers": ["finalizers.fluxcd.io"] } });
    world.patch(SOURCE, "GitRepository", FLUX, "gone", finalizer.clone()).await;
    play_artifact(world).await;
    play_bucket(world).await;
    play_inclusion(world).await;
    play_elsewhere(world).await;
    play_release(world).await;
    play_generator(world).await;
    play_set(world).await;
    play_instance(world).await;
    play_images(world).await;
    play_webhook(world).await;
    told_again(world, "all").await;
    for (kind, name) in
        [("OCIRepository", "artifact"), ("Bucket", "bucket"), ("HelmRepository", "charts"), ("HelmChart", "web")]
    {
        world.patch(SOURCE, kind, FLUX, name, finalizer.clone()).await;
    }
    for (kind, name) in
        [("ImageRepository", "scanned"), ("ImagePolicy", "latest"), ("ImageUpdateAutomation", "writing")]
    {
        world.patch(IMAGE, kind, FLUX, name, finalizer.clone()).await;
    }
    let finalizer = json!({ "metadata": { "finalizers": ["fluxcd.controlplane.io/finalizer"] } });
    world.patch(OPERATOR, "ResourceSetInputProvider", FLUX, "given", finalizer).await;
    let deleted = [
        (SOURCE, "GitRepository", "gone"),
        (SOURCE, "OCIRepository", "artifact"),
        (SOURCE, "Bucket", "bucket"),
        (SOURCE, "HelmChart", "web"),
        (SOURCE, "HelmRepository", "charts"),
        (EXTENSIONS, "ArtifactGenerator", "parts"),
        (OPERATOR, "FluxInstance", "flux"),
        (OPERATOR, "ResourceSet", "set"),
        (OPERATOR, "ResourceSetInputProvider", "given"),
        (IMAGE, "ImageRepository", "scanned"),
        (IMAGE, "ImagePolicy", "latest"),
        (IMAGE, "ImageUpdateAutomation", "writing"),
        (HELM, "HelmRelease", "web"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "root"),
    ];
    for (api_version, kind, name) in deleted {
        let api = world.api(api_version, kind, Some(FLUX));
        api.delete(name, &DeleteParams::default()).await.unwrap();
        world
            .until(&format!("{name} is gone"), async || match api.get_opt(name).await.unwrap() {
                None => Ok(()),
                Some(found) => Err(format!("{:?}", found.metadata)),
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_agent_asks_for_what_deploy_gives_it_and_all_of_it() {
    let (world, asked) = Agents::listened_to().await;
    play(&world).await;
    let agents = [
        (&asked.sources, "cowherd-sources"),
        (&asked.delivery, "cowherd-delivery"),
        (&asked.notifying, "cowherd-notifications"),
    ];
    for (asked, role) in agents {
        assert_eq!(asked.refused(), Vec::<String>::new(), "{role} lacks a right that is needed");
        let spare = asked.spare(&given(role));
        assert!(spare.is_empty(), "{role} gives what nothing needs: {spare:?}; what was asked: {:#?}", asked.used());
    }
    assert_eq!(asked.applying.refused(), Vec::<String>::new());
    // Who may do everything does nothing but bring objects: it writes no status and no event, and reads nobody's secrets.
    let status_or_event =
        |resource: &str| resource.contains('/') || ["events", "leases", "secrets"].contains(&resource);
    let besides: Vec<_> = asked.applying.used().into_iter().filter(|used| status_or_event(&used.resource)).collect();
    assert!(besides.is_empty(), "{besides:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_binding_of_who_applies_only_named_accounts_apply() {
    let world = World::new().await;
    let bindings = world.api("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None);
    // It may not be deleted, but what it says may be changed.
    let refused = bindings.delete("cowherd-applier", &DeleteParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains("this control plane needs it"), "{refused}");
    world
        .patch_cluster(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "cowherd-applier",
            json!({ "subjects": [] }),
        )
        .await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    world.repository.write("tenant/a.yaml", &config_map("apps", "tenant", "${value}"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    add_tenant(&world).await;
    world.ready("tenant", &first).await;
    let applier = "system:serviceaccount:flux-system:kustomize-controller";
    let said = world.failed("app", "ReconciliationFailed", &format!("User \"{applier}\" cannot")).await;
    assert!(said.contains("ConfigMap/apps/app"), "{said}");
    assert_eq!(world.value("apps", "app").await, None);
    assert!(condition(&world.kustomization("tenant").await.unwrap(), "Ready").is_some());
}
