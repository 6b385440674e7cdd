//! A ClusterRole that aggregates has the rules of those that its selectors mean.

use std::sync::Arc;

use cowherd_runtime::owners::{matches, selector};
use cowherd_runtime::{Controller, Error, Key, Next, Runtime, Writer, events};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::{Patch, PatchParams};
use serde_json::json;

const NAME: &str = "clusterrole-aggregation-controller";

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let roles = Writer::of_cluster(runtime.client(NAME), runtime.informer::<ClusterRole>());
    let known = Arc::clone(roles.informer());
    let concerned = move |changed: &ClusterRole| {
        let gathering = known.all().into_iter().filter(|role| concerns(role, changed));
        gathering.map(|role| Key::of(role.as_ref())).collect::<Vec<_>>()
    };
    let about = Arc::clone(roles.informer());
    Controller::new(&runtime, NAME)
        .about(move |key: &Key| about.get(key).map(|role| events::reference(role.as_ref(), &())))
        .watches(roles.informer(), concerned)
        .workers(1)
        .run(move |key| aggregate(roles.clone(), key))
        .await;
}

/// Whether a role that changed, as it is or as it was, has a part in the rules of this one.
fn concerns(role: &ClusterRole, changed: &ClusterRole) -> bool {
    // Asked first, since almost no role gathers others, and all are asked about each.
    role.aggregation_rule.is_some() && (is_same(role, changed) || selects(role, changed))
}

fn is_same(role: &ClusterRole, other: &ClusterRole) -> bool {
    role.metadata.name == other.metadata.name
}

/// Whether a role gathers the rules of another. A selector that is none selects nothing.
fn selects(role: &ClusterRole, other: &ClusterRole) -> bool {
    let selectors = role.aggregation_rule.iter().flat_map(|rule| rule.cluster_role_selectors.iter().flatten());
    selectors.flat_map(selector).any(|selector| matches(&selector, other))
}

async fn aggregate(roles: Writer<ClusterRole>, key: Key) -> Result<Next, Error> {
    let known = roles.informer();
    let Some(role) = known.get(&key).filter(|role| role.aggregation_rule.is_some()) else { return Ok(Next::Wait) };
    let rules = gathered(&role, &known.all());
    if role.rules.clone().unwrap_or_default() == rules {
        return Ok(Next::Wait);
    }
    let wanted = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": key.name},
        "rules": rules,
    });
    roles.patch(&key, &PatchParams::apply(NAME).force(), &Patch::Apply(wanted)).await?;
    Ok(Next::Wait)
}

/// The rules of all roles that the selectors mean, each once: in the order of the selectors, then of the roles, which
/// are sorted by name.
fn gathered(role: &ClusterRole, all: &[Arc<ClusterRole>]) -> Vec<PolicyRule> {
    let mut rules: Vec<PolicyRule> = Vec::new();
    let selectors = role.aggregation_rule.iter().flat_map(|rule| rule.cluster_role_selectors.iter().flatten());
    for selector in selectors.flat_map(selector) {
        let others = all.iter().filter(|other| !is_same(role, other));
        for other in others.filter(|other| matches(&selector, other.as_ref())) {
            for rule in other.rules.iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role(name: &str, label: &str, verbs: &[&str]) -> ClusterRole {
        let rules: Vec<Value> =
            verbs.iter().map(|verb| json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]})).collect();
        serde_json::from_value(json!({"metadata": {"name": name, "labels": {label: "yes"}}, "rules": rules})).unwrap()
    }

    fn gathering(name: &str, labels: &[&str]) -> ClusterRole {
        let selectors: Vec<Value> = labels.iter().map(|label| json!({"matchLabels": {*label: "yes"}})).collect();
        let rule = serde_json::from_value(json!({"clusterRoleSelectors": selectors})).unwrap();
        ClusterRole { aggregation_rule: Some(rule), ..role(name, "a", &["own"]) }
    }

    #[test]
    fn rules_are_gathered_once_in_the_order_of_selectors_and_names() {
        let all = [
            gathering("all", &["b", "a"]),
            role("one", "a", &["get", "list"]),
            role("three", "a", &["list", "watch"]),
            role("two", "b", &["patch", "get"]),
            role("zero", "c", &["delete"]),
        ];
        let all = all.map(Arc::new);
        let verbs = |role: &ClusterRole| -> Vec<String> {
            gathered(role, &all).into_iter().flat_map(|rule| rule.verbs).collect()
        };
        assert_eq!(verbs(&gathering("all", &["b", "a"])), ["patch", "get", "list", "watch"]);
        assert!(verbs(&gathering("none", &["d"])).is_empty());
        // One that gathers may be gathered by another, with the rules that it has at the moment.
        assert_eq!(verbs(&gathering("another", &["a"])), ["own", "get", "list", "watch"]);
    }

    #[test]
    fn a_change_concerns_those_that_select_the_role_and_itself() {
        let gathering = gathering("all", &["b"]);
        assert!(concerns(&gathering, &role("one", "b", &[])));
        assert!(concerns(&gathering, &gathering));
        assert!(!concerns(&gathering, &role("one", "c", &[])));
        assert!(!concerns(&role("one", "b", &[]), &role("one", "b", &[])));
    }
}
