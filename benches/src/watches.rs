//! What watches take that nobody reads, and what stays of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::{AsyncReadExt, StreamExt, TryStreamExt, stream};
use kube::Client;
use serde_json::{Value, json};

use crate::program::Program;
use crate::table::{Table, mebibytes};

/// How many watches there are, at each of the sizes.
const SIZES: [usize; 3] = [25, 50, 100];
/// The objects that they watch: 200 of 100 KB.
const OBJECTS: usize = 200;
const OBJECT: usize = 100 * 1000;
/// How long memory is given to come and to go.
const QUIET: Duration = Duration::from_secs(15);
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Opens watches of 20 MB of objects and reads none of them, while everything changes twice.
pub async fn measure(program: &Path, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    for count in SIZES {
        let mut server = Program::start(program, &directory.path().join(count.to_string()), &["server"])?;
        let client = server.ready().await?;
        write(&client, "POST").await?;
        tokio::time::sleep(QUIET).await;
        let before = server.resident()?;
        let mut watches = Vec::new();
        for _ in 0..count {
            // A connection of its own: many watches of one connection share its window.
            let own = server.ready().await?;
            let request = http::Request::get("/api/v1/configmaps?watch=true").body(Vec::new())?;
            let mut watch = Box::pin(own.request_stream(request).await?);
            let mut first = [0];
            ensure!(watch.read(&mut first).await? == 1, "a watch has ended");
            watches.push((own, watch));
        }
        write(&client, "PUT").await?;
        write(&client, "PUT").await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let what = format!("{count} watches that are never read, of {OBJECTS} objects of 100 KB that change twice");
        let (during, peak) = (server.resident()?, server.peak()?);
        let text = format!("{}, {} at most, {} before", mebibytes(during), mebibytes(peak), mebibytes(before));
        table.add(format!("{what}: resident memory"), text, "measured");
        drop(watches);
        tokio::time::sleep(QUIET).await;
        table.add(format!("{what}: 15 s after they were closed"), mebibytes(server.resident()?), "what was before");
    }
    Ok(())
}

/// Makes or changes all objects.
async fn write(client: &Client, method: &str) -> Result<()> {
    let text = "x".repeat(OBJECT - 300);
    let written = stream::iter(0..OBJECTS).map(|number| {
        let name = format!("large-{number}");
        let path = if method == "PUT" { format!("{MAPS}/{name}") } else { MAPS.to_owned() };
        let data = json!({"text": text, "written": method});
        let body: Value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
        async move {
            let request = http::Request::builder().method(method).uri(path).header("content-type", "application/json");
            client.request_text(request.body(serde_json::to_vec(&body)?)?).await?;
            anyhow::Ok(())
        }
    });
    written.buffer_unordered(8).try_collect::<Vec<()>>().await?;
    Ok(())
}
