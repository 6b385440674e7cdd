//! Histories: requests that follow each other, told to a real kube-apiserver and to ours, and compared answer by answer.
//!
//! The recording holds the requests beside the answers, so that what is told does not depend on how it was made up. With a
//! real cluster, `COWHERD_FRESH=COUNT` tells as many new ones instead, and keeps nothing.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::{Answered, Asked, Cluster};

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub method: String,
    pub path: String,
    /// The media type of the body, where it is not that of JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

/// Requests that follow each other, and what a real kube-apiserver answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct History {
    pub steps: Vec<Step>,
    #[serde(default)]
    pub answers: Vec<Value>,
}

impl Step {
    pub fn new(method: &str, path: impl Into<String>, body: Value) -> Self {
        Self { method: method.to_owned(), path: path.into(), media: String::new(), body }
    }

    /// A patch of that kind: `json-patch+json`, for example.
    pub fn patch(kind: &str, path: impl Into<String>, body: Value) -> Self {
        Self { media: format!("application/{kind}"), ..Self::new("PATCH", path, body) }
    }

    /// What is answered, without what is different each time; an error where no answer comes.
    async fn ask(&self, cluster: &Cluster) -> kube::Result<Value> {
        let mut body = self.body.clone();
        if self.method == "PUT" {
            let live = cluster.ask("GET", self.path.split('?').next().unwrap(), Value::Null).await.document;
            body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        }
        let mut headers = Vec::new();
        if !self.media.is_empty() {
            headers.push(("content-type", self.media.as_bytes()));
        }
        let answered = Asked { method: &self.method, path: &self.path, headers, body }.try_of(&cluster.admin).await?;
        if answered.code == 201 && self.path.ends_with("/customresourcedefinitions") {
            await_served(cluster, &self.body).await;
        }
        Ok(comparable(answered))
    }

    /// Whether the answer is the same each time. Go looks at the fields of a map in any order: of two mistakes in one patch either
    /// is told. Of some patches it breaks down, and gives no answer.
    async fn is_steady(&self, cluster: &Cluster) -> bool {
        if self.method != "PATCH" {
            return true;
        }
        let dry = Self { path: format!("{}&dryRun=All", self.path), ..self.clone() };
        let Ok(first) = dry.ask(cluster).await else { return false };
        for _ in 0..12 {
            if !dry.ask(cluster).await.is_ok_and(|again| again == first) {
                return false;
            }
        }
        true
    }
}

impl History {
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps, answers: Vec::new() }
    }

    /// Tells it to a real cluster, up to the first request that is not always answered alike.
    async fn record(&mut self, real: &Cluster) {
        for step in std::mem::take(&mut self.steps) {
            if !step.is_steady(real).await {
                break;
            }
            self.answers.push(step.ask(real).await.unwrap());
            self.steps.push(step);
        }
    }

    /// The answers of a cluster.
    async fn tell(&self, cluster: &Cluster) -> Vec<Value> {
        let mut answers = Vec::new();
        for step in &self.steps {
            answers.push(step.ask(cluster).await.unwrap());
        }
        answers
    }
}

/// Waits until what a definition defines is served.
async fn await_served(cluster: &Cluster, definition: &Value) {
    let spec = &definition["spec"];
    let began = std::time::Instant::now();
    for version in spec["versions"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (group, version) = (text(&spec["group"]), text(&version["name"]));
        let path = format!("/apis/{group}/{version}/{}", text(&spec["names"]["plural"]));
        while cluster.ask("GET", &path, Value::Null).await.code != 200 {
            assert!(began.elapsed() < std::time::Duration::from_secs(60), "{path} is not served");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// An answer without what is different each time.
fn comparable(answered: Answered) -> Value {
    let Answered { code, mut document, warnings } = answered;
    strip(&mut document);
    if let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(strip);
    }
    let mut answer = json!({ "code": code, "document": document });
    if !warnings.is_empty() {
        answer["warnings"] = warnings.into();
    }
    answer
}

fn strip(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        metadata.remove(field);
    }
    // Lists of custom resources say there also that there is no more.
    metadata.retain(|field, value| field != "continue" || value != "");
    let Some(owners) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) else { return };
    for owner in owners.iter_mut() {
        owner.as_object_mut().unwrap().remove("time");
    }
    // They stand in the order of their times, which may be the same.
    owners.sort_by_cached_key(|owner| ["manager", "operation", "subresource"].map(|field| owner[field].to_string()));
}

/// The histories of a recording, or, where there is a real cluster, what is made up, with its answers.
pub async fn told(name: &str, make: impl Fn(&mut fastrand::Rng, usize) -> History, count: usize) -> Vec<History> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(format!("{name}.jsonl"));
    let Ok(kubeconfig) = std::env::var("COWHERD_KUBERNETES") else {
        let lines = std::fs::read_to_string(&path).unwrap();
        return lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    };
    let real = Cluster::real(&kubeconfig).await;
    let fresh: Option<usize> = std::env::var("COWHERD_FRESH").ok().map(|count| count.parse().unwrap());
    let seed = match (fresh, std::env::var("COWHERD_SEED")) {
        (None, _) => 1,
        (Some(_), Ok(seed)) => seed.parse().unwrap(),
        (Some(_), Err(_)) => fastrand::u64(..),
    };
    println!("{name}: COWHERD_SEED={seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut histories = Vec::new();
    for number in 0..fresh.unwrap_or(count) {
        let mut history = make(&mut chance, number);
        history.record(&real).await;
        histories.push(history);
    }
    if fresh.is_none() {
        let lines = histories.iter().map(|history| serde_json::to_string(history).unwrap() + "\n");
        std::fs::write(path, lines.collect::<String>()).unwrap();
    }
    histories
}

/// What an answer of ours is beside that of Kubernetes.
pub enum Judged {
    Same,
    Other,
    /// Another one, as is known. What follows has another beginning, and is not compared.
    Parted,
}

/// Whether an answer differs by who owns what alone, since Kubernetes knows of nobody: it forgets the owners of what it does not
/// understand, such as a list with an item that lacks its key.
pub fn forgets_owners(ours: &Value, real: &Value) -> bool {
    let mut ours = ours.clone();
    let owners = ours["document"]["metadata"].as_object_mut().and_then(|metadata| metadata.remove("managedFields"));
    owners.is_some() && ours == *real
}

impl From<bool> for Judged {
    fn from(same: bool) -> Self {
        if same { Self::Same } else { Self::Other }
    }
}

/// Tells the histories to a cluster of ours, and compares: what is otherwise, up to the first answer of each history that is.
pub async fn compare(histories: &[History], ours: &Cluster, judge: impl Fn(&Step, &Value, &Value) -> Judged) {
    let (mut others, mut kinds) = (Vec::new(), BTreeSet::new());
    for history in histories {
        let answers = history.tell(ours).await;
        for (number, (step, (ours, real))) in history.steps.iter().zip(answers.iter().zip(&history.answers)).enumerate()
        {
            kinds.insert((step.method.clone(), real["code"].to_string()));
            match judge(step, ours, real) {
                Judged::Same => {}
                Judged::Parted => break,
                Judged::Other => {
                    let steps = history.steps.iter().take(number + 1).map(|step| json!(step).to_string());
                    let steps = steps.collect::<Vec<_>>().join("\n    ");
                    others
                        .push(format!("{steps}\n  ours {ours}\n  real {real}\n  that is {}", differences(ours, real)));
                    break;
                }
            }
        }
    }
    assert!(others.is_empty(), "{} of {} are otherwise:\n{}", others.len(), histories.len(), others.join("\n"));
    assert!(kinds.len() > 3, "all is answered alike: {kinds:?}");
}

/// Where two values differ, place by place.
fn differences(ours: &Value, real: &Value) -> String {
    let mut found = Vec::new();
    find(ours, real, String::new(), &mut found);
    found.join("; ")
}

fn find(ours: &Value, real: &Value, place: String, found: &mut Vec<String>) {
    match (ours, real) {
        (Value::Object(ours), Value::Object(real)) => {
            let names: BTreeSet<&String> = ours.keys().chain(real.keys()).collect();
            for name in names {
                match (ours.get(name), real.get(name)) {
                    (Some(ours), Some(real)) => find(ours, real, format!("{place}/{name}"), found),
                    (ours, real) => found.push(format!("{place}/{name}: {} for {}", shown(ours), shown(real))),
                }
            }
        }
        (Value::Array(ours), Value::Array(real)) if ours.len() == real.len() => {
            for (number, (ours, real)) in ours.iter().zip(real).enumerate() {
                find(ours, real, format!("{place}/{number}"), found);
            }
        }
        (ours, real) if ours == real => {}
        (ours, real) => found.push(format!("{place}: {ours} for {real}")),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}
