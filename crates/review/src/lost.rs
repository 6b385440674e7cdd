//! What may be in that of which nothing comes at present: who misses it must not be told that it is nowhere.
//!
//! Files that cannot be read are looked at as texts, so that a name is found in them whatever is wrong there.

use std::collections::BTreeSet;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::Manifest;
use cowherd_tree::{EntryKind, Tree, TreePath};
use serde_json::Value;

use crate::cluster::{Cluster, State, Unit};
use crate::discovery::KUSTOMIZATIONS;
use crate::gitops;

/// The most files that are looked into for one cluster, and the most bytes of them all.
const MAX_FILES: usize = 20_000;
const MAX_BYTES: usize = 64 << 20;
/// The largest file that is looked into, in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// How deep directories are descended into.
const MAX_DEPTH: usize = 64;
/// What in a kustomization brings objects of which the repository does not say which they are.
const UNFORESEEN: [&str; 5] = ["helmCharts", "helmChartInflationGenerator", "generators", "://", "?ref="];

/// What would be there if all Kustomizations of a cluster could be read and built.
#[derive(Default)]
pub(crate) struct Lost {
    /// The directories that it would be made of.
    directories: BTreeSet<TreePath>,
    /// The files in those.
    texts: Vec<String>,
    /// How many bytes those have.
    bytes: usize,
    /// Kind and name of objects of which nothing comes alone.
    objects: BTreeSet<(String, String)>,
    /// Whether it may be anything: charts, what is elsewhere, and what is more than is looked into.
    is_unforeseen: bool,
}

impl Lost {
    /// What is lost of a cluster in `tree`.
    pub(crate) fn of(cluster: &Cluster, tree: &dyn Tree) -> Self {
        let mut lost = Self::default();
        let mut rest: Vec<TreePath> = cluster.units.values().flat_map(|unit| broken(unit)).collect();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let named = |object: &Value| (text(&object["kind"]), text(&object["metadata"]["name"]));
        for unit in cluster.units.values() {
            let problems = unit.made().map(|made| made.problems.as_slice()).unwrap_or_default();
            for object in problems.iter().filter_map(|problem| problem.object.as_ref()) {
                lost.objects.insert(named(object));
            }
            // What comes of templates may be anything.
            lost.is_unforeseen |= !(unit.sets.problems.is_empty() && unit.sets.unforeseen.is_empty());
            let unread = unit.objects().iter().filter(|object| is_unread(object.object()));
            lost.objects.extend(unread.map(|object| named(object.object())));
        }
        while let Some(directory) = rest.pop() {
            if lost.directories.insert(directory.clone()) {
                rest.extend(lost.walk(tree, &directory));
            }
        }
        lost
    }

    /// The directories that it would be made of: those of Kustomizations, what these build on, and where they lead.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &TreePath> {
        self.directories.iter()
    }

    /// Whether an object may be among it. A kustomization may add to its name.
    pub(crate) fn may_bring(&self, kind: &str, name: &str) -> bool {
        let is_it = |(other, written): &(String, String)| other == kind && may_become(written, name);
        self.is_unforeseen
            || self.objects.iter().any(is_it)
            || self
                .texts
                .iter()
                .any(|text| describes(text, kind) && values(text, "name").any(|one| may_become(one, name)))
    }

    /// Whether the definition of a kind may be among it.
    pub(crate) fn may_define(&self, kind: &str) -> bool {
        let defines = |text: &String| describes(text, "CustomResourceDefinition") && describes(text, kind);
        self.is_unforeseen || self.texts.iter().any(defines)
    }

    /// Whether bindings of accounts, or roles, may be among it.
    pub(crate) fn may_give_rights(&self) -> bool {
        const KINDS: [&str; 4] = ["ClusterRoleBinding", "RoleBinding", "ClusterRole", "Role"];
        let is_one = |kind: &str| KINDS.contains(&kind);
        self.is_unforeseen
            || self.objects.iter().any(|(kind, _)| is_one(kind))
            || self.texts.iter().any(|text| KINDS.iter().any(|kind| describes(text, kind)))
    }

    /// Takes in the files of a directory; the directories that those name.
    fn walk(&mut self, tree: &dyn Tree, start: &TreePath) -> Vec<TreePath> {
        let mut named = Vec::new();
        let mut rest = vec![(start.clone(), 0)];
        while let Some((directory, depth)) = rest.pop() {
            for (name, entry) in tree.read_dir(&directory).unwrap_or_default() {
                let Ok(path) = directory.join(&name) else { continue };
                match entry.kind {
                    EntryKind::Directory if depth < MAX_DEPTH => rest.push((path, depth + 1)),
                    EntryKind::File { size } if is_read(&name) => {
                        if size > MAX_SIZE || self.texts.len() >= MAX_FILES || self.bytes >= MAX_BYTES {
                            self.is_unforeseen = true;
                            continue;
                        }
                        let Ok(content) = tree.read(&path) else { continue };
                        self.bytes += content.len();
                        let text = String::from_utf8_lossy(&content).into_owned();
                        named.extend(self.directories_in(tree, &directory, &name, &text));
                        self.texts.push(text);
                    }
                    _ => {}
                }
            }
        }
        named
    }

    /// The directories that a file names: a kustomization, outside of its own; a Kustomization, as its path.
    fn directories_in(&mut self, tree: &dyn Tree, directory: &TreePath, name: &str, text: &str) -> Vec<TreePath> {
        let is_kustomization = KUSTOMIZATIONS.contains(&name);
        self.is_unforeseen |= is_kustomization && UNFORESEEN.iter().any(|one| text.contains(one));
        let outside = words(text).filter(|word| is_kustomization && word.starts_with("../"));
        let outside = outside.filter_map(|word| directory.join(word).ok());
        let leads = text.contains(gitops::KUSTOMIZE);
        let led_to = values(text, "path").filter(|_| leads).filter_map(|path| TreePath::parse(path).ok());
        let is_there =
            |path: &TreePath| matches!(tree.stat(path), Ok(Some(entry)) if entry.kind == EntryKind::Directory);
        outside.chain(led_to).filter(is_there).collect()
    }
}

/// The directories of a Kustomization of which not everything comes, and of those that it describes and that mean nothing.
fn broken(unit: &Unit) -> Vec<TreePath> {
    let is_whole = match &unit.state {
        State::Made(_) => unit.broken.is_empty(),
        State::Elsewhere(_) => true,
        State::Failed(_) => false,
    };
    let own = unit.directory().filter(|_| !is_whole);
    own.into_iter().chain(unit.objects().iter().filter_map(unread)).collect()
}

/// Whether an object is to be a Kustomization, and cannot be read as one.
fn is_unread(object: &Value) -> bool {
    gitops::is_kustomization(object) && serde_json::from_value::<Kustomization>(object.clone()).is_err()
}

/// Where a Kustomization leads that cannot be read as one.
fn unread(object: &Manifest) -> Option<TreePath> {
    let object = object.object();
    TreePath::parse(object["spec"]["path"].as_str()?).ok().filter(|_| is_unread(object))
}

fn is_read(name: &str) -> bool {
    KUSTOMIZATIONS.contains(&name) || [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a text describes an object of a kind, or has a generator for it.
fn describes(text: &str, kind: &str) -> bool {
    let generator = match kind {
        "ConfigMap" => "configMapGenerator",
        "Secret" => "secretGenerator",
        _ => "",
    };
    values(text, "kind").any(|one| one == kind) || (!generator.is_empty() && text.contains(generator))
}

/// Whether an object that is written with one name may come to have another one: with what is put before it or behind, which a
/// dash mostly tells apart.
fn may_become(written: &str, name: &str) -> bool {
    /// Shorter names are in many others by chance.
    const LONG: usize = 4;
    let is_behind = || name.strip_suffix(written).is_some_and(|before| before.is_empty() || before.ends_with('-'));
    let is_before = || name.strip_prefix(written).is_some_and(|behind| behind.starts_with('-'));
    let is_inside = || written.len() >= LONG && name.contains(written);
    !written.is_empty() && (is_behind() || is_before() || is_inside() || written.contains("${"))
}

/// The words of a text, whatever YAML or JSON would make of it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '"' | '\'');
    text.split(is_between)
        .map(|word| word.trim_start_matches('{').trim_end_matches('}'))
        .filter(|word| !word.is_empty())
}

/// The words that follow a field wherever it stands.
fn values<'a>(text: &'a str, field: &'a str) -> impl Iterator<Item = &'a str> {
    let mut is_next = false;
    words(text).filter(move |word| {
        let was_next = is_next && *word != ":";
        is_next = word.strip_suffix(':') == Some(field) || (*word == field) || (is_next && *word == ":");
        was_next
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cowherd_tree::MemoryTree;

    use super::*;
    use crate::cluster::{Context, Side};

    const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: infra, namespace: \
                        flux-system}\nspec: {interval: 1m, prune: true, path: ./infra, sourceRef: {kind: GitRepository, name: \
                        flux-system}}\n";
    const SHOP: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";

    fn lost<const N: usize>(files: [(&'static str, &'static str); N]) -> Lost {
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new(files).unwrap());
        let side = Side { name: String::new(), commit: None, tree: tree.clone() };
        let context = Context { goes_on: true, ..Context::alone() };
        Lost::of(&Cluster::read(&side, "./cluster", &context, None).unwrap(), tree.as_ref())
    }

    #[test]
    fn what_could_be_built_has_lost_nothing() {
        let lost = lost([("cluster/infra.yaml", FLUX), ("infra/ns.yaml", SHOP)]);
        assert!(lost.directories().next().is_none() && !lost.may_bring("Namespace", "shop"));
    }

    #[test]
    fn names_are_found_in_what_cannot_be_built_and_in_what_that_builds_on() {
        let conflict = "resources:\n<<<<<<< HEAD\n- ../base\n=======\n";
        let lost = lost([
            ("cluster/infra.yaml", FLUX),
            ("infra/kustomization.yaml", conflict),
            ("base/ns.yaml", SHOP),
            ("base/crd.yaml", "kind: CustomResourceDefinition\nspec: {names: {kind: Gadget}}"),
        ]);
        assert!(
            lost.may_bring("Namespace", "shop") && lost.may_bring("Namespace", "dev-shop"),
            "a prefix may be put before"
        );
        assert!(!lost.may_bring("Namespace", "other") && !lost.may_bring("ConfigMap", "shop"));
        assert!(lost.may_define("Gadget") && !lost.may_define("Widget"));
    }

    #[test]
    fn what_a_kustomization_leads_to_that_cannot_be_read_is_lost() {
        for broken in [FLUX.replace("prune", "prnue"), FLUX.replace("prune: true", "prune: [")] {
            let lost = lost([("cluster/infra.yaml", broken.leak()), ("infra/ns.yaml", SHOP)]);
            assert!(lost.directories().any(|path| path.as_str() == "infra") && lost.may_bring("Namespace", "shop"));
        }
    }

    #[test]
    fn charts_may_bring_anything() {
        let lost =
            lost([("cluster/infra.yaml", FLUX), ("infra/kustomization.yaml", "helmCharts: [{name: a}]\nresources: [")]);
        assert!(lost.may_bring("Namespace", "whatever"));
    }

    #[test]
    fn a_short_name_is_not_in_another_one_by_chance() {
        assert!(
            may_become("e", "e")
                && may_become("e", "dev-e")
                && may_become("e", "e-2bkf5h9k2m")
                && may_become("shop", "devshop")
        );
        assert!(!may_become("e", "gone") && !may_become("", "gone"));
    }

    #[test]
    fn fields_are_found_in_texts_of_all_sorts() {
        let found = |text: &'static str| values(text, "name").collect::<Vec<_>>();
        assert_eq!(found("name: a\n  name: 'b'\n{name: c, x: name}"), ["a", "b", "c"]);
        assert_eq!(found("{\"name\": \"a\", \"name\" : \"b\"}"), ["a", "b"]);
    }
}
