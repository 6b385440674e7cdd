//! Why a render failed: which file, where in it, what is wrong and what to do.

use std::sync::Arc;

use cowherd_tree::{PathError, TreeError, TreePath};
use cowherd_yaml::YamlError;

use crate::remote::RemoteSource;
use crate::unrendered::{self, Unrendered};

/// A render that failed. It names the file at fault, which may be far from the directory that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{}{cause}", self.place())]
pub struct RenderError {
    /// The file at fault.
    pub file: TreePath,
    /// The line in it, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The field of a kustomization, such as `resources[2]`.
    pub field: Option<String>,
    /// What the file is in, if not in the tree that was rendered.
    pub remote: Option<Arc<RemoteSource>>,
    /// What is wrong.
    pub cause: Box<Cause>,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Something could not be read: it is missing, too large, no file, or outside the repository.
    #[error("{0}")]
    Read(TreeError),
    /// What stands at the path, or above it, is neither file nor directory.
    #[error(
        "{0} is neither a file nor a directory; where it is a Git submodule, name that one's own repository as a remote base \
         instead, since submodules are not fetched"
    )]
    Irregular(TreePath),
    /// Something is wrong in what was fetched from elsewhere.
    #[error("{remote}: {cause}")]
    Elsewhere {
        /// Where.
        remote: Arc<RemoteSource>,
        /// What is wrong there.
        cause: Box<Cause>,
    },
    /// A path leaves the repository, or is absolute.
    #[error("{0}")]
    Path(PathError),
    /// The file is no YAML, or more of it than is read.
    #[error("{}", .0.problem)]
    Yaml(YamlError),
    /// A document is no Kubernetes object.
    #[error("not a Kubernetes object: {0}")]
    NotAnObject(String),
    /// A directory holds several kustomization files.
    #[error("found multiple kustomization files: {}; keep one of them", .0.join(", "))]
    SeveralKustomizations(Vec<String>),
    /// A directory that others build on holds no kustomization file.
    #[error("the directory has no kustomization.yaml, kustomization.yml or Kustomization")]
    NoKustomization,
    /// A directory is a Helm chart, where manifests are looked for or a kustomization to build on.
    #[error(
        "the directory is a Helm chart, which is not rendered by its path alone: list it under helmCharts of a \
         kustomization.yaml, with the directory that it is in as helmGlobals.chartHome, or commit what `cowherd render \
         NAME {}` prints",
        cowherd_text::shell::word(.0.as_str())
    )]
    ChartDirectory(TreePath),
    /// A directory holds no manifests, but files of which other programs make some.
    #[error("{}", only_unrendered(.0))]
    OnlyUnrendered(Vec<Unrendered>),
    /// A kustomization file says nothing.
    #[error("kustomization.yaml is empty")]
    Empty,
    /// A field that kustomize does not know.
    #[error("json: unknown field {0:?}")]
    UnknownField(String),
    /// A field or option with a value that it cannot have.
    #[error("{0}")]
    Invalid(String),
    /// A kustomization builds on itself or on a directory above itself.
    #[error("cycle: {} builds on {directory}, which holds it", .chain.join(", which is built on by "))]
    Cycle {
        /// The directory that closes the cycle.
        directory: String,
        /// The directories on the way, the last one first.
        chain: Vec<String>,
    },
    /// Something elsewhere has not been fetched. These are all that are known to be missing so far: what is in them
    /// may name more.
    #[error("not fetched: {}", list(.0))]
    MissingRemotes(Vec<RemoteSource>),
    /// A generator, transformer or validator that would run something.
    #[error("the plugin {kind} is {runs}; a render runs nothing, so do what it does beforehand and commit the result")]
    Plugin {
        /// The kind of its configuration.
        kind: String,
        /// What it is.
        runs: &'static str,
    },
    /// A Helm chart that could not be rendered.
    #[error("chart {name}: {error}")]
    Chart {
        /// The chart's name.
        name: String,
        /// What is wrong.
        error: String,
    },
    /// Two objects have the same identity.
    #[error("may not add resource with an already registered id: {id}; it is also in {other}")]
    Duplicate {
        /// Group, version, kind, namespace and name.
        id: String,
        /// Where the other one came from.
        other: String,
    },
    /// A patch, generator or replica count names an object that is not there.
    #[error("{0}")]
    NoTarget(String),
    /// A patch cannot be applied.
    #[error("{0}")]
    Patch(String),
    /// The render is larger than what is rendered.
    #[error("more than {limit} {what}; split the kustomization")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

fn only_unrendered(files: &[Unrendered]) -> String {
    let json = match files.iter().any(Unrendered::is_json) {
        true => "; JSON is read where a kustomization.yaml names it",
        false => "",
    };
    let files = unrendered::named(files);
    format!(
        "no manifests are here, but what is not rendered: {files}; render it beforehand and commit the manifests as .yaml{json}"
    )
}

fn list(sources: &[RemoteSource]) -> String {
    sources.iter().map(RemoteSource::to_string).collect::<Vec<_>>().join(", ")
}

impl RenderError {
    pub(crate) fn new(file: &TreePath, cause: Cause) -> Self {
        Self { file: file.clone(), line: None, field: None, remote: None, cause: Box::new(cause) }
    }

    pub(crate) fn yaml(file: &TreePath, error: YamlError) -> Self {
        Self { line: Some(error.line), ..Self::new(file, Cause::Yaml(error)) }
    }

    pub(crate) fn at_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// Adds the field of the kustomization, unless the error names its place better already.
    pub(crate) fn in_field(self, field: impl Into<String>) -> Self {
        if self.line.is_some() || self.field.is_some() {
            return self;
        }
        Self { field: Some(field.into()), ..self }
    }

    /// Adds what the file is in, unless the error is known to be further away.
    pub(crate) fn in_remote(self, source: &Arc<RemoteSource>) -> Self {
        Self { remote: self.remote.or_else(|| Some(source.clone())), ..self }
    }

    /// The file at fault, with line and field as far as they are known, and with a colon and a space at the end.
    pub fn place(&self) -> String {
        let mut place = String::new();
        if let Some(source) = &self.remote {
            place += &format!("{source}: ");
        }
        place += &format!("{}: ", self.file);
        if let Some(line) = self.line {
            place += &format!("line {line}: ");
        }
        if let Some(field) = &self.field {
            place += &format!("{field}: ");
        }
        place
    }
}
