//! Many control planes in one process.

use std::path::Path;
use std::time::Duration;

use cowherd_controlplane::{Budgets, Sizes};
use cowherd_gitops::Limits;

use crate::repository::{self, converged, follow, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_converges_though_the_budgets_are_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository::make(&directory.path().join("repository"));
    let limits = Limits { renders: 1, applies: 1, ..Limits::default() };
    let budgets = Budgets::new(Sizes { agents: limits, ..Sizes::default() });
    let mut planes = Vec::new();
    for number in 0..herd() {
        planes.push(follow(directory.path().join(format!("plane-{number}")), &repository, &budgets).await);
    }
    for plane in &planes {
        converged(plane).await;
        until("all of its loops are well", async || plane.health().check(Duration::from_secs(5))).await;
    }
    for plane in planes {
        plane.stop().await;
    }
    assert!(Path::new(&repository).exists());
}

/// How many there are: `COWHERD_HERD=100 cargo test -p cowherd-controlplane herd` has more than each run of the tests can afford.
fn herd() -> usize {
    std::env::var("COWHERD_HERD").ok().and_then(|count| count.parse().ok()).unwrap_or(12)
}
