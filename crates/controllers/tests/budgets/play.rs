//! Plays a case on a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Namespace, ServiceAccount};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::beside::Play;
use crate::cases::Step;

/// The budget's status, without times, and what was told of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Seen {
    status: Value,
    events: BTreeSet<String>,
}

const BUDGET: &str = "web";

/// A case that is being played, in a namespace of its own.
pub struct Playing {
    client: Client,
    namespace: String,
    owners: BTreeMap<&'static str, Value>,
}

impl Play for Playing {
    type Step = Step;
    type Seen = Seen;

    async fn start(client: &Client, number: usize, _: &[Step]) -> Self {
        let namespace = format!("budget-{number}");
        let object = serde_json::from_value(json!({ "metadata": { "name": namespace } })).unwrap();
        Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
        while accounts.get_opt("default").await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let reference = |api_version: &str, kind: &str, name: &str| {
            json!({
                "apiVersion": api_version, "kind": kind, "name": name, "uid": "0-0-0", "controller": true,
            })
        };
        let owners = BTreeMap::from([
            ("nowhere", reference("apps/v1", "ReplicaSet", "nowhere")),
            ("unknown", reference("example.org/v1", "Unknown", "unknown")),
        ]);
        Self { client: client.clone(), namespace, owners }
    }

    fn is_look(step: &Step) -> bool {
        matches!(step, Step::Look)
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Owner(kind, name, replicas, owner) => self.own(kind, name, *replicas, *owner).await,
            Step::Pod(name, owner, ready) => {
                let owners: Vec<&Value> = owner.iter().map(|owner| &self.owners[owner]).collect();
                let pod = json!({
                    "metadata": { "name": name, "labels": { "app": "web" }, "ownerReferences": owners },
                    "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
                });
                self.create("v1", "Pod", pod).await;
                if *ready {
                    self.ready(name).await;
                }
            }
            Step::Budget(spec) => {
                let mut spec = spec.clone();
                spec["selector"] = json!({ "matchLabels": { "app": "web" } });
                let budget = json!({ "metadata": { "name": BUDGET }, "spec": spec });
                self.create("policy/v1", "PodDisruptionBudget", budget).await;
            }
            Step::Change(spec) => {
                let patch = Patch::Merge(json!({ "spec": spec }));
                self.budgets().patch(BUDGET, &PatchParams::default(), &patch).await.unwrap();
            }
            Step::Ready(name) => self.ready(name).await,
            Step::Delete(name) => {
                let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
                self.api("v1", "Pod").delete(name, &now).await.unwrap();
            }
            Step::LetGo(name) => {
                let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                let patch = Patch::Merge(json!({ "status": { "disruptedPods": { *name: now } } }));
                self.budgets().patch_status(BUDGET, &PatchParams::default(), &patch).await.unwrap();
            }
            Step::Look => {}
        }
    }

    async fn see(&self) -> Seen {
        let budget = self.budgets().get_opt(BUDGET).await.unwrap();
        let mut status = budget.map(|mut budget| budget.data["status"].take()).unwrap_or_default();
        for condition in status["conditions"].as_array_mut().into_iter().flatten() {
            condition.as_object_mut().unwrap().remove("lastTransitionTime");
        }
        for (_, time) in status["disruptedPods"].as_object_mut().into_iter().flatten() {
            *time = "a time".into();
        }
        if status["disruptedPods"].is_null() {
            status.as_object_mut().map(|status| status.remove("disruptedPods"));
        }
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let events = events.list(&Default::default()).await.unwrap().items.into_iter();
        let of_budget = events.filter(|event| event.involved_object.kind.as_deref() == Some("PodDisruptionBudget"));
        let told = of_budget.map(|event| {
            let text = |field: Option<String>| field.unwrap_or_default();
            let component = text(event.source.and_then(|source| source.component));
            let (kind, reason) = (text(event.type_), text(event.reason));
            // There the real one prints the selector as Go does.
            let message = if reason == "UnmanagedPods" { String::new() } else { text(event.message) };
            format!("{kind} {reason} from {component}: {message}")
        });
        Seen { status, events: told.collect() }
    }

    /// Whether the status is the same, and the same was told: but who sees a budget before its Pods says that there are none.
    fn is(seen: &Seen, expected: &Seen) -> bool {
        let is_passing = |event: &String| event.starts_with("Normal NoPods ");
        let told = expected.events.is_subset(&seen.events);
        seen.status == expected.status && told && seen.events.difference(&expected.events).all(is_passing)
    }
}

impl Playing {
    fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    fn budgets(&self) -> Api<DynamicObject> {
        self.api("policy/v1", "PodDisruptionBudget")
    }

    async fn create(&self, api_version: &str, kind: &str, object: Value) -> DynamicObject {
        let object = serde_json::from_value(object).unwrap();
        self.api(api_version, kind).create(&PostParams::default(), &object).await.unwrap()
    }

    async fn own(&mut self, kind: &str, name: &'static str, replicas: i32, owner: Option<&str>) {
        let labels = json!({ "app": "web", "of": name });
        let template = json!({
            "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
        });
        let mut spec = json!({ "selector": { "matchLabels": labels }, "template": template, "replicas": replicas });
        let api_version = match kind {
            "ConfigMap" => "v1",
            "ReplicationController" => {
                spec["selector"] = labels;
                "v1"
            }
            _ => "apps/v1",
        };
        match kind {
            "DaemonSet" => drop(spec.as_object_mut().unwrap().remove("replicas")),
            "StatefulSet" => spec["serviceName"] = "web".into(),
            _ => {}
        }
        let owners: Vec<&Value> = owner.iter().map(|owner| &self.owners[owner]).collect();
        let mut object = json!({ "metadata": { "name": name, "ownerReferences": owners } });
        if kind != "ConfigMap" {
            object["spec"] = spec;
        }
        let created = self.create(api_version, kind, object).await;
        let uid = created.uid().unwrap();
        let reference =
            json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true });
        self.owners.insert(name, reference);
    }

    async fn ready(&self, name: &str) {
        let status = json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
        self.api("v1", "Pod").patch_status(name, &PatchParams::default(), &Patch::Strategic(status)).await.unwrap();
    }
}
