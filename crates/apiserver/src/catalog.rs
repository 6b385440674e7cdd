//! Everything that is served at the moment.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{crd::CustomResource, resource::Resource, route::GroupVersion};

/// An immutable list of the resources that are served. A change makes a new one.
#[derive(Debug, Default)]
pub struct Catalog {
    groups: BTreeMap<GroupVersion, BTreeMap<String, Arc<Resource>>>,
    custom: BTreeMap<String, Arc<CustomResource>>,
    /// The documents made of it, made when somebody asks for the first time.
    pub documents: Documents,
}

/// The documents that describe a catalog.
#[derive(Debug, Default)]
pub struct Documents {
    /// `/apis`, aggregated.
    pub groups: OnceLock<Bytes>,
    /// `/openapi/v3`, which names each document with its hash.
    pub openapi_v3: OnceLock<Bytes>,
}

impl Catalog {
    /// The built-in resources and those of these definitions, by their name.
    pub fn new(custom: BTreeMap<String, Arc<CustomResource>>) -> Self {
        let mut groups: BTreeMap<GroupVersion, BTreeMap<String, Arc<Resource>>> = BTreeMap::new();
        let built_in = cowherd_kinds::all().iter().map(Resource::built_in);
        let defined = custom.values().filter(|custom| custom.established).flat_map(|custom| {
            custom.versions.iter().filter(|version| version.served).map(|version| Resource::custom(version.clone()))
        });
        for resource in built_in.chain(defined) {
            let version = groups.entry(resource.group_version.clone()).or_default();
            // What Kubernetes itself defines cannot be taken over.
            version.entry(resource.plural.clone()).or_insert_with(|| Arc::new(resource));
        }
        Self { groups, custom, documents: Documents::default() }
    }

    /// The same with one definition changed or, without one, removed.
    #[must_use]
    pub fn with_custom(&self, name: &str, definition: Option<CustomResource>) -> Self {
        let mut custom = self.custom.clone();
        let old = match definition {
            Some(definition) => custom.insert(name.to_owned(), Arc::new(definition)),
            None => custom.remove(name),
        };
        if let Some(old) = old {
            old.retired.cancel();
        }
        Self::new(custom)
    }

    /// A resource.
    pub fn find(&self, group_version: &GroupVersion, plural: &str) -> Option<&Arc<Resource>> {
        self.groups.get(group_version)?.get(plural)
    }

    /// The resources of a group and version.
    pub fn resources(&self, group_version: &GroupVersion) -> Option<impl Iterator<Item = &Arc<Resource>>> {
        Some(self.groups.get(group_version)?.values())
    }

    /// The definitions of custom resources, by their name.
    pub fn custom(&self) -> &BTreeMap<String, Arc<CustomResource>> {
        &self.custom
    }

    /// The groups in the order that they are listed in, each with its versions, the preferred one first.
    pub fn groups(&self) -> Vec<(String, Vec<GroupVersion>)> {
        let mut groups: BTreeMap<&str, Vec<GroupVersion>> = BTreeMap::new();
        for group_version in self.groups.keys() {
            groups.entry(&group_version.group).or_default().push(group_version.clone());
        }
        let mut groups: Vec<(String, Vec<GroupVersion>)> =
            groups.into_iter().map(|(group, versions)| (group.to_owned(), versions)).collect();
        for (_, versions) in &mut groups {
            versions.sort_by_key(|version| std::cmp::Reverse(version_priority(&version.version)));
        }
        groups.sort_by_key(|(group, _)| (group_priority(group), group.clone()));
        groups
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
}
