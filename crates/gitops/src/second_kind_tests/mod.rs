//! What is delivered for owners of another kind than Kustomization: a [`Bundle`], which a file of JSON is made into objects for.
//!
//! Nothing of the schedule, of claims, health, prune or drift knows of it: it is a folder, as CONTRIBUTING.md describes it.

mod bundle;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apiserver::ApiServer;
use cowherd_runtime::Metrics;
use cowherd_store::Store;
use cowherd_tree::MemoryTree;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::fetches::{FetchLimits, Fetches};
use crate::schedule::{Schedule, Signal, watch};
use crate::source::{Artifact, Latest, News, SourceName, git};
use crate::{Config, delivery, events, kustomization};
use bundle::Bundle;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What counts the reconciliations of Bundles that panicked.
const PANICS: &str = "controller_runtime_reconcile_panics_total{controller=\"bundle\"}";

/// A cluster with agents for both kinds.
struct World {
    client: Client,
    signals: mpsc::UnboundedSender<Signal>,
    metrics: Metrics,
    commits: std::cell::Cell<u32>,
    _agents: JoinSet<()>,
    _server: ApiServer,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), cowherd_store::Options::default()).unwrap();
        let server = ApiServer::open(store, cowherd_apiserver::Config::default()).await.unwrap();
        let client = server.client();
        crate::install(client.clone()).await.unwrap();
        let (signals, inbox) = mpsc::unbounded_channel();
        let config = Config::default();
        let (health, metrics) = (config.health.clone(), config.metrics.clone());
        let recorder = events::Recorders::new(client.clone(), &health, &metrics);
        let fetches = Fetches::new(FetchLimits::default());
        let context = delivery::Context::new(client.clone(), recorder, fetches, &config, signals.clone());
        let world = Self {
            client: client.clone(),
            signals: signals.clone(),
            metrics: metrics.clone(),
            commits: std::cell::Cell::new(0),
            _agents: JoinSet::new(),
            _server: server,
            _directory: directory,
        };
        let definition = bundle::definition();
        world.create("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, definition).await;
        world.create("v1", "Namespace", None, json!({ "metadata": { "name": "team" } })).await;
        world
            .until("bundles are served", async || {
                world.api(bundle::API_VERSION, "Bundle").list(&Default::default()).await.is_ok()
            })
            .await;
        let mut world = world;
        let kinds = [&kustomization::KIND, &bundle::KIND];
        let (health_too, metrics_too, client_too) = (health.clone(), metrics.clone(), client.clone());
        world._agents.spawn(watch::owners::<Kustomization>(
            client,
            Default::default(),
            health,
            metrics,
            signals.clone(),
        ));
        world._agents.spawn(watch::owners::<Bundle>(client_too, Default::default(), health_too, metrics_too, signals));
        world._agents.spawn(Schedule::new(context, &kinds).run(inbox));
        world
    }

    /// The source brings the next commit: for the Bundle and for the Kustomization, the names of their ConfigMaps and the
    /// value of all.
    fn commit(&self, bundle: &[&str], kustomization: &[&str], value: &str) -> String {
        self.commits.set(self.commits.get() + 1);
        let config_map = |name: &&str| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "team" },
                "data": { "key": value } })
        };
        let list: Vec<Value> = bundle.iter().map(config_map).collect();
        let mut tree = MemoryTree::new([("bundle.json", json!(list).to_string())]).unwrap();
        tree.insert("app/kustomization.yaml", "kind: Kustomization\n").unwrap();
        for name in kustomization {
            tree.insert(&format!("app/{name}.yaml"), config_map(name).to_string()).unwrap();
        }
        let resources: Vec<String> = kustomization.iter().map(|name| format!("{name}.yaml")).collect();
        tree.insert("app/kustomization.yaml", json!({ "resources": resources }).to_string()).unwrap();
        let (revision, tree) = (format!("main@sha1:{}", self.commits.get()), Arc::new(tree));
        let digest = self.commits.get().to_string();
        let artifact =
            Artifact { revision: revision.clone(), digest, tree: tree.clone(), all: tree, ..Artifact::nothing() };
        let source = SourceName::new(git::KIND, "team", "fleet");
        let _ = self.signals.send(Signal::Source(News { source, latest: Some(Latest::of(artifact)) }));
        revision
    }

    fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), "team", &resource)
    }

    async fn create(&self, api_version: &str, kind: &str, namespace: Option<&str>, mut object: Value) {
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    async fn add_bundle(&self) {
        self.add_bundle_of("b", "bundle.json").await;
    }

    async fn add_bundle_of(&self, name: &str, file: &str) {
        let spec = json!({ "file": file, "from": "fleet" });
        let object = json!({ "metadata": { "name": name, "namespace": "team" }, "spec": spec });
        self.create(bundle::API_VERSION, "Bundle", Some("team"), object).await;
    }

    async fn add_kustomization(&self) {
        let spec = json!({ "interval": "1h", "prune": true, "path": "./app",
            "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
        let object = json!({ "metadata": { "name": "k", "namespace": "team" }, "spec": spec });
        self.create("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some("team"), object).await;
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        let found = self.api(api_version, kind).get_opt(name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    async fn config_map(&self, name: &str) -> Option<Value> {
        self.get("v1", "ConfigMap", name).await
    }

    async fn until(&self, what: &str, check: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !check().await {
            if began.elapsed() > PATIENCE {
                let bundle = self.get(bundle::API_VERSION, "Bundle", "b").await;
                panic!("waited in vain until {what}: {bundle:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the Bundle says in its own words that it has the revision.
    async fn delivered(&self, revision: &str) {
        let what = format!("{revision} is delivered");
        self.until(&what, async || {
            let found = self.get(bundle::API_VERSION, "Bundle", "b").await;
            found.is_some_and(|found| found["status"]["delivered"] == revision && ready(&found) == "True")
        })
        .await;
    }

    /// Waits until the Bundle says that it is not ready, and this of it.
    async fn failed(&self, name: &str, message: &str) {
        let says = async || {
            let found = self.get(bundle::API_VERSION, "Bundle", name).await.unwrap_or_default();
            assert!(!found.to_string().contains(bundle::UNSPEAKABLE), "{found}");
            let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is_it = |one: &Value| one["type"] == "Ready" && one["status"] == "False" && one["message"] == message;
            conditions.iter().any(is_it)
        };
        self.until(&format!("a Bundle says {message:?}"), says).await;
    }

    /// How many reconciliations of Bundles panicked.
    fn panics(&self) -> u32 {
        let text = self.metrics.text();
        let line = text.lines().find(|line| line.starts_with(PANICS));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }

    async fn kustomized(&self, revision: &str) {
        let what = format!("{revision} is applied by the Kustomization");
        self.until(&what, async || {
            let found = self.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "k").await;
            found.is_some_and(|found| found["status"]["lastAppliedRevision"] == revision && ready(&found) == "True")
        })
        .await;
    }
}

fn ready(object: &Value) -> &str {
    let conditions = object["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|one| one["type"] == "Ready"));
    ready.and_then(|ready| ready["status"].as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_kind_describes_is_applied_under_its_own_marks_put_right_pruned_and_cleaned_up() {
    let world = World::new().await;
    world.add_bundle().await;
    let first = world.commit(&["a", "gone"], &[], "1");
    world.delivered(&first).await;
    let object = world.config_map("a").await.unwrap();
    assert_eq!(
        object["metadata"]["labels"],
        json!({ "tests.cowherd.dev/name": "b", "tests.cowherd.dev/namespace": "team" })
    );
    let managers: Vec<&Value> =
        object["metadata"]["managedFields"].as_array().unwrap().iter().map(|entry| &entry["manager"]).collect();
    assert_eq!(managers, ["bundle-controller"]);

    let patch = Patch::Merge(json!({ "data": { "key": "by hand" } }));
    world.api("v1", "ConfigMap").patch("a", &PatchParams::default(), &patch).await.unwrap();
    world.until("the drift is put right", async || world.config_map("a").await.unwrap()["data"]["key"] == "1").await;

    let second = world.commit(&["a"], &[], "2");
    world.delivered(&second).await;
    assert_eq!(world.config_map("a").await.unwrap()["data"]["key"], "2");
    assert_eq!(world.config_map("gone").await, None);

    world.api(bundle::API_VERSION, "Bundle").delete("b", &DeleteParams::default()).await.unwrap();
    let gone = async || world.get(bundle::API_VERSION, "Bundle", "b").await.is_none();
    world.until("the Bundle is gone", gone).await;
    assert_eq!(world.config_map("a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_moves_between_owners_of_two_kinds_and_the_older_of_two_that_describe_it_has_it() {
    let world = World::new().await;
    world.add_bundle().await;
    let first = world.commit(&["moves", "stays"], &["own"], "1");
    world.delivered(&first).await;
    world.add_kustomization().await;
    world.kustomized(&first).await;
    let uid = world.config_map("moves").await.unwrap()["metadata"]["uid"].clone();

    let second = world.commit(&["stays"], &["own", "moves"], "2");
    world.kustomized(&second).await;
    world.delivered(&second).await;
    let moved = world.config_map("moves").await.unwrap();
    assert_eq!((&moved["metadata"]["uid"], &moved["data"]["key"]), (&uid, &json!("2")), "it is the same object");
    assert_eq!(moved["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], "k");

    let third = world.commit(&["stays", "own"], &["own", "moves"], "3");
    world.delivered(&third).await;
    world.kustomized(&third).await;
    let said = async || {
        let found = world.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "k").await.unwrap();
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|one| {
            one["type"] == "SharedObjects"
                && one["message"].as_str().is_some_and(|text| text.contains("ConfigMap/team/own"))
        })
    };
    world.until("the younger says who has what both describe", said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_whose_delivery_panics_says_so_is_tried_again_and_keeps_no_other_from_its_objects() {
    let world = World::new().await;
    world.add_bundle_of("c", bundle::BUG).await;
    world.add_kustomization().await;
    let first = world.commit(&["a"], &["own"], "1");
    world.failed("c", "the reconciliation broke off; this is a bug in cowherd").await;
    world.until("it is tried again", async || world.panics() > 1).await;
    world.kustomized(&first).await;

    let patch = Patch::Merge(json!({ "spec": { "file": "bundle.json" } }));
    world.api(bundle::API_VERSION, "Bundle").patch("c", &PatchParams::default(), &patch).await.unwrap();
    let delivered = async || world.config_map("a").await.is_some_and(|found| found["data"]["key"] == "1");
    world.until("it is delivered as soon as it is another one", delivered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_cannot_be_read_without_a_panic_says_so_and_keeps_no_other_from_anything() {
    let world = World::new().await;
    world.add_bundle_of("c", bundle::UNREADABLE).await;
    world.add_kustomization().await;
    let first = world.commit(&["a"], &["own"], "1");
    world.failed("c", "it cannot be looked at; this is a bug in cowherd").await;
    world.kustomized(&first).await;
    assert!(world.panics() > 0, "{}", world.metrics.text());
    let second = world.commit(&["a"], &["own"], "2");
    world.kustomized(&second).await;

    let patch = Patch::Merge(json!({ "spec": { "file": "bundle.json" } }));
    world.api(bundle::API_VERSION, "Bundle").patch("c", &PatchParams::default(), &patch).await.unwrap();
    let delivered = async || world.config_map("a").await.is_some_and(|found| found["data"]["key"] == "2");
    world.until("it is delivered as soon as it is another one", delivered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_whose_manifests_panic_says_so_and_is_counted() {
    let world = World::new().await;
    world.add_bundle().await;
    world.add_kustomization().await;
    let first = world.commit(&["a"], &["own"], bundle::BUG);
    world.failed("b", "the render broke off; this is a bug in cowherd").await;
    world.kustomized(&first).await;
    assert!(world.panics() > 0, "{}", world.metrics.text());
    let second = world.commit(&["a"], &["own"], "2");
    world.delivered(&second).await;
}
