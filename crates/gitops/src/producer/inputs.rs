//! What a render rests on.

use std::collections::BTreeMap;

use cowherd_render::RemoteSource;
use cowherd_tree::Reads;

/// What a render rests on besides its parameters: while all of it stays as it is, the render would give the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    /// What was read from the tree.
    pub(crate) reads: Reads,
    /// What was used from elsewhere, with its revision.
    pub(crate) remotes: BTreeMap<RemoteSource, String>,
    /// Whether this is all that the render rests on. One that failed may rest on what is elsewhere besides, or on a
    /// disk that failed.
    pub(crate) is_complete: bool,
}
