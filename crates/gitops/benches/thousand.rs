//! A thousand apps in one repository: how long a commit takes to be applied, and what one more commit costs.
//!
//! `cargo bench -p cowherd-gitops`; the environment variable `APPS` changes the number of apps.

// What a test sets up may as well panic.
#![allow(clippy::unwrap_used)]

#[path = "../tests/it/world.rs"]
#[allow(dead_code)]
mod world;

use std::time::{Duration, Instant};

use cowherd_api::flux::kustomize::v1::Kustomization;
use kube::Api;
use serde_json::json;
use world::{FLUX, World, kustomization};

const DRIFTS: usize = 100;

fn main() {
    let apps = std::env::var("APPS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(apps));
}

async fn measure(apps: usize) {
    let world = World::new().await;
    for app in 0..apps {
        let name = format!("app-{app}");
        world.repository.write(&format!("apps/{name}/app.yaml"), &manifests(&name, "1"));
        let child = kustomization(&name, &format!("./apps/{name}"), json!({ "wait": true, "retryInterval": "30s" }));
        world.repository.write(&format!("cluster/{name}.yaml"), &child.to_string());
    }
    world.repository.commit("empty");
    world.follow_repository().await;
    let revision = world.repository.revision();
    let before = memory();
    let began = Instant::now();
    world.add(kustomization("root", "./cluster", json!({}))).await;
    all_ready(&world, apps + 1, &revision, Duration::from_secs(600)).await;
    row("all ready", began.elapsed());
    println!("{:?}", world.counts());
    println!("memory: {} MiB before, {} MiB after", before, memory());

    for round in 2..5 {
        let counts = world.counts();
        world.repository.write("apps/app-7/app.yaml", &manifests("app-7", &round.to_string()));
        let revision = world.repository.commit("one");
        let began = Instant::now();
        world.ready("app-7", &revision).await;
        row("one of them ready", began.elapsed());
        all_ready(&world, apps + 1, &revision, Duration::from_secs(600)).await;
        row("the others followed", began.elapsed());
        let now = world.counts();
        println!("renders: {}, applies: {}", now.renders - counts.renders, now.applies - counts.applies);
    }

    let mut took = Vec::new();
    for drift in 0..DRIFTS {
        let name = format!("app-{}", drift * 7 % apps);
        let began = Instant::now();
        world.patch("apps/v1", "Deployment", "apps", &name, json!({ "spec": { "replicas": 1 } })).await;
        loop {
            let found = world.get("apps/v1", "Deployment", Some("apps"), &name).await.unwrap();
            if found["spec"]["replicas"] == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(began.elapsed());
    }
    took.sort();
    row("drift put right (median)", took[took.len() / 2]);
    row("drift put right (99th percentile)", took[took.len() * 99 / 100]);
    println!("memory: {} MiB", memory());
    println!("{:?}", world.counts());
}

fn row(what: &str, took: Duration) {
    println!("{what}: {:.3} s", took.as_secs_f64());
}

async fn all_ready(world: &World, count: usize, revision: &str, patience: Duration) {
    let api: Api<Kustomization> = Api::namespaced(world.client.clone(), FLUX);
    let began = Instant::now();
    loop {
        let list = api.list(&Default::default()).await.unwrap();
        let ready = list.items.iter().filter(|found| is_ready(found, revision)).count();
        if ready >= count {
            return;
        }
        if began.elapsed() > patience {
            let late = list
                .items
                .iter()
                .find(|found| !is_ready(found, revision))
                .map(|found| (found.metadata.name.clone(), found.status.clone().map(|status| status.conditions)));
            panic!("only {ready} of {count} are ready: {late:?} {:?}", world.counts());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_ready(found: &Kustomization, revision: &str) -> bool {
    let status = found.status.as_ref();
    world::condition(found, "Ready").is_some_and(|(status, _, _)| status == "True")
        && status.and_then(|status| status.last_applied_revision.as_deref()) == Some(revision)
}

/// Resident memory in MiB.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    pages * 4 / 1024
}

fn manifests(name: &str, value: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name}, namespace: apps, annotations: {{ value: "{value}" }} }}
spec:
  replicas: 0
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec: {{ serviceAccountName: {name}, containers: [{{ name: web, image: nginx }}] }}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{ name: {name}, namespace: apps }}
---
apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: apps }}
spec: {{ selector: {{ app: {name} }}, ports: [{{ port: 80 }}] }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: {name}, namespace: apps }}
spec:
  rules:
    - host: {name}.example.org
      http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: {name}, port: {{ number: 80 }} }} }} }}] }}
"#
    )
}
