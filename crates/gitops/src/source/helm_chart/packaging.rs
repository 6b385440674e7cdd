//! A chart as it is given to releases: its files, with another version or other values where that is asked for.

use std::sync::Arc;

use bytes::Bytes;
use cowherd_helm::Chart;
use cowherd_helm::chart::{IgnoreRules, Limits, LoadError, load_unpacked};
use cowherd_tree::{EntryKind, MemoryTree, Tree, TreeError, TreePath};
use serde_json::{Map, Value};

use super::error::Error;

/// A chart as it is given to releases.
pub(super) struct Packaged {
    /// Its files; `Chart.yaml` stands at the top.
    pub(super) tree: Arc<dyn Tree>,
    /// What tells it from others.
    pub(super) digest: String,
    pub(super) name: String,
    pub(super) version: String,
    /// Whether it is another than that which was found.
    pub(super) is_repackaged: bool,
    /// The files of values that were merged.
    pub(super) values_files: Vec<String>,
}

/// The chart at the top of a tree, and what it says of itself.
pub(super) fn read(tree: &dyn Tree) -> Result<Chart, LoadError> {
    load_unpacked(tree, &TreePath::root(), &Limits::default())
}

/// The files of the directory at `path`, links followed, within the limits on charts.
pub(super) fn copy(tree: &dyn Tree, path: &TreePath) -> Result<MemoryTree, Error> {
    copy_with(tree, path, None)
}

/// The same without those that its `.helmignore` leaves out of a package.
pub(super) fn pack(tree: &dyn Tree, path: &TreePath) -> Result<MemoryTree, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Package(error.to_string());
    let file = path.join(".helmignore").map_err(|error| failed(&error))?;
    let text = match tree.stat(&file).map_err(|error| failed(&error))?.map(|entry| entry.kind) {
        Some(EntryKind::File { size }) if size <= Limits::default().file_bytes => {
            tree.read(&file).map_err(|error| failed(&error))?
        }
        Some(EntryKind::File { .. }) => return Err(failed(&format_args!("{file} is too large"))),
        _ => Bytes::new(),
    };
    let rules = IgnoreRules::parse(&String::from_utf8_lossy(&text));
    let rules = rules.map_err(|error| Error::Reference(format!("{file}: {error}")))?;
    copy_with(tree, path, Some(rules))
}

fn copy_with(tree: &dyn Tree, path: &TreePath, rules: Option<IgnoreRules>) -> Result<MemoryTree, Error> {
    let mut copy = Copy { tree, rules, limits: Limits::default(), files: 0, bytes: 0, into: MemoryTree::default() };
    copy.directory(path, "", 0)?;
    Ok(copy.into)
}

struct Copy<'a> {
    tree: &'a dyn Tree,
    /// What is left out.
    rules: Option<IgnoreRules>,
    limits: Limits,
    files: usize,
    bytes: u64,
    into: MemoryTree,
}

/// How deep the directories of a chart may stand inside each other: a link may lead to its own parent.
const MAX_DEPTH: usize = 30;

impl Copy<'_> {
    fn directory(&mut self, path: &TreePath, below: &str, depth: usize) -> Result<(), Error> {
        let failed = |error: TreeError| Error::Package(error.to_string());
        if depth > MAX_DEPTH {
            return Err(Error::Package(format!("{path}: directories are nested more than {MAX_DEPTH} deep")));
        }
        for (name, _) in self.tree.read_dir(path).map_err(failed)? {
            let at = path.join(&name).map_err(|error| Error::Package(error.to_string()))?;
            let below = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = self.tree.stat(&at).map_err(failed)?.map(|entry| entry.kind);
            let is_directory = kind == Some(EntryKind::Directory);
            if self.rules.as_ref().is_some_and(|rules| rules.ignores(&below, is_directory)) {
                continue;
            }
            match kind {
                Some(EntryKind::Directory) => {
                    // Directories are counted, too: links may lead to the same ones without end.
                    self.count(&at, 0)?;
                    self.directory(&at, &below, depth + 1)?;
                }
                Some(EntryKind::File { size }) => {
                    self.count(&at, size)?;
                    let content = self.tree.read(&at).map_err(failed)?;
                    self.into.insert(&below, content).map_err(|error| Error::Package(error.to_string()))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn count(&mut self, path: &TreePath, size: u64) -> Result<(), Error> {
        let Limits { file_bytes, chart_bytes, files, .. } = self.limits;
        self.files += 1;
        self.bytes = self.bytes.saturating_add(size);
        if size > file_bytes || self.bytes > chart_bytes || self.files > files {
            return Err(Error::Package(format!(
                "{path}: a chart may have {files} files and directories, files of {file_bytes} bytes, {chart_bytes} bytes together"
            )));
        }
        Ok(())
    }
}

/// Gives the chart another version, which is its own with `metadata` behind it.
pub(super) fn set_version(tree: &mut MemoryTree, version: &str) -> Result<(), Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Metadata(error.to_string());
    let text = tree.read(&file("Chart.yaml")?).map_err(|error| wrong(&error))?;
    let document = cowherd_yaml::parse_documents(&text, &Limits::default().yaml).map_err(|error| wrong(&error))?;
    let Some(Value::Object(mut chart)) = document.into_iter().next().map(|document| document.value) else {
        return Err(Error::Metadata("Chart.yaml is no mapping".to_owned()));
    };
    chart.insert("version".to_owned(), version.into());
    put(tree, "Chart.yaml", &chart)
}

/// Gives the chart these values for its own.
pub(super) fn set_values(tree: &mut MemoryTree, values: &Map<String, Value>) -> Result<(), Error> {
    put(tree, "values.yaml", values)
}

fn put(tree: &mut MemoryTree, name: &str, content: &Map<String, Value>) -> Result<(), Error> {
    let text = cowherd_yaml::to_string(&Value::Object(content.clone()));
    tree.insert(name, text).map_err(|error| Error::Package(error.to_string()))
}

fn file(name: &str) -> Result<TreePath, Error> {
    TreePath::parse(name).map_err(|error| Error::Package(error.to_string()))
}

/// A version with this for its build metadata.
pub(super) fn with_metadata(version: &str, metadata: &str) -> Result<String, Error> {
    if let Err(error) = cowherd_version::Version::parse(version) {
        let problem = format!("failed to parse version from chart metadata as SemVer: {error}");
        return Err(Error::Metadata(problem));
    }
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    Ok(format!("{}+{metadata}", version.strip_prefix('v').unwrap_or(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_the_metadata_that_is_given_to_it() {
        assert_eq!(with_metadata("1.2.3", "4").unwrap(), "1.2.3+4");
        assert_eq!(with_metadata("v1.2.3-rc.1+old", "abc.4").unwrap(), "1.2.3-rc.1+abc.4");
        assert!(with_metadata("newest", "4").is_err());
    }

    #[test]
    fn a_chart_is_read_with_what_was_put_into_it() {
        let files = [
            ("deploy/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ndescription: 'a: b'\n"),
            ("deploy/web/values.yaml", "a: 1\n"),
            ("deploy/web/templates/a.yaml", "a: {{ .Values.a }}\n"),
            ("deploy/other", ""),
        ];
        let tree = MemoryTree::new(files).unwrap();
        let mut copied = copy(&tree, &TreePath::parse("deploy/web").unwrap()).unwrap();
        assert_eq!(
            copied.paths().map(ToString::to_string).collect::<Vec<_>>(),
            ["Chart.yaml", "templates/a.yaml", "values.yaml"]
        );
        set_version(&mut copied, "1.0.0+3").unwrap();
        set_values(&mut copied, serde_json::json!({ "a": 2.0, "b": "x" }).as_object().unwrap()).unwrap();
        let chart = read(&copied).unwrap();
        assert_eq!((chart.metadata.version.as_str(), chart.metadata.description.as_str()), ("1.0.0+3", "a: b"));
        assert_eq!(Value::Object((*chart.values).clone()), serde_json::json!({ "a": 2.0, "b": "x" }));
    }

    #[test]
    fn what_helmignore_leaves_out_is_not_packed_and_what_was_packed_stays() {
        let files = [
            ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("web/.helmignore", "*.txt\n/docs/\n"),
            ("web/note.txt", ""),
            ("web/docs/a.md", ""),
            ("web/templates/.hidden", ""),
            ("web/templates/a.yaml", "a: 1\n"),
        ];
        let (tree, web) = (MemoryTree::new(files).unwrap(), TreePath::parse("web").unwrap());
        let paths = |tree: MemoryTree| tree.paths().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(paths(pack(&tree, &web).unwrap()), [".helmignore", "Chart.yaml", "templates/a.yaml"]);
        let all = copy(&tree, &web).unwrap();
        let chart = read(&all).unwrap();
        assert_eq!((chart.templates.len(), chart.files.len()), (2, 3), "{:?}", paths(all));
        let wrong = MemoryTree::new([("web/.helmignore", "**/x")]).unwrap();
        let error = pack(&wrong, &web).unwrap_err().to_string();
        assert!(error.contains("web/.helmignore: double-star (**) syntax is not supported"), "{error}");
    }

    #[test]
    fn a_link_to_its_own_parent_is_no_endless_chart() {
        let mut tree = MemoryTree::new([("web/Chart.yaml", "name: web\n")]).unwrap();
        tree.link("web/again", "../web").unwrap();
        let error = copy(&tree, &TreePath::parse("web").unwrap()).unwrap_err().to_string();
        assert!(error.contains("nested more than"), "{error}");
        tree.link("web/more", "../web").unwrap();
        let error = copy(&tree, &TreePath::parse("web").unwrap()).unwrap_err().to_string();
        assert!(error.contains("nested more than"), "{error}");
    }

    #[test]
    fn links_that_lead_to_the_same_directories_are_counted_each_time() {
        let mut tree = MemoryTree::new([("web/Chart.yaml", "name: web\n"), ("web/0/a", "")]).unwrap();
        for level in 1..20 {
            for name in ["a", "b", "c"] {
                tree.link(&format!("web/{level}/{name}"), &format!("../{}", level - 1)).unwrap();
            }
        }
        let error = copy(&tree, &TreePath::parse("web").unwrap()).unwrap_err().to_string();
        assert!(error.contains("a chart may have"), "{error}");
    }
}
