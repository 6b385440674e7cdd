//! What a source brought.

use std::collections::BTreeSet;
use std::sync::Arc;

use cowherd_tree::{MemoryTree, Tree};

use super::{Origin, SourceName};
use crate::{Authorship, NamespacedName};

/// The content of a source at one revision.
pub(crate) struct Artifact {
    /// The revision as Flux writes it: `main@sha1:<commit>`, `latest@sha256:<digest>`.
    pub(crate) revision: String,
    /// The identity of revision and content together: what is different in it is another `Artifact`.
    pub(crate) digest: String,
    /// Who wrote it, where that is known.
    pub(crate) authorship: Option<Authorship>,
    /// From which source it was made, where it is something that was made of one.
    pub(crate) origin: Option<Origin>,
    /// The files.
    pub(crate) tree: Arc<dyn Tree>,
    /// The files with those that the source leaves out: the ids of directories cost nothing here.
    pub(crate) all: Arc<dyn Tree>,
    /// What the source leaves out, besides what its own files say.
    pub(crate) ignore: Option<String>,
    /// Whether it came from the repository that a person named, and from no other.
    pub(crate) is_root: bool,
    /// The sources that have given something to it.
    pub(crate) made_of: BTreeSet<SourceName>,
    /// The HelmRelease for which it was made, where it was made for one.
    pub(crate) made_for: Option<NamespacedName>,
    /// How many files it has, each counted as often as it stands somewhere, as far as that is known.
    pub(crate) extent: u64,
}

impl Artifact {
    /// The revision that it was made from, where it says so.
    pub(crate) fn origin_revision(&self) -> Option<&str> {
        self.origin.as_ref()?.revision.as_deref()
    }

    /// The content of no source, for what needs none.
    pub(crate) fn nothing() -> Self {
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::default());
        let (revision, digest) = (String::new(), String::new());
        let (authorship, origin) = (None, None);
        let (made_of, made_for, extent) = (BTreeSet::new(), None, 0);
        let all = tree.clone();
        Self {
            revision,
            digest,
            authorship,
            origin,
            tree,
            all,
            ignore: None,
            is_root: false,
            made_of,
            made_for,
            extent,
        }
    }
}
