//! How fast the control plane starts, and what it takes when nothing happens.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::program::Program;
use crate::table::{Table, mebibytes, percentile, seconds};

const ROUNDS: usize = 9;
const IDLE: Duration = Duration::from_secs(10);

/// Starts the control plane on new data directories and on one that was used before.
pub async fn measure(program: &Path, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let data = directory.path().join(round.to_string());
        first.push(start(program, &data).await?);
        again.push(start(program, &data).await?);
    }
    let target = "under 200 ms";
    table.add("`cowherd server`, first start to `/readyz`, median", seconds(percentile(&mut first, 50)), target);
    table.add("`cowherd server`, later start to `/readyz`, median", seconds(percentile(&mut again, 50)), target);

    let mut server = Program::start(program, &directory.path().join("idle"), &["server"])?;
    server.ready().await?;
    tokio::time::sleep(IDLE).await;
    table.add("`cowherd server`, resident memory when idle", mebibytes(server.resident()?), "under 40 MiB");
    Ok(())
}

async fn start(program: &Path, data: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let mut server = Program::start(program, data, &["server"])?;
    server.ready().await?;
    Ok(begin.elapsed())
}
