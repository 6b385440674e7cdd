//! What a path means that nobody chose: one cluster, or several that lie below it.

use std::sync::Arc;

use cowherd_source::Ignore;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};

use super::scan::Scan;
use super::{By, KUSTOMIZATIONS, discover, plain, shown};
use crate::cluster::{Context, Side};

/// What lies below a path without a kustomization, so that all of it would be taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The paths that look like clusters of their own, in order, and what speaks for each.
    pub clusters: Vec<(TreePath, By)>,
    /// Whether manifests lie at the path itself.
    pub has_manifests: bool,
}

impl Below {
    /// Whether the path can hardly be meant: it has nothing of its own, and several clusters below it.
    pub fn is_none_of_several(&self) -> bool {
        !self.has_manifests && self.clusters.len() > 1
    }
}

/// What looks like clusters of their own below `path`: where Flux's Kustomizations are, or else, where kustomizations build on others
/// below `path`, which would be taken a second time, all that a review would look at. Nothing where `path` has a kustomization: somebody wrote
/// down what it means.
///
/// # Errors
/// When the tree cannot be read.
pub fn below(side: &Side, context: &Context, path: &TreePath) -> Result<Below, TreeError> {
    let tree = Ignore::new(side.tree.clone(), None)?;
    let scan = Scan::of(&tree, &context.sources)?;
    if scan.kustomizations.contains_key(path) {
        return Ok(Below { clusters: Vec::new(), has_manifests: true });
    }
    let mut has_manifests = false;
    for file in scan.yaml.get(path).into_iter().flatten() {
        has_manifests = has_manifests || plain::describes(&tree.read_file(file)?) == Some(true);
    }
    let is_below = |one: &TreePath| one != path && one.starts_with(path);
    let mut clusters = Vec::new();
    let (has_written, has_layers) = (scan.written.iter().any(|one| is_below(&one.file)), scan.has_layers(path));
    if has_written || has_layers {
        let side = Side { tree: Arc::new(tree), ..side.clone() };
        let found = discover(&side, context, &[], None)?.clusters.into_iter();
        let all = found.filter_map(|one| Some((TreePath::parse(&one.cluster.path).ok()?, one.by)));
        let all: Vec<(TreePath, By)> = all.filter(|(one, _)| is_below(one)).collect();
        clusters = all.iter().filter(|(_, by)| by.is_of_flux()).cloned().collect();
        if clusters.is_empty() && has_layers {
            clusters = all;
        }
    }
    Ok(Below { clusters, has_manifests })
}

/// The same where a path can hardly be meant as one cluster; `None` where it can.
///
/// # Errors
/// When the tree cannot be read.
pub fn several(side: &Side, context: &Context, path: &TreePath) -> Result<Option<Below>, TreeError> {
    let tree = Ignore::new(side.tree.clone(), None)?;
    // What lies there of its own is soon found, where what lies below would have to be rendered.
    for (name, entry) in tree.list(path).unwrap_or_default() {
        let Ok(file) = path.join(&name) else { continue };
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        if is_file && (KUSTOMIZATIONS.contains(&name.as_str()) || is_manifest(&tree, &file)?) {
            return Ok(None);
        }
    }
    Ok(Some(below(side, context, path)?).filter(Below::is_none_of_several))
}

fn is_manifest(tree: &dyn Tree, file: &TreePath) -> Result<bool, TreeError> {
    let is_yaml = [".yaml", ".yml"].iter().any(|ending| file.file_name().ends_with(ending));
    Ok(is_yaml && plain::describes(&tree.read_file(file)?) == Some(true))
}

/// The clusters in words, as far as there is room for them: `./clusters/dev (flux bootstrap), ./clusters/prod (…)`.
impl std::fmt::Display for Below {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// How many are named.
        const NAMED: usize = 10;
        let named = self.clusters.iter().map(|(path, by)| format!("{} ({by})", shown(path)));
        f.write_str(&cowherd_text::listed(named, NAMED))
    }
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;

    use super::*;

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: \
                        flux-system}\nspec: {interval: 1m, prune: true, path: ./apps, sourceRef: {kind: GitRepository, name: \
                        flux-system}}\n";

    fn found<const N: usize>(path: &str, files: [(&'static str, &'static str); N]) -> Below {
        let side = Side { name: String::new(), commit: None, tree: Arc::new(MemoryTree::new(files).unwrap()) };
        below(&side, &Context::alone(), &TreePath::parse(path).unwrap()).unwrap()
    }

    #[test]
    fn clusters_of_flux_below_a_path_without_manifests_are_several() {
        let files = [("clusters/dev/apps.yaml", FLUX), ("clusters/prod/apps.yaml", FLUX), ("apps/map.yaml", MAP)];
        for path in [".", "clusters"] {
            let found = found(path, files);
            assert_eq!(
                found.to_string(),
                "./clusters/dev (Flux Kustomizations), ./clusters/prod (Flux Kustomizations)",
                "{path}"
            );
            assert!(found.is_none_of_several(), "{path}");
        }
        assert!(found("clusters/dev", files).clusters.is_empty());
        assert!(found("apps", files).clusters.is_empty());
        let found = found(".", [("clusters/dev/apps.yaml", FLUX), ("apps/map.yaml", MAP)]);
        assert!(found.clusters.len() == 1 && !found.is_none_of_several());
    }

    #[test]
    fn a_path_with_manifests_of_its_own_or_a_kustomization_is_one() {
        let clusters = [("clusters/dev/apps.yaml", FLUX), ("clusters/prod/apps.yaml", FLUX)];
        let found_with = |file: (&'static str, &'static str)| found(".", [clusters[0], clusters[1], file]);
        let with_map = found_with(("map.yaml", MAP));
        assert!(with_map.has_manifests && with_map.clusters.len() == 2 && !with_map.is_none_of_several());
        assert!(found_with((".sops.yaml", "creation_rules: []")).is_none_of_several(), "a file of another program");
        assert!(found_with(("kustomization.yaml", "resources: [clusters/dev]")).clusters.is_empty());
    }

    #[test]
    fn overlays_of_a_base_are_several_and_kustomizations_beside_each_other_are_not() {
        let overlay = "resources: [../base]";
        let layered = found(
            ".",
            [
                ("base/kustomization.yaml", "resources: [map.yaml]"),
                ("base/map.yaml", MAP),
                ("dev/kustomization.yaml", overlay),
                ("prod/kustomization.yaml", overlay),
                ("tests/kustomization.yaml", overlay),
            ],
        );
        assert_eq!(layered.to_string(), "./dev (a kustomization), ./prod (a kustomization)");
        // Beside them all is offered that a review looks at.
        let more = found(
            ".",
            [
                ("base/kustomization.yaml", "resources: [map.yaml]"),
                ("base/map.yaml", MAP),
                ("dev/kustomization.yaml", overlay),
                ("plain/map.yaml", MAP),
                ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
            ],
        );
        assert_eq!(more.to_string(), "./dev (a kustomization), ./plain (manifests)");
        let apps = [("a/kustomization.yaml", "resources: [map.yaml]"), ("a/map.yaml", MAP), ("b/map.yaml", MAP)];
        assert!(found(".", apps).clusters.is_empty());
    }
}
