//! Upgrades a release.

use cowherd_apply::{Action, ChangeSet, Manifest, Propagation};
use cowherd_helm::Chart;
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{Record, Status};
use serde_json::{Map, Value};

use super::super::storage::Entry;
use super::super::{hooks, manifests};
use super::crds::{self, Policy};
use super::install::{named, revise};
use super::objects::{self, note_inventory};
use super::{Acting, ActionError, now};

/// Brings the release to the chart with the values.
///
/// # Errors
/// Where nothing was written of it, nothing was done either, but to definitions.
pub(in super::super) async fn upgrade(
    acting: &mut Acting<'_>,
    chart: Chart,
    values: Map<String, Value>,
) -> Result<(), ActionError> {
    let said = acting.spec.upgrade.clone().unwrap_or_default();
    crds::apply(acting, (&chart, &values), Policy::of(said.crds.as_ref())).await?;
    let (mut current, last) = current(acting).await?;
    let revision = last + 1;
    let mut record =
        revise(acting, (chart, values), revision, true, said.disable_schema_validation == Some(true)).await?;
    record.info.first_deployed.clone_from(&current.info.first_deployed);
    record.info.last_deployed = now();
    record.set_status(Status::PendingUpgrade, "Preparing upgrade");
    let all = objects::of_new(acting, &record).await?;
    let before = acting.site().described(&current).await?;
    if said.disable_take_ownership == Some(true) {
        let new = manifests::gone(all.clone(), &before);
        let others = acting.site().refuse_those_of_others(&new).await;
        others.map_err(|error| named("unable to continue with update", error))?;
    }
    acting.create(&record).await?;
    note_inventory(acting, &all);
    let mut changes = ChangeSet::default();
    let performed = perform(acting, &mut record, &all, manifests::gone(before, &all), &mut changes).await;
    if let Err(error) = performed {
        let description = error.text().within(|why| format!("Upgrade {:?} failed: {why}", record.name));
        acting.fail(&mut record, description).await;
        if said.cleanup_on_fail == Some(true) {
            clean_up(acting, &all, &changes).await?;
        }
        return Err(error);
    }
    if current.version != record.version {
        current.info.status = Status::Superseded.name().to_owned();
        acting.update(&current).await?;
    }
    record.set_status(Status::Deployed, "Upgrade complete");
    acting.update(&record).await
}

/// The record of what is there, and the last revision.
async fn current(acting: &Acting<'_>) -> Result<(Record, i64), ActionError> {
    let entries = acting.storage.entries().await?;
    let none = || ActionError::failed(&format!("{:?} has no deployed releases", acting.names.release));
    let current = what_is_there(&entries)?.ok_or_else(none)?;
    let record = acting.storage.get(current).await?.ok_or_else(none)?;
    Ok((record, entries.last().map_or(current, |last| last.version)))
}

/// The revision of what is there: the one that is deployed, or, where none is, the last that failed.
pub(in super::super) fn what_is_there(entries: &[Entry]) -> Result<Option<i64>, ActionError> {
    let Some(last) = entries.last() else { return Ok(None) };
    if last.status.is_some_and(Status::is_pending) {
        return Err(ActionError::failed("another operation (install/upgrade/rollback) is in progress"));
    }
    let deployed = entries.iter().rev().find(|entry| entry.is_deployed());
    let may_be_last = matches!(last.status, Some(Status::Failed | Status::Superseded));
    Ok(deployed.or(may_be_last.then_some(last)).map(|entry| entry.version))
}

async fn perform(
    acting: &mut Acting<'_>,
    record: &mut Record,
    all: &[Manifest],
    stale: Vec<Manifest>,
    changes: &mut ChangeSet,
) -> Result<(), ActionError> {
    let said = acting.spec.upgrade.clone().unwrap_or_default();
    let timeout = acting.timeout(said.timeout.as_ref());
    let runs_hooks = said.disable_hooks != Some(true);
    if runs_hooks {
        let ran = hooks::run(acting, record, HookEvent::PreUpgrade, timeout, &|_| true).await;
        ran.map_err(|error| named("pre-upgrade hooks failed", error))?;
    }
    *changes = objects::apply(acting, all).await?;
    objects::remove(acting, &stale, Propagation::Background, true).await?;
    if said.disable_wait != Some(true) {
        objects::wait(acting, all, changes, timeout, said.disable_wait_for_jobs != Some(true)).await?;
    }
    if runs_hooks {
        let ran = hooks::run(acting, record, HookEvent::PostUpgrade, timeout, &|_| true).await;
        ran.map_err(|error| named("post-upgrade hooks failed", error))?;
    }
    Ok(())
}

/// Deletes what an action made that failed.
pub(super) async fn clean_up(
    acting: &mut Acting<'_>,
    all: &[Manifest],
    changes: &ChangeSet,
) -> Result<(), ActionError> {
    let is_made = |object: &&Manifest| {
        changes.iter().any(|change| change.action == Action::Created && change.object.id == *object.id())
    };
    let made: Vec<Manifest> = all.iter().filter(is_made).cloned().collect();
    let removed = objects::remove(acting, &made, Propagation::Background, true).await;
    removed.map(drop).map_err(|error| named("an error occurred while cleaning up resources", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_what_was_deployed_or_failed_last() {
        let of = |statuses: &[&str]| {
            let statuses = statuses.iter().map(|name| Status::named(name)).zip(1..);
            let entries: Vec<Entry> = statuses.map(|(status, version)| Entry { version, status }).collect();
            what_is_there(&entries).map_err(|error| error.told(&Default::default()))
        };
        assert_eq!(of(&["superseded", "deployed"]), Ok(Some(2)));
        assert_eq!(of(&["superseded", "deployed", "failed"]), Ok(Some(2)));
        assert_eq!(of(&["superseded", "failed"]), Ok(Some(2)));
        assert_eq!(of(&["superseded", "uninstalled"]), Ok(None));
        assert_eq!(of(&[]), Ok(None));
        assert!(of(&["deployed", "pending-upgrade"]).unwrap_err().contains("is in progress"));
    }
}
