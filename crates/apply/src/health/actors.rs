//! Which kinds somebody acts upon. What nobody acts upon exists and is still not as it should be.

use std::collections::HashSet;

use serde_json::Value;

/// The built-in kinds that mean nothing unless a controller acts upon them.
const NEED_A_CONTROLLER: &[(&str, &str)] = &[
    ("", "Pod"),
    ("", "ReplicationController"),
    ("", "PersistentVolumeClaim"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
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
        assert!(!actors.may_lack("", "Service", true));
        assert!(!actors.may_lack("networking.k8s.io", "Ingress", true));
        assert!(!actors.may_lack("example.com", "Setting", false), "a custom resource without status is data");
        assert!(!Actors::default().may_lack("apps", "StatefulSet", true));
    }

    #[test]
    fn a_status_that_somebody_wrote_says_that_somebody_acts() {
        let object = |subresource: &str| serde_json::json!({ "metadata": { "managedFields": [{ "manager": "m", "subresource": subresource }] } });
        assert!(has_a_written_status(&object("status")));
        assert!(!has_a_written_status(&object("scale")));
        assert!(!has_a_written_status(&serde_json::json!({})));
    }
}
