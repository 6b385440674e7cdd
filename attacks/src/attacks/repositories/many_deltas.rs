//! Packs of a few kilobytes whose objects are each within the limits, and together are not: many that copy the same base again and
//! again, and a chain of which each link has to be held since another object is made of it, too.

use anyhow::Result;
use cowherd_gitserver::Repository;
use cowherd_gitserver::pack::{Pack, copies};
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget, Scale};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "many-deltas",
    about: "packs with hundreds of deltas that copy a base sixty times, and with a chain of large objects that are all held",
    budget: Budget::USUAL.with_memory(512),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// How large the base is of which the others are made.
const BASE: usize = 1 << 20;

async fn play(stage: &Stage) -> Result<()> {
    let (siblings, siblings_url) = stage.repository("siblings");
    many(&siblings, stage.pick(4, 200), stage.pick(8, 60));
    let (comb, comb_url) = stage.repository("comb");
    combed(&comb, stage.pick(20, 45), 56);
    // One after the other is for each tenant, however many they follow.
    let copies = stage.pick(1, 8);
    for copy in 0..copies {
        stage.follow(&format!("comb-{copy}"), &comb_url, json!({})).await?;
        stage.follow(&format!("siblings-{copy}"), &siblings_url, json!({})).await?;
    }
    // Where everything is slow, its time is over before that much is held, or while it waits for the other.
    let is_slow = |message: &str| stage.scale == Scale::Small && message.contains("took longer");
    for copy in 0..copies {
        let (status, message) = stage.verdict_of_source(&format!("comb-{copy}")).await?;
        holds(status == "False" && (message.contains("held at once") || is_slow(&message)), ("comb", message))?;
    }
    for copy in 0..copies {
        let (status, message) = stage.verdict_of_source(&format!("siblings-{copy}")).await?;
        // A few are within the limits.
        let is_right = stage.pick(status == "True", status == "False" && message.contains("bytes in all"));
        holds(is_right || is_slow(&message), ("siblings", message))?;
    }
    Ok(())
}

/// So many files of so many MiB, each of which copies the same MiB again and again.
fn many(repository: &Repository, count: usize, times: usize) {
    let mut pack = Pack::default();
    let base = pack.whole(&vec![b'#'; BASE]);
    for number in 0..count {
        pack.delta(base, &copies(BASE, BASE, times, number.to_string().as_bytes()));
    }
    pack.commit_to(repository, "app");
}

/// A chain of so many files of so many MiB; of each link one more file is made than the next link.
fn combed(repository: &Repository, length: usize, times: usize) {
    let mut pack = Pack::default();
    let large = BASE * times;
    let base = pack.whole(&vec![b'#'; BASE]);
    let mut link = pack.delta(base, &copies(BASE, BASE, times, b""));
    let mut size = large;
    for number in 0..length {
        pack.delta(link, &copies(size, 16, 1, format!("tooth {number}").as_bytes()));
        let end = format!("link {number}");
        link = pack.delta(link, &copies(size, BASE, times, end.as_bytes()));
        size = large + end.len();
    }
    pack.commit_to(repository, "app");
}
