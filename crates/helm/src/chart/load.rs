//! Reads a chart from a tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_tree::{ArchiveError, EntryKind, Tree, TreeError, TreePath};
use serde_json::Value;

use super::{Chart, File, IgnoreError, Limits, Metadata, ValidationError, archive, directory, extension};
use crate::go::{self, DecodeError};
use crate::values::{DocumentError, read_values};

/// Why a chart could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing stands at the path.
    #[error("path {:?} not found", .0.to_string())]
    NotFound(TreePath),
    /// The directory has no `Chart.yaml`.
    #[error("unable to detect chart at {0}: no such file or directory")]
    NoChart(TreePath),
    /// `Chart.yaml` is not among the files of the chart.
    #[error("Chart.yaml file is missing")]
    MissingChartFile,
    /// An archive without a `Chart.yaml`.
    #[error("unable to detect chart version, no Chart.yaml found")]
    NoChartInArchive,
    /// The path names a file that is no archive.
    #[error("file '{0}' seems to be a YAML file, but expected a gzipped archive")]
    NoArchive(TreePath),
    /// The chart has an `apiVersion` that Helm does not install.
    #[error("invalid chart apiVersion")]
    UninstallableVersion,
    /// The chart has an unknown `apiVersion`.
    #[error("unsupported chart version")]
    UnsupportedVersion,
    /// A file with fixed fields could not be read.
    #[error("cannot load {file}: {source}")]
    Decode {
        /// The name of the file in its chart.
        file: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// `values.yaml` could not be read.
    #[error("cannot load values.yaml: {0}")]
    Values(DocumentError),
    /// `Chart.yaml` says something impossible.
    #[error(transparent)]
    Validation(#[from] ValidationError),
    /// `.helmignore` has a rule that is none.
    #[error("{path}: {source}")]
    Ignore {
        /// The file.
        path: TreePath,
        /// What is wrong with it.
        source: IgnoreError,
    },
    /// What stands in the directory is neither a file nor a directory.
    #[error("cannot load irregular file {0} as it has file mode type bits set")]
    Irregular(TreePath),
    /// A symbolic link leads nowhere, or out of the tree.
    #[error("error evaluating symlink {path}: {source}")]
    Link {
        /// The link.
        path: TreePath,
        /// What is wrong with it.
        source: TreeError,
    },
    /// A file is too large.
    #[error("chart file {name:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// The name of the file.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together are too large.
    #[error("the files of the chart are larger than the maximum size {limit}; name what is not needed in .helmignore")]
    ChartTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The chart has too many files.
    #[error("the chart has more than {limit} files; name those that are not needed in .helmignore")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// Charts stand inside each other too deeply.
    #[error("charts are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Directories stand inside each other too deeply.
    #[error("{path}: directories are nested more than {limit} deep; a symbolic link may lead to its own parent")]
    DirectoriesTooDeep {
        /// The directory.
        path: TreePath,
        /// The limit.
        limit: usize,
    },
    /// An archive could not be unpacked.
    #[error("{name}: {source}")]
    Archive {
        /// The archive.
        name: String,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// A subchart could not be read.
    #[error("error unpacking subchart {name} in {parent}: {source}")]
    Subchart {
        /// The name of the subchart's directory or archive.
        name: String,
        /// The chart that it is in.
        parent: String,
        /// What is wrong with the subchart.
        source: Box<LoadError>,
    },
    /// A directory in `charts/` is named as if it was an archive.
    #[error("error unpacking subchart tar in {parent}: expected {name}, got {found}")]
    NotASubchartArchive {
        /// The name of the directory.
        name: String,
        /// The chart that it is in.
        parent: String,
        /// The first file in it.
        found: String,
    },
    /// The tree failed.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// The chart at `path`: a directory, or an archive that `helm package` made.
pub fn load(tree: &dyn Tree, path: &TreePath, limits: &Limits) -> Result<Chart, LoadError> {
    load_with(tree, path, limits, directory::files)
}

/// The chart whose files an archive had: as with Helm, which loads them without unpacking them, all of them belong to it, whatever
/// `.helmignore` says. That has done its work when they were packed.
pub fn load_unpacked(tree: &dyn Tree, path: &TreePath, limits: &Limits) -> Result<Chart, LoadError> {
    load_with(tree, path, limits, directory::all_files)
}

/// Finds the files of a chart's directory.
type Files = fn(&dyn Tree, &TreePath, &mut Budget) -> Result<Vec<File>, LoadError>;

fn load_with(tree: &dyn Tree, path: &TreePath, limits: &Limits, files: Files) -> Result<Chart, LoadError> {
    let mut budget = Budget { limits: limits.clone(), bytes: 0, files: 0 };
    match tree.stat(path)?.map(|entry| entry.kind) {
        None => Err(LoadError::NotFound(path.clone())),
        Some(EntryKind::Directory) => {
            let document = check_directory(tree, path, limits)?;
            let files = files(tree, path, &mut budget)?;
            from_files(files, Some(document), &mut budget, 0)
        }
        Some(_) if matches!(extension(path.file_name()), "yaml" | "yml") => Err(LoadError::NoArchive(path.clone())),
        Some(_) => from_archive(path.file_name(), &tree.read(path)?, &mut budget, 0),
    }
}

/// What is left of the limits.
pub(super) struct Budget {
    pub(super) limits: Limits,
    bytes: u64,
    files: usize,
}

impl Budget {
    /// Accounts for a file before it is read.
    pub(super) fn allow_file(&mut self, path: &TreePath, size: u64) -> Result<(), LoadError> {
        if size > self.limits.file_bytes {
            let name = path.file_name().to_owned();
            return Err(LoadError::FileTooLarge { name, limit: self.limits.file_bytes });
        }
        self.bytes += size;
        if self.bytes > self.limits.chart_bytes {
            return Err(LoadError::ChartTooLarge { limit: self.limits.chart_bytes });
        }
        self.allow_entry()
    }

    /// Accounts for a file or a directory: links can lead to the same one again and again.
    pub(super) fn allow_entry(&mut self) -> Result<(), LoadError> {
        self.files += 1;
        if self.files > self.limits.files {
            return Err(LoadError::TooManyFiles { limit: self.limits.files });
        }
        Ok(())
    }

    pub(super) fn remaining_bytes(&self) -> u64 {
        self.limits.chart_bytes.saturating_sub(self.bytes)
    }
}

/// What the `Chart.yaml` of a directory says. What is wrong with it is said before everything else there is read.
fn check_directory(tree: &dyn Tree, path: &TreePath, limits: &Limits) -> Result<Value, LoadError> {
    let file = path.join("Chart.yaml").map_err(|source| TreeError::Outside { path: path.clone(), source })?;
    match tree.read(&file) {
        Ok(text) => check_version(&text, limits),
        Err(TreeError::NotFound(_)) => Err(LoadError::NoChart(file)),
        Err(error) => Err(error.into()),
    }
}

/// What `text`, a `Chart.yaml`, says, if the chart is one that Helm installs.
fn check_version(text: &[u8], limits: &Limits) -> Result<Value, LoadError> {
    let decode = |source| LoadError::Decode { file: "Chart.yaml", source };
    let document = go::first_typed_document(text, &limits.yaml).map_err(|error| decode(error.into()))?;
    let version = match &document {
        Value::Null => return Ok(document),
        Value::Object(map) => map.iter().rfind(|(key, _)| go::field_of(key, &["apiVersion"]).is_some()),
        other => return Err(decode(DecodeError::Root { found: go::kind(other), expected: "loader.chartBase" })),
    };
    let mut text = String::new();
    if let Some((_, value)) = version {
        go::Place::new("chartBase", "apiVersion").text(value, &mut text).map_err(decode)?;
    }
    match text.as_str() {
        "" | "v1" | "v2" => Ok(document),
        "v3" => Err(LoadError::UninstallableVersion),
        _ => Err(LoadError::UnsupportedVersion),
    }
}

fn from_archive(name: &str, packed: &[u8], budget: &mut Budget, depth: usize) -> Result<Chart, LoadError> {
    let files = archive::files(name, packed, budget)?;
    let mut document = None;
    if depth == 0 {
        let chart = files.iter().find(|file| file.name == "Chart.yaml").ok_or(LoadError::NoChartInArchive)?;
        document = Some(check_version(&chart.data, &budget.limits)?);
    }
    from_files(files, document, budget, depth)
}

/// The chart that `files` make, which are the `depth`th from the outside. `document` is what `Chart.yaml` says, where
/// that was read before.
fn from_files(
    files: Vec<File>,
    document: Option<Value>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Chart, LoadError> {
    if depth > budget.limits.depth {
        return Err(LoadError::TooDeep { limit: budget.limits.depth });
    }
    let mut parts = Parts { metadata: chart_file(&files, document, &budget.limits)?, ..Parts::default() };
    for file in files {
        parts.add(file, &budget.limits)?;
    }
    let mut metadata = parts.metadata.ok_or(LoadError::MissingChartFile)?;
    metadata.validate()?;
    let mut dependencies = Vec::new();
    for (name, files) in parts.subcharts {
        if !name.starts_with(['_', '.']) {
            dependencies.push(subchart(&name, files, &metadata.name, budget, depth + 1)?);
        }
    }
    Ok(Chart {
        metadata,
        templates: parts.templates.into(),
        values: Arc::new(parts.values),
        schema: parts.schema,
        files: parts.files.into(),
        dependencies,
    })
}

/// What `Chart.yaml` says, wherever it stands among the files.
fn chart_file(files: &[File], document: Option<Value>, limits: &Limits) -> Result<Option<Metadata>, LoadError> {
    const NAME: &str = "Chart.yaml";
    let Some(file) = files.iter().find(|file| file.name == NAME) else { return Ok(None) };
    let mut metadata = Metadata::default();
    match document {
        Some(document) => {
            metadata.decode(&document).map_err(|source| LoadError::Decode { file: NAME, source })?;
        }
        None => decode(NAME, file, limits, &mut metadata)?,
    }
    if metadata.api_version.is_empty() {
        // Helm 2 did not ask for a version.
        metadata.api_version = "v1".to_owned();
    }
    Ok(Some(metadata))
}

fn decode(name: &'static str, file: &File, limits: &Limits, into: &mut Metadata) -> Result<(), LoadError> {
    let document = go::first_typed_document(&file.data, &limits.yaml).map_err(DecodeError::from);
    let decoded = document.and_then(|document| into.decode(&document));
    decoded.map_err(|source| LoadError::Decode { file: name, source })
}

/// The files of a chart by what they are for.
#[derive(Default)]
struct Parts {
    metadata: Option<Metadata>,
    templates: Vec<File>,
    values: serde_json::Map<String, Value>,
    schema: Option<bytes::Bytes>,
    files: Vec<File>,
    subcharts: BTreeMap<String, Vec<File>>,
}

impl Parts {
    fn add(&mut self, file: File, limits: &Limits) -> Result<(), LoadError> {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "values.yaml" => self.values = read_values(&file.data, &limits.yaml).map_err(LoadError::Values)?,
            "values.schema.json" => self.schema = Some(file.data),
            "Chart.lock" => check_lock("Chart.lock", &file, limits)?,
            "requirements.yaml" => {
                let metadata = self.metadata.get_or_insert_default();
                decode("requirements.yaml", &file, limits, metadata)?;
                self.add_if_first_version(file);
            }
            "requirements.lock" => {
                check_lock("requirements.lock", &file, limits)?;
                self.metadata.get_or_insert_default();
                self.add_if_first_version(file);
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name if name.starts_with("charts/") && extension(name) != "prov" => self.add_to_subchart(file),
            _ => self.files.push(file),
        }
        Ok(())
    }

    /// Charts of version 1 show these files to their templates.
    fn add_if_first_version(&mut self, file: File) {
        if self.metadata.as_ref().is_some_and(|metadata| metadata.api_version == "v1") {
            self.files.push(file);
        }
    }

    fn add_to_subchart(&mut self, file: File) {
        let name = file.name.strip_prefix("charts/").unwrap_or_default().to_owned();
        let subchart = name.split('/').next().unwrap_or_default().to_owned();
        self.subcharts.entry(subchart).or_default().push(File { name, data: file.data });
    }
}

/// A lock must be YAML; what it says only matters to `helm dependency`.
fn check_lock(name: &'static str, file: &File, limits: &Limits) -> Result<(), LoadError> {
    let decode = |source| LoadError::Decode { file: name, source };
    match go::first_document(&file.data, &limits.yaml).map_err(|error| decode(error.into()))? {
        Value::Null | Value::Object(_) => Ok(()),
        other => Err(decode(DecodeError::Root { found: go::kind(&other), expected: "v2.Lock" })),
    }
}

/// The chart in `charts/` whose directory or archive is called `name`.
fn subchart(name: &str, files: Vec<File>, parent: &str, budget: &mut Budget, depth: usize) -> Result<Chart, LoadError> {
    let wrap =
        |source| LoadError::Subchart { name: name.to_owned(), parent: parent.to_owned(), source: Box::new(source) };
    if extension(name) == "tgz" {
        let Some(file) = files.first() else { return Err(wrap(LoadError::MissingChartFile)) };
        if file.name != name {
            let (name, parent, found) = (name.to_owned(), parent.to_owned(), file.name.clone());
            return Err(LoadError::NotASubchartArchive { name, parent, found });
        }
        return from_archive(name, &file.data, budget, depth).map_err(wrap);
    }
    let inside = |file: File| {
        let (_, name) = file.name.split_once('/')?;
        Some(File { name: name.to_owned(), data: file.data })
    };
    from_files(files.into_iter().filter_map(inside).collect(), None, budget, depth).map_err(wrap)
}
