//! Runs `COUNT` control planes in this process, each with an API, all controllers and one Kustomization from a repository,
//! and prints as JSON what that took: microseconds until all were Ready, KiB of resident memory more than before, and then
//! milliseconds of processor time (`busy`) in seconds of idleness (`idle`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cowherd_controlplane::{Agents, Budgets, Config, ControlPlane};
use cowherd_gitops::Policy;
use cowherd_source::{Access, LocalAccess};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

/// The same as that of the program.
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const FLUX: &str = "flux-system";
const KUSTOMIZATION: &str = "kustomize.toolkit.fluxcd.io";
/// After what time nothing that was begun goes on, and how long it is then looked.
const SETTLE: Duration = Duration::from_secs(15);
const IDLE: u64 = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let count: usize = std::env::args().nth(1).context("usage: planes COUNT")?.parse()?;
    let directory = tempfile::tempdir()?;
    let repository = repository(&directory.path().join("repository"))?;
    let budgets = Budgets::default();
    let before = resident()?;
    let began = Instant::now();
    let start = |number: usize| converged(directory.path().join(number.to_string()), &repository, &budgets);
    let planes = try_join_all((0..count).map(start)).await?;
    let ready = began.elapsed();
    tokio::time::sleep(SETTLE).await;
    let resident = resident()?.saturating_sub(before);
    let threads = fs::read_dir("/proc/self/task")?.count();
    let busy = busy()?;
    tokio::time::sleep(Duration::from_secs(IDLE)).await;
    let busy = self::busy()? - busy;
    println!(
        "{}",
        json!({ "ready": ready.as_micros() as u64, "resident": resident, "threads": threads, "busy": busy, "idle": IDLE })
    );
    for plane in planes {
        plane.stop().await;
    }
    Ok(())
}

/// A control plane whose Kustomization is Ready and whose Deployment has its Pod.
async fn converged(directory: PathBuf, repository: &Path, budgets: &Budgets) -> Result<ControlPlane> {
    let mut plane = ControlPlane::open(Config::new(directory), budgets).await?;
    let mut agents = Agents::in_dir(plane.data_dir())?;
    let access = Access { local: LocalAccess::Only(vec![repository.to_owned()]), ..Access::default() };
    agents.config.policy = Arc::new(Policy { access, ..Policy::default() });
    let clients = plane.prepare_agents().await?;
    plane.run_agents(clients, agents);
    let client = plane.client();
    let namespace = serde_json::from_value(json!({ "metadata": { "name": FLUX } }))?;
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    let url = format!("file://{}", repository.display());
    let source = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" } });
    create(&client, "source.toolkit.fluxcd.io", "GitRepository", source).await?;
    let source = json!({ "kind": "GitRepository", "name": "fleet" });
    let spec = json!({ "interval": "1h", "path": "./", "prune": true, "sourceRef": source });
    create(&client, KUSTOMIZATION, "Kustomization", spec).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    while !is_ready(&client).await? || pods.list_metadata(&Default::default()).await?.items.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(plane)
}

fn api(client: &Client, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(client.clone(), FLUX, &resource)
}

async fn create(client: &Client, group: &str, kind: &str, spec: Value) -> Result<()> {
    let object = json!({ "metadata": { "name": "fleet", "namespace": FLUX }, "spec": spec });
    api(client, group, kind).create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

async fn is_ready(client: &Client) -> Result<bool> {
    let found = api(client, KUSTOMIZATION, "Kustomization").get("fleet").await?;
    let conditions = found.data.pointer("/status/conditions").and_then(Value::as_array);
    Ok(conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True"))
}

/// A repository with one Deployment.
fn repository(path: &Path) -> Result<PathBuf> {
    fs::create_dir_all(path)?;
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
    fs::write(path.join("deployment.yaml"), deployment.to_string())?;
    let author = ["-c", "user.name=cowherd", "-c", "user.email=cowherd@example.org", "-c", "commit.gpgsign=false"];
    for arguments in
        [["init", "--quiet", "--initial-branch=main"], ["add", "--all", "."], ["commit", "--quiet", "-mfirst"]]
    {
        let status = Command::new("git").args(author).args(arguments).current_dir(path).status()?;
        ensure!(status.success(), "git {arguments:?} ended with {status}");
    }
    Ok(path.to_owned())
}

/// The resident memory of this process, in KiB.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The processor time of this process, in milliseconds.
fn busy() -> Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).context("no times");
    Ok((ticks(11)? + ticks(12)?) * 10)
}
