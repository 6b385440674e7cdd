//! A render as a piece of work for a thread: from what was kept, or anew.

use std::sync::Arc;

use cowherd_render::{Helm, RemoteSource};
use cowherd_source::Access;
use cowherd_tree::Tree;

use super::build::{Build, BuildError, Built, build, parameters, rebuilt};
use super::settings::Settings;
use super::variables::Variables;
use crate::basis::Basis;
use crate::elsewhere::Brought;
use crate::failed::FailedRenders;
use crate::kept::Kept;
use crate::{Counters, KeptRenders, NamespacedName};

/// All that a render needs.
pub(crate) struct Render {
    pub(crate) name: NamespacedName,
    pub(crate) revision: String,
    pub(crate) tree: Arc<dyn Tree>,
    pub(crate) settings: Settings,
    pub(crate) variables: Arc<Variables>,
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
    Done(Result<Built, Arc<BuildError>>, Arc<Basis>),
}

impl Render {
    /// The manifests and what they rest on, as far as that takes no more than what was `brought` from elsewhere; what was kept
    /// is not used where they are wanted anew.
    pub(crate) fn step(&self, anew: bool, brought: &mut Brought) -> Step {
        let parameters = format!("{} {:?} {:?}", parameters(&self.settings, &self.variables), self.helm, self.access);
        let kept = self.kept.as_ref().filter(|_| !anew);
        if let Some(kept) = kept.and_then(|kept| kept.find(&self.name, &parameters, self.tree.as_ref())) {
            let unseen = brought.unseen(&kept.basis.remotes);
            if !unseen.is_empty() {
                return Step::Needs(unseen);
            }
            if let Some((built, basis)) = self.again(kept, brought) {
                return Step::Done(Ok(built), basis);
            }
        }
        let failed = self.failed.find(&self.name, &parameters, self.tree.as_ref()).filter(|_| !anew);
        if let Some((error, basis)) = failed {
            tracing::debug!(kustomization = %self.name, revision = self.revision, "a render would fail as it did before");
            return Step::Done(Err(error), basis);
        }
        tracing::debug!(kustomization = %self.name, revision = self.revision, "rendering");
        let (built, basis) = match build(self.tree.as_ref(), &self.settings, &self.variables, &self.helm, brought) {
            Build::Needs(missing) => return Step::Needs(missing),
            Build::Done(built, basis) => (built.map_err(Arc::new), basis),
        };
        self.counters.rendered();
        match (&built, &self.kept) {
            (Err(error), _) => self.failed.keep(&self.name, parameters, &basis, error),
            (Ok(built), Some(kept)) => {
                let objects = built.manifests.iter().map(|manifest| manifest.object().clone()).collect();
                kept.keep(&self.name, &parameters, &basis, &built.digest, objects);
            }
            (Ok(_), None) => {}
        }
        Step::Done(built, basis)
    }

    /// What was kept, if what it used from elsewhere is as it was.
    fn again(&self, kept: Kept, brought: &Brought) -> Option<(Built, Arc<Basis>)> {
        let Kept { basis, digest, objects, .. } = kept;
        if !brought.are_unchanged(&basis.remotes) {
            return None;
        }
        let built = rebuilt(objects, digest).ok()?;
        tracing::debug!(kustomization = %self.name, revision = self.revision, "a kept render still holds");
        Some((built, Arc::new(basis)))
    }
}
