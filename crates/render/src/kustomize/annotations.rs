//! `commonAnnotations`.

use std::collections::BTreeMap;

use super::field_path::{FieldSpec, WalkError};
use super::labels::set_in;
use super::set::ResourceSet;

const fn at(kind: &'static str, path: &'static str) -> FieldSpec<'static> {
    FieldSpec { group: "", version: "", kind, path, create: true }
}

/// Where annotations stand.
const PLACES: [FieldSpec<'static>; 9] = [
    at("", "metadata/annotations"),
    FieldSpec { version: "v1", ..at("ReplicationController", "spec/template/metadata/annotations") },
    at("Deployment", "spec/template/metadata/annotations"),
    at("ReplicaSet", "spec/template/metadata/annotations"),
    at("DaemonSet", "spec/template/metadata/annotations"),
    at("StatefulSet", "spec/template/metadata/annotations"),
    FieldSpec { group: "batch", ..at("Job", "spec/template/metadata/annotations") },
    FieldSpec { group: "batch", ..at("CronJob", "spec/jobTemplate/metadata/annotations") },
    FieldSpec { group: "batch", ..at("CronJob", "spec/jobTemplate/spec/template/metadata/annotations") },
];

/// Sets `annotations` on every object and on the templates in it.
pub(crate) fn set(resources: &mut ResourceSet, annotations: &BTreeMap<String, String>) -> Result<(), WalkError> {
    set_in(resources, annotations, &PLACES)
}
