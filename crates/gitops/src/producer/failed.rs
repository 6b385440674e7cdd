//! Renders that failed, for as long as the process lives: what is wrong stays wrong until something that was read
//! changes, so that nobody has to render again to say so of the next commit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_tree::Tree;

use super::{Inputs, ProducerError};
use crate::owner::OwnerName;

/// The last render of each owner, where it failed for what is in the tree and nothing else.
#[derive(Default)]
pub(crate) struct FailedRenders {
    renders: Mutex<HashMap<OwnerName, Failed>>,
}

/// A render that failed.
#[derive(Clone)]
struct Failed {
    /// All that it was made from besides the tree.
    parameters: String,
    inputs: Arc<Inputs>,
    error: Arc<ProducerError>,
}

impl FailedRenders {
    /// How the last render of the owner failed, if it would fail alike with `parameters` and `tree`.
    pub(crate) fn find(
        &self,
        name: &OwnerName,
        parameters: &str,
        tree: &dyn Tree,
    ) -> Option<(Arc<ProducerError>, Arc<Inputs>)> {
        let found = self.renders.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()?;
        let holds = found.parameters == parameters && found.inputs.reads.unchanged_in(tree).unwrap_or(false);
        holds.then_some((found.error, found.inputs))
    }

    /// Remembers how a render failed, unless it may succeed although nothing changes in the tree.
    pub(crate) fn keep(&self, name: &OwnerName, parameters: String, inputs: &Arc<Inputs>, error: &Arc<ProducerError>) {
        if !inputs.is_complete || error.may_pass {
            return self.forget(name);
        }
        let failed = Failed { parameters, inputs: inputs.clone(), error: error.clone() };
        self.renders.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), failed);
    }

    /// Forgets the failure of an owner that is rendered, or gone.
    pub(crate) fn forget(&self, name: &OwnerName) {
        self.renders.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
