//! ImagePolicies: which of the tags of an ImageRepository is the latest.

mod access;
mod choose;

use std::sync::Arc;

use cowherd_api::flux::image::v1::{ImagePolicy, ImagePolicyStatus};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::ResourceExt as _;

use super::Means;
use super::kind::{Common, Kind, Outcome};
use crate::NamespacedName;

impl Kind for ImagePolicy {
    const NAME: &'static str = "ImagePolicy";

    const COMPONENT: &'static str = "image-reflector-controller";

    const MANAGER: &'static str = "image-reflector-controller";

    const FIELDS: &'static [&'static str] =
        &["conditions", "lastHandledReconcileAt", "latestRef", "observedGeneration", "observedPreviousRef"];

    type Status = ImagePolicyStatus;

    fn status(&self) -> ImagePolicyStatus {
        self.status.clone().unwrap_or_default()
    }

    fn common(status: &mut ImagePolicyStatus) -> Common<'_> {
        Common {
            conditions: &mut status.conditions,
            observed_generation: &mut status.observed_generation,
            last_handled_reconcile_at: &mut status.last_handled_reconcile_at,
        }
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend == Some(true)
    }

    async fn reconcile(&self, means: &Means, status: ImagePolicyStatus) -> Outcome<ImagePolicyStatus> {
        match choose::choose(means, self, status).await {
            Ok(Some(done)) => Outcome::Done(done),
            Ok(None) => Outcome::NotYet,
            Err(failed) => Outcome::Failed(failed),
        }
    }

    fn awakening(&self, means: &Means) -> BoxFuture<'static, ()> {
        let mut latest = means.scans.follow(&repository(self));
        async move {
            // What is followed is held, so that it never ends.
            if latest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn seen(object: &Arc<Self>, means: &Means) {
        means.choices.see(object);
    }

    fn left(name: &NamespacedName, means: &Means) {
        means.choices.leave(name);
    }

    fn listed(is_there: &dyn Fn(&NamespacedName) -> bool, means: &Means) {
        means.choices.list(is_there);
    }
}

/// The ImageRepository that a policy names.
fn repository(object: &ImagePolicy) -> NamespacedName {
    let reference = &object.spec.image_repository_ref;
    let given = reference.namespace.clone().filter(|namespace| !namespace.is_empty());
    NamespacedName::new(given.unwrap_or_else(|| object.namespace().unwrap_or_default()), reference.name.clone())
}
