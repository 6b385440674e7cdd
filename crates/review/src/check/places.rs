//! Where objects, and their fields, are written.

use std::collections::HashMap;
use std::sync::Arc;

use cowherd_apply::{Manifest, ObjectId};
use cowherd_tree::{Read, Tree, TreePath};

use super::documents::{Documents, File};
use super::finding::Place;
use crate::cluster::Unit;
use crate::discovery::KUSTOMIZATIONS;
use crate::gitops::{Made, NamespacedName};

/// The largest file that is searched, in bytes, and how many are for one Kustomization.
const LARGEST: usize = 4 << 20;
const FILES: usize = 20_000;

/// Finds where objects are written.
pub struct Places {
    tree: Arc<dyn Tree>,
    files: HashMap<TreePath, Arc<File>>,
    /// What is described in the files of each Kustomization.
    documents: HashMap<NamespacedName, Arc<Documents>>,
    /// Where a Kustomization that has no file is written: nowhere but at its path.
    root: TreePath,
}

impl Places {
    /// Finds objects in `tree`; what has no place there is at `root`.
    pub fn new(tree: Arc<dyn Tree>, root: TreePath) -> Self {
        Self { tree, files: HashMap::new(), documents: HashMap::new(), root }
    }

    /// Where a field of an object of `unit` is written: in the file that has the object, on the line of the field or of what
    /// is deepest on the way to it. Where the object is written nowhere as it is, like one that a chart makes, it is where
    /// the Kustomization reads from.
    pub fn field(&mut self, unit: &Unit, object: &Manifest, field: &str) -> Place {
        self.field_of(unit, object.id(), field)
    }

    /// The same of an object of which no more is known than which one it is.
    pub fn field_of(&mut self, unit: &Unit, id: &ObjectId, field: &str) -> Place {
        if let Some((set, templates)) = unit.sets.maker(id) {
            let set = set.clone();
            return self.field_of(unit, &set, templates);
        }
        let documents = self.documents(unit);
        let Some(spot) = documents.best(id) else { return self.of(unit) };
        Place { file: spot.path.clone(), line: spot.line(field) }
    }

    /// Where the variable `name` of an object stands, all lines of it: in the document that has the object, or in one that
    /// patches it, else in what is neither. Where it stands nowhere, it is where the object is.
    pub fn variable(&mut self, unit: &Unit, id: &ObjectId, name: &str) -> Vec<Place> {
        let in_file = |path: &TreePath, lines: Vec<usize>| -> Vec<Place> {
            lines.into_iter().map(|line| Place { file: path.clone(), line: Some(line) }).collect()
        };
        for spot in self.documents(unit).all(id) {
            let lines = spot.lines_with(name);
            if !lines.is_empty() {
                return in_file(&spot.path, lines);
            }
        }
        let mut others = unit.made().map(|made| read(unit, made)).unwrap_or_default();
        others.sort_by_key(|path| (!KUSTOMIZATIONS.contains(&path.file_name()), is_yaml(path)));
        for path in others {
            let lines = self.file(&path).lines_with(name);
            if !lines.is_empty() {
                return in_file(&path, lines);
            }
        }
        vec![self.field_of(unit, id, "")]
    }

    /// Where a field of a file with one document is written.
    pub fn in_file(&mut self, path: &TreePath, field: &str) -> Place {
        let file = self.file(path);
        let line = file.documents.first().map(|document| file.line(document.line, field));
        Place { file: path.clone(), line }
    }

    /// Where a Kustomization reads from: its kustomization file, or its directory.
    pub fn of(&self, unit: &Unit) -> Place {
        let directory = unit.directory().unwrap_or_else(|| self.root.clone());
        let file = crate::discovery::kustomization(self.tree.as_ref(), &directory).ok().flatten();
        Place { file: file.unwrap_or(directory), line: None }
    }

    /// What is described in the files that were read for a Kustomization.
    fn documents(&mut self, unit: &Unit) -> Arc<Documents> {
        if let Some(documents) = self.documents.get(&unit.name) {
            return documents.clone();
        }
        let paths = unit.made().map(|made| read(unit, made)).unwrap_or_default();
        let files = paths.into_iter().filter(is_yaml).map(|path| (path.clone(), self.file(&path)));
        let documents = Arc::new(Documents::of(files));
        self.documents.insert(unit.name.clone(), documents.clone());
        documents
    }

    fn file(&mut self, path: &TreePath) -> Arc<File> {
        if let Some(file) = self.files.get(path) {
            return file.clone();
        }
        let content = self.tree.read(path).ok().filter(|content| content.len() <= LARGEST).unwrap_or_default();
        let file = Arc::new(File::new(content, is_yaml(path)));
        self.files.insert(path.clone(), file.clone());
        file
    }
}

/// The files that were read for a Kustomization, where they are in the repository.
fn read(unit: &Unit, made: &Made) -> Vec<TreePath> {
    let read = made.reads.entries().filter(|(_, read)| matches!(read, Read::Content(_)));
    read.map(|(path, _)| unit.in_repository(path)).take(FILES).collect()
}

fn is_yaml(path: &TreePath) -> bool {
    KUSTOMIZATIONS.contains(&path.file_name())
        || [".yaml", ".yml", ".json"].iter().any(|ending| path.as_str().ends_with(ending))
}
