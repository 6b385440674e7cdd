//! How many files a tree has, each counted as often as it stands somewhere.
//!
//! A directory that is in ten places is stored once: ten such levels are a hundred objects and ten thousand million
//! files. Whoever walks a tree relies on it that there are not more than [`MAX_ENTRIES`].

use std::collections::HashMap;

use gix::ObjectId;

use crate::objects::{NameKind, Objects};

/// The most files and directories that a revision may have.
pub const MAX_ENTRIES: u64 = 500_000;
/// The most directories that may be inside each other.
pub(crate) const MAX_DEPTH: usize = 256;
/// How many directories' counts are remembered, so that those of a new revision cost what is new of it.
const REMEMBERED: usize = 200_000;

/// How many entries are in each directory and below it, and how many directories are inside each other there.
#[derive(Debug, Default)]
pub(crate) struct Extents(HashMap<ObjectId, Extent>);

#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    entries: u64,
    depth: usize,
}

impl Extents {
    /// Whether the tree `root` is within the limits. What cannot be read is not counted: whoever walks there fails.
    pub(crate) fn allow(&mut self, objects: &Objects, root: ObjectId) -> bool {
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        let extent = self.measure(objects, root);
        extent.entries <= MAX_ENTRIES && extent.depth <= MAX_DEPTH
    }

    /// How many entries the tree `root` has.
    pub(crate) fn entries(&mut self, objects: &Objects, root: ObjectId) -> u64 {
        self.measure(objects, root).entries
    }

    /// Nothing is remembered of what is nested too deep: it may be allowed elsewhere.
    fn measure(&mut self, objects: &Objects, root: ObjectId) -> Extent {
        // The directories on the way to the one that is counted.
        let mut way = vec![Open::of(objects, root)];
        while let Some(mut at) = way.pop() {
            if way.len() > MAX_DEPTH {
                return Extent { entries: 0, depth: way.len() };
            }
            match at.rest.pop() {
                None => drop(self.0.insert(at.id, at.extent)),
                Some(inner) => match self.0.get(&inner) {
                    Some(extent) => {
                        at.add(*extent);
                        way.push(at);
                    }
                    None => {
                        // It is added when it has been counted, which is the next time that it comes.
                        at.rest.push(inner);
                        way.extend([at, Open::of(objects, inner)]);
                    }
                },
            }
        }
        self.0.get(&root).copied().unwrap_or_default()
    }
}

/// A directory that is being counted.
struct Open {
    id: ObjectId,
    rest: Vec<ObjectId>,
    extent: Extent,
}

impl Open {
    fn of(objects: &Objects, id: ObjectId) -> Self {
        let Ok(directory) = objects.directory(id) else {
            return Self { id, rest: Vec::new(), extent: Extent::default() };
        };
        let directories = directory.iter().filter(|name| name.kind == NameKind::Directory);
        let entries = directory.iter().count() as u64;
        Self { id, rest: directories.map(|name| name.id).collect(), extent: Extent { entries, depth: 0 } }
    }

    fn add(&mut self, inner: Extent) {
        self.extent.entries = self.extent.entries.saturating_add(inner.entries);
        self.extent.depth = self.extent.depth.max(inner.depth + 1);
    }
}
