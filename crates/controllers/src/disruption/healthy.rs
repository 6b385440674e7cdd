//! Which Pods are healthy, and which are about to go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

/// How long a Pod whose eviction was allowed may take until it is being deleted.
const DELETION: Duration = Duration::from_secs(2 * 60);

/// The Pods whose eviction was allowed a moment ago.
#[derive(Debug, Default)]
pub struct Disrupted {
    /// Those that are about to go, and since when.
    pub pods: BTreeMap<String, Time>,
    /// Those that should have gone by now.
    pub not_deleted: Vec<Arc<Pod>>,
    /// When one of the first is one of the others.
    pub recheck: Option<Timestamp>,
}

/// What has become of the Pods that the budget let go.
pub fn disrupted(budget: &PodDisruptionBudget, pods: &[Arc<Pod>], now: Timestamp) -> Disrupted {
    let mut disrupted = Disrupted::default();
    let known = budget.status.as_ref().and_then(|status| status.disrupted_pods.as_ref());
    let Some(known) = known else { return disrupted };
    for pod in pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let Some((name, since)) = known.get_key_value(&pod.name_any()) else { continue };
        match since.0.checked_add(DELETION) {
            Ok(end) if end >= now => {
                disrupted.recheck = Some(disrupted.recheck.map_or(end, |known| known.min(end)));
                disrupted.pods.insert(name.clone(), since.clone());
            }
            _ => disrupted.not_deleted.push(Arc::clone(pod)),
        }
    }
    disrupted
}

/// How many Pods are healthy: ready, and not about to go.
pub fn count(pods: &[Arc<Pod>], disrupted: &Disrupted) -> i32 {
    let healthy = |pod: &&Arc<Pod>| {
        let goes = pod.metadata.deletion_timestamp.is_some() || disrupted.pods.contains_key(&pod.name_any());
        !goes && crate::pods::ready_since(pod).is_some()
    };
    i32::try_from(pods.iter().filter(healthy).count()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, ready: bool, deleted: bool) -> Arc<Pod> {
        let ready = if ready { "True" } else { "False" };
        let deleted = deleted.then_some("2026-01-01T00:00:00Z");
        serde_json::from_value(json!({
            "metadata": { "name": name, "deletionTimestamp": deleted },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        }))
        .map(Arc::new)
        .unwrap()
    }

    #[test]
    fn who_is_about_to_go_is_not_healthy_until_it_should_have_gone() {
        let pods = [pod("a", true, false), pod("b", true, false), pod("c", true, true), pod("d", false, false)];
        let budget = serde_json::from_value(json!({
            "metadata": {}, "spec": {},
            "status": {
                "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
                "disruptedPods": { "a": "2026-01-01T00:00:00Z", "c": "2026-01-01T00:00:00Z", "gone": "2026-01-01T00:00:00Z" },
            },
        }));
        let budget = budget.unwrap();
        let soon = disrupted(&budget, &pods, "2026-01-01T00:01:00Z".parse().unwrap());
        assert_eq!(soon.pods.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(soon.recheck, Some("2026-01-01T00:02:00Z".parse().unwrap()));
        assert_eq!(count(&pods, &soon), 1);
        let late = disrupted(&budget, &pods, "2026-01-01T00:03:00Z".parse().unwrap());
        assert!(late.pods.is_empty() && late.recheck.is_none());
        assert_eq!(late.not_deleted.iter().map(|pod| pod.name_any()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(count(&pods, &late), 2);
    }
}
