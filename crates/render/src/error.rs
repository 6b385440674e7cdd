//! Why a render failed: which file, where in it, what is wrong and what to do.

use cowherd_tree::{PathError, TreeError, TreePath};
use cowherd_yaml::YamlError;

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
    /// What is wrong.
    pub cause: Box<Cause>,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Something could not be read: it is missing, too large, no file, or outside the repository.
    #[error("{0}")]
    Read(TreeError),
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
    /// A kustomization file says nothing.
    #[error("kustomization.yaml is empty")]
    Empty,
    /// A field that kustomize does not know.
    #[error("json: unknown field {0:?}")]
    UnknownField(String),
    /// A field that kustomize knows and this version does not.
    #[error("not supported yet; render it beforehand and commit the result")]
    Unsupported(String),
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
    /// A base elsewhere.
    #[error("remote {0:?}: bases from other repositories are not supported yet; vendor it into this repository")]
    Remote(String),
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

impl RenderError {
    pub(crate) fn new(file: &TreePath, cause: Cause) -> Self {
        Self { file: file.clone(), line: None, field: None, cause: Box::new(cause) }
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

    fn place(&self) -> String {
        let mut place = format!("{}: ", self.file);
        if let Some(line) = self.line {
            place += &format!("line {line}: ");
        }
        if let Some(field) = &self.field {
            place += &format!("{field}: ");
        }
        place
    }
}
