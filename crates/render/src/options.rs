//! How far a render may go.

use cowherd_yaml::Limits;

/// Bounds and restrictions of a render.
#[derive(Clone, Debug)]
pub struct Options {
    /// From where a kustomization may read files.
    pub load: LoadRestriction,
    /// The bounds of each file.
    pub yaml: Limits,
    /// The most bytes that a render may read, each file counted as often as it is used, and write into objects by
    /// patches, replacements and whatever else changes many at once.
    pub bytes: usize,
    /// The most objects that a render may hold at any time.
    pub objects: usize,
    /// The most kustomizations that a render may build, each counted as often as it is used.
    pub kustomizations: usize,
    /// The most kustomizations that may build on each other.
    pub depth: usize,
}

/// From where a kustomization may read files. Directories to build on may always be anywhere in the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestriction {
    /// From anywhere in the tree, as Flux has it.
    #[default]
    None,
    /// From its own directory and below, as kubectl has it.
    RootOnly,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            load: LoadRestriction::None,
            yaml: Limits::default(),
            bytes: 256 * 1024 * 1024,
            objects: 100_000,
            kustomizations: 10_000,
            depth: 64,
        }
    }
}
