//! Many apps in one repository: how fast they converge, what one change costs, what they take.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use kube::api::{ApiResource, DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::drift;
use crate::program::Program;
use crate::repository::{Repository, name};
use crate::table::{Table, mebibytes, percentile, seconds};

const PATIENCE: Duration = Duration::from_secs(600);
const TOUCHES: usize = 20;

/// Measures `count` apps.
pub async fn measure(program: &Path, count: usize, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let repository = Repository::new(directory.path().join("repository"))?;
    // Nothing acts on an Ingress here; what is measured is what does.
    let assumed = "--assume-ready=Ingress.networking.k8s.io";
    let arguments = ["up", repository.path.to_str().context("the path is not UTF-8")?, "--path", "cluster", assumed];
    let mut up = Program::start(program, &directory.path().join("data"), &arguments)?;
    let client = up.ready().await?;
    wait_for(&client, |object| object.name_any() == "flux-system" && ready_at(object).is_some()).await?;

    repository.add_apps(count)?;
    let committed = repository.commit("[bench] add the apps")?;
    all_ready(&client, count, &repository.head()?).await?;
    table.add(format!("commit of {count} apps to all Ready"), seconds(committed.elapsed()), "under 20 s");

    touch(&up, &client, &repository, count, table).await?;
    drift::measure(&client, count, table).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    table.add(format!("`cowherd up`, resident memory with {count} apps"), mebibytes(up.resident()?), "measured");
    Ok(())
}

/// Changes one app at a time: how long it takes, and that nothing else is written.
async fn touch(up: &Program, client: &Client, repository: &Repository, count: usize, table: &mut Table) -> Result<()> {
    let mut times = Vec::new();
    let mut written = 0;
    let rendered = up.renders()?;
    for round in 0..TOUCHES {
        let number = round * 7919 % count;
        let before = versions(client).await?;
        repository.write_app(number, &format!("1.1.{round}"))?;
        let committed = repository.commit("[bench] change one app")?;
        let head = repository.head()?;
        let touched = name(number);
        wait_for(client, |object| {
            object.name_any() == touched && ready_at(object).is_some_and(|at| at.ends_with(&head))
        })
        .await?;
        times.push(committed.elapsed());
        all_ready(client, count, &head).await?;
        let after = versions(client).await?;
        let others = after
            .iter()
            .filter(|(id, version)| !id.ends_with(&format!("/{touched}")) && before.get(*id) != Some(version));
        written += others.count();
    }
    table.add(
        format!("commit that touches one of {count}: that one Ready, median"),
        seconds(percentile(&mut times, 50)),
        "under 1 s",
    );
    table.add("the same, slowest", seconds(percentile(&mut times, 100)), "under 1 s");
    table.add(
        format!("renders in {TOUCHES} such commits"),
        (up.renders()? - rendered).to_string(),
        TOUCHES.to_string(),
    );
    table.add(format!("objects of the other apps written in {TOUCHES} such commits"), written.to_string(), "0");
    Ok(())
}

fn kustomizations(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
    Api::namespaced_with(client.clone(), "flux-system", &ApiResource::from_gvk_with_plural(&kind, "kustomizations"))
}

/// The revision at which a Kustomization is Ready, if it is.
fn ready_at(object: &DynamicObject) -> Option<&str> {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array)?;
    let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
    object.data.pointer("/status/lastAppliedRevision").and_then(Value::as_str).filter(|_| ready)
}

/// Waits until every app is Ready at a commit.
pub async fn all_ready(client: &Client, count: usize, commit: &str) -> Result<()> {
    let done = std::sync::Mutex::new(HashSet::new());
    wait_for(client, |object| {
        let Ok(mut done) = done.lock() else { return true };
        if ready_at(object).is_some_and(|revision| revision.ends_with(commit)) && object.name_any().starts_with("app-")
        {
            done.insert(object.name_any());
        }
        done.len() == count
    })
    .await
}

/// Waits until a Kustomization passes the check.
async fn wait_for(client: &Client, passes: impl Fn(&DynamicObject) -> bool) -> Result<()> {
    let api = kustomizations(client);
    let end = Instant::now() + PATIENCE;
    // The definition may not be there yet.
    let list = loop {
        match api.list(&ListParams::default()).await {
            Ok(list) => break list,
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    if list.items.iter().any(&passes) {
        return Ok(());
    }
    let version = list.metadata.resource_version.unwrap_or_default();
    let mut events = api.watch(&WatchParams::default().timeout(290), &version).await?.boxed();
    while let Some(event) = tokio::time::timeout(PATIENCE, events.try_next()).await?? {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if passes(&object) => return Ok(()),
            WatchEvent::Error(status) => bail!("the watch failed: {}", status.message),
            _ => {}
        }
    }
    bail!("it did not happen in time")
}

/// The resource versions of the apps' objects.
async fn versions(client: &Client) -> Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for (group, version, kind, plural) in [
        ("apps", "v1", "Deployment", "deployments"),
        ("", "v1", "Service", "services"),
        ("", "v1", "ServiceAccount", "serviceaccounts"),
        ("networking.k8s.io", "v1", "Ingress", "ingresses"),
    ] {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "apps", &resource);
        for object in api.list_metadata(&ListParams::default()).await? {
            versions.insert(format!("{kind}/{}", object.name_any()), object.resource_version().unwrap_or_default());
        }
    }
    Ok(versions)
}
