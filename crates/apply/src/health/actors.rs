//! Which kinds somebody acts upon. What nobody acts upon exists and is still not as it should be.

use std::collections::HashSet;

use serde_json::Value;

/// The built-in kinds that mean nothing unless a controller, or the admission of requests, acts upon them. What only
/// configures others, or says what is allowed between Pods that nothing runs, is not among them.
const NEED_A_CONTROLLER: &[(&str, &str)] = &[
    ("", "LimitRange"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "ReplicationController"),
    ("", "ResourceQuota"),
    // Those that ask for a load balancer: see `needs_a_controller`.
    ("", "Service"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("networking.k8s.io", "Ingress"),
    ("policy", "PodDisruptionBudget"),
];

/// Groups of Kubernetes itself that have no dot in their name, beside those that end in `.k8s.io`.
const BUILT_IN: &[&str] = &["", "apps", "autoscaling", "batch", "policy"];

/// What is known of the controllers of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Actors {
    /// The kinds that are acted upon, as group and kind; `None` where nothing is known and every status is trusted.
    known: Option<HashSet<(String, String)>>,
}

impl Actors {
    /// The controllers of a cluster that acts on these kinds, given as group and kind, and on no others.
    pub fn of<'a>(kinds: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Self {
        let owned = |(group, kind): &(&str, &str)| ((*group).to_owned(), (*kind).to_owned());
        Self { known: Some(kinds.into_iter().map(owned).collect()) }
    }

    /// Whether objects of the kind may wait for a controller that is not there. A custom resource needs one if its
    /// definition gives it a status.
    pub fn may_lack(&self, group: &str, kind: &str, has_status: bool) -> bool {
        let Some(known) = &self.known else { return false };
        let needs_one = if is_built_in(group) { NEED_A_CONTROLLER.contains(&(group, kind)) } else { has_status };
        needs_one && !known.contains(&(group.to_owned(), kind.to_owned()))
    }
}

/// Whether this one of its kind needs somebody who acts on it. An ordinary Service has its address from the API itself.
pub fn needs_a_controller(object: &Value) -> bool {
    let is_service = object["kind"] == "Service" && object["apiVersion"] == "v1";
    !is_service || object.pointer("/spec/type").is_some_and(|kind| kind == "LoadBalancer")
}

fn is_built_in(group: &str) -> bool {
    BUILT_IN.contains(&group) || group.ends_with(".k8s.io")
}

/// Whether somebody has ever written the object's status: then it is acted upon, by whomever.
pub fn has_a_written_status(object: &Value) -> bool {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| entry["subresource"] == "status")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_nobody_acts_upon_is_known_where_the_controllers_are() {
        let actors = Actors::of(&[("apps", "Deployment"), ("kustomize.toolkit.fluxcd.io", "Kustomization")]);
        assert!(actors.may_lack("apps", "StatefulSet", true));
        assert!(actors.may_lack("helm.toolkit.fluxcd.io", "HelmRelease", true));
        assert!(!actors.may_lack("apps", "Deployment", true));
        assert!(!actors.may_lack("kustomize.toolkit.fluxcd.io", "Kustomization", true));
        for (group, kind) in [("", "ResourceQuota"), ("networking.k8s.io", "Ingress"), ("", "Service")] {
            assert!(actors.may_lack(group, kind, true), "{kind}");
        }
        for (group, kind) in [("networking.k8s.io", "NetworkPolicy"), ("", "Namespace"), ("apps", "ControllerRevision")]
        {
            assert!(!actors.may_lack(group, kind, true), "{kind} means something by itself");
        }
        assert!(
            actors.may_lack("apps", "StatefulSet", false) && actors.may_lack("policy", "PodDisruptionBudget", false)
        );
        assert!(!actors.may_lack("networking.k8s.io", "NetworkPolicy", false));
        assert!(!actors.may_lack("", "ConfigMap", false));
        assert!(!actors.may_lack("example.com", "Setting", false), "a custom resource without status is data");
        assert!(!Actors::default().may_lack("apps", "StatefulSet", true));
    }

    #[test]
    fn only_a_service_that_asks_for_a_load_balancer_needs_one_who_makes_it() {
        let service = |spec: Value| serde_json::json!({ "apiVersion": "v1", "kind": "Service", "spec": spec });
        assert!(needs_a_controller(&service(serde_json::json!({ "type": "LoadBalancer" }))));
        assert!(!needs_a_controller(&service(serde_json::json!({ "type": "NodePort" }))));
        assert!(!needs_a_controller(&service(Value::Null)));
        let knative = serde_json::json!({ "apiVersion": "serving.knative.dev/v1", "kind": "Service" });
        assert!(needs_a_controller(&knative) && needs_a_controller(&serde_json::json!({ "kind": "Ingress" })));
    }

    #[test]
    fn a_status_that_somebody_wrote_says_that_somebody_acts() {
        let object = |subresource: &str| serde_json::json!({ "metadata": { "managedFields": [{ "manager": "m", "subresource": subresource }] } });
        assert!(has_a_written_status(&object("status")));
        assert!(!has_a_written_status(&object("scale")));
        assert!(!has_a_written_status(&serde_json::json!({})));
    }
}
