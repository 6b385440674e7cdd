//! What is wrong, and where.

use std::collections::HashSet;
use std::fmt;

use cowherd_tree::TreePath;

/// How many places are named in a line besides the first.
const NAMED: usize = 10;

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
    /// An account may not apply what it is to.
    Rights,
    /// The agents refuse a source.
    Source,
    /// cowherd does not do this yet.
    Unsupported,
    /// An expression is none.
    Expression,
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
        Self::Rights,
        Self::Source,
        Self::Unsupported,
        Self::Expression,
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
            Self::Rights => "rights",
            Self::Source => "source",
            Self::Unsupported => "unsupported",
            Self::Expression => "expression",
            Self::Unrendered => "unrendered",
        }
    }
}

/// Where something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// The other objects of which the same is to be said, where it is one thing that all of them lack.
    pub others: Vec<Other>,
}

/// Another object of which the same is to be said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// Where it is.
    pub place: Place,
    /// The object.
    pub object: String,
}

impl Finding {
    /// Something that would fail.
    pub(super) fn error(place: Place, rule: Rule, text: impl Into<String>) -> Self {
        Self { place, severity: Severity::Error, rule, object: None, text: text.into(), others: Vec::new() }
    }

    /// Something that may be meant.
    pub(super) fn warning(place: Place, rule: Rule, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, rule, text) }
    }

    /// With the object that it is about.
    pub(super) fn of(self, object: impl fmt::Display) -> Self {
        Self { object: Some(object.to_string()), ..self }
    }

    /// The same once for each object of which it is to be said, at its own place.
    pub fn at_each_place(&self) -> Vec<Self> {
        let of = |other: &Other| Self {
            place: other.place.clone(),
            object: Some(other.object.clone()),
            others: Vec::new(),
            ..self.clone()
        };
        let first = Self { others: Vec::new(), ..self.clone() };
        [first].into_iter().chain(self.others.iter().map(of)).collect()
    }

    /// In one line, with places as `shown` has them.
    pub fn line(&self, shown: impl Fn(&Place) -> String) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let object = self.object.as_ref().map(|object| format!("{object}: ")).unwrap_or_default();
        // What several Kustomizations make of one document stands at one place.
        let mut told = HashSet::from([&self.place]);
        let places: Vec<&Place> = self.others.iter().map(|one| &one.place).filter(|place| told.insert(place)).collect();
        let others = match places.is_empty() {
            true => String::new(),
            false => {
                let all = if places.len() > NAMED { " (-v names them)" } else { "" };
                let places = cowherd_text::listed(places.into_iter().map(&shown), NAMED);
                format!("; {} objects, also at {places}{all}", self.others.len() + 1)
            }
        };
        format!("{}: {severity}: {object}{}{others} [{}]", shown(&self.place), self.text, self.rule.name())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(Place::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_places_are_told_once_each() {
        let place = |line| Place { file: TreePath::parse("a.yaml").unwrap(), line: Some(line) };
        let other = |line, name: &str| Other { place: place(line), object: name.to_owned() };
        let others = vec![other(1, "b"), other(7, "c"), other(7, "d"), other(9, "e")];
        let finding = Finding { others, ..Finding::error(place(1), Rule::UnservedKind, "wrong").of("a") };
        let told = "a.yaml:1: error: a: wrong; 5 objects, also at a.yaml:7, a.yaml:9 [unserved-kind]";
        assert_eq!(finding.to_string(), told);
        let each: Vec<String> = finding.at_each_place().iter().map(Finding::to_string).collect();
        assert_eq!(each.len(), 5);
        assert_eq!(each[3], "a.yaml:7: error: d: wrong [unserved-kind]");
    }
}
