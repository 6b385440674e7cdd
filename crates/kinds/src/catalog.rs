//! The list of all built-in kinds, in the order in which discovery shows their groups.

use crate::kind::Kind;
use crate::{admission, apps, autoscaling, batch, coordination, core, crd, discovery, events, networking, policy};
use crate::{rbac, scheduling, storage};

static ALL: &[Kind] = &[
    core::config_map::KIND,
    core::endpoints::KIND,
    core::event::KIND,
    core::limit_range::KIND,
    core::namespace::KIND,
    core::node::KIND,
    core::volume_claim::KIND,
    core::volume::KIND,
    core::pod::KIND,
    core::pod_template::KIND,
    core::replication_controller::KIND,
    core::resource_quota::KIND,
    core::secret::KIND,
    core::service_account::KIND,
    core::service::KIND,
    apps::controller_revision::KIND,
    apps::daemon_set::KIND,
    apps::deployment::KIND,
    apps::replica_set::KIND,
    apps::stateful_set::KIND,
    events::KIND,
    autoscaling::V2,
    autoscaling::V1,
    batch::cron_job::KIND,
    batch::job::KIND,
    networking::ingress_class::KIND,
    networking::ingress::KIND,
    networking::ip_address::KIND,
    networking::network_policy::KIND,
    networking::service_cidr::KIND,
    policy::KIND,
    rbac::CLUSTER_ROLE_BINDING,
    rbac::CLUSTER_ROLE,
    rbac::ROLE_BINDING,
    rbac::ROLE,
    storage::csi::DRIVER,
    storage::csi::NODE,
    storage::csi::CAPACITY,
    storage::class::KIND,
    storage::attachment::KIND,
    storage::attributes_class::KIND,
    admission::webhook::MUTATING,
    admission::policy::POLICY,
    admission::policy::BINDING,
    admission::webhook::VALIDATING,
    crd::KIND,
    scheduling::KIND,
    coordination::KIND,
    discovery::KIND,
];

/// Every kind, each version of a resource on its own; within a group, the preferred version comes first.
pub fn all() -> &'static [Kind] {
    ALL
}

/// The kind that serves a resource, such as `("apps", "v1", "deployments")`.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// The kind of that name, such as `("apps", "v1", "Deployment")`.
pub fn find_kind(group: &str, version: &str, kind: &str) -> Option<&'static Kind> {
    ALL.iter().find(|candidate| candidate.group == group && candidate.version == version && candidate.kind == kind)
}

/// The kinds of that name, whatever their groups and versions: those of `group` first.
pub fn of_name<'a>(group: &'a str, kind: &'a str) -> impl Iterator<Item = &'static Kind> + 'a {
    let own = ALL.iter().filter(move |one| one.kind == kind && one.group == group);
    own.chain(ALL.iter().filter(move |one| one.kind == kind && one.group != group))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_listed_once_and_can_be_stored() {
        let mut seen = BTreeSet::new();
        for kind in all() {
            assert!(seen.insert((kind.group, kind.version, kind.plural)), "{kind:?}");
            assert_eq!(kind.singular, kind.kind.to_lowercase(), "{kind:?}");
            assert!(kind.verbs.is_sorted(), "{kind:?}");
            assert!(kind.storage().stored_as.is_none(), "{kind:?}");
            assert!(kind.columns().iter().any(|column| column.format == "name"), "{kind:?}");
            assert!(find_kind(kind.group, kind.version, kind.kind).is_some());
        }
        assert_eq!(seen.len(), 49);
    }

    #[test]
    fn kinds_are_found_by_their_name_in_whichever_group_they_are_now() {
        let found =
            |group, kind| of_name(group, kind).map(|one| format!("{}/{}", one.group, one.version)).collect::<Vec<_>>();
        assert_eq!(found("extensions", "Ingress"), ["networking.k8s.io/v1"]);
        assert_eq!(found("autoscaling", "HorizontalPodAutoscaler"), ["autoscaling/v2", "autoscaling/v1"]);
        assert_eq!(found("events.k8s.io", "Event"), ["events.k8s.io/v1", "/v1"]);
        assert!(found("", "Deploymnet").is_empty());
    }

    #[test]
    fn no_two_kinds_share_a_short_name() {
        let mut seen = std::collections::BTreeMap::new();
        for kind in all() {
            for name in kind.short_names {
                let first = seen.entry(name).or_insert(kind.plural);
                assert_eq!(*first, kind.plural, "{name}");
            }
        }
    }

    #[test]
    fn nothing_panics_on_nonsense() {
        use serde_json::json;
        let now = jiff::Timestamp::UNIX_EPOCH;
        let bad = [
            json!(null),
            json!([]),
            json!("text"),
            json!({}),
            json!({"metadata": [], "spec": 3, "status": "x", "data": []}),
            json!({"metadata": {"name": 1, "labels": [1]}, "spec": {"template": [], "selector": 1, "ports": [1], "rules": {}}}),
            json!({"spec": {"template": {"spec": {"containers": [null, {}], "volumes": [3]}}, "containers": {"a": 1}}}),
            json!({"webhooks": [1], "rules": 2, "subjects": [[]], "roleRef": [], "parameters": 1, "endpoints": [[]], "subsets": [2]}),
        ];
        for kind in all() {
            for object in &bad {
                let mut object = object.clone();
                kind.default(&mut object);
                kind.prepare_create(&mut object);
                kind.validate_create(&object);
                let old = object.clone();
                for subresource in [None, Some("status"), Some("scale")] {
                    kind.prepare_update(&mut object, &old, subresource);
                }
                kind.validate_update(&object, &old);
                kind.row(&object, now);
                kind.selectable_fields(&object);
                kind.scale_selector(&object);
                let object = kind.to_storage(object);
                kind.from_storage(object);
            }
        }
    }
}
