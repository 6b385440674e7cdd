//! `labels` and `commonLabels`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field_path::{FieldSpec, Leaf, WalkError};
use super::file::Label;
use super::set::ResourceSet;

const fn at(group: &'static str, kind: &'static str, path: &'static str, create: bool) -> FieldSpec<'static> {
    FieldSpec { group, version: "", kind, path, create }
}

const METADATA: FieldSpec<'static> = at("", "", "metadata/labels", true);

const TEMPLATES: [FieldSpec<'static>; 8] = [
    FieldSpec { version: "v1", ..at("", "ReplicationController", "spec/template/metadata/labels", true) },
    at("", "Deployment", "spec/template/metadata/labels", true),
    at("", "ReplicaSet", "spec/template/metadata/labels", true),
    at("", "DaemonSet", "spec/template/metadata/labels", true),
    at("apps", "StatefulSet", "spec/template/metadata/labels", true),
    at("batch", "Job", "spec/template/metadata/labels", true),
    at("batch", "CronJob", "spec/jobTemplate/metadata/labels", true),
    at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true),
];

const VOLUME_CLAIMS: FieldSpec<'static> =
    at("apps", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true);

const SELECTORS: [FieldSpec<'static>; 22] = [
    FieldSpec { version: "v1", ..at("", "Service", "spec/selector", true) },
    FieldSpec { version: "v1", ..at("", "ReplicationController", "spec/selector", true) },
    at("", "Deployment", "spec/selector/matchLabels", true),
    at("apps", "Deployment", PREFERRED_AFFINITY, false),
    at("apps", "Deployment", REQUIRED_AFFINITY, false),
    at("apps", "Deployment", PREFERRED_ANTI_AFFINITY, false),
    at("apps", "Deployment", REQUIRED_ANTI_AFFINITY, false),
    at("apps", "Deployment", SPREAD, false),
    at("", "ReplicaSet", "spec/selector/matchLabels", true),
    at("", "DaemonSet", "spec/selector/matchLabels", true),
    at("apps", "StatefulSet", "spec/selector/matchLabels", true),
    at("apps", "StatefulSet", PREFERRED_AFFINITY, false),
    at("apps", "StatefulSet", REQUIRED_AFFINITY, false),
    at("apps", "StatefulSet", PREFERRED_ANTI_AFFINITY, false),
    at("apps", "StatefulSet", REQUIRED_ANTI_AFFINITY, false),
    at("apps", "StatefulSet", SPREAD, false),
    at("batch", "Job", "spec/selector/matchLabels", false),
    at("batch", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
    at("policy", "PodDisruptionBudget", "spec/selector/matchLabels", false),
    at("networking.k8s.io", "NetworkPolicy", "spec/podSelector/matchLabels", false),
    at("networking.k8s.io", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
    at("networking.k8s.io", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
];

const PREFERRED_AFFINITY: &str = "spec/template/spec/affinity/podAffinity/\
    preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels";
const REQUIRED_AFFINITY: &str = "spec/template/spec/affinity/podAffinity/\
    requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels";
const PREFERRED_ANTI_AFFINITY: &str = "spec/template/spec/affinity/podAntiAffinity/\
    preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels";
const REQUIRED_ANTI_AFFINITY: &str = "spec/template/spec/affinity/podAntiAffinity/\
    requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels";
const SPREAD: &str = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";

/// Sets the labels of one entry of `labels`.
pub(crate) fn set(resources: &mut ResourceSet, label: &Label) -> Result<(), WalkError> {
    let mut places: Vec<FieldSpec<'_>> = Vec::new();
    for field in &label.fields {
        let (group, version, kind) = (&field.group, &field.version, &field.kind);
        places.push(FieldSpec { group, version, kind, path: &field.path, create: field.create });
    }
    if label.include_selectors {
        places.extend(everywhere());
    } else {
        places.push(METADATA);
        if label.include_templates {
            places.extend(TEMPLATES);
        }
        if label.include_templates || label.include_volume_claim_templates {
            places.push(VOLUME_CLAIMS);
        }
    }
    set_in(resources, &label.pairs, &places)
}

/// Sets `commonLabels`: on objects, templates and selectors.
pub(crate) fn set_common(resources: &mut ResourceSet, labels: &BTreeMap<String, String>) -> Result<(), WalkError> {
    set_in(resources, labels, &everywhere())
}

fn everywhere<'a>() -> Vec<FieldSpec<'a>> {
    let mut places = SELECTORS.to_vec();
    places.push(METADATA);
    places.extend(TEMPLATES);
    places.push(VOLUME_CLAIMS);
    places
}

/// Sets `entries` in the mappings at `places`.
pub(crate) fn set_in(
    resources: &mut ResourceSet,
    entries: &BTreeMap<String, String>,
    places: &[FieldSpec<'_>],
) -> Result<(), WalkError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut set = |value: &mut Value| match value {
        Value::Object(map) => {
            map.extend(entries.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
            Ok(())
        }
        Value::Null => Ok(()),
        _ => Err("wrong node kind: expected a mapping".to_owned()),
    };
    for resource in resources.iter_mut() {
        for place in places {
            place.apply(resource, Leaf::Map, &mut set)?;
        }
    }
    Ok(())
}
