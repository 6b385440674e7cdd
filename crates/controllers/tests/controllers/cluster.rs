//! A control plane in a temporary directory, whose controllers have no rights but their own.

use std::future::Future;
use std::time::{Duration, Instant};

use cowherd_controlplane::{Budgets, Config, ControlPlane};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

/// The control plane; it ends with this value.
pub struct Cluster {
    pub client: Client,
    _directory: tempfile::TempDir,
    _plane: ControlPlane,
}

impl Cluster {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let plane = ControlPlane::open(Config::new(directory.path()), &Budgets::default()).await.unwrap();
        Self { client: plane.client(), _directory: directory, _plane: plane }
    }

    /// The API of a kind in a namespace; cluster-wide where the namespace is empty.
    pub fn api(&self, version: &str, kind: &str, plural: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        }
    }

    pub fn deployments(&self) -> Api<DynamicObject> {
        self.api("apps/v1", "Deployment", "deployments", "default")
    }

    pub fn replica_sets(&self) -> Api<DynamicObject> {
        self.api("apps/v1", "ReplicaSet", "replicasets", "default")
    }

    pub fn pods(&self) -> Api<DynamicObject> {
        self.api("v1", "Pod", "pods", "default")
    }

    pub fn config_maps(&self, namespace: &str) -> Api<DynamicObject> {
        self.api("v1", "ConfigMap", "configmaps", namespace)
    }

    /// Does for the pods that are not ready what a node would do: runs them.
    pub async fn make_pods_ready(&self) {
        let pods = self.pods();
        for pod in pods.list(&Default::default()).await.unwrap() {
            let conditions = pod.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
            let ready = conditions.iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True");
            if ready || pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let status = json!({ "status": { "phase": "Running", "conditions": [{
                "type": "Ready", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z",
            }] } });
            let name = pod.metadata.name.unwrap();
            // It may be gone by now; then there is nothing to run.
            let _ = pods.patch_status(&name, &PatchParams::default(), &Patch::Strategic(status)).await;
        }
    }
}

/// Creates an object.
pub async fn create(api: &Api<DynamicObject>, object: Value) -> DynamicObject {
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

/// Waits until a check passes; fails with what it saw last.
pub async fn eventually<F: Future<Output = Result<(), String>>>(what: &str, check: impl Fn() -> F) {
    let start = Instant::now();
    loop {
        match check().await {
            Ok(()) => return,
            Err(seen) if start.elapsed() > Duration::from_secs(20) => panic!("{what}: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// `Ok` if the two are equal, else what was seen.
pub fn expect<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("saw {seen:?}, wanted {wanted:?}")) }
}
