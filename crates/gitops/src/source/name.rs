//! What tells a source from all others.

use std::fmt;

use crate::NamespacedName;

/// A kind of source, by the name that references give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceKind(pub(crate) &'static str);

impl SourceKind {
    /// The kinds whose content are manifests, or what they are made of.
    pub(crate) const OF_MANIFESTS: &'static [Self] =
        &[super::git::KIND, super::oci::KIND, super::bucket::KIND, super::external_artifact::KIND];

    /// The kinds whose content is a chart.
    pub(crate) const OF_CHARTS: &'static [Self] =
        &[super::helm_chart::KIND, super::oci::KIND, super::external_artifact::KIND];

    /// The one of these that a reference means, if there is such a kind.
    pub(crate) fn read(kinds: &[Self], text: &str) -> Option<Self> {
        kinds.iter().copied().find(|kind| kind.0 == text)
    }
}

/// The kind, namespace and name of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SourceName {
    pub(crate) kind: SourceKind,
    pub(crate) name: NamespacedName,
}

impl SourceName {
    /// The source of this kind, namespace and name.
    pub(crate) fn new(kind: SourceKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, name: NamespacedName::new(namespace, name) }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.0, self.name)
    }
}
