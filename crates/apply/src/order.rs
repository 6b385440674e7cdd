//! In which order objects are applied: first what others need.

use std::cmp::Ordering;

use crate::object::ObjectId;

/// Kinds that come before all others, in this order.
const FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come after all others: once a webhook stands, the API may refuse what would have made it work.
const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// A part of a set of objects that is applied, and ready, before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Definitions, namespaces and cluster roles.
    Definitions,
    /// Classes, of storage or priority for example.
    Classes,
    /// Everything else.
    Resources,
}

/// The stages in their order.
pub const STAGES: [Stage; 3] = [Stage::Definitions, Stage::Classes, Stage::Resources];

/// The stage to which an object belongs.
pub fn stage(id: &ObjectId) -> Stage {
    match (id.group.as_str(), id.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("", "Namespace")
        | ("rbac.authorization.k8s.io", "ClusterRole") => Stage::Definitions,
        (_, kind) if kind.ends_with("Class") => Stage::Classes,
        _ => Stage::Resources,
    }
}

/// The place of a kind among the kinds. Objects of the same rank do not need each other.
pub fn rank(kind: &str) -> usize {
    let last = || LAST.iter().position(|other| *other == kind).map(|index| FIRST.len() + 1 + index);
    FIRST.iter().position(|other| *other == kind).or_else(last).unwrap_or(FIRST.len())
}

/// Compares two objects by the order in which they are applied. What goes is deleted in the reverse order.
pub fn compare(a: &ObjectId, b: &ObjectId) -> Ordering {
    let key = |id: &ObjectId| rank(&id.kind);
    key(a)
        .cmp(&key(b))
        .then_with(|| (&a.group, &a.kind, &a.namespace, &a.name).cmp(&(&b.group, &b.kind, &b.namespace, &b.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::parse;

    #[test]
    fn what_others_need_comes_first_and_webhooks_come_last() {
        let mut ids: Vec<_> = [
            "_w_admissionregistration.k8s.io_ValidatingWebhookConfiguration",
            "a_web_apps_Deployment",
            "a_x_example.org_Widget",
            "a_web__Service",
            "_a__Namespace",
            "_high_scheduling.k8s.io_PriorityClass",
            "_widgets.example.org_apiextensions.k8s.io_CustomResourceDefinition",
            "a_b__ConfigMap",
            "a_a__ConfigMap",
        ]
        .iter()
        .map(|id| parse(id, "v1").unwrap().id)
        .collect();
        ids.sort_by(compare);
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "CustomResourceDefinition/widgets.example.org",
                "Namespace/a",
                "PriorityClass/high",
                "ConfigMap/a/a",
                "ConfigMap/a/b",
                "Service/a/web",
                "Deployment/a/web",
                "Widget/a/x",
                "ValidatingWebhookConfiguration/w",
            ]
        );
        assert!(ids.is_sorted_by_key(stage), "the order of the kinds agrees with the stages");
    }

    #[test]
    fn definitions_come_before_classes_and_those_before_everything_else() {
        for (id, expected) in [
            ("_widgets.example.org_apiextensions.k8s.io_CustomResourceDefinition", Stage::Definitions),
            ("_a__Namespace", Stage::Definitions),
            ("_reader_rbac.authorization.k8s.io_ClusterRole", Stage::Definitions),
            ("_high_scheduling.k8s.io_PriorityClass", Stage::Classes),
            ("a_big_cluster.x-k8s.io_ClusterClass", Stage::Classes),
            ("_reader_rbac.authorization.k8s.io_ClusterRoleBinding", Stage::Resources),
            ("a_a__ConfigMap", Stage::Resources),
            ("a_a_example.org_Namespace", Stage::Resources),
            ("a_a_example.org_CustomResourceDefinition", Stage::Resources),
        ] {
            assert_eq!(stage(&parse(id, "v1").unwrap().id), expected, "{id}");
        }
        assert!(STAGES.is_sorted());
    }

    #[test]
    fn each_webhook_comes_after_all_that_might_make_it_work() {
        let ranks = ["Pod", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"].map(rank);
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
        assert!(rank("PodDisruptionBudget") < rank("Pod") && rank("Pod") == rank("Widget"));
    }
}
