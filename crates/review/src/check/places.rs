//! Where objects, and their fields, are written.

use std::collections::HashMap;
use std::sync::Arc;

use cowherd_apply::{Manifest, ObjectId};
use cowherd_tree::{Read, Tree, TreePath};
use cowherd_yaml::{Dialect, Document, Limits, Step, line_of, parse_documents_as};

use super::finding::Place;
use crate::cluster::Unit;
use crate::gitops::Made;

/// The largest file that is searched, in bytes, and how many are for one Kustomization.
const LARGEST: usize = 4 << 20;
const FILES: usize = 20_000;

/// Finds where objects are written.
pub struct Places {
    tree: Arc<dyn Tree>,
    files: HashMap<TreePath, Arc<File>>,
    /// Where a Kustomization that has no file is written: nowhere but at its path.
    root: TreePath,
}

/// A file with manifests.
struct File {
    content: bytes::Bytes,
    documents: Vec<Document>,
}

impl Places {
    /// Finds objects in `tree`; what has no place there is at `root`.
    pub fn new(tree: Arc<dyn Tree>, root: TreePath) -> Self {
        Self { tree, files: HashMap::new(), root }
    }

    /// Where a field of an object of `unit` is written: in the file that has the object, on the line of the field or of what
    /// is deepest on the way to it. Where the object is written nowhere as it is, like one that a chart makes, it is where
    /// the Kustomization reads from.
    pub fn field(&mut self, unit: &Unit, object: &Manifest, field: &str) -> Place {
        let found = unit.made().cloned().and_then(|made| self.document(unit, &made, object.id()));
        let Some((file, path, line)) = found else { return self.of(unit) };
        let line = line_of(&file.content, line, &steps(field)).unwrap_or(line);
        Place { file: path, line: Some(line) }
    }

    /// Where a field of a file with one document is written.
    pub fn in_file(&mut self, path: &TreePath, field: &str) -> Place {
        let file = self.file(path);
        let first = file.documents.first().map(|document| document.line);
        let line = first.and_then(|line| line_of(&file.content, line, &steps(field)));
        Place { file: path.clone(), line }
    }

    /// Where a Kustomization reads from: its kustomization file, or its directory.
    pub fn of(&self, unit: &Unit) -> Place {
        let directory = unit.directory().unwrap_or_else(|| self.root.clone());
        let file = crate::discovery::kustomization(self.tree.as_ref(), &directory).ok().flatten();
        Place { file: file.unwrap_or(directory), line: None }
    }

    /// The document that describes an object, among the files that were read for it.
    fn document(&mut self, unit: &Unit, made: &Made, id: &ObjectId) -> Option<(Arc<File>, TreePath, usize)> {
        let read = made.reads.entries().filter(|(_, read)| matches!(read, Read::Content(_)));
        let paths: Vec<TreePath> =
            read.map(|(path, _)| unit.in_repository(path)).filter(|path| is_yaml(path.as_str())).take(FILES).collect();
        let mut best: Option<(usize, Arc<File>, TreePath, usize)> = None;
        for path in paths {
            let file = self.file(&path);
            for document in &file.documents {
                let fit = fit(document, id);
                if fit > best.as_ref().map_or(0, |(fit, ..)| *fit) {
                    best = Some((fit, file.clone(), path.clone(), document.line));
                }
            }
        }
        best.map(|(_, file, path, line)| (file, path, line))
    }

    fn file(&mut self, path: &TreePath) -> Arc<File> {
        if let Some(file) = self.files.get(path) {
            return file.clone();
        }
        let content = self.tree.read(path).ok().filter(|content| content.len() <= LARGEST).unwrap_or_default();
        let documents = parse_documents_as(&content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
        let file = Arc::new(File { content, documents });
        self.files.insert(path.clone(), file.clone());
        file
    }
}

/// How well a document fits an object: not at all, or the better the more of its name is there. Kustomizations add to names,
/// and move objects to other namespaces.
fn fit(document: &Document, id: &ObjectId) -> usize {
    let object = &document.value;
    let group = object["apiVersion"].as_str().map(|version| version.split_once('/').map_or("", |(group, _)| group));
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if object["kind"] != *id.kind || group != Some(&*id.group) || name.is_empty() {
        return 0;
    }
    if name.contains("${") {
        // A variable may have made any name of it.
        return 1;
    }
    if !id.name.contains(name) {
        return 0;
    }
    let size = object.as_object().map_or(0, |map| map.len()).min(9);
    let namespace = object["metadata"]["namespace"].as_str().is_some_and(|namespace| namespace == id.namespace);
    2 + size + 10 * name.len() + 10_000 * usize::from(name == id.name) + 5_000 * usize::from(namespace)
}

/// The steps that a path such as `spec.containers[0].image` or `metadata.labels[a/b]` means.
fn steps(field: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in field.split('.').filter(|part| !part.is_empty()) {
        let mut rest = part;
        if let Some((name, brackets)) = part.split_once('[') {
            steps.extend((!name.is_empty()).then(|| Step::Key(name.to_owned())));
            rest = "";
            for inside in brackets.split('[') {
                let inside = inside.trim_end_matches(']').trim_matches('"');
                steps.push(inside.parse().map_or_else(|_| Step::Key(inside.to_owned()), Step::Item));
            }
        }
        steps.extend((!rest.is_empty()).then(|| Step::Key(rest.to_owned())));
    }
    steps
}

fn is_yaml(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_steps() {
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(steps("spec.containers[0].image"), [key("spec"), key("containers"), Step::Item(0), key("image")]);
        assert_eq!(steps("metadata.labels[a/b]"), [key("metadata"), key("labels"), key("a/b")]);
        assert_eq!(steps(""), []);
    }
}
