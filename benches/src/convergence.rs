//! How the time of `cowherd up --once`, and the memory of `cowherd up`, grow with the number of Kustomizations.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::apps;
use crate::program::Program;
use crate::repository::Repository;
use crate::table::{Table, mebibytes, seconds};

/// How many Kustomizations there are.
const COUNTS: [usize; 4] = [500, 1_000, 2_000, 4_000];
/// After what time without a write what was needed once is given back.
const SETTLE: Duration = Duration::from_secs(10);
/// How often is looked whether something was written.
const LOOK: Duration = Duration::from_secs(1);

/// Converges repositories of more and more Kustomizations, each with a ConfigMap and a Service.
pub async fn measure(program: &Path, table: &mut Table) -> Result<()> {
    for count in COUNTS {
        let target = if count == 1_000 { "under 3 s" } else { "grows with the number" };
        let what = format!("`cowherd up --once`, new, {count} Kustomizations of a ConfigMap and a Service each");
        table.add(what, seconds(converge(program, count)?), target);
    }
    for count in COUNTS {
        let target = if count == 4_000 { "under 100 MiB" } else { "measured" };
        let what =
            format!("`cowherd up` with {count} Kustomizations of a ConfigMap and a Service each: resident memory");
        table.add(what, memory(program, count).await?, target);
    }
    Ok(())
}

/// What is resident once all are Ready and nothing happens any more, and at most.
async fn memory(program: &Path, count: usize) -> Result<String> {
    let directory = tempfile::tempdir()?;
    let repository = repository(directory.path(), count)?;
    let path = repository.path.to_str().context("the path is not UTF-8")?;
    let mut up = Program::start(program, &directory.path().join("data"), &["up", path, "--path", "cluster"])?;
    let client = up.ready().await?;
    apps::all_ready(&client, count, &repository.head()?).await?;
    nothing_is_written(&client).await?;
    Ok(format!("{}, {} at most", mebibytes(up.resident()?), mebibytes(up.peak()?)))
}

/// Waits until nothing was written for a while: events are told of one after the other, also after all are Ready.
async fn nothing_is_written(client: &Client) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let (mut last, mut since) = (None, Instant::now());
    while since.elapsed() < SETTLE {
        tokio::time::sleep(LOOK).await;
        let now = namespaces.list_metadata(&ListParams::default().limit(1)).await?.metadata.resource_version;
        if last != now {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}

fn repository(directory: &Path, count: usize) -> Result<Repository> {
    let repository = Repository::new(directory.join("repository"))?;
    repository.add_small_apps(count)?;
    repository.commit("[bench] add the apps")?;
    Ok(repository)
}

fn converge(program: &Path, count: usize) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let repository = repository(directory.path(), count)?;
    let begin = Instant::now();
    let status = Command::new(program)
        .args(["up", repository.path.to_str().context("the path is not UTF-8")?, "--path", "cluster"])
        .args(["--once", "--timeout", "10m", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path().join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let elapsed = begin.elapsed();
    if !status.success() {
        bail!("{count} Kustomizations did not converge: {status}");
    }
    Ok(elapsed)
}
