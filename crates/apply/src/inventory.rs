//! The record of what was applied, written as Flux writes it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::object::{ObjectId, Versioned};

/// The group whose names may hold colons, which an id writes as two underscores.
const RBAC: &str = "rbac.authorization.k8s.io";

/// An entry that names no object, or none by a name that objects have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the inventory's entry {0:?} names no object; it must be <namespace>_<name>_<group>_<kind>")]
pub struct InventoryError(String);

/// The id of an object in an inventory: `<namespace>_<name>_<group>_<kind>`.
pub struct EntryId<'a>(pub &'a ObjectId);

impl fmt::Display for EntryId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ObjectId { namespace, name, group, kind } = self.0;
        if group == RBAC {
            return write!(f, "{namespace}_{}_{group}_{kind}", name.replace(':', "__"));
        }
        write!(f, "{namespace}_{name}_{group}_{kind}")
    }
}

/// The object that an inventory's entry names. Whoever may write a status may write anything there, and what it names is asked
/// for: so its names are what the API can take as such.
pub fn parse(id: &str, version: &str) -> Result<Versioned, InventoryError> {
    let split = || {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        Some(ObjectId {
            namespace: namespace.to_owned(),
            name: name.replace("__", ":"),
            group: group.to_owned(),
            kind: kind.to_owned(),
        })
    };
    let entry = split().map(|id| Versioned { id, version: version.to_owned() });
    // Whoever may write the status writes this.
    entry.filter(|entry| entry.misnamed().is_none()).ok_or_else(|| InventoryError(id.to_owned()))
}

/// What `old` has and `new` has not, whatever the versions.
pub fn gone(old: &[Versioned], new: &[Versioned]) -> Vec<Versioned> {
    let kept: HashSet<&ObjectId> = new.iter().map(|entry| &entry.id).collect();
    old.iter().filter(|entry| !kept.contains(&entry.id)).cloned().collect()
}

/// `entries`, followed by those of `more` that they have not.
pub fn union(entries: &[Versioned], more: &[Versioned]) -> Vec<Versioned> {
    let mut all = entries.to_vec();
    all.extend(gone(more, entries));
    all
}

/// What `entries` and `others` have in common, in the order and the versions of `entries`.
pub fn common(entries: &[Versioned], others: &[Versioned]) -> Vec<Versioned> {
    let others: HashSet<&ObjectId> = others.iter().map(|entry| &entry.id).collect();
    entries.iter().filter(|entry| others.contains(&entry.id)).cloned().collect()
}

/// `entries`, in the versions of `new` where that has them, followed by those of `new` that they have not.
pub fn renewed(entries: &[Versioned], new: &[Versioned]) -> Vec<Versioned> {
    let by_id: HashMap<&ObjectId, &Versioned> = new.iter().map(|entry| (&entry.id, entry)).collect();
    let renewed = entries.iter().map(|entry| by_id.get(&entry.id).copied().unwrap_or(entry).clone());
    union(&renewed.collect::<Vec<_>>(), new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_and_read_as_flux_does() {
        for id in [
            "apps_web_apps_Deployment",
            "_apps__Namespace",
            "_system__node-reader_rbac.authorization.k8s.io_ClusterRole",
            "_gitrepositories.source.toolkit.fluxcd.io_apiextensions.k8s.io_CustomResourceDefinition",
        ] {
            assert_eq!(EntryId(&parse(id, "v1").unwrap().id).to_string(), id);
        }
        assert_eq!(parse("_system__a_rbac.authorization.k8s.io_ClusterRole", "v1").unwrap().id.name, "system:a");
        assert!(parse("nonsense", "v1").is_err());
        for (id, version) in [
            ("a_x/../../b/secrets/s__ConfigMap", "v1"),
            ("a/b_x__ConfigMap", "v1"),
            ("a___ConfigMap", "v1"),
            ("a_x?dryRun=All__ConfigMap", "v1"),
            ("a_x_g/v1_Kind", "v1"),
            ("a_x__ConfigMap", "v1/namespaces/b"),
        ] {
            assert!(parse(id, version).is_err(), "{id} {version}");
        }
    }

    #[test]
    fn what_is_no_name_is_no_entry() {
        for id in
            ["a___Secret", "a_x/../y__Secret", "a/b_x__Secret", "a_x_apps/v1_Deployment", "a_x?dryRun=All__Secret"]
        {
            assert!(parse(id, "v1").is_err(), "{id}");
        }
        assert!(parse("a_x__Secret", "v1/namespaces").is_err() && parse("a_x__Secret", "..").is_err());
    }

    #[test]
    fn a_new_version_of_an_object_is_the_same_object() {
        let entry = |id: &str, version: &str| parse(id, version).unwrap();
        let old = [entry("a_x__ConfigMap", "v1"), entry("a_y_batch_CronJob", "v1beta1")];
        let new = [entry("a_y_batch_CronJob", "v1")];
        assert_eq!(gone(&old, &new), [entry("a_x__ConfigMap", "v1")]);
        assert_eq!(union(&new, &old), [entry("a_y_batch_CronJob", "v1"), entry("a_x__ConfigMap", "v1")]);
        assert_eq!(common(&old, &new), [entry("a_y_batch_CronJob", "v1beta1")]);
        assert_eq!(renewed(&old, &new), [entry("a_x__ConfigMap", "v1"), entry("a_y_batch_CronJob", "v1")]);
    }
}
