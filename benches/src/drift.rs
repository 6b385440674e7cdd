//! Objects that are changed by hand: how fast they are put right.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::repository::name;
use crate::table::{Table, percentile, seconds};

const SAMPLES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(60);
const WRONG: i32 = 3;

/// Scales Deployments by hand, one after the other, and waits until each is back.
pub async fn measure(client: &Client, count: usize, table: &mut Table) -> Result<()> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "apps");
    let mut times = Vec::new();
    for sample in 0..SAMPLES {
        let name = name(sample * 104_729 % count);
        let patch = Patch::Merge(json!({ "spec": { "replicas": WRONG } }));
        let changed = deployments.patch(&name, &PatchParams::apply("somebody"), &patch).await?;
        let begin = Instant::now();
        let version = changed.metadata.resource_version.context("no resourceVersion")?;
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = deployments.watch(&params, &version).await?.boxed();
        while let Some(event) = tokio::time::timeout(PATIENCE, events.try_next()).await?? {
            if let WatchEvent::Modified(deployment) = event
                && deployment.spec.is_some_and(|spec| spec.replicas == Some(0))
            {
                break;
            }
        }
        times.push(begin.elapsed());
    }
    table.add("drift put right, median", seconds(percentile(&mut times, 50)), "measured");
    table.add(
        format!("drift put right, 99th percentile of {SAMPLES}"),
        seconds(percentile(&mut times, 99)),
        "under 1 s",
    );
    Ok(())
}
