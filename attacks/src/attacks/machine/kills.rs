//! A process that is killed again and again under many writers: what was acknowledged is there, once, as it was written.

use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use kube::Client;

use crate::stage::ask::{apply, get};
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "kills",
    about: "a process that is killed again and again under many writers",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// What a writer knows: the number that was acknowledged last, and the one that was sent.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    acknowledged: u64,
    sent: u64,
}

async fn play(stage: &Stage) -> Result<()> {
    let writers = 10;
    let mut written = vec![Written::default(); writers];
    for _ in 0..stage.pick(4, 150) {
        let life = Duration::from_millis(stage.random().u64(50..1_000));
        let tenant = stage.people().tenant;
        let writing = join_all(written.iter_mut().enumerate().map(|(number, written)| write(&tenant, number, written)));
        let _ = tokio::time::timeout(life, writing).await;
        stage.kill_and_start().await?;
        let tenant = stage.people().tenant;
        for (number, Written { acknowledged, sent }) in written.iter().enumerate() {
            let answer = get(&tenant, &format!("{CONFIG_MAPS}/writer-{number}")).await?;
            let found = answer.document["data"]["text"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0_u64);
            holds((*acknowledged..=*sent).contains(&found), (number, acknowledged, sent, found))?;
        }
    }
    Ok(())
}

/// Goes on to write until it is dropped.
async fn write(tenant: &Client, number: usize, written: &mut Written) {
    let name = format!("writer-{number}");
    loop {
        written.sent += 1;
        let body = config_map(&name, &written.sent.to_string());
        match apply(tenant, &format!("{CONFIG_MAPS}/{name}"), &body).await {
            Ok(answer) if answer.code < 300 => written.acknowledged = written.sent,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
