//! Random stories: a repository, Kustomizations, and what happens to them.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::files::{ABSENT, DIRECTORIES, Files, Kind, LINKS, Node, PATHS, content};

/// How many Kustomizations there are.
pub(super) const APPS: usize = 5;

/// A repository, Kustomizations, and what happens to them.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) files: Files,
    /// The spec of each Kustomization.
    pub(super) specs: Vec<Value>,
    pub(super) happenings: Vec<Happening>,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// Somebody pushes a commit. `busy`: what it sets going is not over when the next thing happens.
    Commit { edits: Vec<Edit>, busy: bool },
    /// A commit brings back what was there so many commits ago.
    Revert(usize),
    /// A Kustomization gets another spec.
    Edit { app: usize, spec: Value },
    /// The program is started again. `loses`: without the renders that it kept.
    Restart { loses: bool },
    /// The remote base gets other files, and all intervals pass.
    BaseMoves(u32),
    /// All intervals pass.
    Interval,
}

/// A change of files.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Write(&'static str, String),
    /// Gives a file the other mode.
    Chmod(&'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    Link(&'static str, &'static str),
    /// Puts a submodule there.
    Submodule(&'static str),
}

impl Edit {
    pub(super) fn apply(&self, files: &mut Files) {
        match self {
            Self::Write(path, content) => {
                files.put(path, Node::File { content: content.clone(), executable: false });
            }
            Self::Chmod(path) => {
                if let Some(Node::File { executable, .. }) = files.0.get_mut(*path) {
                    *executable = !*executable;
                }
            }
            Self::Remove(path) => files.remove(path),
            Self::Rename(from, to) => {
                if !to.starts_with(&format!("{from}/")) {
                    files.rename(from, to);
                }
            }
            Self::Link(path, target) => files.put(path, Node::Link((*target).to_owned())),
            Self::Submodule(path) => files.put(path, Node::Submodule),
        }
    }
}

pub(super) fn story(length: usize) -> impl Strategy<Value = Story> {
    let specs = (0..APPS).map(spec).collect::<Vec<_>>();
    (files(), specs, proptest::collection::vec(happening(), 1..length)).prop_map(|(files, specs, happenings)| Story {
        files,
        specs,
        happenings,
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    let edits = || proptest::collection::vec(edit(), 0..4);
    prop_oneof![
        8 => (edits(), any::<bool>()).prop_map(|(edits, busy)| Happening::Commit { edits, busy }),
        2 => (1..4usize).prop_map(Happening::Revert),
        2 => (0..APPS).prop_flat_map(|app| spec(app).prop_map(move |spec| Happening::Edit { app, spec })),
        2 => any::<bool>().prop_map(|loses| Happening::Restart { loses }),
        3 => (0..4u32).prop_map(Happening::BaseMoves),
        1 => Just(Happening::Interval),
    ]
}

/// A repository in which little is missing or broken.
fn files() -> impl Strategy<Value = Files> {
    let contents = Vec::from(PATHS.map(|(_, kind)| text(kind)));
    let missing = proptest::collection::vec(select(PATHS.to_vec()), 0..2);
    let links = proptest::collection::vec(select(LINKS.to_vec()), 0..2);
    (contents, missing, links).prop_map(|(contents, missing, links)| {
        let mut files = Files::default();
        for ((path, _), content) in PATHS.iter().zip(contents) {
            Edit::Write(path, content).apply(&mut files);
        }
        // These two are there as a rule, the others are the exception.
        for (path, target) in [LINKS[0], LINKS[2]].into_iter().chain(links) {
            Edit::Link(path, target).apply(&mut files);
        }
        missing.iter().for_each(|(path, _)| files.remove(path));
        files
    })
}

fn text(kind: Kind) -> impl Strategy<Value = String> {
    any::<u32>().prop_map(move |variant| content(kind, variant))
}

fn edit() -> impl Strategy<Value = Edit> {
    let places = || select(PATHS.into_iter().chain(ABSENT).collect::<Vec<_>>());
    let names = || select(PATHS.into_iter().chain(ABSENT).map(|(path, _)| path).chain(DIRECTORIES).collect::<Vec<_>>());
    prop_oneof![
        8 => places().prop_flat_map(|(path, kind)| text(kind).prop_map(move |content| Edit::Write(path, content))),
        1 => places().prop_map(|(path, _)| Edit::Chmod(path)),
        1 => names().prop_map(Edit::Remove),
        1 => places().prop_map(|(path, _)| Edit::Remove(path)),
        1 => (names(), names()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => (select(DIRECTORIES.to_vec()), select(DIRECTORIES.to_vec())).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => select(LINKS.to_vec()).prop_map(|(path, target)| Edit::Link(path, target)),
        1 => select(DIRECTORIES.to_vec()).prop_map(Edit::Submodule),
    ]
}

/// The spec of the Kustomization of this number.
fn spec(app: usize) -> impl Strategy<Value = Value> {
    let usual = ["./apps/a", "./apps/b", "./apps/c", "./plain", "./links/app"][app % 5];
    let path = prop_oneof![
        12 => Just(usual),
        1 => select(vec!["./apps/later", "./later", "./base", "./plain/deep", "."]),
    ];
    let component = if usual == "./plain" { "../components/labels" } else { "../../components/labels" };
    let fields = [
        json!({ "targetNamespace": "there" }),
        json!({ "namePrefix": "x-" }),
        json!({ "commonMetadata": { "labels": { "team": "one" } } }),
        json!({ "commonMetadata": { "annotations": { "note": "two" } } }),
        json!({ "images": [{ "name": "app", "newTag": "spec" }] }),
        json!({ "patches": [{ "patch": "kind: all\nmetadata: {name: all, labels: {patched: 'yes'}}\n", "target": { "kind": "ConfigMap" } }] }),
        json!({ "components": [component], "ignoreMissingComponents": true }),
        json!({ "postBuild": { "substitute": { "port": "80" } } }),
        json!({ "postBuild": { "substitute": { "port": "\"90\"" } } }),
        // What does not matter to the manifests.
        json!({ "timeout": "9m" }),
    ];
    (path, proptest::sample::subsequence(fields.to_vec(), 0..3)).prop_map(|(path, fields)| {
        let mut spec = json!({ "interval": "1h", "prune": true, "path": path,
            "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
        for field in fields {
            spec.as_object_mut()
                .into_iter()
                .for_each(|spec| spec.extend(field.as_object().cloned().unwrap_or_default()));
        }
        spec
    })
}
