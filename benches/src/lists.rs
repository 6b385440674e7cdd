//! How fast a large collection is listed, beside a real kube-apiserver where there is one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use serde_json::{Value, json};

use crate::program::{self, Program};
use crate::table::{Table, mebibytes, percentile, seconds};

/// How many ConfigMaps of about a kilobyte there are, at each of the sizes.
const SIZES: [usize; 3] = [1_000, 3_000, 10_000];
const ROUNDS: usize = 9;
/// How many requests that make them are under way at a time.
const AT_ONCE: usize = 16;
const NAMESPACE: &str = "lists";

/// Lists ConfigMaps: of the program, and of the cluster that a kubeconfig leads to.
pub async fn measure(program: &Path, peer: Option<&Path>, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut server = Program::start(program, &directory.path().join("data"), &["server"])?;
    let client = server.ready().await?;
    let peer = match peer {
        Some(kubeconfig) => Some(program::client(kubeconfig).await?),
        None => None,
    };
    make_namespace(&client).await?;
    if let Some(peer) = &peer {
        make_namespace(peer).await?;
    }
    let mut made = 0;
    for size in SIZES {
        for client in [Some(&client), peer.as_ref()].into_iter().flatten() {
            let making = stream::iter(made..size).map(|number| make(client, number)).buffer_unordered(AT_ONCE);
            making.try_collect::<Vec<()>>().await?;
        }
        made = size;
        for (how, page) in [("in one", None), ("in pages of 500", Some(500))] {
            // In turns, so that whatever else the machine does concerns both alike.
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                ours.push(list(&client, size, page).await?);
                if let Some(peer) = &peer {
                    theirs.push(list(peer, size, page).await?);
                }
            }
            let what = format!("a list of {size} ConfigMaps {how}");
            let ours = percentile(&mut ours, 50);
            table.add(format!("{what}, median"), seconds(ours), "measured");
            if peer.is_some() {
                let theirs = percentile(&mut theirs, 50);
                table.add(format!("{what}: kube-apiserver with etcd, median"), seconds(theirs), "measured");
                let ratio = format!("{:.2} of its time", ours.as_secs_f64() / theirs.as_secs_f64());
                table.add(format!("{what}: beside kube-apiserver"), ratio, "half");
            }
        }
    }
    let memory = format!("{}, {} at most", mebibytes(server.resident()?), mebibytes(server.peak()?));
    table.add(format!("resident memory after lists of {made} ConfigMaps"), memory, "measured");
    if let Some(peer) = peer {
        let path = format!("/api/v1/namespaces/{NAMESPACE}");
        let request = http::Request::delete(path).body(Vec::new())?;
        peer.request_text(request).await?;
    }
    Ok(())
}

async fn make_namespace(client: &Client) -> Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    post(client, "/api/v1/namespaces", &body).await
}

async fn make(client: &Client, number: usize) -> Result<()> {
    let data: serde_json::Map<String, Value> = (0..8).map(|key| (format!("k{key}"), "x".repeat(90).into())).collect();
    let metadata = json!({"name": format!("map-{number:05}"), "labels": {"app": format!("app-{}", number % 10)}});
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
    post(client, &format!("/api/v1/namespaces/{NAMESPACE}/configmaps"), &body).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Result<()> {
    let request = http::Request::post(path).header("content-type", "application/json");
    client.request_text(request.body(serde_json::to_vec(body)?)?).await?;
    Ok(())
}

/// Reads everything, in pages or not; how long it takes until the last byte is there.
async fn list(client: &Client, count: usize, page: Option<usize>) -> Result<Duration> {
    let (mut time, mut found, mut next) = (Duration::ZERO, 0, String::new());
    loop {
        let limit = page.map(|page| format!("?limit={page}&continue={next}")).unwrap_or_default();
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps{limit}");
        let begin = Instant::now();
        let text = client.request_text(http::Request::get(path).body(Vec::new())?).await?;
        time += begin.elapsed();
        let list: Value = serde_json::from_str(&text).context("a list is no JSON")?;
        found += list["items"].as_array().map_or(0, |items| {
            items
                .iter()
                .filter(|item| item["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("map-")))
                .count()
        });
        next = list["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if next.is_empty() {
            ensure!(found == count, "{found} of {count} ConfigMaps were listed");
            return Ok(time);
        }
    }
}
