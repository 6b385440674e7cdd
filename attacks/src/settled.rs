//! When an attack is over: the program has nothing left to do, and gives back what it took.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::stage::Program;

/// How long it may go on with what attacks have left it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Over how long it is looked.
const WINDOW: Duration = Duration::from_millis(500);
/// Which part of a processor is nothing.
const QUIET: f64 = 0.25;

/// Waits until the program is quiet and has no more than so many MiB; how many it has, and whether it is quiet.
pub async fn wait(program: &Program, most: u64) -> Result<(u64, bool)> {
    let began = Instant::now();
    loop {
        let (worked, window) = (program.worked()?, Instant::now());
        tokio::time::sleep(WINDOW).await;
        let busy = program.worked()?.saturating_sub(worked).as_secs_f64() / window.elapsed().as_secs_f64();
        let (resident, quiet) = (program.resident()?, busy < QUIET);
        if (quiet && resident <= most) || began.elapsed() > PATIENCE {
            return Ok((resident, quiet));
        }
    }
}
