//! The names that definitions of a group have taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::crd::{CustomResource, Names};

/// The names that established definitions have, and the definitions that wait for theirs, by group.
#[derive(Debug, Default)]
pub(super) struct TakenNames(BTreeMap<String, Group>);

#[derive(Debug, Default)]
struct Group {
    /// Plurals, singulars and short names.
    resources: Owners,
    /// Kinds and kinds of lists.
    kinds: Owners,
    waiting: BTreeSet<String>,
}

/// Names, each with the definitions that have it.
#[derive(Debug, Default)]
struct Owners(BTreeMap<String, BTreeSet<String>>);

fn resources(names: &Names) -> impl Iterator<Item = &String> {
    [&names.plural, &names.singular].into_iter().chain(&names.short_names)
}

fn kinds(names: &Names) -> impl Iterator<Item = &String> {
    [&names.kind, &names.list_kind].into_iter()
}

impl TakenNames {
    pub(super) fn add(&mut self, definition: &str, custom: &CustomResource) {
        let group = self.0.entry(custom.names.group.clone()).or_default();
        if !custom.accepted {
            group.waiting.insert(definition.to_owned());
        }
        if custom.established {
            group.resources.add(resources(&custom.names), definition);
            group.kinds.add(kinds(&custom.names), definition);
        }
    }

    pub(super) fn remove(&mut self, definition: &str, custom: &CustomResource) {
        let Some(group) = self.0.get_mut(&custom.names.group) else { return };
        group.waiting.remove(definition);
        group.resources.remove(resources(&custom.names), definition);
        group.kinds.remove(kinds(&custom.names), definition);
        if group.resources.0.is_empty() && group.kinds.0.is_empty() && group.waiting.is_empty() {
            self.0.remove(&custom.names.group);
        }
    }

    pub(super) fn waiting(&self, group: &str) -> BTreeSet<String> {
        self.0.get(group).map(|group| group.waiting.clone()).unwrap_or_default()
    }

    /// The definitions that have one of these names.
    pub(super) fn having(&self, names: &Names) -> BTreeSet<String> {
        let Some(group) = self.0.get(&names.group) else { return BTreeSet::new() };
        let resources = resources(names).filter_map(|name| group.resources.0.get(name));
        let kinds = kinds(names).filter_map(|name| group.kinds.0.get(name));
        resources.chain(kinds).flatten().cloned().collect()
    }

    /// The first of the names that a definition has which counts, as reason and message.
    pub(super) fn conflict(&self, names: &Names, counts: impl Fn(&String) -> bool) -> Option<(&'static str, String)> {
        let group = self.0.get(&names.group)?;
        let resource = |name: &str| group.resources.any(name, &counts);
        let kind = |name: &str| group.kinds.any(name, &counts);
        let short = || names.short_names.iter().find(|name| resource(name));
        let (reason, name) = if resource(&names.plural) {
            ("PluralConflict", &names.plural)
        } else if resource(&names.singular) {
            ("SingularConflict", &names.singular)
        } else if let Some(short) = short() {
            ("ShortNamesConflict", short)
        } else if kind(&names.kind) {
            ("KindConflict", &names.kind)
        } else if kind(&names.list_kind) {
            ("ListKindConflict", &names.list_kind)
        } else {
            return None;
        };
        Some((reason, format!("{name:?} is already in use")))
    }
}

impl Owners {
    fn add<'a>(&mut self, names: impl Iterator<Item = &'a String>, owner: &str) {
        for name in names {
            self.0.entry(name.clone()).or_default().insert(owner.to_owned());
        }
    }

    fn remove<'a>(&mut self, names: impl Iterator<Item = &'a String>, owner: &str) {
        for name in names {
            let Some(owners) = self.0.get_mut(name) else { continue };
            owners.remove(owner);
            if owners.is_empty() {
                self.0.remove(name);
            }
        }
    }

    fn any(&self, name: &str, counts: impl Fn(&String) -> bool) -> bool {
        self.0.get(name).is_some_and(|owners| owners.iter().any(counts))
    }
}
