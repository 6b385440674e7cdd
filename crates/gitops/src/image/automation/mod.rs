//! ImageUpdateAutomations: what ImagePolicies chose is written into files of a Git repository.

mod files;
mod plan;
mod reconcile;
mod refspec;
mod signing;
mod work;

use cowherd_api::flux::image::v1::{ImageUpdateAutomation, ImageUpdateAutomationStatus};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::ResourceExt as _;

use super::Means;
use super::kind::{Common, Kind, Outcome};

impl Kind for ImageUpdateAutomation {
    const NAME: &'static str = "ImageUpdateAutomation";

    const COMPONENT: &'static str = "image-automation-controller";

    const MANAGER: &'static str = "image-automation-controller";

    const FIELDS: &'static [&'static str] = &[
        "conditions",
        "lastAutomationRunTime",
        "lastHandledReconcileAt",
        "lastPushCommit",
        "lastPushTime",
        "observedGeneration",
        "observedPolicies",
        "observedSourceRevision",
    ];

    type Status = ImageUpdateAutomationStatus;

    fn status(&self) -> ImageUpdateAutomationStatus {
        self.status.clone().unwrap_or_default()
    }

    fn common(status: &mut ImageUpdateAutomationStatus) -> Common<'_> {
        Common {
            conditions: &mut status.conditions,
            observed_generation: &mut status.observed_generation,
            last_handled_reconcile_at: &mut status.last_handled_reconcile_at,
        }
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    async fn reconcile(
        &self,
        means: &Means,
        status: ImageUpdateAutomationStatus,
    ) -> Outcome<ImageUpdateAutomationStatus> {
        match reconcile::reconcile(means, self, status).await {
            Ok(Some(done)) => Outcome::Done(done),
            Ok(None) => Outcome::NotYet,
            Err(failed) => Outcome::Failed(failed),
        }
    }

    fn awakening(&self, means: &Means) -> BoxFuture<'static, ()> {
        let chosen = means.choices.change(&self.namespace().unwrap_or_default());
        let source = plan::source(self);
        let repository = means.shared.nudges.respecified(&source);
        async move {
            tokio::select! {
                () = chosen => {}
                () = repository => {}
            }
        }
        .boxed()
    }
}
