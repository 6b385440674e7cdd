//! A production as a piece of work for a thread: from what was kept, or anew.

use std::sync::Arc;

use cowherd_render::{Helm, RemoteSource};
use cowherd_source::Access;
use cowherd_tree::Tree;

use super::kept::Kept;
use super::{FailedRenders, Inputs, KeptRenders, Outcome, ProducerError, Product, Production};
use crate::Counters;
use crate::owner::OwnerName;
use crate::remotes::Brought;

/// All that a render needs.
pub(crate) struct Render {
    pub(crate) owner: OwnerName,
    pub(crate) revision: String,
    pub(crate) tree: Arc<dyn Tree>,
    pub(crate) production: Arc<dyn Production>,
    /// What may be fetched from elsewhere.
    pub(crate) access: Access,
    pub(crate) helm: Helm,
    pub(crate) counters: Arc<Counters>,
    pub(crate) kept: Option<Arc<KeptRenders>>,
    pub(crate) failed: Arc<FailedRenders>,
}

/// What came of a render.
pub(crate) enum Step {
    /// This has to be fetched from elsewhere, and then it is to be tried again.
    Needs(Vec<RemoteSource>),
    /// The manifests and what they rest on.
    Done(Result<Product, Arc<ProducerError>>, Arc<Inputs>),
}

impl Render {
    /// The manifests and what they rest on, as far as that takes no more than what was `brought` from elsewhere; what was kept
    /// is not used where they are wanted anew.
    pub(crate) fn step(&self, anew: bool, brought: &mut Brought) -> Step {
        let (owner, revision, tree) = (&self.owner, &self.revision, self.tree.as_ref());
        let parameters = format!("{} {:?} {:?}", self.production.parameters(), self.helm, self.access);
        let kept = self.kept.as_ref().filter(|_| !anew);
        if let Some(kept) = kept.and_then(|kept| kept.find(owner, &parameters, tree)) {
            let unseen = brought.unseen(&kept.inputs.remotes);
            if !unseen.is_empty() {
                return Step::Needs(unseen);
            }
            if let Some((product, inputs)) = self.again(kept, brought) {
                return Step::Done(Ok(product), inputs);
            }
        }
        let failed = self.failed.find(owner, &parameters, tree).filter(|_| !anew);
        if let Some((error, inputs)) = failed {
            tracing::debug!(%owner, revision, "a render would fail as it did before");
            return Step::Done(Err(error), inputs);
        }
        tracing::debug!(%owner, revision, "rendering");
        let (product, inputs) = match self.production.produce(tree, &self.helm, brought) {
            Outcome::Needs(missing) => return Step::Needs(missing),
            Outcome::Done(product, inputs) => (product.map_err(Arc::new), inputs),
        };
        self.counters.rendered();
        match (&product, &self.kept) {
            (Err(error), _) => self.failed.keep(owner, parameters, &inputs, error),
            // On disk it would lie as it is.
            (Ok(product), Some(kept)) if product.is_decrypted => kept.forget(owner),
            (Ok(product), Some(kept)) => {
                kept.keep(owner, &parameters, &inputs, product);
            }
            (Ok(_), None) => {}
        }
        Step::Done(product, inputs)
    }

    /// What was kept, if what it used from elsewhere is as it was.
    fn again(&self, kept: Kept, brought: &Brought) -> Option<(Product, Arc<Inputs>)> {
        let Kept { inputs, digest, unset, without_effect, made, objects } = kept;
        if !brought.are_unchanged(&inputs.remotes) {
            return None;
        }
        let product = Product { without_effect, ..Product::again(objects, digest, unset, made).ok()? };
        tracing::debug!(owner = %self.owner, revision = self.revision, "a kept render still holds");
        Some((product, Arc::new(inputs)))
    }
}
