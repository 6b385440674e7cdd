//! What is written in a tree that says what grows where: one walk, before anything is rendered.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_render::left_out;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use crate::cluster::Sources;
use crate::gitops;

/// The most files that are looked into.
const MAX_FILES: usize = 100_000;
/// The largest file that is looked into, in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// How deep directories are descended into.
const MAX_DEPTH: usize = 64;
/// The directory whose directories are clusters, as Flux's guides have it.
const CLUSTERS: &str = "clusters";
/// What the file of a kustomization may be called.
pub(crate) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A Kustomization of Flux, where it is written and what it is about.
pub(super) struct Written {
    pub(super) file: TreePath,
    pub(super) path: TreePath,
    name: String,
    /// The kind and the name of its source.
    source: (String, String),
}

impl Written {
    /// Whether it is about the directory in which it stands itself, as the one that `flux bootstrap` writes is.
    pub(super) fn is_root(&self) -> bool {
        self.file.starts_with(&self.path) && (self.name == gitops::ROOT || !self.path.is_root())
    }
}

/// One source of an Application of Argo CD.
pub(super) struct Application {
    pub(super) file: TreePath,
    pub(super) name: String,
    /// The repository, as it is written.
    pub(super) url: String,
    pub(super) path: TreePath,
}

/// A directory's kustomization.
pub(super) struct Kustomization {
    pub(super) file: TreePath,
    /// Whether it is only a part of others.
    pub(super) is_component: bool,
}

/// What is written in a tree.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) written: Vec<Written>,
    pub(super) applications: Vec<Application>,
    /// Kustomizations by their directories.
    pub(super) kustomizations: BTreeMap<TreePath, Kustomization>,
    /// The other files that may describe objects, by their directories.
    pub(super) yaml: BTreeMap<TreePath, Vec<TreePath>>,
    /// The directories that are charts.
    pub(super) charts: BTreeSet<TreePath>,
    /// The directories with files that only other programs make manifests of.
    pub(super) languages: BTreeMap<TreePath, &'static str>,
    /// The names of GitRepositories that are other repositories.
    foreign: BTreeSet<String>,
    /// What builds on a path, and on what a directory builds.
    builders: BTreeMap<TreePath, Vec<TreePath>>,
    bases: BTreeMap<TreePath, Vec<TreePath>>,
    /// Whether there was more than is looked into.
    pub(super) is_partial: bool,
    files: usize,
}

impl Scan {
    /// Walks through a tree.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub(super) fn of(tree: &dyn Tree, sources: &Sources) -> Result<Self, TreeError> {
        let mut scan = Self::default();
        let mut directories = vec![(TreePath::root(), 0)];
        while let Some((directory, depth)) = directories.pop() {
            if left_out::is_chart(tree, &directory) {
                scan.charts.insert(directory.clone());
            }
            for (name, entry) in tree.list(&directory)? {
                let Ok(path) = directory.join(&name) else { continue };
                match entry.kind {
                    EntryKind::Directory if depth < MAX_DEPTH && name != ".git" => directories.push((path, depth + 1)),
                    EntryKind::File { size } if is_yaml(&name) && size <= MAX_SIZE => {
                        scan.files += 1;
                        if scan.files > MAX_FILES {
                            scan.is_partial = true;
                            return Ok(scan);
                        }
                        let content = tree.read_file(&path)?;
                        scan.file(&directory, path, &content, sources);
                    }
                    EntryKind::File { .. } => {
                        if let Some(language) = left_out::language(&name) {
                            scan.languages.entry(directory.clone()).or_insert(language);
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(scan)
    }

    /// Takes in what a file describes. One that cannot be read describes nothing.
    fn file(&mut self, directory: &TreePath, path: TreePath, content: &[u8], sources: &Sources) {
        let is_kustomization = KUSTOMIZATIONS.contains(&path.file_name());
        let names = |group: &str| content.windows(group.len()).any(|part| part == group.as_bytes());
        let says = [gitops::KUSTOMIZE, "source.toolkit.fluxcd.io", "argoproj.io"].into_iter().any(names);
        if is_kustomization || says {
            let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
            let objects: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
            if is_kustomization {
                for base in objects.iter().flat_map(|object| bases(directory, object)) {
                    self.builders.entry(base.clone()).or_default().push(directory.clone());
                    self.bases.entry(directory.clone()).or_default().push(base);
                }
                let is_component = objects.iter().any(|object| object["kind"] == "Component");
                let kustomization = Kustomization { file: path.clone(), is_component };
                self.kustomizations.entry(directory.clone()).or_insert(kustomization);
            }
            objects.into_iter().for_each(|object| self.object(&path, object, sources));
        }
        if !is_kustomization {
            self.yaml.entry(directory.clone()).or_default().push(path);
        }
    }

    fn object(&mut self, file: &TreePath, object: Value, sources: &Sources) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&object["metadata"]["name"]);
        if object["kind"] == "GitRepository" {
            let read: Option<GitRepository> = serde_json::from_value(object).ok();
            // Without an address of its own the repository knows none of the others either.
            let is_other = !sources.urls.is_empty() && read.is_some_and(|read| sources.other(&read).is_some());
            self.foreign.extend(is_other.then_some(name));
        } else if gitops::is_kustomization(&object) {
            let (spec, source) = (&object["spec"], &object["spec"]["sourceRef"]);
            let Ok(path) = TreePath::parse(&text(&spec["path"])) else { return };
            let source = (text(&source["kind"]), text(&source["name"]));
            self.written.push(Written { file: file.clone(), path, name, source });
        } else if object["kind"] == "Application" && text(&object["apiVersion"]).starts_with("argoproj.io/") {
            let (one, several) = (&object["spec"]["source"], &object["spec"]["sources"]);
            for source in several.as_array().into_iter().flatten().chain([one]) {
                let (url, path) = (text(&source["repoURL"]), text(&source["path"]));
                if let (Ok(path), true, false) = (TreePath::parse(&path), source["path"].is_string(), url.is_empty()) {
                    let name = name.clone();
                    self.applications.push(Application { file: file.clone(), name, url, path });
                }
            }
        }
    }

    /// Whether a Kustomization leads into this repository. What is about another one leads nowhere in it.
    pub(super) fn is_own(&self, one: &Written) -> bool {
        let (kind, source) = &one.source;
        source == gitops::ROOT || (kind == "GitRepository" && !self.foreign.contains(source))
    }

    /// The paths that Kustomizations lead to which are not about their own directories.
    pub(super) fn led_to(&self) -> BTreeSet<&TreePath> {
        let leading = self.written.iter().filter(|one| !one.is_root() && self.is_own(one));
        leading.map(|one| &one.path).collect()
    }

    /// Whether a directory has a word for all of it: a kustomization, or a Kustomization or an Application that leads to it.
    pub(super) fn is_meant_as_a_whole(&self, directory: &TreePath) -> bool {
        self.kustomizations.contains_key(directory)
            || self.written.iter().any(|one| one.path == *directory && self.is_own(one))
            || self.applications.iter().any(|one| one.path == *directory)
    }

    /// Whether a directory is a cluster, whatever it is called: it is one of those in `clusters`, or Kustomizations that lead into
    /// this repository stand in it, or are about it from a directory in it, as the one that `flux bootstrap` writes.
    pub(super) fn is_cluster(&self, directory: &TreePath) -> bool {
        let is_in = |one: &Written| one.file.parent() == *directory || (one.is_root() && one.path == *directory);
        directory.parent().file_name() == CLUSTERS || self.written.iter().any(|one| is_in(one) && self.is_own(one))
    }

    /// The directories of the clusters that a file belongs to: the one in `clusters`, or its own; where others build on that,
    /// the uppermost of those.
    pub(super) fn tops(&self, file: &TreePath) -> BTreeSet<TreePath> {
        let own = cluster_directory(file).unwrap_or_else(|| file.parent());
        let mut tops = BTreeSet::new();
        let mut seen = BTreeSet::from([own.clone()]);
        let mut rest: Vec<TreePath> = self.builders(file, &own).chain(self.builders(&own, &own)).cloned().collect();
        while let Some(directory) = rest.pop() {
            if !seen.insert(directory.clone()) {
                continue;
            }
            let above: Vec<TreePath> = self.builders(&directory, &directory).cloned().collect();
            if above.is_empty() {
                tops.insert(directory);
            }
            rest.extend(above);
        }
        if tops.is_empty() { BTreeSet::from([own]) } else { tops }
    }

    /// The directories outside of `directory` that build on `path`, or on a directory above it.
    fn builders<'a>(&'a self, path: &TreePath, directory: &'a TreePath) -> impl Iterator<Item = &'a TreePath> {
        let all = ancestors(path).into_iter().filter_map(|above| self.builders.get(&above)).flatten();
        all.filter(move |by| !by.starts_with(directory))
    }

    /// Whether another directory builds on this one, or on the file in it.
    pub(super) fn is_built_on(&self, directory: &TreePath) -> bool {
        self.builders.get(directory).is_some_and(|by| by.iter().any(|by| by != directory))
    }

    /// All that the kustomizations in and below a directory build on, in the end.
    pub(super) fn all_bases(&self, directory: &TreePath) -> BTreeSet<TreePath> {
        let mut all = BTreeSet::new();
        let mut rest: Vec<&TreePath> = self.bases_below(directory).flat_map(|(_, bases)| bases).collect();
        while let Some(base) = rest.pop() {
            if all.insert(base.clone()) {
                rest.extend(self.bases.get(base).into_iter().flatten());
            }
        }
        all
    }

    /// Whether kustomizations below a directory build on each other: rendered as a whole, they would describe things twice.
    pub(super) fn has_layers(&self, directory: &TreePath) -> bool {
        let is_layer = |by: &TreePath, base: &TreePath| {
            base != by && base != directory && base.starts_with(directory) && self.kustomizations.contains_key(base)
        };
        self.bases_below(directory).any(|(by, bases)| by != directory && bases.iter().any(|base| is_layer(by, base)))
    }

    fn bases_below<'a>(&'a self, directory: &'a TreePath) -> impl Iterator<Item = (&'a TreePath, &'a Vec<TreePath>)> {
        below(&self.bases, directory)
    }

    /// The chart that a path is in.
    pub(super) fn chart(&self, path: &TreePath) -> Option<TreePath> {
        ancestors(path).into_iter().find(|above| self.charts.contains(above))
    }
}

/// The directory of the cluster that a file belongs to, by its name alone.
pub(super) fn cluster_directory(file: &TreePath) -> Option<TreePath> {
    let components: Vec<&str> = file.components().collect();
    let at = components.iter().position(|name| *name == CLUSTERS).filter(|at| at + 2 < components.len())?;
    TreePath::parse(&components[..=at + 1].join("/")).ok()
}

/// The path, its parent, and so on.
pub(super) fn ancestors(path: &TreePath) -> Vec<TreePath> {
    let mut all = vec![path.clone()];
    while let Some(last) = all.last().filter(|last| !last.is_root()) {
        all.push(last.parent());
    }
    all
}

/// The entries of a directory, and of all that is below it.
pub(super) fn below<'a, T>(
    all: &'a BTreeMap<TreePath, T>,
    directory: &'a TreePath,
) -> impl Iterator<Item = (&'a TreePath, &'a T)> {
    // Paths are ordered as texts, so that those which begin alike stand together: `a`, `a-b`, `a/c`.
    let alike =
        all.range::<TreePath, _>(directory..).take_while(|(path, _)| path.as_str().starts_with(directory.as_str()));
    alike.filter(|(path, _)| path.starts_with(directory))
}

/// The kustomization file of a directory.
pub(crate) fn kustomization(tree: &dyn Tree, directory: &TreePath) -> Result<Option<TreePath>, TreeError> {
    for name in KUSTOMIZATIONS {
        let Ok(path) = directory.join(name) else { continue };
        if matches!(tree.stat(&path)?, Some(entry) if matches!(entry.kind, EntryKind::File { .. })) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What a kustomization builds on, charts among it.
fn bases(directory: &TreePath, kustomization: &Value) -> Vec<TreePath> {
    let lists = ["resources", "bases", "components"].map(|list| &kustomization[list]);
    let names = lists.into_iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    names.filter_map(|name| directory.join(name).ok()).chain(charts(directory, kustomization)).collect()
}

/// The directories of charts that a kustomization renders.
fn charts(directory: &TreePath, kustomization: &Value) -> Vec<TreePath> {
    let home = kustomization["helmGlobals"]["chartHome"].as_str().unwrap_or("charts");
    let names = kustomization["helmCharts"].as_array().into_iter().flatten().filter_map(|chart| chart["name"].as_str());
    names.filter_map(|name| directory.join(&format!("{home}/{name}")).ok()).collect()
}

fn is_yaml(name: &str) -> bool {
    name == "Kustomization" || [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_directory_is_found_among_names_that_begin_alike() {
        let all = ["a", "a-b", "a/c", "a/c/d", "ab", "b"].map(|path| (TreePath::parse(path).unwrap(), ()));
        let all = BTreeMap::from(all);
        let found = |directory: &str| {
            let directory = TreePath::parse(directory).unwrap();
            below(&all, &directory).map(|(path, ())| path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("a"), ["a", "a/c", "a/c/d"]);
        assert_eq!(found("a/c"), ["a/c", "a/c/d"]);
        assert_eq!(found(".").len(), all.len());
        assert!(found("c").is_empty());
    }
}
