//! The quality of service of a Pod, which its containers' resources decide.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::Read;
use crate::quantity::Quantity;

/// `Guaranteed` when every container limits CPU and memory and asks for as much, `BestEffort` when none asks for or
/// limits any, else `Burstable`.
pub(super) fn class(spec: &Value) -> &'static str {
    let pod_level = &spec["resources"];
    if pod_level.is_object() && (amounts(&pod_level["requests"]).len() + amounts(&pod_level["limits"]).len() > 0) {
        return classify(std::iter::once(pod_level));
    }
    let containers = spec.items("containers").iter().chain(spec.items("initContainers"));
    classify(containers.map(|container| &container["resources"]))
}

fn classify<'a>(resources: impl Iterator<Item = &'a Value>) -> &'static str {
    let (mut requests, mut limits) = (BTreeMap::new(), BTreeMap::new());
    let mut guaranteed = true;
    for resources in resources {
        for (name, amount) in amounts(&resources["requests"]) {
            add(&mut requests, name, amount);
        }
        let limited = amounts(&resources["limits"]);
        guaranteed &= limited.len() == 2;
        for (name, amount) in limited {
            add(&mut limits, name, amount);
        }
    }
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if guaranteed && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// The amounts of CPU and memory above zero.
fn amounts(list: &Value) -> Vec<(&'static str, Quantity)> {
    ["cpu", "memory"]
        .into_iter()
        .filter_map(|name| Some((name, Quantity::read(&list[name])?)))
        .filter(|(_, amount)| *amount > Quantity::ZERO)
        .collect()
}

fn add(sums: &mut BTreeMap<&'static str, Quantity>, name: &'static str, amount: Quantity) {
    let sum = sums.get(name).copied().unwrap_or(Quantity::ZERO) + amount;
    sums.insert(name, sum);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resources_decide_the_class() {
        let full = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}});
        assert_eq!(class(&json!({"containers": [{"resources": full}]})), "Guaranteed");
        assert_eq!(class(&json!({"containers": [{"resources": full}, {}]})), "Burstable");
        assert_eq!(class(&json!({"containers": [{"resources": {"requests": {"cpu": "1m"}}}]})), "Burstable");
        assert_eq!(class(&json!({"containers": [{"resources": {"requests": {"cpu": "0"}}}]})), "BestEffort");
        assert_eq!(class(&json!({"containers": [{}]})), "BestEffort");
    }
}
