//! When each Receiver is looked at: when it changed, and when its time has come. What goes wrong with one is no other's trouble.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::notification::v1::Receiver;
use cowherd_runtime::{Key, caught};
use kube::ResourceExt;
use tokio::time::Instant;

use super::status::requested;

/// How often a Receiver is looked at, unless it says otherwise, and at most.
const INTERVAL: Duration = Duration::from_secs(600);
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);
/// How long after a failure it is tried again: first, and at most.
const RETRY: Duration = Duration::from_secs(5);
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// What was done about each Receiver.
#[derive(Default)]
pub(super) struct Rounds {
    known: HashMap<Key, Done>,
}

struct Done {
    /// What was looked at: the uid, the generation, and whether it is asked for.
    of: (Option<String>, Option<i64>, Option<String>),
    /// When it is looked at again.
    next: Instant,
    failures: u32,
}

impl Rounds {
    /// Looks at the Receivers that changed, and at those whose time has come; when the next one's does. `keep` says whether all is
    /// well with one.
    pub(super) async fn look<F: Future<Output = bool>>(
        &mut self,
        receivers: &[Arc<Receiver>],
        keep: impl Fn(Arc<Receiver>) -> F,
    ) -> Option<Instant> {
        let keys: BTreeMap<Key, &Arc<Receiver>> = receivers.iter().map(|one| (Key::of(one.as_ref()), one)).collect();
        self.known.retain(|key, _| keys.contains_key(key));
        for (key, receiver) in keys {
            let of = (receiver.uid(), receiver.metadata.generation, requested(receiver));
            let known = self.known.get(&key);
            let is_due = known.is_none_or(|done| done.of != of || done.next <= Instant::now());
            let is_left_alone =
                receiver.spec.suspend.unwrap_or_default() || receiver.metadata.deletion_timestamp.is_some();
            if !is_due || is_left_alone {
                continue;
            }
            let failures = known.map_or(0, |done| done.failures);
            let is_well = caught(async { keep(receiver.clone()).await }).await.unwrap_or_else(|panic| {
                tracing::error!(receiver = %key, panic, "looking at a Receiver panicked; it is tried again");
                false
            });
            let (wait, failures) = match is_well {
                true => (interval(receiver), 0),
                false => (RETRY.saturating_mul(1 << failures.min(10)).min(LONGEST_RETRY), failures + 1),
            };
            self.known.insert(key, Done { of, next: Instant::now() + wait, failures });
        }
        self.known.values().map(|done| done.next).min()
    }
}

fn interval(receiver: &Receiver) -> Duration {
    let said = receiver.spec.interval.as_ref().and_then(|interval| interval.parse().ok());
    said.unwrap_or(INTERVAL).max(SHORTEST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    fn receiver(name: &str) -> Arc<Receiver> {
        let object = json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver",
            "metadata": { "name": name, "namespace": "n", "uid": name, "generation": 1 },
            "spec": { "type": "generic", "resources": [] } });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_panics_keeps_no_other_from_being_looked_at_and_is_tried_again() {
        let (seen, mut rounds) = (Mutex::new(Vec::new()), Rounds::default());
        let keep = |receiver: Arc<Receiver>| {
            let name = receiver.name_any();
            seen.lock().unwrap().push(name.clone());
            async move {
                assert!(name != "bad", "it is told of nowhere");
                true
            }
        };
        let receivers = ["a", "bad", "z"].map(receiver);
        let next = rounds.look(&receivers, keep).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["a", "bad", "z"]);
        assert_eq!(next - Instant::now(), RETRY);
        tokio::time::sleep(RETRY).await;
        let next = rounds.look(&receivers, keep).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), ["a", "bad", "z", "bad"]);
        assert_eq!(next - Instant::now(), 2 * RETRY, "later each time");
    }
}
