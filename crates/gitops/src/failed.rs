//! Renders that failed, for as long as the process lives: what is wrong stays wrong until something that was read
//! changes, so that nobody has to render again to say so of the next commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_tree::Tree;

use crate::NamespacedName;
use crate::basis::Basis;
use crate::kustomization::BuildError;

/// The last render of each Kustomization, where it failed for what is in the tree and nothing else.
#[derive(Default)]
pub(crate) struct FailedRenders {
    renders: Mutex<HashMap<NamespacedName, Failed>>,
}

/// A render that failed.
#[derive(Clone)]
struct Failed {
    /// All that it was made from besides the tree.
    parameters: String,
    basis: Arc<Basis>,
    error: Arc<BuildError>,
}

impl FailedRenders {
    /// How the last render of the Kustomization failed, if it would fail alike with `parameters` and `tree`.
    pub(crate) fn find(
        &self,
        name: &NamespacedName,
        parameters: &str,
        tree: &dyn Tree,
    ) -> Option<(Arc<BuildError>, Arc<Basis>)> {
        let found = self.renders.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()?;
        let holds = found.parameters == parameters && found.basis.reads.unchanged_in(tree).unwrap_or(false);
        holds.then_some((found.error, found.basis))
    }

    /// Remembers how a render failed, unless it may succeed although nothing changes in the tree.
    pub(crate) fn keep(&self, name: &NamespacedName, parameters: String, basis: &Arc<Basis>, error: &Arc<BuildError>) {
        if !basis.is_complete || error.may_pass() {
            return self.forget(name);
        }
        let failed = Failed { parameters, basis: basis.clone(), error: error.clone() };
        self.renders.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), failed);
    }

    /// Forgets the failure of a Kustomization that is rendered, or gone.
    pub(crate) fn forget(&self, name: &NamespacedName) {
        self.renders.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
