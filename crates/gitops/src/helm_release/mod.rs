//! Flux's HelmRelease: an owner whose objects are a release of a chart, installed, upgraded, tested, rolled back and uninstalled
//! as Helm does it, with Helm's own records of that.
//!
//! What is to be done follows from the state alone ([`state`]): the record that Helm has of the release, what the status says was
//! last observed of it, and what the spec asks for. [`reconcile`] does one action after the other until nothing is left to do.

mod action;
mod capabilities;
mod chart;
mod chart_template;
mod conditions;
mod digest;
mod drift;
mod go;
mod hooks;
mod manifests;
mod names;
mod observed;
mod offline;
mod owner;
mod perform;
mod post_render;
mod reconcile;
mod remediation;
mod render;
mod state;
mod status;
mod storage;
mod uninstall;
mod values;

pub use offline::{ReleasePlan, Released};

use std::sync::Arc;

use cowherd_api::flux::annotations::{FINALIZER, HELM_FIELD_MANAGER, RELEASE_NAME, RELEASE_NAMESPACE};
use cowherd_api::flux::helm::v2::HelmRelease;
use cowherd_apply::Ownership;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::conditions::SOURCE_NOT_READY;
use crate::delivery::{Context, Failure, Job, Story};
use crate::owner::{Owner, OwnerKind, Settings, read};

/// The kind.
pub(crate) static KIND: OwnerKind = OwnerKind {
    group: "helm.toolkit.fluxcd.io",
    version: "v2",
    kind: "HelmRelease",
    plural: "helmreleases",
    ownership: Ownership {
        name_label: RELEASE_NAME,
        namespace_label: RELEASE_NAMESPACE,
        field_manager: HELM_FIELD_MANAGER,
        takes_over: false,
    },
    component: "helm-controller",
    status_manager: HELM_FIELD_MANAGER,
    finalizer: FINALIZER,
    minds_losses: true,
    status_fields: status::FIELDS,
    read: read::<HelmRelease>,
    write_status: status::write,
    source_field: "spec.chart or spec.chartRef",
    without_source: SOURCE_NOT_READY,
    // As with helm-controller.
    needs_latest: true,
    has_commits: false,
    story: Some(&Releases),
};

/// What is done for HelmReleases.
struct Releases;

impl Story for Releases {
    fn meet(&self, context: Arc<Context>, owner: Arc<Owner>) -> BoxFuture<'static, Result<(), Failure>> {
        async move { chart_template::keep(&context, &owner).await }.boxed()
    }

    fn bring<'a>(
        &'a self,
        context: &'a Arc<Context>,
        job: &'a mut Job,
        settings: &'a Settings,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        reconcile::reconcile(context, job, settings).boxed()
    }

    fn end<'a>(&'a self, context: &'a Arc<Context>, job: &'a mut Job) -> BoxFuture<'a, Result<(), Failure>> {
        uninstall::finalize(context, job).boxed()
    }
}
