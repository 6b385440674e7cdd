//! What is to be seen of a case: the HelmRelease, its events, Helm's records and the objects, without what is another in each run.

use std::collections::BTreeSet;

use cowherd_helm::release::record::{Record, secret_name};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Map, Value, json};

use super::stage::Stage;

/// The kinds of objects that are looked at in the namespaces of a case.
const KINDS: &[&str] = &["ConfigMap", "Secret", "Service", "ServiceAccount", "Job", "Pod"];
/// What Kubernetes itself puts into each namespace.
const OF_KUBERNETES: &[&str] = &["kube-root-ca.crt", "default"];
/// What a message of the real controller ends with, where it knows what Helm logged.
const LOG: &str = "\n\nLast Helm logs:";

impl Stage {
    /// What is to be seen.
    pub async fn see(&self) -> Value {
        let release = self.api("HelmRelease", &self.namespace).get_opt("web").await.unwrap();
        let mut seen = json!({
            "release": release.map(|release| self.release_seen(&release)),
            "charts": self.charts().await,
            "events": self.events().await,
            "records": self.records().await,
            "objects": self.objects().await,
        });
        self.rename(&mut seen);
        seen
    }

    /// Whether nothing is being done for the HelmRelease at the moment, as far as it says.
    pub async fn is_at_rest(&self) -> bool {
        let Some(release) = self.api("HelmRelease", &self.namespace).get_opt("web").await.unwrap() else { return true };
        if release.data["spec"]["suspend"] == true {
            return true;
        }
        let conditions = release.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let of =
            |type_: &str| conditions.iter().find(|condition| condition["type"] == type_).cloned().unwrap_or_default();
        let acts = of("Reconciling")["message"].as_str().is_some_and(|message| message.starts_with("Running "));
        matches!(of("Ready")["status"].as_str(), Some("True" | "False")) && !acts
    }

    /// The records that the status tells of, each with what it says of it.
    pub async fn observed(&self) -> Vec<Value> {
        let release = self.api("HelmRelease", &self.namespace).get_opt("web").await.unwrap();
        let history = release.as_ref().and_then(|release| release.data["status"]["history"].as_array());
        let mut observed = Vec::new();
        for snapshot in history.into_iter().flatten() {
            let text = |field: &str| snapshot[field].as_str().unwrap_or_default();
            let name = secret_name(text("name"), snapshot["version"].as_i64().unwrap());
            let secrets: Api<Secret> = Api::namespaced(self.client.clone(), text("namespace"));
            let Some(secret) = secrets.get_opt(&name).await.unwrap() else { continue };
            let mut record = Record::decode(&secret.data.unwrap_or_default()["release"].0).unwrap();
            let metadata = record.chart["metadata"].take();
            record.chart = json!({ "metadata": metadata });
            observed.push(json!({ "record": record, "digest": text("digest"), "configDigest": text("configDigest"),
                "ociDigest": snapshot["ociDigest"] }));
        }
        observed
    }

    fn release_seen(&self, release: &DynamicObject) -> Value {
        let mut status = release.data["status"].clone();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let conditions = conditions.into_iter().map(|mut condition| {
            let map = condition.as_object_mut().unwrap();
            map.remove("lastTransitionTime");
            let type_ = map.remove("type").unwrap().as_str().unwrap().to_owned();
            (type_, condition)
        });
        let conditions: Map<String, Value> = conditions.collect();
        if let Some(map) = status.as_object_mut() {
            map.insert("conditions".to_owned(), conditions.into());
            timeless(map);
            let history = map.get_mut("history").and_then(Value::as_array_mut);
            history.into_iter().flatten().filter_map(Value::as_object_mut).for_each(timeless);
            let entries = map.get_mut("inventory").and_then(|inventory| inventory["entries"].as_array_mut());
            if let Some(entries) = entries {
                entries.sort_by_key(Value::to_string);
            }
        }
        json!({ "finalizers": release.finalizers(), "managers": managers(release), "status": status })
    }

    async fn charts(&self) -> Value {
        let found = self.api("HelmChart", &self.namespace).list(&ListParams::default()).await.unwrap();
        let chart = |chart: DynamicObject| {
            (
                chart.name_any(),
                json!({ "labels": chart.labels(), "annotations": chart.annotations(), "spec": chart.data["spec"],
                "managers": managers(&chart) }),
            )
        };
        found.items.into_iter().map(chart).collect::<Map<String, Value>>().into()
    }

    async fn events(&self) -> Value {
        let found = self.api("Event", &self.namespace).list(&ListParams::default()).await.unwrap().items;
        let of_releases = found.into_iter().filter(|event| event.data["involvedObject"]["kind"] == "HelmRelease");
        let event = |event: DynamicObject| {
            let text = |field: &str| event.data[field].as_str().unwrap_or_default().to_owned();
            let message = text("message");
            let message = message.split(LOG).next().unwrap_or_default();
            let mut told = format!("{} {}: {message}", text("type"), text("reason"));
            // Of which request it is the answer, and of which change of the source, is no part of it.
            let annotations = event.annotations().iter().filter(|(key, _)| !key.ends_with("/token"));
            for (key, value) in annotations {
                told += &format!(" [{key}={value}]");
            }
            told
        };
        let events: BTreeSet<String> = of_releases.map(event).collect();
        json!(events)
    }

    async fn records(&self) -> Value {
        let mut records = Map::new();
        for namespace in self.namespaces() {
            let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &namespace);
            for secret in secrets.list(&ListParams::default().labels("owner=helm")).await.unwrap() {
                let name = format!("{namespace}/{}", secret.name_any());
                let data = secret.data.unwrap_or_default();
                let record = Record::decode(&data["release"].0).unwrap();
                let mut labels = secret.metadata.labels.unwrap_or_default();
                let dated = ["createdAt", "modifiedAt"].map(|label| labels.remove(label).is_some());
                let managers: BTreeSet<Option<String>> =
                    secret.metadata.managed_fields.into_iter().flatten().map(|entry| entry.manager).collect();
                let keys: Vec<&String> = data.keys().collect();
                let seen = json!({ "labels": labels, "created": dated[0], "modified": dated[1], "type": secret.type_,
                    "keys": keys, "managers": managers, "annotations": secret.metadata.annotations,
                    "record": record_seen(&record) });
                records.insert(name, seen);
            }
        }
        records.into()
    }

    async fn objects(&self) -> Value {
        let mut objects = Map::new();
        for namespace in self.namespaces() {
            for kind in KINDS {
                for object in self.api(kind, &namespace).list(&ListParams::default()).await.unwrap() {
                    let name = object.name_any();
                    let is_record = object.data["type"] == "helm.sh/release.v1";
                    if !is_record && !OF_KUBERNETES.contains(&name.as_str()) {
                        objects.insert(format!("{namespace} {kind}/{name}"), object_seen(&object));
                    }
                }
            }
        }
        for name in &self.case.also {
            let (kind, only) = name.split_once('/').unwrap();
            let found = self.api(kind, &self.namespace).get_opt(only).await.unwrap();
            objects.insert(name.clone(), found.as_ref().map_or(Value::Null, object_seen));
        }
        objects.into()
    }

    /// Puts a name in the place of what is another in each run.
    fn rename(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = text.replace(self.server.url("").trim_end_matches('/'), "REPOSITORY"),
            Value::Array(items) => items.iter_mut().for_each(|item| self.rename(item)),
            Value::Object(map) => map.values_mut().for_each(|value| self.rename(value)),
            _ => {}
        }
    }
}

/// Says of times, and of what follows from them, only that they are there.
fn timeless(map: &mut Map<String, Value>) {
    for field in ["digest", "firstDeployed", "lastDeployed", "deleted", "lastAttemptedReleaseActionDuration"] {
        if let Some(value) = map.get_mut(field) {
            *value = "some".into();
        }
    }
    let tests = map.get_mut("testHooks").and_then(Value::as_object_mut);
    for test in tests.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        for field in ["lastStarted", "lastCompleted"] {
            if let Some(value) = test.get_mut(field) {
                *value = "some".into();
            }
        }
    }
}

fn record_seen(record: &Record) -> Value {
    let mut seen = serde_json::to_value(record).unwrap();
    let said =
        |text: &Value| if text.as_str().is_some_and(|text| !text.is_empty()) { json!("some") } else { Value::Null };
    for field in ["first_deployed", "last_deployed", "deleted"] {
        seen["info"][field] = said(&seen["info"][field]);
    }
    for hook in seen.get_mut("hooks").and_then(Value::as_array_mut).into_iter().flatten() {
        for field in ["started_at", "completed_at"] {
            hook["last_run"][field] = said(&hook["last_run"][field]);
        }
    }
    // What the files of the chart say is known from the case.
    for files in ["templates", "files"] {
        let names = seen["chart"][files].as_array().map(|files| files.iter().map(|file| file["name"].clone()));
        seen["chart"][files] = names.map(Iterator::collect::<Vec<Value>>).into();
    }
    if let Some(chart) = seen["chart"].as_object_mut() {
        chart.remove("modtime");
        chart.remove("schemamodtime");
    }
    seen
}

fn object_seen(object: &DynamicObject) -> Value {
    let mut seen =
        json!({ "labels": object.labels(), "annotations": object.annotations(), "managers": managers(object) });
    for field in ["data", "stringData"] {
        if let Some(value) = object.data.get(field) {
            seen[field] = value.clone();
        }
    }
    if object.metadata.deletion_timestamp.is_some() {
        seen["leaving"] = true.into();
    }
    seen
}

/// Who owns fields of an object, and how they wrote them.
fn managers(object: &DynamicObject) -> BTreeSet<String> {
    let entries = object.metadata.managed_fields.iter().flatten();
    let manager = |entry: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        let parts = [&entry.manager, &entry.operation, &entry.subresource].map(|part| part.clone().unwrap_or_default());
        parts.join(" ").trim().to_owned()
    };
    // Who plays the case, and ends what it runs, has no name of its own.
    entries.map(manager).filter(|manager| !manager.starts_with("unknown ") && !manager.starts_with("it-")).collect()
}
