//! Installs a release.

use cowherd_apply::{Manifest, ManifestError};
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{Record, Status};
use cowherd_helm::{Chart, Release};
use serde_json::{Map, Value, json};

use super::super::post_render::PostRender;
use super::super::{capabilities, hooks, render};
use super::crds::{self, Policy};
use super::objects::{self, note_inventory};
use super::{Acting, ActionError, now};

/// Installs the chart with the values.
///
/// # Errors
/// Where nothing was written of it, nothing was done either, but to definitions.
pub(in super::super) async fn install(
    acting: &mut Acting<'_>,
    chart: Chart,
    values: Map<String, Value>,
) -> Result<(), ActionError> {
    let said = acting.spec.install.clone().unwrap_or_default();
    let last = acting.storage.last().await?;
    let last = last.map(|last| reusable(last, said.replace == Some(true))).transpose()?;
    crds::apply(acting, (&chart, &values), Policy::of(said.crds.as_ref())).await?;
    let revision = last.as_ref().map_or(1, |last| last.version + 1);
    // As with Helm, to templates an installation is the first revision, whatever came before it.
    let mut record = revise(acting, (chart, values), 1, false, said.disable_schema_validation == Some(true)).await?;
    record.version = revision;
    record.info.first_deployed = now();
    record.info.last_deployed.clone_from(&record.info.first_deployed);
    record.set_status(Status::PendingInstall, "Initial install underway");
    let all = objects::of_new(acting, &record).await?;
    if said.disable_take_ownership == Some(true) {
        let others = acting.site().refuse_those_of_others(&all).await;
        others.map_err(|error| named("unable to continue with install", error))?;
    }
    if said.create_namespace == Some(true) && acting.spec.target_namespace.is_some() {
        create_namespace(acting).await?;
    }
    if let Some(mut last) = last.filter(|last| last.status() != Some(Status::Failed)) {
        last.set_status(Status::Superseded, "superseded by new release");
        acting.update(&last).await?;
    }
    acting.create(&record).await?;
    note_inventory(acting, &all);
    if let Err(error) = perform(acting, &mut record, &all).await {
        let description = error.text().within(|why| format!("Release {:?} failed: {why}", record.name));
        acting.fail(&mut record, description).await;
        return Err(error);
    }
    record.set_status(Status::Deployed, "Install complete");
    acting.update(&record).await
}

/// The last record of a release that may be replaced, if it may be.
fn reusable(last: Record, replaces: bool) -> Result<Record, ActionError> {
    match last.status() {
        Some(Status::Uninstalled | Status::Failed) if replaces => Ok(last),
        _ => Err(ActionError::failed("release name check failed: cannot reuse a name that is still in use")),
    }
}

/// Renders a revision of the release.
pub(super) async fn revise(
    acting: &mut Acting<'_>,
    (chart, values): (Chart, Map<String, Value>),
    revision: i64,
    is_upgrade: bool,
    skips_schema: bool,
) -> Result<Record, ActionError> {
    let capabilities = capabilities::discover(acting.client)
        .await
        .map_err(|error| ActionError::failed(&format!("could not get apiVersions from Kubernetes: {error}")))?;
    let release = Release {
        name: acting.names.release.clone(),
        namespace: acting.names.namespace.clone(),
        revision,
        is_upgrade,
        ..Release::default()
    };
    let post_render = PostRender::of(&acting.job.name, acting.spec);
    let wanted = render::Wanted { chart, values, release, capabilities, skips_schema, post_render };
    let rendered =
        render::render(acting.context, (acting.target, acting.client), &acting.job.name.namespace, wanted).await;
    let (record, looked_up) = rendered.map_err(|error| ActionError::failed(&error))?;
    acting.job.hide_too(&looked_up);
    Ok(record)
}

async fn perform(acting: &mut Acting<'_>, record: &mut Record, all: &[Manifest]) -> Result<(), ActionError> {
    let said = acting.spec.install.clone().unwrap_or_default();
    let timeout = acting.timeout(said.timeout.as_ref());
    let runs_hooks = said.disable_hooks != Some(true);
    if runs_hooks {
        let ran = hooks::run(acting, record, HookEvent::PreInstall, timeout, &|_| true).await;
        ran.map_err(|error| named("failed pre-install", error))?;
    }
    let changes = objects::apply(acting, all).await?;
    if said.disable_wait != Some(true) {
        objects::wait(acting, all, &changes, timeout, said.disable_wait_for_jobs != Some(true)).await?;
    }
    if runs_hooks {
        let ran = hooks::run(acting, record, HookEvent::PostInstall, timeout, &|_| true).await;
        ran.map_err(|error| named("failed post-install", error))?;
    }
    Ok(())
}

/// An error with what failed before it.
pub(super) fn named(what: &str, error: ActionError) -> ActionError {
    error.within(|why| format!("{what}: {why}"))
}

/// The namespace of the release, where it is to be made.
pub(in super::super) fn namespace(name: &str) -> Result<Manifest, ManifestError> {
    let object =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "name": name } } });
    Manifest::new(object)
}

/// Makes the namespace of the release where it is missing.
async fn create_namespace(acting: &Acting<'_>) -> Result<(), ActionError> {
    let manifest = namespace(&acting.names.namespace).map_err(|error| ActionError::Failed(error.text()))?;
    let (applier, account) = (&acting.target.applier, acting.target.account.as_ref());
    let there = applier.look(manifest.versioned(), account).await.map_err(|error| ActionError::refused(&error))?;
    if there.is_none() {
        applier.apply_single(&manifest, account).await.map_err(|error| ActionError::refused(&error))?;
    }
    Ok(())
}
