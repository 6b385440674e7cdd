//! Where `commonAnnotations` stand.

use crate::kustomize::fields::field_path::FieldSpec;

const fn at(group: &'static str, kind: &'static str, path: &'static str) -> FieldSpec {
    FieldSpec::new([group, "", kind], path, true)
}

/// On objects and in templates.
pub(crate) static COMMON: [FieldSpec; 9] = [
    at("", "", "metadata/annotations"),
    FieldSpec::new(["", "v1", "ReplicationController"], "spec/template/metadata/annotations", true),
    at("", "Deployment", "spec/template/metadata/annotations"),
    at("", "ReplicaSet", "spec/template/metadata/annotations"),
    at("", "DaemonSet", "spec/template/metadata/annotations"),
    at("", "StatefulSet", "spec/template/metadata/annotations"),
    at("batch", "Job", "spec/template/metadata/annotations"),
    at("batch", "CronJob", "spec/jobTemplate/metadata/annotations"),
    at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations"),
];
