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
mod foresee;
mod go;
mod hooks;
mod manifests;
mod names;
mod noting;
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
use cowherd_api::flux::helm::v2::{HelmRelease, ValuesReference};
use cowherd_apply::{Diff, ObjectId, Ownership};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use serde_json::Value;

use crate::conditions::SOURCE_NOT_READY;
use crate::delivery::{Context, Deed, Failure, Job, PreviewError, Previewed, Prospect, Story};
use crate::owner::{Owner, OwnerKind, Settings, Status, read};
use crate::source::{Artifact, SourceName, helm_chart};

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
    relinquishes: false,
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

    fn foresee_source<'a>(
        &'a self,
        client: &'a Client,
        owner: &'a Owner,
    ) -> BoxFuture<'a, Result<Option<(SourceName, &'static str, Value)>, String>> {
        async move {
            let made = chart_template::foreseen(client, owner).await.map_err(|error| error.to_string())?;
            Ok(made.map(|(name, object)| (SourceName { kind: helm_chart::KIND, name }, "helmcharts", object)))
        }
        .boxed()
    }

    fn made_of(&self, owner: &Owner) -> Vec<ObjectId> {
        let spec = owner::spec(owner);
        let id = |reference: &ValuesReference| ObjectId {
            group: String::new(),
            kind: reference.kind.clone(),
            namespace: owner.name.namespace.clone(),
            name: reference.name.clone(),
        };
        spec.values_from.iter().map(id).collect()
    }

    fn foresee<'a>(
        &'a self,
        prospect: &'a Prospect,
        owner: (&'a Owner, &'a Status),
        settings: &'a Settings,
        content: &'a Arc<Artifact>,
    ) -> BoxFuture<'a, Result<Previewed, PreviewError>> {
        foresee::foresee(prospect, owner, settings, content).boxed()
    }

    fn foresee_end<'a>(
        &'a self,
        prospect: &'a Prospect,
        owner: (&'a Owner, &'a Status),
    ) -> BoxFuture<'a, Result<(Option<Deed>, Vec<Diff>), PreviewError>> {
        foresee::foresee_end(prospect, owner).boxed()
    }
}
