//! A config repository, made with the git binary, and what it takes to follow it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_controlplane::{Agents, Budgets, Config, ControlPlane};
use cowherd_gitops::Policy;
use cowherd_source::{Access, LocalAccess};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(120);
/// The namespace of sources and Kustomizations.
const FLUX: &str = "flux-system";

/// A repository with one ConfigMap and one Deployment.
pub fn make(path: &Path) -> PathBuf {
    fs::create_dir_all(path).unwrap();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]);
        let output = git.args(arguments).current_dir(path).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    let config =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: default}\ndata: {key: value}\n";
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
        "spec": {
            "replicas": 1, "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
            },
        },
    });
    fs::write(path.join("config.yaml"), config).unwrap();
    fs::write(path.join("deployment.yaml"), deployment.to_string()).unwrap();
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "first"]);
    path.to_owned()
}

/// A control plane in the directory whose agents follow the repository.
pub async fn follow(directory: PathBuf, repository: &Path, budgets: &Budgets) -> ControlPlane {
    let mut plane = ControlPlane::open(Config::new(directory), budgets).await.unwrap();
    let mut agents = Agents::in_dir(plane.data_dir()).unwrap();
    let access = Access { local: LocalAccess::Only(vec![repository.to_owned()]), ..Access::default() };
    agents.config.policy = Arc::new(Policy { access, ..Policy::default() });
    let clients = plane.prepare_agents().await.unwrap();
    plane.run_agents(clients, agents);
    let client = plane.client();
    let namespace = json!({ "metadata": { "name": FLUX } });
    let namespaces: Api<Namespace> = Api::all(client.clone());
    if namespaces.get_opt(FLUX).await.unwrap().is_none() {
        namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
        let url = format!("file://{}", repository.display());
        let source = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" } });
        create(&client, "source.toolkit.fluxcd.io", "GitRepository", source).await;
        let source = json!({ "kind": "GitRepository", "name": "fleet" });
        let spec = json!({ "interval": "1h", "path": "./", "prune": true, "wait": false, "sourceRef": source });
        create(&client, "kustomize.toolkit.fluxcd.io", "Kustomization", spec).await;
    }
    plane
}

async fn create(client: &Client, group: &str, kind: &str, spec: Value) {
    let object = json!({ "metadata": { "name": "fleet", "namespace": FLUX }, "spec": spec });
    api(client, group, kind).create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

fn api(client: &Client, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(client.clone(), FLUX, &resource)
}

/// Waits until the Kustomization is Ready, what it describes is there, and a controller has acted upon it.
pub async fn converged(plane: &ControlPlane) {
    let client = plane.client();
    until("the Kustomization is Ready", async || {
        let found = api(&client, "kustomize.toolkit.fluxcd.io", "Kustomization").get("fleet").await.unwrap();
        let conditions = found.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
        let ready = conditions.into_iter().flatten().find(|one| one["type"] == "Ready");
        if ready.as_ref().is_some_and(|ready| ready["status"] == "True") { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    assert!(maps.get_opt("settings").await.unwrap().is_some());
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), "default");
    until("the Deployment has its Pod", async || {
        let found = pods.list_metadata(&Default::default()).await.unwrap().items.len();
        if found == 1 { Ok(()) } else { Err(format!("there are {found}")) }
    })
    .await;
}

/// Waits until a check passes; fails with what it saw last.
pub async fn until(what: &str, check: impl AsyncFn() -> Result<(), String>) {
    let began = Instant::now();
    loop {
        match check().await {
            Ok(()) => return,
            Err(seen) if began.elapsed() > PATIENCE => panic!("waited in vain until {what}: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
