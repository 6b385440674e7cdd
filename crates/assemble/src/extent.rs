//! How many files and directories an artifact has, each counted as often as it stands somewhere.
//!
//! A directory that rules take a thousand times is held once, and whoever walks the artifact meets it a thousand times.

use std::collections::HashMap;

use cowherd_tree::{ContentId, EntryKind, Tree, TreePath};

use crate::{Assembled, Cause, Effort};

/// The most files and directories that an artifact may have.
const MAX_ENTRIES: u64 = 500_000;
/// The most directories that may be inside each other.
const MAX_DEPTH: usize = 256;
/// How many directories' counts are remembered.
const REMEMBERED: usize = 200_000;

/// How many entries are in each directory, and how many directories are inside each other there. What was counted for one artifact is
/// known for the next one, so that a change costs what is new.
#[derive(Debug, Default)]
pub struct Extents(HashMap<ContentId, Extent>);

#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    entries: u64,
    depth: usize,
}

impl Extents {
    /// Sees whether an artifact is within the limits.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn check(&mut self, artifact: &Assembled, effort: &Effort<'_>) -> Result<(), Cause> {
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        self.measure(artifact, &TreePath::root(), &artifact.id(), effort, 0).map(drop)
    }

    fn measure(
        &mut self,
        tree: &dyn Tree,
        directory: &TreePath,
        id: &ContentId,
        effort: &Effort<'_>,
        above: usize,
    ) -> Result<Extent, Cause> {
        let deep = |depth: usize| {
            let path = directory.as_str().chars().take(64).collect();
            if above + depth > MAX_DEPTH { Err(Cause::Depth { path, limit: MAX_DEPTH }) } else { Ok(()) }
        };
        if let Some(known) = self.0.get(id).copied() {
            deep(known.depth)?;
            return Ok(known);
        }
        deep(0)?;
        let listed = tree.list(directory)?;
        effort.step(listed.len() as u64)?;
        let mut extent = Extent { entries: listed.len() as u64, depth: 0 };
        for (name, entry) in listed {
            if entry.kind == EntryKind::Directory {
                let inner = self.measure(tree, &directory.join(&name)?, &entry.id, effort, above + 1)?;
                extent.entries = extent.entries.saturating_add(inner.entries);
                extent.depth = extent.depth.max(inner.depth + 1);
            }
            if extent.entries > MAX_ENTRIES {
                return Err(Cause::TooMuch { limit: MAX_ENTRIES, what: "files and directories in one artifact" });
            }
        }
        self.0.insert(id.clone(), extent);
        Ok(extent)
    }
}
