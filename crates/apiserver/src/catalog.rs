//! Everything that is served at the moment.

mod names;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use bytes::Bytes;
use cowherd_store::Revision;

use crate::{crd::CustomResource, crd::Names, discovery::openapi::packed, resource::Resource, route::GroupVersion};
use names::TakenNames;

/// The resources that are served: the built-in ones, and those of the definitions that the log tells of. A definition
/// that comes or goes costs what it is itself.
#[derive(Debug, Default)]
pub struct Catalog {
    served: RwLock<Served>,
    /// The built-in definitions of OpenAPI documents.
    built_in: packed::BuiltIn,
}

#[derive(Debug, Default)]
struct Served {
    versions: BTreeMap<GroupVersion, Version>,
    definitions: BTreeMap<String, Arc<CustomResource>>,
    taken: TakenNames,
    documents: Arc<Documents>,
}

/// A group in a version.
#[derive(Debug, Default)]
struct Version {
    resources: BTreeMap<String, Arc<Resource>>,
    parts: Arc<Parts>,
}

/// The documents that describe all of a catalog, each made when somebody asks for the first time after a change.
#[derive(Debug, Default)]
pub struct Documents {
    /// `/apis`, aggregated.
    pub groups: OnceLock<Bytes>,
    /// `/openapi/v3`, which names each document with its hash.
    pub openapi_v3: OnceLock<Bytes>,
}

/// What documents say of one group and version, made when somebody asks for the first time after a change to it.
#[derive(Debug, Default)]
pub struct Parts {
    /// Its part of the aggregated discovery, in JSON.
    pub discovery: OnceLock<String>,
    /// The hash of its OpenAPI document.
    pub hash: OnceLock<String>,
    /// What OpenAPI documents say of its built-in resources; custom ones have that themselves.
    pub built_in: packed::Parts,
}

impl Catalog {
    /// The built-in resources.
    pub fn new() -> Self {
        let mut served = Served::default();
        for resource in cowherd_kinds::all().iter().map(Resource::built_in) {
            served.add(resource);
        }
        Self { served: RwLock::new(served), built_in: packed::BuiltIn::default() }
    }

    fn served(&self) -> RwLockReadGuard<'_, Served> {
        self.served.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn served_mut(&self) -> RwLockWriteGuard<'_, Served> {
        self.served.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a definition as it is now.
    pub fn define(&self, name: &str, definition: CustomResource) {
        let mut served = self.served_mut();
        if let Some(known) = served.definitions.get(name) {
            // What is told again is no news, nor is a change that leaves everything as it was to clients.
            if known.revision >= definition.revision || known.is_served_as(&definition) {
                return;
            }
        }
        served.forget(name);
        served.learn(name, definition);
    }

    /// Serves a definition no longer that was removed at that revision.
    pub fn undefine(&self, name: &str, revision: Revision) {
        let mut served = self.served_mut();
        if served.definitions.get(name).is_some_and(|known| known.revision < revision) {
            served.forget(name);
        }
    }

    /// A resource.
    pub fn find(&self, group_version: &GroupVersion, plural: &str) -> Option<Arc<Resource>> {
        self.served().versions.get(group_version)?.resources.get(plural).cloned()
    }

    /// The resources of a group and version, by their plurals.
    pub fn resources(&self, group_version: &GroupVersion) -> Vec<Arc<Resource>> {
        let served = self.served();
        let version = served.versions.get(group_version);
        version.into_iter().flat_map(|version| version.resources.values().cloned()).collect()
    }

    /// A definition of custom resources, by its name.
    pub fn definition(&self, name: &str) -> Option<Arc<CustomResource>> {
        self.served().definitions.get(name).cloned()
    }

    /// The names of all definitions.
    pub fn definition_names(&self) -> Vec<String> {
        self.served().definitions.keys().cloned().collect()
    }

    /// The definitions whose names may depend on this one, itself included: those that have names of its own, and
    /// those of its group that could not have all of theirs.
    pub fn rivals(&self, definition: &str) -> BTreeSet<String> {
        let served = self.served();
        let group = definition.split_once('.').map_or("", |(_, group)| group);
        let mut rivals = served.taken.waiting(group);
        if let Some(known) = served.definitions.get(definition) {
            rivals.append(&mut served.taken.having(&known.names));
        }
        rivals.insert(definition.to_owned());
        rivals
    }

    /// The first name that another definition of the group has taken, as reason and message.
    ///
    /// Of two that were accepted at the same time, on two servers say, the one that was there first keeps the names.
    pub fn conflict(&self, names: &Names, definition: &str) -> Option<(&'static str, String)> {
        let served = self.served();
        let own = served.definitions.get(definition).filter(|own| own.accepted);
        served.taken.conflict(names, |other| {
            other != definition
                && own.is_none_or(|own| served.definitions.get(other).is_some_and(|other| other.born < own.born))
        })
    }

    /// The documents of the catalog as it is now.
    pub fn documents(&self) -> Arc<Documents> {
        self.served().documents.clone()
    }

    /// The parts of documents that are about a group and version.
    pub fn parts(&self, group_version: &GroupVersion) -> Arc<Parts> {
        self.served().versions.get(group_version).map(|version| version.parts.clone()).unwrap_or_default()
    }

    /// Both for a group and version, as they are at the same moment.
    pub fn version(&self, group_version: &GroupVersion) -> (Vec<Arc<Resource>>, Arc<Parts>) {
        let served = self.served();
        let Some(version) = served.versions.get(group_version) else { return Default::default() };
        (version.resources.values().cloned().collect(), version.parts.clone())
    }

    /// The built-in definitions of OpenAPI documents, which no definition of custom resources changes.
    pub fn built_in_definitions(&self) -> &packed::BuiltIn {
        &self.built_in
    }

    /// The groups in the order that they are listed in, each with its versions, the preferred one first.
    pub fn groups(&self) -> Vec<(String, Vec<GroupVersion>)> {
        let mut groups: BTreeMap<String, Vec<GroupVersion>> = BTreeMap::new();
        for group_version in self.served().versions.keys() {
            groups.entry(group_version.group.clone()).or_default().push(group_version.clone());
        }
        let mut groups: Vec<(String, Vec<GroupVersion>)> = groups.into_iter().collect();
        for (_, versions) in &mut groups {
            versions.sort_by_key(|version| std::cmp::Reverse(version_priority(&version.version)));
        }
        groups.sort_by_cached_key(|(group, _)| (group_priority(group), group.clone()));
        groups
    }
}

impl Served {
    fn learn(&mut self, name: &str, definition: CustomResource) {
        let definition = Arc::new(definition);
        for resource in definition.served() {
            self.add(resource);
        }
        self.taken.add(name, &definition);
        self.definitions.insert(name.to_owned(), definition);
    }

    fn forget(&mut self, name: &str) {
        let Some(definition) = self.definitions.remove(name) else { return };
        self.taken.remove(name, &definition);
        for version in &definition.versions {
            let group_version = GroupVersion::new(&definition.names.group, &version.name);
            self.remove(group_version, &definition.names.plural);
        }
        definition.retired.cancel();
    }

    fn add(&mut self, resource: Resource) {
        let version = self.versions.entry(resource.group_version.clone()).or_default();
        // What Kubernetes itself defines cannot be taken over.
        if let Entry::Vacant(free) = version.resources.entry(resource.plural.clone()) {
            free.insert(Arc::new(resource));
            version.parts = Arc::default();
            self.documents = Arc::default();
        }
    }

    fn remove(&mut self, group_version: GroupVersion, plural: &str) {
        let Entry::Occupied(mut version) = self.versions.entry(group_version) else { return };
        let known = version.get_mut();
        if known.resources.get(plural).is_none_or(|resource| resource.custom_version().is_none()) {
            return;
        }
        known.resources.remove(plural);
        known.parts = Arc::default();
        if known.resources.is_empty() {
            version.remove();
        }
        self.documents = Arc::default();
    }
}

/// The order that Kubernetes lists its groups in; everything else follows.
const GROUP_ORDER: &[&str] = &[
    "",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
];

fn group_priority(group: &str) -> usize {
    match group {
        // kubectl takes the first group that has a short name: `deploy` is that of apps, `ev` that of the core.
        "apps" => 1,
        "" => 0,
        other => GROUP_ORDER.iter().position(|known| *known == other).map_or(usize::MAX, |position| position + 2),
    }
}

/// The order of versions: stable ones before betas before alphas, higher before lower, everything else last.
pub fn version_priority(version: &str) -> (u8, u64, u64, std::cmp::Reverse<String>) {
    let other = || (0, 0, 0, std::cmp::Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return other() };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (major, stage) = rest.split_at(end);
    let Ok(major) = major.parse::<u64>() else { return other() };
    let number = |text: &str| text.parse::<u64>().ok();
    let ranked = match stage {
        "" => Some((3, 0)),
        stage => {
            let beta = stage.strip_prefix("beta").and_then(number).map(|number| (2, number));
            beta.or_else(|| stage.strip_prefix("alpha").and_then(number).map(|number| (1, number)))
        }
    };
    match ranked {
        Some((rank, minor)) => (rank, major, minor, std::cmp::Reverse(String::new())),
        None => other(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stable_versions_come_before_betas_and_alphas() {
        let mut versions = ["foo10", "v1alpha1", "v11beta2", "v2", "v10", "v3beta1", "v11alpha2", "foo1", "v12alpha1"];
        versions.sort_by_key(|version| std::cmp::Reverse(version_priority(version)));
        assert_eq!(
            versions,
            ["v10", "v2", "v11beta2", "v3beta1", "v12alpha1", "v11alpha2", "v1alpha1", "foo1", "foo10"]
        );
    }

    fn definition(group: &str, revision: usize) -> CustomResource {
        let condition = |kind: &str| json!({ "type": kind, "status": "True" });
        let definition = json!({
            "metadata": { "name": format!("cows.{group}"), "resourceVersion": revision.to_string() },
            "spec": {
                "group": group, "scope": "Namespaced", "names": { "plural": "cows", "kind": "Cow" },
                "versions": [{ "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
            },
            "status": { "conditions": [condition("Established"), condition("NamesAccepted")] },
        });
        CustomResource::read(&definition).unwrap()
    }

    #[test]
    fn one_more_definition_leaves_all_others_and_what_was_made_of_them_as_they_are() {
        let catalog = Catalog::new();
        let groups: Vec<String> = (0..100).map(|number| format!("g{number}.example.org")).collect();
        for (number, group) in groups.iter().enumerate() {
            catalog.define(&format!("cows.{group}"), definition(group, number + 1));
        }
        let known = |group: &String| {
            let version = GroupVersion::new(group, "v1");
            (catalog.definition(&format!("cows.{group}")).unwrap(), catalog.find(&version, "cows").unwrap())
        };
        let before: Vec<_> = groups.iter().map(known).collect();
        for group in &groups {
            catalog.parts(&GroupVersion::new(group, "v1")).hash.set("made once".to_owned()).unwrap();
        }
        catalog.define("cows.new.example.org", definition("new.example.org", 1000));
        for (group, (definition, resource)) in groups.iter().zip(&before) {
            let (definition_now, resource_now) = known(group);
            assert!(Arc::ptr_eq(definition, &definition_now) && Arc::ptr_eq(resource, &resource_now), "{group}");
            let parts = catalog.parts(&GroupVersion::new(group, "v1"));
            assert_eq!(parts.hash.get().map(String::as_str), Some("made once"), "{group}");
            assert!(!definition.retired.is_cancelled(), "{group}");
        }
        assert!(catalog.find(&GroupVersion::new("new.example.org", "v1"), "cows").is_some());
    }
}
