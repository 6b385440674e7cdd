//! What comes of a tree without that at which a render stops, so that the rest can be looked at as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{Entry, EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits, Step, parse_first_document};
use serde_json::Value;

use crate::discovery::KUSTOMIZATIONS;
use crate::fields::steps;
use crate::gitops::{Made, Problem};

/// How often it is tried again, without one more thing.
const MOST: usize = 100;

/// What `make` makes of a tree for the directory `root`, if need be without what it stops at, and what that is. Where all of it
/// comes to nothing, what it stops at first is the error, and the others are given besides.
pub(super) fn made(
    tree: &Arc<dyn Tree>,
    root: &TreePath,
    make: impl Fn(&dyn Tree) -> Result<Made, Problem>,
) -> (Vec<Problem>, Result<Made, Problem>) {
    let mut without = Without::of(tree.clone(), root.clone());
    let mut problems: Vec<Problem> = Vec::new();
    for _ in 0..MOST {
        let problem = match make(&without) {
            Ok(made) => return (problems, Ok(made)),
            Err(problem) => problem,
        };
        let stands_for_itself = without.stands_for_itself(&problem);
        let goes_on = without.leave_out(&problem);
        if stands_for_itself {
            problems.push(problem);
        }
        if !goes_on {
            break;
        }
    }
    let first = if problems.is_empty() { None } else { Some(problems.remove(0)) };
    let first = first.unwrap_or_else(|| Problem::new("nothing comes of it".to_owned()));
    (problems, Err(first))
}

/// A tree without some files and directories, and with others instead.
struct Without {
    tree: Arc<dyn Tree>,
    /// The directory that is rendered.
    root: TreePath,
    hidden: BTreeSet<TreePath>,
    replaced: BTreeMap<TreePath, Bytes>,
}

impl Without {
    fn of(tree: Arc<dyn Tree>, root: TreePath) -> Self {
        Self { tree, root, hidden: BTreeSet::new(), replaced: BTreeMap::new() }
    }

    /// Whether a problem would be there as well if nothing was left out: it is about a file for itself. What a kustomization
    /// lists may be missing since it was left out, and has other places once something was; files that were never there are told
    /// without a render.
    fn stands_for_itself(&self, problem: &Problem) -> bool {
        let is_of_a_file = |file: &TreePath| {
            let is_kustomization = KUSTOMIZATIONS.contains(&file.file_name());
            let is_as_it_was = !problem.lacks_another && !self.replaced.contains_key(file);
            !is_kustomization || problem.line.is_some() || is_as_it_was
        };
        self.is_whole() || problem.file.as_ref().is_some_and(is_of_a_file)
    }

    fn is_whole(&self) -> bool {
        self.hidden.is_empty() && self.replaced.is_empty()
    }

    /// Leaves out what a problem is about; whether there was anything to leave out.
    fn leave_out(&mut self, problem: &Problem) -> bool {
        let Some(file) = &problem.file else { return false };
        let (mut file, parent) = (file, file.parent());
        if KUSTOMIZATIONS.contains(&file.file_name()) {
            if self.leave_out_of(file, problem.field.as_deref().unwrap_or_default()) {
                return true;
            }
            // As a whole, then.
            file = &parent;
        }
        *file != self.root && matches!(self.entry(file), Ok(Some(_))) && self.hidden.insert(file.clone())
    }

    /// Leaves an item out of a kustomization.
    fn leave_out_of(&mut self, file: &TreePath, field: &str) -> bool {
        let Some(mut kustomization) = self.kustomization(file) else { return false };
        let mut way = steps(field);
        while matches!(way.last(), Some(Step::Key(_))) {
            way.pop();
        }
        let Some(Step::Item(index)) = way.pop() else { return false };
        let list = way.iter().try_fold(&mut kustomization, |value, step| match step {
            Step::Key(name) => value.get_mut(name),
            Step::Item(index) => value.get_mut(index),
        });
        match list.and_then(Value::as_array_mut) {
            Some(items) if index < items.len() => drop(items.remove(index)),
            _ => return false,
        }
        self.replaced.insert(file.clone(), Bytes::from(cowherd_yaml::to_string(&kustomization)));
        true
    }

    fn kustomization(&self, file: &TreePath) -> Option<Value> {
        let content = self.read_file(file).ok()?;
        Some(parse_first_document(&content, Dialect::Kustomize, &Limits::default()).ok()??.value)
    }

    fn is_hidden(&self, path: &TreePath) -> bool {
        let mut above = Some(path.clone());
        while let Some(at) = above {
            if self.hidden.contains(&at) {
                return true;
            }
            above = (!at.is_root()).then(|| at.parent());
        }
        false
    }
}

impl Tree for Without {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        if self.is_hidden(path) {
            return Ok(None);
        }
        let entry = self.tree.entry(path)?;
        let Some(content) = self.replaced.get(path) else { return Ok(entry) };
        let kind = EntryKind::File { size: content.len() as u64 };
        Ok(entry.map(|entry| Entry { kind, ..entry }))
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        match self.replaced.get(path) {
            _ if self.is_hidden(path) => Err(TreeError::NotFound(path.clone())),
            Some(content) => Ok(content.clone()),
            None => self.tree.read_file(path),
        }
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut entries = self.tree.list(path)?;
        if !self.is_whole() {
            entries.retain(|(name, _)| path.join(name).is_ok_and(|path| !self.hidden.contains(&path)));
        }
        Ok(entries)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.tree.read_link(path)
    }
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;

    use super::*;

    fn problem(file: &str, field: Option<&str>) -> Problem {
        let (file, field) = (Some(TreePath::parse(file).unwrap()), field.map(Box::from));
        Problem { file, field, ..Problem::new("wrong".to_owned()) }
    }

    fn without(files: &[(&'static str, &'static str)]) -> Without {
        Without::of(Arc::new(MemoryTree::new(files.iter().copied()).unwrap()), TreePath::root())
    }

    #[test]
    fn what_is_left_out_is_a_file_or_an_item_of_a_kustomization() {
        let kustomization = "resources: [a.yaml, b.yaml]\npatches: [{path: c.yaml}]\n";
        let mut without = without(&[("kustomization.yaml", kustomization), ("chart/Chart.yaml", ""), ("b.yaml", "")]);
        let path = |path: &str| TreePath::parse(path).unwrap();
        assert!(without.stands_for_itself(&problem("kustomization.yaml", Some("resources[0]"))));
        assert!(without.leave_out(&problem("kustomization.yaml", Some("resources[0]"))));
        assert!(without.leave_out(&problem("kustomization.yaml", Some("patches[0].path"))));
        assert!(without.leave_out(&problem("chart", None)));
        let content = without.read(&path("kustomization.yaml")).unwrap();
        assert_eq!(String::from_utf8_lossy(&content), "patches: []\nresources:\n- b.yaml\n");
        assert!(without.stat(&path("chart/Chart.yaml")).unwrap().is_none());
        assert_eq!(without.read_dir(&TreePath::root()).unwrap().len(), 2);
        // What follows from what is missing is not told.
        assert!(!without.stands_for_itself(&problem("kustomization.yaml", Some("resources[0]"))));
        assert!(without.stands_for_itself(&problem("b.yaml", None)));
        assert!(without.stands_for_itself(&problem("other/kustomization.yaml", Some("patches"))));
        let lacking = Problem { lacks_another: true, ..problem("other/kustomization.yaml", Some("patches[0]")) };
        assert!(!without.stands_for_itself(&lacking));
    }

    #[test]
    fn what_cannot_be_left_out_ends_it() {
        let mut without =
            without(&[("kustomization.yaml", "namespace: a\n"), ("base/kustomization.yaml", "patches: a\n")]);
        assert!(without.leave_out(&problem("base/kustomization.yaml", Some("patches"))));
        assert!(!without.leave_out(&problem("base/kustomization.yaml", Some("patches"))), "once");
        for (file, field) in [
            ("kustomization.yaml", Some("namespace")),
            ("kustomization.yaml", Some("resources[7]")),
            (".", None),
            ("gone", None),
        ] {
            assert!(!without.leave_out(&problem(file, field)), "{file} {field:?}");
        }
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new([("a.yaml", "")]).unwrap());
        let (problems, made) = made(&tree, &TreePath::root(), |_| Err(problem("gone", None)));
        assert!(problems.is_empty() && made.is_err_and(|problem| problem.text == "wrong"));
    }
}
