//! OCIRepositories beside Flux's own source-controller.
//!
//! What the real one says of each case is in `tests/recorded/oci.json`; how it is recorded again says docs/testing.md.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cowherd_gitserver::artifact::Repository;
use cowherd_gitserver::registry::{Access, Registry};
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::cases::{self, Case};

/// The variable that names the kubeconfig of a real cluster on which source-controller runs.
const ORACLE: &str = "COWHERD_ORACLE_KUBECONFIG";
/// How long a case may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// Type, status and reason of each condition.
    conditions: Vec<[String; 3]>,
    /// What Ready says.
    message: String,
    /// The revision of the artifact.
    revision: Option<String>,
    /// What the artifact says of itself.
    metadata: BTreeMap<String, String>,
    /// What of the spec it was made with.
    observed: Map<String, Value>,
    /// Type, reason and message of the events of what succeeded.
    events: Vec<[String; 3]>,
}

/// A cluster with a namespace, and a registry that has what the cases name.
struct Stage<'a> {
    client: Client,
    namespace: String,
    repository: Repository<'a>,
    digests: Vec<(String, String)>,
}

impl Stage<'_> {
    fn api(&self, group: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    async fn play(&self, case: &Case) -> Seen {
        let mut spec = json!({ "interval": "1h", "url": "URL" });
        spec.as_object_mut().unwrap().extend(case.spec.as_object().unwrap().clone());
        let mut spec = spec.to_string().replace("\"URL", &format!("\"{}", self.repository.url()));
        for (tag, digest) in &self.digests {
            spec = spec.replace(&format!("DIGEST({tag})"), digest);
        }
        let object = json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": { "name": case.name, "namespace": self.namespace },
            "spec": serde_json::from_str::<Value>(&spec).unwrap() });
        let api = self.api("source.toolkit.fluxcd.io", "OCIRepository");
        api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        let began = Instant::now();
        loop {
            let found = api.get(case.name).await.unwrap();
            let status = &found.data["status"];
            let ready = conditions(status).into_iter().find(|condition| condition["type"] == "Ready");
            let generation = json!(found.metadata.generation);
            let is_whole = |ready: &Value| ready["status"] == "False" || !status["artifact"].is_null();
            let is_told = |ready: &Value| ready["status"] != "Unknown" && ready["observedGeneration"] == generation;
            let is_told = |ready: &Value| is_told(ready) && is_whole(ready);
            let is_settled = ready.as_ref().is_some_and(is_told);
            if is_settled {
                return self.seen(case, status, ready.unwrap_or_default()).await;
            }
            assert!(began.elapsed() < PATIENCE, "{}: {status}", case.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn seen(&self, case: &Case, status: &Value, ready: Value) -> Seen {
        let text = |value: &Value| self.named(value.as_str().unwrap_or_default());
        let mut conditions: Vec<[String; 3]> = conditions(status)
            .iter()
            .map(|condition| ["type", "status", "reason"].map(|field| text(&condition[field])))
            .collect();
        conditions.sort();
        let artifact = &status["artifact"];
        let metadata = artifact["metadata"].as_object().cloned().unwrap_or_default();
        // The seal is ours.
        let metadata = metadata.into_iter().filter(|(name, _)| !name.starts_with("cowherd.dev/"));
        let observed = status.as_object().unwrap().iter().filter(|(name, _)| name.starts_with("observed"));
        let observed = observed.filter(|(name, _)| *name != "observedGeneration");
        let events = if ready["status"] == "True" { self.events(case).await } else { Vec::new() };
        Seen {
            conditions,
            message: text(&ready["message"]),
            revision: artifact["revision"].as_str().map(|revision| self.named(revision)),
            metadata: metadata.map(|(name, value)| (name, text(&value))).collect(),
            observed: observed.map(|(name, value)| (name.clone(), value.clone())).collect(),
            events,
        }
    }

    /// The events about a case, which come when they come.
    async fn events(&self, case: &Case) -> Vec<[String; 3]> {
        let began = Instant::now();
        loop {
            let params = ListParams::default().fields(&format!("involvedObject.name={}", case.name));
            let found = self.api("", "Event").list(&params).await.unwrap();
            let text = |event: &DynamicObject, field: &str| self.named(event.data[field].as_str().unwrap_or_default());
            let events = found.iter().map(|event| ["type", "reason", "message"].map(|field| text(event, field)));
            let events: Vec<_> = events.filter(|[_, reason, _]| reason == "NewArtifact").collect();
            if !events.is_empty() {
                return events;
            }
            assert!(began.elapsed() < PATIENCE, "{}: no event", case.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A text with the names of what is another in each run.
    fn named(&self, text: &str) -> String {
        let mut named = text.replace(self.repository.host, "REGISTRY").replace(&self.namespace, "NAMESPACE");
        for (tag, digest) in &self.digests {
            named = named.replace(digest, &format!("DIGEST({tag})"));
        }
        named
    }
}

fn conditions(status: &Value) -> Vec<Value> {
    status["conditions"].as_array().cloned().unwrap_or_default()
}

fn recording() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/oci.json")
}

async fn play_all(client: Client, namespace: &str, directory: &std::path::Path) -> BTreeMap<String, Seen> {
    let registry = Registry::start(directory, &Access::Anyone);
    let repository = Repository::new(&registry.host, "fleet/apps");
    let digests = cases::push(&repository);
    let stage = Stage { client, namespace: namespace.to_owned(), repository, digests };
    let mut seen = BTreeMap::new();
    for case in cases::all() {
        seen.insert(case.name.to_owned(), stage.play(&case).await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_with_the_real_source_controller() {
    let directory = tempfile::tempdir().unwrap();
    let (world, _registry, _kept) = super::world(&Access::Anyone).await;
    let seen = play_all(world.client.clone(), "other", directory.path()).await;
    let recorded: BTreeMap<String, Seen> =
        serde_json::from_str(&std::fs::read_to_string(recording()).unwrap()).unwrap();
    let mut failures = Vec::new();
    for case in cases::all() {
        let (ours, mut real) = (&seen[case.name], recorded[case.name].clone());
        if !case.has_same_words {
            real.message.clone_from(&ours.message);
        }
        if *ours != real {
            failures.push(format!("{}:\n  ours {ours:?}\n  real {real:?}", case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real cluster with source-controller, in the kubeconfig that COWHERD_ORACLE_KUBECONFIG names"]
async fn record_what_the_real_source_controller_says() {
    let kubeconfig = kube::config::Kubeconfig::read_from(std::env::var(ORACLE).unwrap()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    let namespace = format!("oci-{}", std::process::id());
    let made = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(client.clone());
    namespaces.create(&PostParams::default(), &serde_json::from_value(made).unwrap()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let recorded = play_all(client, &namespace, directory.path()).await;
    std::fs::write(recording(), serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
}
