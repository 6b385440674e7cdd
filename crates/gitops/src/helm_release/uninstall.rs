//! The end of a release: that of a HelmRelease that was deleted, and that of one that has another name or place by now.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::ConditionStatus::False;
use cowherd_api::flux::helm::v2::{HelmReleaseStatus, Snapshot};

use super::action::{self, Acting, ActionError, Uninstalled};
use super::conditions::{RELEASED, UNINSTALL_FAILED, UNINSTALL_SUCCEEDED};
use super::names::Names;
use super::observed::{chart, full_name, latest};
use super::perform::annotations;
use super::reconcile::Run;
use super::storage::Storage;
use super::{chart_template, owner, status as words};
use crate::Phase;
use crate::delivery::{Context, Failure, Job, Reached, act_for_account, reach, release_owner};
use crate::events::Type;
use crate::owner::status;
use crate::target::TargetError;

/// Uninstalls the release of a HelmRelease that was deleted, unless that was suspended, and lets go of it.
pub(super) async fn finalize(context: &Arc<Context>, job: &mut Job) -> Result<(), Failure> {
    if !job.owner.has_finalizer() {
        return Ok(());
    }
    job.say_why();
    let mut own = words::own(&job.status);
    if !job.owner.is_suspended {
        leave(context, job, &mut own).await?;
        if let Some(made) = own.helm_chart.take() {
            chart_template::forget(context, &job.owner, &made).await?;
        }
    }
    context.tell_concerned(context.sharing.disclaim(&job.owner));
    release_owner(context, job).await?;
    job.tell(context, Phase::Gone);
    Ok(())
}

/// Uninstalls what the status says was released.
async fn leave(context: &Arc<Context>, job: &mut Job, own: &mut HelmReleaseStatus) -> Result<(), Failure> {
    let (Some(storage), Some(newest)) = (own.storage_namespace.clone(), latest(&own.history).cloned()) else {
        return Ok(());
    };
    let target = match reach(context, job).await {
        // The release is in the cluster of before.
        Ok(Reached { is_another: true, .. }) => return Ok(()),
        Ok(Reached { target, .. }) => target,
        // As with helm-controller: nobody could ever reach it.
        Err(Failure::Target(error @ TargetError::Missing { .. })) => {
            let message = format!("the release {} stays where it is: spec.kubeConfig: {error}", full_name(&newest));
            tracing::warn!("{message}");
            job.tell_event(context, Type::Warning, UNINSTALL_FAILED, &message);
            return Ok(());
        }
        Err(Failure::Target(error)) => {
            let message = format!(
                "failed to uninstall the release {}: spec.kubeConfig: {error}. It is tried again until the cluster is reached; to let the \
                 HelmRelease go without it: spec.suspend: true",
                full_name(&newest)
            );
            return Err(Failure::because(UNINSTALL_FAILED, &message, true));
        }
        Err(failure) => return Err(failure),
    };
    if let Some(account) = target.lacks_account().await.map_err(|error| Failure::api(&error))? {
        let message = format!(
            "the release {} stays: {} does not exist any more, on whose behalf it would be uninstalled",
            full_name(&newest),
            account.user
        );
        tracing::warn!("{message}");
        job.tell_event(context, Type::Warning, UNINSTALL_FAILED, &message);
        return Ok(());
    }
    act_for_account(&target).await?;
    let client = context.targets.client_of(&target);
    let client = client.map_err(|error| Failure::because(UNINSTALL_FAILED, &error, false))?;
    let names = Names { release: newest.name.clone(), namespace: newest.namespace.clone(), storage };
    let records = Storage::new(client.clone(), &names.storage, &names.release);
    let spec = owner::spec(&job.owner);
    // Of a spec that cannot be acted on, it is known how long things may take all the same.
    let settings = job.settings.clone().unwrap_or_else(|| Arc::new(owner::least_settings(&job.name)));
    let (done, _) = {
        let mut acting = Acting {
            context,
            job: &mut *job,
            settings: &settings,
            spec: &spec,
            target: &target,
            client: &client,
            storage: &records,
            names: &names,
            written: BTreeMap::new(),
        };
        let done = action::uninstall(&mut acting).await;
        (done, acting.written)
    };
    tell(context, job, done, &newest)
}

/// Uninstalls the release that has another name or place by now, where it was.
pub(super) async fn former(run: &mut Run<'_>, names: Names) -> Result<(), Failure> {
    let newest = latest(&run.own.history).cloned().unwrap_or_default();
    let records = run.storage.of(&names.storage, &names.release);
    let done = {
        let mut acting = Acting { storage: &records, names: &names, ..run.acting() };
        action::uninstall(&mut acting).await
    };
    tell(run.context, run.job, done, &newest)
}

fn tell(
    context: &Context,
    job: &mut Job,
    done: Result<Uninstalled, ActionError>,
    about: &Snapshot,
) -> Result<(), Failure> {
    let (release, chart) = (full_name(about), chart(about));
    let message = match done {
        Ok(Uninstalled::NotFound) => format!("Release {release} was not found, assuming it is uninstalled"),
        Ok(Uninstalled::Already) => format!("Release {release} was already uninstalled"),
        Ok(Uninstalled::Now) => {
            let message = format!("Helm uninstall succeeded for release {release} with chart {chart}");
            tracing::info!("{message}");
            let more = annotations(about);
            job.tell_event_with(context, (Type::Normal, UNINSTALL_SUCCEEDED, &message), more);
            message
        }
        Err(ActionError::Superseded) => return Err(Failure::Superseded),
        Err(error) => {
            let error = error.told(&job.mask);
            let message = format!("Helm uninstall failed for release {release} with chart {chart}: {error}");
            status::conditions(&mut job.status, &job.owner).set(RELEASED, False, UNINSTALL_FAILED, &message);
            return Err(Failure::because(UNINSTALL_FAILED, &message, true));
        }
    };
    status::conditions(&mut job.status, &job.owner).set(RELEASED, False, UNINSTALL_SUCCEEDED, &message);
    Ok(())
}
