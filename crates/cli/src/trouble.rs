//! Tells of loops that are not well: controllers, watches, the election of a leader.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_controlplane::PATIENCE;
use cowherd_runtime::Health;

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(5);

/// Says which loop is not well and why, once, and when it is well again; for as long as it is polled.
pub async fn watch(health: Health, say: impl Fn(String)) {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    loop {
        tokio::time::sleep(PAUSE).await;
        let problems = health.problems_longer_than(PATIENCE).into_iter();
        let now: BTreeMap<String, String> = problems.map(|problem| (problem.name, problem.reason)).collect();
        for (name, reason) in now.iter().filter(|(name, reason)| told.get(*name) != Some(reason)) {
            say(format!("{name} is not well: {reason}; it is tried again"));
        }
        for name in told.keys().filter(|name| !now.contains_key(*name)) {
            say(format!("{name} is well again"));
        }
        told = now;
    }
}
