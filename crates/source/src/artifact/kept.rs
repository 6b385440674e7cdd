//! The files of a layer that is kept for somebody.

use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{Entry, Tree, TreeError, TreePath};

use super::layer::Layer;
use crate::tenant::Claim;

/// The files of a layer, which counts as kept for somebody as long as this is held.
pub(super) struct Kept {
    pub(super) layer: Arc<Layer>,
    pub(super) _claim: Claim,
}

impl Tree for Kept {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.layer.entry(path)
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.layer.read_file(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.layer.list(path)
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.layer.read_link(path)
    }
}
