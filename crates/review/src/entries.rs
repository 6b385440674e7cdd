//! The paths from which clusters grow, where nobody named them.

use std::collections::BTreeSet;

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
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// From where clusters grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// The paths, as `spec.path` has them.
    pub paths: Vec<String>,
    /// What beside them is no part of any, since it is nothing that is rendered by its path alone.
    pub left_out: Vec<LeftOut>,
}

/// A directory that means manifests, but not here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The directory.
    pub path: TreePath,
    /// What it is, for people: `a Helm chart`.
    pub what: &'static str,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.path, self.what)
    }
}

/// A Kustomization of Flux, where it is written and what it is about.
struct Written {
    directory: TreePath,
    path: TreePath,
    name: String,
    /// The kind and the name of its source.
    source: (String, String),
}

impl Written {
    /// Whether it is about the directory in which it stands itself, as the one that `flux bootstrap` writes is.
    fn is_root(&self) -> bool {
        self.directory.starts_with(&self.path) && (self.name == gitops::ROOT || !self.path.is_root())
    }
}

/// The paths from which the clusters of a repository grow: what `flux bootstrap` was given, where it left its word;
/// else the directories with Kustomizations that none of the others is about. Where there are no Kustomizations at all, each
/// uppermost directory with manifests or a kustomization that no other builds on.
///
/// # Errors
/// When the tree cannot be read.
pub fn entries(tree: &dyn Tree, sources: &Sources) -> Result<Entries, TreeError> {
    let Scan { written, foreign, built_on } = scan(tree, sources)?;
    // What is about another repository leads nowhere in this one.
    let is_own = |one: &Written| {
        let (kind, source) = &one.source;
        source == gitops::ROOT || (kind == "GitRepository" && !foreign.contains(source))
    };
    let (own, others): (Vec<_>, Vec<_>) = written.into_iter().partition(is_own);
    let mut entries: BTreeSet<TreePath> = own.iter().filter(|one| one.is_root()).map(|one| one.path.clone()).collect();
    // What another kustomization builds on is part of that.
    let is_part = |path: &TreePath| built_on.iter().any(|(by, on)| path.starts_with(on) && !by.starts_with(path));
    for all in [&own, &others] {
        for one in all {
            let is_reached = own.iter().any(|other| !other.is_root() && one.directory.starts_with(&other.path));
            let is_below = entries.iter().any(|entry| one.directory.starts_with(entry));
            let top = top(tree, &one.directory)?;
            if !is_reached && !is_below && !is_part(&top) {
                entries.insert(top);
            }
        }
        // Where others lead says nothing, as long as anything leads into this repository.
        if !entries.is_empty() {
            break;
        }
    }
    // What lies below another one is part of it.
    let all = entries.clone();
    entries.retain(|entry| !all.iter().any(|other| other != entry && entry.starts_with(other)));
    let mut left_out = Vec::new();
    if entries.is_empty() {
        (entries, left_out) = plain(tree)?;
    }
    Ok(Entries { paths: entries.iter().map(shown).collect(), left_out })
}

/// The uppermost directories with manifests, or with a kustomization that none of the others builds on, and what is left out;
/// the root where there are none.
fn plain(tree: &dyn Tree) -> Result<(BTreeSet<TreePath>, Vec<LeftOut>), TreeError> {
    let mut found = BTreeSet::new();
    let mut left_out = Vec::new();
    let mut built_on = BTreeSet::new();
    let mut directories = vec![(TreePath::root(), 0)];
    while let Some((directory, depth)) = directories.pop() {
        if let Some(file) = kustomization(tree, &directory)? {
            built_on.extend(bases(&directory, &tree.read(&file)?));
            found.insert(directory);
            continue;
        }
        let listed = tree.list(&directory)?;
        if left_out::is_chart(tree, &directory) {
            left_out.push(LeftOut { path: directory, what: "a Helm chart" });
            continue;
        }
        let is_manifest = |name: &str, entry: &cowherd_tree::Entry| -> Result<bool, TreeError> {
            let is_file = matches!(entry.kind, EntryKind::File { size } if size <= MAX_SIZE) && is_yaml(name);
            let Ok(path) = directory.join(name) else { return Ok(false) };
            Ok(is_file && !name.starts_with('.') && describes(&tree.read_file(&path)?))
        };
        let mut holds_manifests = false;
        for (name, entry) in &listed {
            holds_manifests = holds_manifests || is_manifest(name, entry)?;
        }
        if holds_manifests {
            found.insert(directory);
            continue;
        }
        let language = listed.iter().find_map(|(name, _)| left_out::language(name));
        left_out.extend(language.map(|what| LeftOut { path: directory.clone(), what }));
        let below = listed.iter().filter(|(name, entry)| entry.kind == EntryKind::Directory && !name.starts_with('.'));
        let below = below.filter_map(|(name, _)| directory.join(name).ok());
        directories.extend(below.filter(|_| depth < MAX_DEPTH).map(|path| (path, depth + 1)));
    }
    found.retain(|path| !built_on.contains(path));
    left_out.retain(|one| !built_on.contains(&one.path));
    left_out.sort();
    if found.is_empty() {
        // What is wrong with it is told where it is rendered.
        return Ok((BTreeSet::from([TreePath::root()]), Vec::new()));
    }
    Ok((found, left_out))
}

/// The directories that a kustomization builds on, charts among them.
fn bases(directory: &TreePath, content: &[u8]) -> Vec<TreePath> {
    let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
    let lists =
        documents.iter().flat_map(|document| ["resources", "bases", "components"].map(|list| &document.value[list]));
    let names = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let bases = names.filter_map(|name| directory.join(name).ok());
    bases.chain(documents.iter().flat_map(|document| charts(directory, &document.value))).collect()
}

/// The directories of charts that a kustomization renders.
fn charts(directory: &TreePath, kustomization: &Value) -> Vec<TreePath> {
    let home = kustomization["helmGlobals"]["chartHome"].as_str().unwrap_or("charts");
    let names = kustomization["helmCharts"].as_array().into_iter().flatten().filter_map(|chart| chart["name"].as_str());
    names.filter_map(|name| directory.join(&format!("{home}/{name}")).ok()).collect()
}

/// Whether a file describes an object.
fn describes(content: &[u8]) -> bool {
    let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
    documents.iter().any(|document| document.value["apiVersion"].is_string() && document.value["kind"].is_string())
}

/// As `spec.path` has it.
fn shown(path: &TreePath) -> String {
    if path.is_root() { "./".to_owned() } else { format!("./{path}") }
}

/// The directory of the cluster that `directory` belongs to: the one in `clusters`, or the uppermost of those above it
/// that have a kustomization without a gap.
fn top(tree: &dyn Tree, directory: &TreePath) -> Result<TreePath, TreeError> {
    let components: Vec<&str> = directory.components().collect();
    if let Some(at) = components.iter().position(|name| *name == CLUSTERS).filter(|at| at + 1 < components.len()) {
        return Ok(TreePath::parse(&components[..=at + 1].join("/")).unwrap_or_default());
    }
    let mut top = directory.clone();
    while !top.is_root() && kustomization(tree, &top.parent())?.is_some() {
        top = top.parent();
    }
    Ok(top)
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

/// What is written in a tree.
#[derive(Default)]
struct Scan {
    written: Vec<Written>,
    /// The names of GitRepositories that are other repositories.
    foreign: BTreeSet<String>,
    /// Directories with a kustomization, and what it builds on.
    built_on: Vec<(TreePath, TreePath)>,
}

/// All Kustomizations of Flux, and which sources are other repositories.
fn scan(tree: &dyn Tree, sources: &Sources) -> Result<Scan, TreeError> {
    let mut scan = Scan::default();
    let mut directories = vec![(TreePath::root(), 0)];
    let mut files = 0;
    while let Some((directory, depth)) = directories.pop() {
        for (name, entry) in tree.list(&directory)? {
            let Ok(path) = directory.join(&name) else { continue };
            match entry.kind {
                EntryKind::Directory if depth < MAX_DEPTH && name != ".git" => directories.push((path, depth + 1)),
                EntryKind::File { size } if is_yaml(&name) && size <= MAX_SIZE && files < MAX_FILES => {
                    files += 1;
                    let content = tree.read_file(&path)?;
                    if KUSTOMIZATIONS.contains(&name.as_str()) {
                        let bases = bases(&directory, &content).into_iter();
                        scan.built_on.extend(bases.map(|base| (directory.clone(), base)));
                    }
                    scan.file(&directory, &content, sources);
                }
                _ => {}
            }
        }
    }
    Ok(scan)
}

impl Scan {
    /// Takes in what a file describes. One that cannot be read describes nothing.
    fn file(&mut self, directory: &TreePath, content: &[u8], sources: &Sources) {
        let names = |group: &str| content.windows(group.len()).any(|part| part == group.as_bytes());
        if !names(gitops::KUSTOMIZE) && !names("source.toolkit.fluxcd.io") {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for document in parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default() {
            let object = document.value;
            let name = text(&object["metadata"]["name"]);
            if object["kind"] == "GitRepository" {
                let read: Option<GitRepository> = serde_json::from_value(object).ok();
                // Without an address of its own the repository knows none of the others either.
                let is_other = !sources.urls.is_empty() && read.is_some_and(|read| sources.other(&read).is_some());
                self.foreign.extend(is_other.then_some(name));
            } else if gitops::is_kustomization(&object) {
                let (spec, source) = (&object["spec"], &object["spec"]["sourceRef"]);
                let Ok(path) = TreePath::parse(&text(&spec["path"])) else { continue };
                let source = (text(&source["kind"]), text(&source["name"]));
                self.written.push(Written { directory: directory.clone(), path, name, source });
            }
        }
    }
}

fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;

    fn kustomization(path: &str, name: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}}}\nspec: {{path: \
             {path}, sourceRef: {{kind: GitRepository, name: {name}}}}}\n"
        )
    }

    /// Files that are Kustomizations of a path, by a source of a name.
    fn of<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        let content = |text: &str| match text.split_once(' ') {
            _ if !text.starts_with('.') => text.to_owned(),
            Some((path, name)) => kustomization(path, name),
            None => kustomization(text, "flux-system"),
        };
        let tree = MemoryTree::new(files.map(|(file, path)| (file, content(path)))).unwrap();
        let urls = vec![cowherd_source::RepositoryUrl::parse("https://example.com/fleet").unwrap()];
        entries(&tree, &Sources { urls, ..Sources::default() }).unwrap().paths
    }

    #[test]
    fn what_is_not_rendered_is_left_out_by_name() {
        let map = "apiVersion: v1\nkind: ConfigMap\n";
        let tree = MemoryTree::new([
            ("guestbook/a.yaml", map),
            ("guestbook/more/c.cue", ""),
            ("web/Chart.yaml", "name: web"),
            ("web/templates/a.yaml", map),
            ("jsonnet/main.jsonnet", "{}"),
            ("src/package.json", "{}"),
            ("used/kustomization.yaml", "helmGlobals: {chartHome: ../charts}\nhelmCharts: [{name: used}]\n"),
            ("charts/used/Chart.yaml", "name: used"),
        ]);
        let found = entries(&tree.unwrap(), &Sources::default()).unwrap();
        assert_eq!(found.paths, ["./guestbook", "./used"]);
        assert_eq!(
            found.left_out.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["jsonnet (Jsonnet)", "web (a Helm chart)"]
        );
        let alone = MemoryTree::new([("Chart.yaml", "name: web")]).unwrap();
        let found = entries(&alone, &Sources::default()).unwrap();
        assert_eq!(found, Entries { paths: vec!["./".into()], left_out: Vec::new() });
    }

    #[test]
    fn clusters_are_found_where_nobody_names_them() {
        let bootstrapped = [
            ("clusters/a/flux-system/gotk-sync.yaml", "./clusters/a"),
            ("clusters/a/apps.yaml", "./apps"),
            ("clusters/b/apps.yaml", "./apps"),
            ("apps/x/ks.yaml", "./apps/x/app"),
        ];
        assert_eq!(of(bootstrapped), ["./clusters/a", "./clusters/b"]);
        let home = [
            ("kubernetes/flux/cluster/ks.yaml", "./kubernetes/apps"),
            ("kubernetes/apps/default/x/ks.yaml", "./kubernetes/apps/default/x/app"),
        ];
        assert_eq!(of(home), ["./kubernetes/flux/cluster"]);
        let nested = [
            ("fleet/kustomization.yaml", "resources: [apps]"),
            ("fleet/apps/kustomization.yaml", "resources: [ks.yaml]"),
            ("fleet/apps/ks.yaml", "./apps"),
        ];
        assert_eq!(of(nested), ["./fleet"]);
        assert_eq!(of([("apps/a.yaml", "kind: ConfigMap")]), ["./"]);
        let based = [
            ("clusters/a/kustomization.yaml", "resources: [../../base]"),
            ("base/kustomization.yaml", "resources: [ks.yaml]"),
            ("base/ks.yaml", "./apps"),
            ("clusters/a/more.yaml", "./more"),
        ];
        assert_eq!(of(based), ["./clusters/a"]);
        let plain = [
            ("base/kustomization.yaml", "resources: [a.yaml]"),
            ("overlays/a/kustomization.yaml", "resources: [../../base]"),
            ("guestbook/a.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
            ("chart/Chart.yaml", "name: a"),
            ("chart/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ];
        assert_eq!(of(plain), ["./guestbook", "./overlays/a"]);
        let tenant = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: tenant}\nspec: {url: \
                      'https://example.com/tenant', interval: 1m}\n";
        let tenants = [
            ("clusters/a/tenants.yaml", "./tenants/a"),
            ("tenants/a/kustomization.yaml", "resources: [../base]"),
            ("tenants/base/source.yaml", tenant),
            ("tenants/base/sync.yaml", "./ tenant"),
        ];
        assert_eq!(of(tenants), ["./clusters/a"]);
    }
}
