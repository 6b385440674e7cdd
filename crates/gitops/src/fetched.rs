//! What a source brought.

use std::sync::Arc;

use cowherd_tree::Tree;

/// The content of a source at one revision.
pub(crate) struct Fetched {
    /// The revision as Flux writes it: `main@sha1:<commit>`.
    pub(crate) revision: String,
    /// The identity of revision and content together: what is different in it is another `Fetched`.
    pub(crate) digest: String,
    /// The files.
    pub(crate) tree: Arc<dyn Tree>,
    /// The files with those that the source leaves out: the ids of directories cost nothing here.
    pub(crate) all: Arc<dyn Tree>,
    /// What the source leaves out, besides what its own files say.
    pub(crate) ignore: Option<String>,
    /// Whether it came from the repository that a person named.
    pub(crate) is_root: bool,
}
