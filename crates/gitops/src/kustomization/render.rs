//! A render as a piece of work for a thread: from what was kept, or anew.

use std::sync::Arc;

use cowherd_render::Helm;
use cowherd_tree::Tree;

use super::build::{BuildError, Built, Means, build, parameters, rebuilt};
use super::settings::Settings;
use super::variables::Variables;
use crate::basis::Basis;
use crate::kept::Kept;
use crate::{Counters, Elsewhere, KeptRenders, NamespacedName};

/// All that a render needs.
pub(super) struct Render {
    pub(super) name: NamespacedName,
    pub(super) revision: String,
    pub(super) tree: Arc<dyn Tree>,
    pub(super) settings: Settings,
    pub(super) variables: Arc<Variables>,
    pub(super) elsewhere: Arc<Elsewhere>,
    pub(super) helm: Helm,
    pub(super) counters: Arc<Counters>,
    pub(super) kept: Option<Arc<KeptRenders>>,
}

impl Render {
    /// The manifests and what they rest on; what was kept is not used where they are wanted anew.
    pub(super) fn done(&self, anew: bool) -> (Result<Built, BuildError>, Arc<Basis>) {
        let parameters = format!("{} {:?}", parameters(&self.settings, &self.variables), self.helm);
        if let Some(Kept { basis, digest, objects, .. }) = self.kept(&parameters).filter(|_| !anew)
            && let Ok(built) = rebuilt(objects, digest)
        {
            tracing::debug!(kustomization = %self.name, revision = self.revision, "a kept render still holds");
            return (Ok(built), Arc::new(basis));
        }
        self.counters.rendered();
        tracing::debug!(kustomization = %self.name, revision = self.revision, "rendering");
        let means = Means { elsewhere: &self.elsewhere, helm: &self.helm };
        let (built, basis) = build(self.tree.as_ref(), &self.settings, &self.variables, &means);
        if let (Some(kept), Ok(built)) = (&self.kept, &built) {
            let objects = built.manifests.iter().map(|manifest| manifest.object().clone()).collect();
            kept.keep(&self.name, &parameters, &basis, &built.digest, objects);
        }
        (built, basis)
    }

    fn kept(&self, parameters: &str) -> Option<Kept> {
        let kept = self.kept.as_ref()?.find(&self.name, parameters, self.tree.as_ref())?;
        self.elsewhere.are_unchanged(&kept.basis.remotes).then_some(kept)
    }
}
