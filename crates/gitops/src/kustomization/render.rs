//! A render as a piece of work for a thread: from what was kept, or anew.

use std::sync::Arc;

use cowherd_render::Helm;
use cowherd_tree::Tree;

use super::build::{BuildError, Built, Means, build, parameters, rebuilt};
use super::settings::Settings;
use super::variables::Variables;
use crate::basis::Basis;
use crate::failed::FailedRenders;
use crate::kept::Kept;
use crate::{Counters, Elsewhere, KeptRenders, NamespacedName};

/// All that a render needs.
pub(crate) struct Render {
    pub(crate) name: NamespacedName,
    pub(crate) revision: String,
    pub(crate) tree: Arc<dyn Tree>,
    pub(crate) settings: Settings,
    pub(crate) variables: Arc<Variables>,
    pub(crate) elsewhere: Arc<Elsewhere>,
    pub(crate) helm: Helm,
    pub(crate) counters: Arc<Counters>,
    pub(crate) kept: Option<Arc<KeptRenders>>,
    pub(crate) failed: Arc<FailedRenders>,
}

impl Render {
    /// The manifests and what they rest on; what was kept is not used where they are wanted anew.
    pub(crate) fn done(&self, anew: bool) -> (Result<Built, Arc<BuildError>>, Arc<Basis>) {
        let parameters = format!("{} {:?}", parameters(&self.settings, &self.variables), self.helm);
        if let Some(Kept { basis, digest, objects, .. }) = self.kept(&parameters).filter(|_| !anew)
            && let Ok(built) = rebuilt(objects, digest)
        {
            tracing::debug!(kustomization = %self.name, revision = self.revision, "a kept render still holds");
            return (Ok(built), Arc::new(basis));
        }
        let failed = self.failed.find(&self.name, &parameters, self.tree.as_ref()).filter(|_| !anew);
        if let Some((error, basis)) = failed {
            tracing::debug!(kustomization = %self.name, revision = self.revision, "a render would fail as it did before");
            return (Err(error), basis);
        }
        self.counters.rendered();
        tracing::debug!(kustomization = %self.name, revision = self.revision, "rendering");
        let means = Means { elsewhere: &self.elsewhere, helm: &self.helm };
        let (built, basis) = build(self.tree.as_ref(), &self.settings, &self.variables, &means);
        let built = built.map_err(Arc::new);
        match (&built, &self.kept) {
            (Err(error), _) => self.failed.keep(&self.name, parameters, &basis, error),
            (Ok(built), Some(kept)) => {
                let objects = built.manifests.iter().map(|manifest| manifest.object().clone()).collect();
                kept.keep(&self.name, &parameters, &basis, &built.digest, objects);
            }
            (Ok(_), None) => {}
        }
        (built, basis)
    }

    fn kept(&self, parameters: &str) -> Option<Kept> {
        let kept = self.kept.as_ref()?.find(&self.name, parameters, self.tree.as_ref())?;
        self.elsewhere.are_unchanged(&kept.basis.remotes).then_some(kept)
    }
}
