//! `labels` and `commonLabels`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::config::{Config, merge_all, merge_one};
use crate::kustomize::budget::Budget;
use crate::kustomize::fields::field_path::{FieldSpec, Leaf, WalkError};
use crate::kustomize::files::file::Label;
use crate::kustomize::objects::set::ResourceSet;

const fn at(group: &'static str, kind: &'static str, path: &'static str, create: bool) -> FieldSpec {
    FieldSpec::new([group, "", kind], path, create)
}

const PREFERRED_AFFINITY: &str = "spec/template/spec/affinity/podAffinity/\
    preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels";
const REQUIRED_AFFINITY: &str = "spec/template/spec/affinity/podAffinity/\
    requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels";
const PREFERRED_ANTI_AFFINITY: &str = "spec/template/spec/affinity/podAntiAffinity/\
    preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels";
const REQUIRED_ANTI_AFFINITY: &str = "spec/template/spec/affinity/podAntiAffinity/\
    requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels";
const SPREAD: &str = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";

/// On objects themselves.
pub(crate) const METADATA: FieldSpec = FieldSpec::everywhere("metadata/labels", true);

/// How many of [`COMMON`] are selectors; the others are on objects and in templates.
const SELECTORS: usize = 22;

/// On objects, in templates and in selectors.
pub(crate) static COMMON: [FieldSpec; SELECTORS + 10] = [
    FieldSpec::new(["", "v1", "Service"], "spec/selector", true),
    FieldSpec::new(["", "v1", "ReplicationController"], "spec/selector", true),
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
    METADATA,
    FieldSpec::new(["", "v1", "ReplicationController"], "spec/template/metadata/labels", true),
    at("", "Deployment", "spec/template/metadata/labels", true),
    at("", "ReplicaSet", "spec/template/metadata/labels", true),
    at("", "DaemonSet", "spec/template/metadata/labels", true),
    at("apps", "StatefulSet", "spec/template/metadata/labels", true),
    at("apps", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true),
    at("batch", "Job", "spec/template/metadata/labels", true),
    at("batch", "CronJob", "spec/jobTemplate/metadata/labels", true),
    at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true),
];

/// On objects and in templates.
pub(crate) fn templates() -> &'static [FieldSpec] {
    COMMON.get(SELECTORS..).unwrap_or_default()
}

/// Where an entry of `labels` sets its labels.
pub(crate) fn places<'a>(label: &Label, config: &'a Config) -> Result<Cow<'a, [FieldSpec]>, String> {
    static ONLY_METADATA: [FieldSpec; 1] = [METADATA];
    if label.fields.is_empty() && config.labels().is_empty() && !config.is_extended() {
        return Ok(Cow::Borrowed(match (label.include_selectors, label.include_templates) {
            (true, _) => config.common_labels(),
            (false, true) => config.template_labels(),
            (false, false) => &ONLY_METADATA,
        }));
    }
    let mut places = label.fields.clone();
    merge_all(&mut places, config.labels())?;
    if label.include_selectors {
        merge_all(&mut places, config.common_labels())?;
    } else {
        if label.include_templates {
            merge_all(&mut places, config.template_labels())?;
        }
        merge_one(&mut places, &METADATA)?;
    }
    Ok(Cow::Owned(places))
}

/// Sets `entries` in the mappings at `places`.
pub(crate) fn set(
    resources: &mut ResourceSet,
    entries: &BTreeMap<String, String>,
    places: &[FieldSpec],
    budget: &Budget,
) -> Result<(), WalkError> {
    if entries.is_empty() {
        return Ok(());
    }
    let size = entries.iter().map(|(key, value)| key.len() + value.len()).sum();
    let mut set = |value: &mut Value| match value {
        Value::Object(map) => {
            budget.write(size)?;
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
