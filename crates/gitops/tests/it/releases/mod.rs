//! A chart of a repository becomes a release, as Helm makes one, and stays as its HelmRelease says.

mod beside;
mod drift;
mod hooks;
mod rights;
mod sources;
mod story;
mod troubles;

use std::fs;
use std::path::{Path, PathBuf};

use cowherd_gitserver::artifact::packed;
use cowherd_gitserver::files::Server;
use cowherd_helm::release::record::Record;
use cowherd_source::{Access, LocalAccess, Network};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::world::World;

const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
const HELM: &str = "helm.toolkit.fluxcd.io/v2";

/// The template of a ConfigMap that says a value, and which revision it is of.
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  key: {{ .Values.key | \
                   quote }}\n  revision: {{ .Release.Revision | quote }}\n";

/// A cluster, and a repository of charts that it may reach.
struct Shop {
    world: World,
    server: Server,
    root: PathBuf,
    _directory: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let mut world = World::new().await;
        world.kill_agents().await;
        let network = Network::Others(vec!["127.0.0.1".parse().unwrap()]);
        world.policy.access = Access { network, local: LocalAccess::Any, ..Access::default() };
        world.start_agents();
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("charts");
        fs::create_dir_all(&root).unwrap();
        let server = Server::start(&root);
        Self { world, server, root, _directory: directory }
    }

    /// Puts the chart `web` into the repository, whose only version this is.
    fn sell(&self, version: &str, files: &[(&str, &str)]) {
        put(&self.root, version, files);
    }

    async fn add_repository(&self) {
        self.add_repository_with(json!({})).await;
    }

    async fn add_repository_with(&self, more: Value) {
        let mut spec = json!({ "interval": "1h", "url": self.server.url("") });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let object = json!({ "metadata": { "name": "charts", "namespace": "apps" }, "spec": spec });
        self.world.create(SOURCE, "HelmRepository", object).await;
    }

    /// Adds the HelmRelease `web`, of the chart of the repository.
    async fn add_release(&self, more: Value) {
        let chart = json!({ "spec": { "chart": "web", "version": "*", "interval": "1h",
            "sourceRef": { "kind": "HelmRepository", "name": "charts" } } });
        let mut spec = json!({ "interval": "1h", "chart": chart });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let object = json!({ "metadata": { "name": "web", "namespace": "apps" }, "spec": spec });
        self.world.create(HELM, "HelmRelease", object).await;
    }

    async fn patch_release(&self, spec: Value) {
        self.world.patch(HELM, "HelmRelease", "apps", "web", json!({ "spec": spec })).await;
    }

    /// Has something reconciled now.
    async fn reconcile(&self, api_version: &str, kind: &str, name: &str, at: &str) {
        let annotations = json!({ "reconcile.fluxcd.io/requestedAt": at });
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.world.patch(api_version, kind, "apps", name, patch).await;
    }

    async fn release(&self) -> Option<Value> {
        self.world.get(HELM, "HelmRelease", Some("apps"), "web").await
    }

    /// Waits until the condition Ready of the release says this of the spec that is there; the status.
    async fn says(&self, status: &str, reason: &str, text: &str) -> Value {
        self.world
            .until(&format!("the release says {reason} {text:?}"), async || {
                let object = self.release().await.ok_or("it does not exist".to_owned())?;
                let found = object["status"].clone();
                let ready = condition(&found, "Ready");
                let message = ready["message"].as_str().unwrap_or_default();
                let is_of_now = ready["observedGeneration"] == object["metadata"]["generation"];
                match ready["status"] == status && ready["reason"] == reason && message.contains(text) && is_of_now {
                    true => Ok(found),
                    false => Err(found.to_string()),
                }
            })
            .await
    }

    /// Waits until the release is as its spec says, in this revision.
    async fn released(&self, revision: i64) -> Value {
        self.world
            .until(&format!("revision {revision} is released"), async || {
                let object = self.release().await.ok_or("it does not exist".to_owned())?;
                let status = object["status"].clone();
                let is_of_now = status["observedGeneration"] == object["metadata"]["generation"];
                let is_ready = condition(&status, "Ready")["status"] == "True";
                match is_of_now && is_ready && status["history"][0]["version"] == revision {
                    true => Ok(status),
                    false => Err(status.to_string()),
                }
            })
            .await
    }

    /// Helm's records in the namespace: revision, status and description.
    async fn records(&self) -> Vec<(i64, String, String)> {
        let records = self.whole_records().await.into_iter();
        records.map(|record| (record.version, record.info.status, record.info.description)).collect()
    }

    async fn whole_records(&self) -> Vec<Record> {
        let secrets: Api<Secret> = Api::namespaced(self.world.client.clone(), "apps");
        let found = secrets.list(&ListParams::default().labels("owner=helm")).await.unwrap();
        let read = |secret: Secret| Record::decode(&secret.data.unwrap()["release"].0).unwrap();
        let mut records: Vec<Record> = found.items.into_iter().map(read).collect();
        records.sort_by_key(|record| record.version);
        records
    }

    /// The ConfigMap that the chart makes.
    async fn map(&self) -> Option<Value> {
        self.world.get("v1", "ConfigMap", Some("apps"), "web").await
    }

    /// Waits until there is an event of this reason about the release; what it says.
    async fn told(&self, reason: &str) -> String {
        self.world
            .until(&format!("an event tells of {reason}"), async || {
                let events = self.world.api("v1", "Event", Some("apps")).list(&Default::default()).await.unwrap().items;
                let of = |event: &Value| event["involvedObject"]["kind"] == "HelmRelease" && event["reason"] == reason;
                let found = events.into_iter().find(|event| of(&event.data));
                found.map(|event| event.data["message"].as_str().unwrap().to_owned()).ok_or("there is none")
            })
            .await
    }
}

/// Puts the chart `web` and the index that has this version of it alone into a directory.
fn put(root: &Path, version: &str, files: &[(&str, &str)]) {
    let chart = format!("apiVersion: v2\nname: web\nversion: {version}\nappVersion: \"7\"\n");
    let mut all = vec![("web/Chart.yaml".to_owned(), chart)];
    all.extend(files.iter().map(|(path, content)| (format!("web/{path}"), (*content).to_owned())));
    if !all.iter().any(|(path, _)| path == "web/values.yaml") {
        all.push(("web/values.yaml".to_owned(), "key: one\n".to_owned()));
    }
    let files: Vec<(&str, &str)> = all.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    let archive = format!("web-{version}.tgz");
    fs::write(root.join(&archive), packed(&files)).unwrap();
    let index =
        format!("apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: {version}\n    urls: [{archive}]\n");
    fs::write(root.join("index.yaml"), index).unwrap();
}

fn condition(status: &Value, type_: &str) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}
