//! What of a tree is part of clusters that were read.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_tree::{Read, Tree, TreePath};

use crate::cluster::{Cluster, State};
use crate::lost::Lost;

use super::scan::{KUSTOMIZATIONS, Scan, ancestors, below};

/// What of a tree is part of clusters that were read.
#[derive(Default)]
pub(crate) struct Covered {
    /// Files that were read.
    files: BTreeSet<TreePath>,
    /// Directories that are part of one whole: nothing is known of what would have been read there.
    whole: BTreeSet<TreePath>,
    /// Directories that hold any of it.
    inside: BTreeSet<TreePath>,
    /// Directories that are rendered as a whole, for they have no kustomization.
    directories: BTreeSet<TreePath>,
}

impl Covered {
    /// What was read for a cluster. Where nothing came of a Kustomization that is its directory, what that builds on, and
    /// where it leads.
    pub(super) fn by(cluster: &Cluster, scan: &Scan, tree: &dyn Tree) -> Self {
        let mut covered = Self::default();
        for unit in cluster.units.values() {
            let directory = unit.directory();
            match &unit.state {
                State::Made(made) if unit.broken.is_empty() => {
                    let contents = made.reads.entries().filter(|(_, read)| matches!(read, Read::Content(_)));
                    covered.files.extend(contents.map(|(path, _)| unit.in_repository(path)));
                }
                State::Made(_) | State::Failed(_) => {
                    let bases = directory.as_ref().map(|directory| scan.all_bases(directory)).unwrap_or_default();
                    covered.whole.extend(bases.into_iter().chain(directory.clone()));
                }
                State::Elsewhere(_) => continue,
            }
            covered.directories.extend(directory.filter(|directory| !scan.kustomizations.contains_key(directory)));
        }
        covered.whole.extend(Lost::of(cluster, tree).directories().cloned());
        covered.inside = covered.files.iter().chain(&covered.whole).flat_map(ancestors).collect();
        covered
    }

    /// Takes in what another one covers.
    pub(super) fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.whole.extend(other.whole);
        self.inside.extend(other.inside);
        self.directories.extend(other.directories);
    }

    /// Whether a file is part of it.
    pub(super) fn has(&self, file: &TreePath) -> bool {
        self.files.contains(file) || ancestors(file).iter().any(|above| self.whole.contains(above))
    }

    /// Those of the files that are part of it.
    pub(super) fn of<'a, T>(&'a self, files: &'a BTreeMap<TreePath, T>) -> impl Iterator<Item = &'a TreePath> {
        let read = self.files.iter().filter(|file| files.contains_key(*file));
        read.chain(self.whole.iter().flat_map(|directory| below(files, directory).map(|(file, _)| file)))
    }

    /// Whether a directory is rendered as a whole, with or without what is above it.
    pub(super) fn is_below(&self, directory: &TreePath) -> bool {
        ancestors(directory).iter().any(|above| self.directories.contains(above) || self.whole.contains(above))
    }

    /// Whether a path of a cluster is part of it: its kustomization, or the whole directory.
    pub(crate) fn has_whole(&self, path: &str) -> bool {
        let Ok(directory) = TreePath::parse(path) else { return false };
        let mut files = KUSTOMIZATIONS.iter().filter_map(|name| directory.join(name).ok());
        self.is_below(&directory) || files.any(|file| self.has(&file))
    }

    /// Whether anything below a directory is part of it.
    pub(super) fn reaches_into(&self, directory: &TreePath) -> bool {
        self.inside.contains(directory)
    }
}
