//! The schemas of the types that Kubernetes itself defines.
//!
//! They are generated (`cargo xtask schemas`) and compiled in. Each definition is read when it is first asked for;
//! descriptions are compressed, and stay so, as only documents need them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

use crate::Schema;
use crate::read::{Origin, read};

/// The version of Kubernetes that the definitions are of.
pub const KUBERNETES_VERSION: (u32, u32) = (1, 35);

/// Lines of name, tab and schema as JSON, sorted by name; without descriptions.
const STRUCTURE: &str = include_str!("../data/structure.jsonl");
/// The same with descriptions, compressed.
const DEFINITIONS: &[u8] = include_bytes!("../data/definitions.jsonl.gz");

/// Where each definition is, and what was read of it.
static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

struct Table {
    /// Sorted by name.
    entries: Box<[Entry]>,
}

struct Entry {
    name: &'static str,
    json: &'static str,
    /// Boxed, since most are never asked for.
    schema: OnceLock<Option<Box<Schema>>>,
}

impl Table {
    fn new() -> Self {
        let lines = STRUCTURE.lines().filter_map(|line| line.split_once('\t'));
        Self { entries: lines.map(|(name, json)| Entry { name, json, schema: OnceLock::new() }).collect() }
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        self.entries.get(found)
    }
}

/// The schema of a definition by its name in Kubernetes' OpenAPI document, such as
/// `io.k8s.api.apps.v1.Deployment`.
pub fn definition(name: &str) -> Option<&'static Schema> {
    let entry = TABLE.find(name)?;
    let parse = || read(&serde_json::from_str(entry.json).ok()?, Origin::BuiltIn).ok().map(Box::new);
    entry.schema.get_or_init(parse).as_deref()
}

/// The names of all definitions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.entries.iter().map(|entry| entry.name)
}

/// The definitions of the given names and of all that they refer to, as they are written in OpenAPI documents.
/// References are plain names (`"$ref": "io.k8s.api.core.v1.PodSpec"`); names that there are not are left out.
///
/// Unpacks the descriptions anew each time: documents are asked for rarely.
pub fn documents<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    visit_documents(names, |name, schema| {
        found.insert(name.to_owned(), schema);
    });
    found
}

/// Hands each of [`documents`] to `visit`, in order of their names, without holding all of them at once.
pub(crate) fn visit_documents<'a>(names: impl IntoIterator<Item = &'a str>, mut visit: impl FnMut(&str, Value)) {
    let mut open = closure(names);
    let mut lines = BufReader::new(flate2::read::GzDecoder::new(DEFINITIONS));
    let mut line = String::new();
    while !open.is_empty() {
        line.clear();
        if !matches!(lines.read_line(&mut line), Ok(length) if length > 0) {
            break;
        }
        let Some((name, json)) = line.split_once('\t') else { continue };
        if open.remove(name)
            && let Ok(schema) = serde_json::from_str(json)
        {
            visit(name, schema);
        }
    }
}

/// A number that changes when the definitions do: the check sum and size at the end of gzip's form.
pub(crate) fn fingerprint() -> u64 {
    DEFINITIONS.last_chunk().map_or(0, |end| u64::from_le_bytes(*end))
}

fn closure<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'static str> {
    const REFERENCE: &str = "\"$ref\":\"";
    let mut wanted = BTreeSet::new();
    let mut open: Vec<&Entry> = names.into_iter().filter_map(|name| TABLE.find(name)).collect();
    while let Some(entry) = open.pop() {
        if !wanted.insert(entry.name) {
            continue;
        }
        let references = entry.json.split(REFERENCE).skip(1);
        open.extend(references.filter_map(|text| TABLE.find(text.split('"').next()?)));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListType, MapType, Type};

    fn schema<'a>(name: &str, path: &[&str]) -> &'a Schema {
        let start = definition(name).unwrap();
        path.iter().fold(start, |schema, step| match *step {
            "[]" => schema.items().unwrap(),
            name => schema.field(name).unwrap(),
        })
    }

    const DEPLOYMENT: &str = "io.k8s.api.apps.v1.Deployment";

    #[test]
    fn every_definition_can_be_read() {
        assert!(names().count() > 700);
        for name in names() {
            let schema = definition(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(schema.properties().count(), schema.properties.len(), "{name} refers to what there is not");
        }
    }

    #[test]
    fn requests_and_answers_of_the_api_itself_are_defined() {
        let names = [
            "io.k8s.api.authentication.v1.SelfSubjectReview",
            "io.k8s.api.authentication.v1.TokenRequest",
            "io.k8s.api.authentication.v1.TokenReview",
            "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
            "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
            "io.k8s.api.authorization.v1.SubjectAccessReview",
            "io.k8s.api.autoscaling.v1.Scale",
            "io.k8s.api.core.v1.Binding",
            "io.k8s.api.policy.v1.Eviction",
            "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
            "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
            "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
        ];
        names.into_iter().for_each(|name| assert!(definition(name).is_some(), "{name}"));
    }

    #[test]
    fn container_ports_are_told_apart_by_port_and_protocol_which_defaults_to_tcp() {
        let ports = schema(DEPLOYMENT, &["spec", "template", "spec", "containers", "[]", "ports"]);
        assert_eq!(ports.list_type, ListType::Map(vec!["containerPort".into(), "protocol".into()]));
        assert_eq!(ports.merge_key(), Some("containerPort"));
        assert_eq!(ports.items().unwrap().field("protocol").unwrap().default, Some("TCP".into()));
    }

    #[test]
    fn merging_by_patch_and_by_apply_may_differ() {
        let conditions = schema("io.k8s.api.batch.v1.Job", &["status", "conditions"]);
        assert_eq!((&conditions.list_type, conditions.merge_key()), (&ListType::Atomic, Some("type")));
        let finalizers = schema(DEPLOYMENT, &["metadata", "finalizers"]);
        assert!(finalizers.patch_merges && finalizers.merge_key().is_none());
        let cidrs = schema("io.k8s.api.discovery.v1.Endpoint", &["addresses"]);
        assert!(cidrs.list_type == ListType::Set && !cidrs.patch_merges);
    }

    #[test]
    fn deployment_strategy_and_volumes_keep_only_named_keys() {
        assert!(schema(DEPLOYMENT, &["spec", "strategy"]).retain_keys);
        assert!(schema(DEPLOYMENT, &["spec", "template", "spec", "volumes"]).retain_keys);
        assert!(!definition("io.k8s.api.apps.v1.DeploymentStrategy").unwrap().retain_keys);
        assert!(schema("io.k8s.api.policy.v1.PodDisruptionBudget", &["spec", "selector"]).patch_replaces);
    }

    #[test]
    fn selectors_are_atomic_and_labels_granular() {
        assert_eq!(schema(DEPLOYMENT, &["spec", "selector"]).map_type, MapType::Atomic);
        assert_eq!(schema(DEPLOYMENT, &["metadata", "labels"]).map_type, MapType::Granular);
        assert_eq!(schema("io.k8s.api.core.v1.Service", &["spec", "selector"]).map_type, MapType::Atomic);
    }

    #[test]
    fn quantities_and_target_ports_are_numbers_or_texts() {
        let limits = schema(DEPLOYMENT, &["spec", "template", "spec", "containers", "[]", "resources", "limits"]);
        assert_eq!(limits.field("cpu").unwrap().value_type, Type::IntOrString);
        let port = schema("io.k8s.api.core.v1.Service", &["spec", "ports", "[]", "targetPort"]);
        assert_eq!(port.value_type, Type::IntOrString);
    }

    #[test]
    fn types_that_hold_themselves_can_be_walked() {
        let name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
        assert!(schema(name, &["properties", "a", "properties", "b"]).property("maxLength").is_some());
    }

    #[test]
    fn documents_hold_descriptions_and_all_they_refer_to() {
        let documents = documents([DEPLOYMENT, "no.such.Definition"]);
        assert!(documents.contains_key("io.k8s.api.core.v1.PodSpec"));
        assert!(!documents.contains_key("io.k8s.api.core.v1.Service"));
        assert!(documents[DEPLOYMENT]["description"].as_str().unwrap().starts_with("Deployment enables"));
    }
}
