//! From which source an artifact was made that somebody pushed.

use std::collections::BTreeMap;

/// Under which name an artifact says what it was made of.
const SOURCE: &str = "org.opencontainers.image.source";
/// Under which name it says of which revision.
const REVISION: &str = "org.opencontainers.image.revision";

/// From which source an artifact was made, as whoever pushed it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The URL of the repository.
    pub(crate) source: Option<String>,
    /// The revision, mostly as Flux writes it: `main@sha1:<commit>`.
    pub(crate) revision: Option<String>,
}

impl Origin {
    /// What the annotations of an artifact say.
    pub(super) fn of(annotations: &BTreeMap<String, String>) -> Self {
        let text = |name| annotations.get(name).filter(|text| !text.is_empty()).cloned();
        Self { source: text(SOURCE), revision: text(REVISION) }
    }
}
