//! What kustomizations name that is not there, files that are no YAML, and documents that are no objects: all of it, where a
//! render tells the first only.

use std::collections::BTreeSet;

use cowherd_render::{Mistake, left_out, mistakes};
use cowherd_tree::{EntryKind, Tree, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use super::finding::{Finding, Rule};
use super::places::Places;

/// The most files and directories that are looked at for one Kustomization.
const MAX: usize = 20_000;

/// The fields that list files or directories.
const LISTS: [&str; 9] = [
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "patchesStrategicMerge",
    "generators",
    "transformers",
    "validators",
];

/// What a kustomization names.
struct Named {
    /// The field, as `resources[2]`.
    field: String,
    /// The path as it is written.
    path: String,
    /// Whether it holds manifests or is a directory to build on.
    is_resource: bool,
}

/// Looks at the kustomization in `directory` and at what it names, and so on.
pub fn check(tree: &dyn Tree, directory: &TreePath, places: &mut Places) -> Vec<Finding> {
    let mut walk = Walk { tree, places, seen: BTreeSet::new(), found: Vec::new() };
    walk.directory(directory);
    walk.found
}

struct Walk<'a> {
    tree: &'a dyn Tree,
    places: &'a mut Places,
    seen: BTreeSet<TreePath>,
    found: Vec<Finding>,
}

impl Walk<'_> {
    fn directory(&mut self, start: &TreePath) {
        let mut rest = vec![start.clone()];
        while let Some(directory) = rest.pop() {
            if self.seen.len() > MAX || !self.seen.insert(directory.clone()) {
                continue;
            }
            match crate::discovery::kustomization(self.tree, &directory) {
                Ok(Some(file)) => rest.extend(self.kustomization(&directory, &file)),
                Ok(None) => rest.extend(self.plain(&directory)),
                Err(_) => {}
            }
        }
    }

    /// Looks at what a kustomization names; the directories among it.
    fn kustomization(&mut self, directory: &TreePath, file: &TreePath) -> Vec<TreePath> {
        let Some(documents) = self.yaml(file) else { return Vec::new() };
        let mut directories = Vec::new();
        for document in &documents {
            self.found.extend(super::remotes::of(document, file, self.places));
        }
        for named in documents.iter().flat_map(named) {
            let Ok(path) = directory.join(&named.path) else { continue };
            match self.tree.stat(&path) {
                Ok(Some(entry)) if entry.kind == EntryKind::Directory && named.is_resource => directories.push(path),
                Ok(Some(_)) if named.is_resource && self.seen.insert(path.clone()) => self.manifests(&path),
                Ok(None) => {
                    let text = format!("{}: {}: no such file or directory", named.field, named.path);
                    let place = self.places.in_file(file, &named.field);
                    self.find(Finding::error(place, Rule::MissingFile, text));
                }
                _ => {}
            }
        }
        directories
    }

    /// Looks at the manifests in a directory without a kustomization; the directories in it. Those of a chart are none.
    fn plain(&mut self, directory: &TreePath) -> Vec<TreePath> {
        let mut directories = Vec::new();
        if left_out::is_chart(self.tree, directory) {
            return directories;
        }
        for (name, entry) in self.tree.read_dir(directory).unwrap_or_default() {
            let Ok(path) = directory.join(&name) else { continue };
            match entry.kind {
                EntryKind::Directory => directories.push(path),
                _ if name.ends_with(".yaml") || name.ends_with(".yml") => self.manifests(&path),
                _ => {}
            }
        }
        directories
    }

    /// Looks at a file of which every document is to be an object.
    fn manifests(&mut self, file: &TreePath) {
        let Ok(content) = self.tree.read(file) else { return };
        for Mistake { line, text } in mistakes(&content, &Limits::default()) {
            let place = super::finding::Place { file: file.clone(), line: Some(line) };
            self.find(Finding::error(place, Rule::Build, text));
        }
    }

    fn yaml(&mut self, file: &TreePath) -> Option<Vec<Value>> {
        let content = self.tree.read(file).ok()?;
        match parse_documents_as(&content, Dialect::Kustomize, &Limits::default()) {
            Ok(documents) => Some(documents.into_iter().map(|document| document.value).collect()),
            Err(error) => {
                let place = super::finding::Place { file: file.clone(), line: Some(error.line) };
                self.find(Finding::error(place, Rule::Build, error.problem.to_string()));
                None
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        self.found.push(finding);
    }
}

/// The files and directories that a kustomization names, but those that are elsewhere.
fn named(kustomization: &Value) -> Vec<Named> {
    let mut all = Vec::new();
    let mut name = |field: String, value: &Value, is_resource: bool| {
        if let Some(path) = value.as_str().filter(|path| is_local(path)) {
            all.push(Named { field, path: path.to_owned(), is_resource });
        }
    };
    for list in LISTS {
        for (index, item) in items(&kustomization[list]) {
            name(format!("{list}[{index}]"), item, matches!(list, "resources" | "bases" | "components"));
        }
    }
    for list in ["patches", "patchesJson6902", "replacements"] {
        for (index, item) in items(&kustomization[list]) {
            name(format!("{list}[{index}].path"), &item["path"], false);
        }
    }
    for list in ["configMapGenerator", "secretGenerator"] {
        for (index, item) in items(&kustomization[list]) {
            name(format!("{list}[{index}].env"), &item["env"], false);
            for (at, file) in items(&item["envs"]) {
                name(format!("{list}[{index}].envs[{at}]"), file, false);
            }
            for (at, file) in items(&item["files"]) {
                // `key=path` gives the file another name.
                let path = file.as_str().map(|file| file.split_once('=').map_or(file, |(_, path)| path));
                name(format!("{list}[{index}].files[{at}]"), &path.map_or(Value::Null, Value::from), false);
            }
        }
    }
    for (index, item) in items(&kustomization["helmCharts"]) {
        name(format!("helmCharts[{index}].valuesFile"), &item["valuesFile"], false);
    }
    all
}

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

/// Whether a text is a path, and not an address, nor the content of a file itself.
fn is_local(text: &str) -> bool {
    let is_address =
        text.contains("://") || text.contains("?ref=") || text.contains("?version=") || text.starts_with("git@");
    let names_a_host = text.split('/').next().is_some_and(|first| first.ends_with(".com") || first.contains(':'));
    !text.is_empty() && !text.contains('\n') && !is_address && !names_a_host
}
