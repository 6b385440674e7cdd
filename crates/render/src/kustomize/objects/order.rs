//! The order in which objects are printed.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::error::Cause;

use super::resource::{Id, Resource};
use crate::kustomize::files::file::SortOptions;

/// What others need comes first.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// What could refuse others comes last.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts `resources` as `options` ask for: by kind unless they say otherwise.
pub(crate) fn sort(resources: &mut [Resource], options: Option<&SortOptions>) -> Result<(), Cause> {
    let legacy = options.and_then(|options| options.legacy_sort_options.as_ref());
    match options.map_or("legacy", |options| options.order.as_str()) {
        "legacy" => {}
        "fifo" if legacy.is_none() => return Ok(()),
        "fifo" => {
            let message = "sortOptions.legacySortOptions is set but the selected sort order is 'fifo', not 'legacy'";
            return Err(Cause::Invalid(message.into()));
        }
        _ => return Err(Cause::Invalid("sortOptions.order must be one of [fifo, legacy]".into())),
    }
    let (first, last): (Vec<&str>, Vec<&str>) = match legacy {
        Some(legacy) => (
            legacy.order_first.iter().map(String::as_str).collect(),
            legacy.order_last.iter().map(String::as_str).collect(),
        ),
        None => (FIRST.to_vec(), LAST.to_vec()),
    };
    let mut ranks: HashMap<&str, isize> = HashMap::new();
    for (at, kind) in first.iter().enumerate() {
        ranks.insert(kind, at as isize - first.len() as isize);
    }
    for (at, kind) in last.iter().enumerate() {
        ranks.insert(kind, at as isize + 1);
    }
    let rank = |id: &Id<'_>| ranks.get(id.kind).copied().unwrap_or(0);
    resources.sort_by(|a, b| {
        let (id_a, id_b) = (a.id(), b.id());
        rank(&id_a).cmp(&rank(&id_b)).then_with(|| by_type(&id_a, &id_b)).then_with(|| place(a).cmp(&place(b)))
    });
    Ok(())
}

/// What configurations are sorted by.
pub(crate) fn type_key(group: &str, version: &str, kind: &str) -> (isize, String) {
    let first = FIRST.iter().position(|first| *first == kind).map(|at| at as isize - FIRST.len() as isize);
    let last = || LAST.iter().position(|last| *last == kind).map(|at| at as isize + 1);
    (first.or_else(last).unwrap_or(0), type_text(group, version, kind))
}

fn type_text(group: &str, version: &str, kind: &str) -> String {
    let or = |text: &str, instead: &str| if text.is_empty() { instead.to_owned() } else { text.to_owned() };
    format!("{}_{}_{}", or(group, "~G"), or(version, "~V"), or(kind, "~K"))
}

fn by_type(a: &Id<'_>, b: &Id<'_>) -> Ordering {
    let key = |id: &Id<'_>| type_text(id.group, id.version, id.kind);
    if (a.group, a.version, a.kind) == (b.group, b.version, b.kind) {
        return Ordering::Equal;
    }
    let order = key(a).cmp(&key(b));
    let namespaces = a.kind == "Namespace" && b.kind == "Namespace";
    // Namespaces themselves come before what others call a namespace.
    if namespaces && (a.group.is_empty() || b.group.is_empty()) { order.reverse() } else { order }
}

/// Namespace and name as text, of which the absent namespace is the last.
fn place(resource: &Resource) -> String {
    let namespace = match resource.namespace() {
        "" => "~X",
        namespace => namespace,
    };
    format!("{namespace}|{}", resource.name())
}
