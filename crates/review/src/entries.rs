//! The paths from which clusters grow, where nobody named them.

use std::collections::BTreeSet;

use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};

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

/// A Kustomization of Flux, where it is written and what it is about.
struct Written {
    directory: TreePath,
    path: TreePath,
}

impl Written {
    /// Whether it is about the directory in which it stands itself, as the one that `flux bootstrap` writes is.
    fn is_root(&self) -> bool {
        self.directory.starts_with(&self.path)
    }
}

/// The paths from which the clusters of a repository grow: what `flux bootstrap` was given, where it left its word;
/// else the directories with Kustomizations that none of the others is about. The root of the tree where there are no
/// Kustomizations at all.
///
/// # Errors
/// When the tree cannot be read.
pub fn entries(tree: &dyn Tree) -> Result<Vec<String>, TreeError> {
    let written = written(tree)?;
    let mut entries: BTreeSet<TreePath> =
        written.iter().filter(|one| one.is_root()).map(|one| one.path.clone()).collect();
    for one in &written {
        let is_reached = written.iter().any(|other| !other.is_root() && one.directory.starts_with(&other.path));
        let is_below = entries.iter().any(|entry| one.directory.starts_with(entry));
        if !is_reached && !is_below {
            entries.insert(top(tree, &one.directory)?);
        }
    }
    // What lies below another one is part of it.
    let all = entries.clone();
    entries.retain(|entry| !all.iter().any(|other| other != entry && entry.starts_with(other)));
    if entries.is_empty() {
        entries.insert(TreePath::root());
    }
    Ok(entries.iter().map(shown).collect())
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
    while !top.is_root() && has_kustomization(tree, &top.parent())? {
        top = top.parent();
    }
    Ok(top)
}

fn has_kustomization(tree: &dyn Tree, directory: &TreePath) -> Result<bool, TreeError> {
    for name in KUSTOMIZATIONS {
        let Ok(path) = directory.join(name) else { continue };
        if matches!(tree.entry(&path)?, Some(entry) if matches!(entry.kind, EntryKind::File { .. })) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All Kustomizations of Flux that are written in the tree.
fn written(tree: &dyn Tree) -> Result<Vec<Written>, TreeError> {
    let mut found = Vec::new();
    let mut directories = vec![(TreePath::root(), 0)];
    let mut files = 0;
    while let Some((directory, depth)) = directories.pop() {
        for (name, entry) in tree.list(&directory)? {
            let Ok(path) = directory.join(&name) else { continue };
            match entry.kind {
                EntryKind::Directory if depth < MAX_DEPTH && name != ".git" => directories.push((path, depth + 1)),
                EntryKind::File { size } if is_yaml(&name) && size <= MAX_SIZE && files < MAX_FILES => {
                    files += 1;
                    let paths = paths_in(&tree.read_file(&path)?);
                    found.extend(paths.into_iter().map(|path| Written { directory: directory.clone(), path }));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

/// What the Kustomizations in a file are about. A file that cannot be read has none.
fn paths_in(content: &[u8]) -> Vec<TreePath> {
    let is_candidate = content.windows(gitops::KUSTOMIZE.len()).any(|part| part == gitops::KUSTOMIZE.as_bytes());
    if !is_candidate {
        return Vec::new();
    }
    let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
    let described = documents.iter().filter(|document| gitops::is_kustomization(&document.value));
    let path = |value: &serde_json::Value| TreePath::parse(value["spec"]["path"].as_str().unwrap_or_default()).ok();
    described.filter_map(|document| path(&document.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;

    fn kustomization(path: &str) -> String {
        format!("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: a}}\nspec: {{path: {path}}}\n")
    }

    fn of<const N: usize>(files: [(&str, &str); N]) -> Vec<String> {
        let content = |path: &str| if path.starts_with('.') { kustomization(path) } else { path.to_owned() };
        entries(&MemoryTree::new(files.map(|(file, path)| (file, content(path)))).unwrap()).unwrap()
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
    }
}
