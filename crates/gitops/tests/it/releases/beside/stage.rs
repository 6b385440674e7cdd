//! Plays a case in namespaces of its own, on any cluster.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cowherd_gitserver::artifact::packed;
use cowherd_gitserver::files::Server;
use cowherd_helm::release::record::{Record, labels, secret_name};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::super::{HELM, SOURCE};
use super::case::{Case, Rewritten, Step, namespace};
use super::{PATIENCE, hand};

/// A case that is being played.
pub struct Stage {
    pub client: Client,
    pub case: Case,
    pub namespace: String,
    pub server: Server,
    root: PathBuf,
    /// What was asked for so far.
    asked: usize,
    hand: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.hand.abort();
    }
}

impl Stage {
    /// Makes room for a case, whose repository of charts is a directory below this one.
    pub async fn set(client: &Client, case: Case, directory: &std::path::Path, is_real: bool) -> Self {
        let root = directory.join(&case.name);
        fs::create_dir_all(&root).unwrap();
        let namespace = namespace(&case.name);
        for name in
            std::iter::once(namespace.clone()).chain(case.namespaces.iter().map(|more| format!("{namespace}-{more}")))
        {
            create(&api(client, "Namespace", None), "Namespace", json!({ "metadata": { "name": name } })).await;
            // Where there are Pods, they need the account that Kubernetes makes.
            let began = Instant::now();
            while is_real && api(client, "ServiceAccount", Some(&name)).get_opt("default").await.unwrap().is_none() {
                assert!(began.elapsed() < PATIENCE, "{name} has no account");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let hand = tokio::spawn(hand::run(["Job", "Pod"].map(|kind| api(client, kind, Some(&namespace))).to_vec()));
        let server = Server::start(&root);
        Self { client: client.clone(), case, namespace, server, root, asked: 0, hand }
    }

    /// The objects of a kind in a namespace of the case.
    pub fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        api(&self.client, kind, Some(namespace))
    }

    /// The namespaces of the case.
    pub fn namespaces(&self) -> Vec<String> {
        let more = self.case.namespaces.iter().map(|more| format!("{}-{more}", self.namespace));
        std::iter::once(self.namespace.clone()).chain(more).collect()
    }

    /// Does what a step says.
    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::Sell(versions) => self.sell(versions).await,
            Step::Make(objects) => {
                for object in objects {
                    self.make(object.clone()).await;
                }
            }
            Step::Release(more) => self.release(more).await,
            Step::Change(spec) => self.patch("HelmRelease/web", json!({ "spec": spec })).await,
            Step::Patch(patches) => {
                for (name, patch) in patches {
                    self.patch(name, patch.clone()).await;
                }
            }
            Step::Delete(name) => {
                let (kind, name) = name.split_once('/').unwrap();
                self.api(kind, &self.namespace).delete(name, &DeleteParams::default()).await.unwrap();
            }
            Step::Ask(requests) => self.ask("HelmRelease/web", requests).await,
            Step::Record(rewritten) => self.rewrite(rewritten).await,
            Step::Look => {}
        }
    }

    async fn make(&self, object: Value) {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&self.namespace).to_owned();
        create(&self.api(&kind, &namespace), &kind, object).await;
    }

    async fn release(&self, more: &Value) {
        let chart = json!({ "spec": { "chart": "web", "version": "*", "interval": "1h",
            "sourceRef": { "kind": "HelmRepository", "name": "charts" } } });
        let mut spec = json!({ "interval": "1h", "chart": chart });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let object = json!({ "kind": "HelmRelease", "metadata": { "name": "web" }, "spec": without_null(spec) });
        self.make(object).await;
    }

    async fn patch(&self, name: &str, patch: Value) {
        let (kind, name) = name.split_once('/').unwrap();
        let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        self.api(kind, &self.namespace).patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// Asks for a reconciliation, and for what these other annotations ask for.
    async fn ask(&mut self, name: &str, requests: &[String]) {
        self.asked += 1;
        let names = std::iter::once("requestedAt").chain(requests.iter().map(String::as_str));
        let annotations = names.map(|name| (format!("reconcile.fluxcd.io/{name}"), json!(self.asked.to_string())));
        let annotations: serde_json::Map<String, Value> = annotations.collect();
        self.patch(name, json!({ "metadata": { "annotations": annotations } })).await;
    }

    /// Puts versions of the chart into the repository; the first time it is made with them.
    async fn sell(&mut self, versions: &[String]) {
        let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
        for version in versions {
            let mut files = self.case.charts[version].clone();
            let chart = format!("apiVersion: v2\nname: web\nversion: {version}\nappVersion: \"7\"\n");
            files.entry("Chart.yaml".to_owned()).or_insert(chart);
            let files: Vec<(String, String)> =
                files.into_iter().map(|(path, text)| (format!("web/{path}"), text)).collect();
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            fs::write(self.root.join(format!("web-{version}.tgz")), packed(&files)).unwrap();
            index += &format!("  - name: web\n    version: {version}\n    urls: [web-{version}.tgz]\n");
        }
        fs::write(self.root.join("index.yaml"), index).unwrap();
        if self.api("HelmRepository", &self.namespace).get_opt("charts").await.unwrap().is_some() {
            self.ask("HelmRepository/charts", &[]).await;
            return;
        }
        let spec = json!({ "interval": "1h", "url": self.server.url("") });
        self.make(json!({ "kind": "HelmRepository", "metadata": { "name": "charts" }, "spec": spec })).await;
    }

    /// Writes a record of Helm, as another program would.
    async fn rewrite(&self, Rewritten { from, to, with }: &Rewritten) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let found = secrets.get(&secret_name("web", *from)).await.unwrap();
        let record = Record::decode(&found.data.as_ref().unwrap()["release"].0).unwrap();
        let mut value = serde_json::to_value(&record).unwrap();
        value["version"] = json!(to);
        merge(&mut value, with);
        let record: Record = serde_json::from_value(value).unwrap();
        let mut secret = found;
        let metadata = &mut secret.metadata;
        metadata.name = Some(secret_name("web", *to));
        metadata.labels.get_or_insert_default().extend(labels(&record).map(|(key, value)| (key.to_owned(), value)));
        secret.data.as_mut().unwrap().insert("release".to_owned(), k8s_openapi::ByteString(record.encode().unwrap()));
        let params = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
        if from == to {
            secrets.replace(&secret_name("web", *to), &params, &secret).await.unwrap();
            return;
        }
        (secret.metadata.resource_version, secret.metadata.uid, secret.metadata.managed_fields) = (None, None, None);
        secret.metadata.creation_timestamp = None;
        secrets.create(&params, &secret).await.unwrap();
    }
}

fn merge(value: &mut Value, with: &Value) {
    match (value, with) {
        (Value::Object(map), Value::Object(with)) => {
            for (key, with) in with {
                merge(map.entry(key.clone()).or_insert(Value::Null), with);
            }
        }
        (value, with) => *value = with.clone(),
    }
}

fn without_null(mut spec: Value) -> Value {
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    spec
}

async fn create(api: &Api<DynamicObject>, kind: &str, mut object: Value) {
    object["apiVersion"] = served(kind).0.into();
    object["kind"] = kind.into();
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// The API version of a kind, and whether its objects are in namespaces.
fn served(kind: &str) -> (&str, bool) {
    match kind {
        "HelmRelease" => (HELM, true),
        "HelmRepository" | "HelmChart" | "OCIRepository" | "GitRepository" => (SOURCE, true),
        "Job" => ("batch/v1", true),
        "Deployment" => ("apps/v1", true),
        "Role" | "RoleBinding" => ("rbac.authorization.k8s.io/v1", true),
        "CustomResourceDefinition" => ("apiextensions.k8s.io/v1", false),
        "Namespace" => ("v1", false),
        "Event" | "ConfigMap" | "Secret" | "Pod" | "Service" | "ServiceAccount" => ("v1", true),
        other => panic!("{other}: in which API version?"),
    }
}

fn api(client: &Client, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let (api_version, is_namespaced) = served(kind);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    match namespace.filter(|_| is_namespaced) {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}
