//! Artifacts that Flux makes of parts of a source, as an ArtifactGenerator describes them.

use cowherd_tree::{EntryKind, MemoryTree, Tree, TreeError, TreePath};
use serde_json::Value;

use crate::gitops::NamespacedName;

/// The most files that an artifact holds.
const MAX_FILES: usize = 50_000;
/// How deep directories are copied.
const MAX_DEPTH: usize = 64;

/// A part of a source and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Copy {
    from: TreePath,
    to: TreePath,
    /// Whether `to` is a directory that a file goes into.
    into: bool,
    /// Whether all that is in the directory `from` is meant.
    all: bool,
}

/// An artifact that is made of parts of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    /// The source, by kind and name.
    pub(super) source: (String, NamespacedName),
    copies: Vec<Copy>,
}

impl Artifact {
    /// The artifact `name` of a generator; the error says what of it is not understood here.
    pub(super) fn read(generator: &Value, name: &str) -> Option<Result<Self, String>> {
        let artifacts = generator["spec"]["artifacts"].as_array()?;
        let artifact = artifacts.iter().find(|artifact| artifact["name"] == name)?;
        Some(Self::understood(generator, artifact))
    }

    fn understood(generator: &Value, artifact: &Value) -> Result<Self, String> {
        let sources = generator["spec"]["sources"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [source] = sources else { return Err("it is made of several sources".to_owned()) };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = match source["namespace"].as_str() {
            Some(namespace) => namespace.to_owned(),
            None => text(&generator["metadata"]["namespace"]),
        };
        let alias = format!("@{}/", text(&source["alias"]));
        let rules = artifact["copy"].as_array().map(Vec::as_slice).unwrap_or_default();
        let copies = rules.iter().map(|rule| copy(rule, &alias)).collect::<Result<_, _>>()?;
        Ok(Self { source: (text(&source["kind"]), NamespacedName::new(namespace, text(&source["name"]))), copies })
    }

    /// Where in the source a file of the artifact comes from.
    pub(super) fn origin(&self, path: &TreePath) -> TreePath {
        let inside = |copy: &Copy| {
            let file = copy.to.join(copy.from.file_name()).ok().filter(|_| copy.into);
            if !copy.all && (file.as_ref() == Some(path) || copy.to == *path) {
                return Some(copy.from.clone());
            }
            if !copy.all {
                return None;
            }
            let rest = path.as_str().strip_prefix(copy.to.as_str()).filter(|_| path.starts_with(&copy.to))?;
            copy.from.join(rest.trim_start_matches('/')).ok()
        };
        // Of several, what was copied last is what is there.
        self.copies.iter().rev().find_map(inside).unwrap_or_else(|| path.clone())
    }

    /// The files.
    pub(super) fn make(&self, tree: &dyn Tree) -> Result<MemoryTree, TreeError> {
        let mut made = MemoryTree::default();
        let mut files = 0;
        for copy in &self.copies {
            let to = match tree.stat(&copy.from)?.map(|entry| entry.kind) {
                Some(EntryKind::File { .. }) if copy.into => within(&copy.to, copy.from.file_name())?,
                Some(_) => copy.to.clone(),
                None => continue,
            };
            copy_all(tree, &copy.from, &to, &mut made, &mut files, 0)?;
        }
        Ok(made)
    }
}

fn copy(rule: &Value, alias: &str) -> Result<Copy, String> {
    let text = |field: &str| rule[field].as_str().unwrap_or_default();
    let (from, to) = (text("from"), text("to"));
    let not_understood = || Err(format!("its rule from {from:?} to {to:?} is not understood here"));
    let is_plain = rule["exclude"].as_array().is_none_or(Vec::is_empty) && matches!(text("strategy"), "" | "Overwrite");
    let (Some(inside), Some(target)) = (from.strip_prefix(alias), to.strip_prefix("@artifact/")) else {
        return not_understood();
    };
    let all = inside.strip_suffix("/**").or(if inside == "**" { Some("") } else { None });
    let directory = all.unwrap_or(inside);
    if !is_plain || directory.contains(['*', '?', '[', '{']) {
        return not_understood();
    }
    match (TreePath::parse(directory), TreePath::parse(target)) {
        (Ok(from), Ok(to)) => {
            Ok(Copy { from, to, into: target.is_empty() || target.ends_with('/'), all: all.is_some() })
        }
        _ => not_understood(),
    }
}

fn copy_all(
    tree: &dyn Tree,
    from: &TreePath,
    to: &TreePath,
    made: &mut MemoryTree,
    files: &mut usize,
    depth: usize,
) -> Result<(), TreeError> {
    if depth > MAX_DEPTH || *files > MAX_FILES {
        return Err(TreeError::Storage { path: from.clone(), source: "the artifact is too large".into() });
    }
    match tree.stat(from)?.map(|entry| entry.kind) {
        Some(EntryKind::File { .. }) => {
            *files += 1;
            let content = tree.read(from)?;
            made.insert(to.as_str(), content).map_err(|source| TreeError::Outside { path: to.clone(), source })
        }
        Some(EntryKind::Directory) => {
            for (name, _) in tree.read_dir(from)? {
                copy_all(tree, &within(from, &name)?, &within(to, &name)?, made, files, depth + 1)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn within(directory: &TreePath, name: &str) -> Result<TreePath, TreeError> {
    directory.join(name).map_err(|source| TreeError::Outside { path: directory.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn generator(copies: Value) -> Value {
        json!({ "metadata": { "namespace": "flux-system" }, "spec": {
            "sources": [{ "alias": "repo", "kind": "GitRepository", "name": "flux-system" }],
            "artifacts": [{ "name": "apps", "copy": copies }] } })
    }

    #[test]
    fn parts_of_a_source_are_copied_to_their_places() {
        let generator = generator(json!([
            { "from": "@repo/apps/base/**", "to": "@artifact/base/" },
            { "from": "@repo/README.md", "to": "@artifact/" },
            { "from": "@repo/gone/**", "to": "@artifact/gone/" },
        ]));
        let artifact = Artifact::read(&generator, "apps").unwrap().unwrap();
        let tree =
            MemoryTree::new([("apps/base/x/a.yaml", "a"), ("apps/other.yaml", "b"), ("README.md", "c")]).unwrap();
        let made = artifact.make(&tree).unwrap();
        let wanted = MemoryTree::new([("base/x/a.yaml", "a"), ("README.md", "c")]).unwrap();
        let id = |tree: &MemoryTree| tree.entry(&TreePath::root()).unwrap().unwrap().id;
        assert_eq!(id(&made), id(&wanted));
        assert!(Artifact::read(&generator, "other").is_none());
        let path = |text: &str| TreePath::parse(text).unwrap();
        assert_eq!(artifact.origin(&path("base/x/a.yaml")), path("apps/base/x/a.yaml"));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for rule in [
            json!({ "from": "@repo/*/a.yaml", "to": "@artifact/" }),
            json!({ "from": "@other/a", "to": "@artifact/" }),
            json!({ "from": "@repo/a", "to": "@artifact/", "strategy": "Merge" }),
            json!({ "from": "@repo/../a", "to": "@artifact/" }),
        ] {
            assert!(Artifact::read(&generator(json!([rule])), "apps").unwrap().is_err(), "{rule}");
        }
    }
}
