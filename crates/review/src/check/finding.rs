//! What is wrong, and where.

use std::fmt;

use cowherd_tree::TreePath;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It would fail.
    Error,
    /// It may be meant, or only a cluster could tell.
    Warning,
}

/// What sort of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A file cannot be read, or nothing comes of a kustomization.
    Build,
    /// A file that is named is not there.
    MissingFile,
    /// An object is not what its kind asks for.
    Schema,
    /// Nothing serves a kind.
    UnservedKind,
    /// A name leads nowhere.
    Reference,
    /// Kustomizations wait for each other.
    Cycle,
    /// An object is described more than once.
    Duplicate,
    /// A variable has no value.
    Variable,
    /// Nothing acts on a kind.
    NoController,
    /// A namespace that nobody makes.
    Namespace,
    /// The agents refuse a source.
    Source,
    /// cowherd does not do this yet.
    Unsupported,
    /// Only other programs make manifests of a file.
    Unrendered,
}

impl Rule {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Build,
        Self::MissingFile,
        Self::Schema,
        Self::UnservedKind,
        Self::Reference,
        Self::Cycle,
        Self::Duplicate,
        Self::Variable,
        Self::NoController,
        Self::Namespace,
        Self::Source,
        Self::Unsupported,
        Self::Unrendered,
    ];

    /// The name by which programs know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::MissingFile => "missing-file",
            Self::Schema => "schema",
            Self::UnservedKind => "unserved-kind",
            Self::Reference => "reference",
            Self::Cycle => "cycle",
            Self::Duplicate => "duplicate",
            Self::Variable => "variable",
            Self::NoController => "no-controller",
            Self::Namespace => "namespace",
            Self::Source => "source",
            Self::Unsupported => "unsupported",
            Self::Unrendered => "unrendered",
        }
    }
}

/// Where something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, or the directory.
    pub file: TreePath,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => write!(f, "{}", self.file),
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// What sort of thing it is.
    pub rule: Rule,
    /// The object that it is about.
    pub object: Option<String>,
    /// What is wrong, and what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: ", self.place)?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        write!(f, "{} [{}]", self.text, self.rule.name())
    }
}
