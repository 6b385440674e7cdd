//! What was changed of which object in which file.

use std::collections::{BTreeMap, HashSet};

/// Which object of a manifest; what it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// The API version.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
}

/// A value that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// What it was.
    pub old: String,
    /// What it is.
    pub new: String,
    /// The marker by which it was changed: `NAMESPACE:NAME`, `NAMESPACE:NAME:tag`.
    pub setter: String,
}

/// What was changed, by file and object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<String, BTreeMap<ObjectId, Vec<Change>>>);

impl Changes {
    /// Takes note of what was changed in a file.
    pub fn add(&mut self, file: &str, changes: impl IntoIterator<Item = (ObjectId, Change)>) {
        for (object, change) in changes {
            self.0.entry(file.to_owned()).or_default().entry(object).or_default().push(change);
        }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files with the objects that were changed in them.
    pub fn files(&self) -> impl Iterator<Item = (&str, &BTreeMap<ObjectId, Vec<Change>>)> {
        self.0.iter().map(|(file, objects)| (file.as_str(), objects))
    }

    /// The objects with what was changed of them, whatever file that is in.
    pub fn objects(&self) -> BTreeMap<&ObjectId, Vec<&Change>> {
        let mut all: BTreeMap<&ObjectId, Vec<&Change>> = BTreeMap::new();
        for (object, changes) in self.0.values().flatten() {
            all.entry(object).or_default().extend(changes);
        }
        all
    }

    /// What was changed, each alike once.
    pub fn changes(&self) -> Vec<&Change> {
        let mut seen = HashSet::new();
        self.0.values().flat_map(BTreeMap::values).flatten().filter(|change| seen.insert(*change)).collect()
    }
}
