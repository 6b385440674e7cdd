//! A disk without room while everybody writes: what was acknowledged is there, what was refused is said, and it passes.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::stage::ask::{get, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "full-disk",
    about: "files that cannot grow while everybody writes, and can again",
    budget: Budget::USUAL,
    limits: Limits { file: Some(20_000), ..Limits::NONE },
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    stage.begin_outage();
    let text = "x".repeat(200_000);
    let mut made = Vec::new();
    let mut refusals = 0;
    for number in 0..200 {
        let name = format!("fill-{number}");
        let answer = post(&tenant, CONFIG_MAPS, &config_map(&name, &text)).await?;
        match answer.code {
            201 => made.push(name),
            code => {
                refusals += 1;
                holds(code >= 500 && answer.message().contains("free space"), (code, answer.message()))?;
            }
        }
        if refusals > 20 {
            break;
        }
    }
    holds(refusals > 0, "the disk was never full")?;
    let ready = get(&stage.people().admin, "/readyz?verbose").await?;
    holds(ready.code >= 500, ready.code)?;
    // Reads go on, and a kill changes nothing.
    for name in &made {
        get(&tenant, &format!("{CONFIG_MAPS}/{name}")).await?.expect(200)?;
    }
    let pid = stage.program.pid().to_string();
    let freed = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &pid]).status()?;
    ensure!(freed.success(), "prlimit ended with {freed}");
    stage.until("it is ready again", async || Ok(get(&stage.people().admin, "/readyz").await?.code == 200)).await?;
    for name in &made {
        get(&tenant, &format!("{CONFIG_MAPS}/{name}")).await?.expect(200)?;
    }
    stage.end_outage();
    Ok(())
}
