//! ImageRepositories: the tags of an image, looked at again and again.

mod credentials;
mod exclusions;
mod scan;

use std::sync::Arc;

use cowherd_api::flux::image::v1::{ImageRepository, ImageRepositoryStatus};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::Means;
use super::kind::{Common, Kind, Outcome};
use crate::NamespacedName;

pub(super) use scan::asked;

impl Kind for ImageRepository {
    const NAME: &'static str = "ImageRepository";

    const COMPONENT: &'static str = "image-reflector-controller";

    const MANAGER: &'static str = "image-reflector-controller";

    const FIELDS: &'static [&'static str] = &[
        "canonicalImageName",
        "conditions",
        "lastHandledReconcileAt",
        "lastScanResult",
        "observedExclusionList",
        "observedGeneration",
    ];

    type Status = ImageRepositoryStatus;

    fn status(&self) -> ImageRepositoryStatus {
        self.status.clone().unwrap_or_default()
    }

    fn common(status: &mut ImageRepositoryStatus) -> Common<'_> {
        Common {
            conditions: &mut status.conditions,
            observed_generation: &mut status.observed_generation,
            last_handled_reconcile_at: &mut status.last_handled_reconcile_at,
        }
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    async fn reconcile(&self, means: &Means, status: ImageRepositoryStatus) -> Outcome<ImageRepositoryStatus> {
        match scan::scan(means, self, status).await {
            Ok(done) => Outcome::Done(done),
            Err(failed) => {
                means.scans.fail(&NamespacedName::of(self));
                Outcome::Failed(failed)
            }
        }
    }

    fn awakening(&self, _means: &Means) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }

    fn seen(object: &Arc<Self>, means: &Means) {
        means.scans.see(object);
    }

    fn left(name: &NamespacedName, means: &Means) {
        means.scans.leave(name);
    }

    fn listed(is_there: &dyn Fn(&NamespacedName) -> bool, means: &Means) {
        means.scans.list(is_there);
    }
}
