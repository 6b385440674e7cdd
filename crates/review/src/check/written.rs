//! Where in a repository objects are written, whatever becomes of them there.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cowherd_text::near;
use cowherd_tree::{EntryKind, Tree, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};

use super::finding::Place;

/// The most files that are looked into.
const MAX_FILES: usize = 20_000;
/// The largest file that is looked into, in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// How deep directories are descended into.
const MAX_DEPTH: usize = 64;

/// Where objects are, by kind and name.
type Found = HashMap<String, BTreeMap<String, Place>>;

/// The objects in the files of a repository, which is only read when one is asked for.
pub struct Written {
    tree: Arc<dyn Tree>,
    places: OnceCell<Found>,
}

impl Written {
    pub fn new(tree: Arc<dyn Tree>) -> Self {
        Self { tree, places: OnceCell::new() }
    }

    /// That there is no such object, in words: where there is one in another part of the repository, with its place, else with the
    /// names of those that may be meant.
    pub fn nowhere(&self, kind: &str, name: &str) -> String {
        let places = self.places.get_or_init(|| places(self.tree.as_ref()));
        match places.get(kind).and_then(|places| places.get(name)) {
            Some(place) => format!("there is no {kind} {name} in this cluster, though {place} describes one"),
            None => {
                let names = places.get(kind).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
                // In brackets: what follows from it is said behind that.
                let meant = match &near::names(name, names)[..] {
                    [] => String::new(),
                    names => format!(" (did you mean {}?)", names.join(" or ")),
                };
                format!("there is no {kind} {name} in the repository{meant}")
            }
        }
    }
}

fn places(tree: &dyn Tree) -> Found {
    let (mut places, mut files) = (Found::new(), 0);
    let mut rest = vec![(TreePath::root(), 0)];
    while let Some((directory, depth)) = rest.pop() {
        for (name, entry) in tree.list(&directory).unwrap_or_default() {
            let Ok(path) = directory.join(&name) else { continue };
            let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
            match entry.kind {
                EntryKind::Directory if depth < MAX_DEPTH && name != ".git" => rest.push((path, depth + 1)),
                EntryKind::File { size } if is_yaml && size <= MAX_SIZE && files < MAX_FILES => {
                    files += 1;
                    of_file(tree, &path, &mut places);
                }
                _ => {}
            }
        }
    }
    places
}

fn of_file(tree: &dyn Tree, path: &TreePath, places: &mut Found) {
    let content = tree.read_file(path).unwrap_or_default();
    let documents = parse_documents_as(&content, Dialect::Kustomize, &Limits::default()).unwrap_or_default();
    for document in documents {
        let (kind, name) = (document.value["kind"].as_str(), document.value["metadata"]["name"].as_str());
        if let (Some(kind), Some(name)) = (kind, name) {
            let place = || Place { file: path.clone(), line: Some(document.line) };
            // Of several the first in the order of their names, so that the same is said each time.
            let known = places.entry(kind.to_owned()).or_default().entry(name.to_owned()).or_insert_with(place);
            if place() < *known {
                *known = place();
            }
        }
    }
}
