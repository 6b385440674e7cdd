//! Brings a release back to an earlier revision.

use cowherd_apply::{ChangeSet, Manifest, Propagation};
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{Info, Record, Status};

use super::super::{hooks, manifests};
use super::install::named;
use super::objects::{self, note_inventory};
use super::upgrade::clean_up;
use super::{Acting, ActionError, now};

/// Brings the release back to this revision, as a new one.
///
/// # Errors
/// Where nothing was written of it, nothing was done either.
pub(in super::super) async fn rollback(acting: &mut Acting<'_>, version: i64) -> Result<(), ActionError> {
    let said = acting.spec.rollback.clone().unwrap_or_default();
    let missing = || ActionError::failed(&format!("release has no {version} version"));
    let target = acting.storage.get(version).await?.ok_or_else(missing)?;
    let mut current = acting.storage.last().await?.ok_or_else(missing)?;
    let mut record = again(target, &current);
    let all = acting.site().of(&record).await?;
    let before = acting.site().described(&current).await?;
    acting.create(&record).await?;
    note_inventory(acting, &all);
    let mut changes = ChangeSet::default();
    let performed = perform(acting, &mut record, &all, manifests::gone(before, &all), &mut changes).await;
    if let Err((stage, error)) = performed {
        if stage == Stage::Applying {
            current.info.status = Status::Superseded.name().to_owned();
            acting.update(&current).await?;
        }
        let what = if stage == Stage::Waiting { "Release" } else { "Rollback" };
        let description = error.text().within(|why| format!("{what} {:?} failed: {why}", record.name));
        acting.fail(&mut record, description).await;
        let error = match stage {
            Stage::Waiting => named(&format!("release {} failed", record.name), error),
            Stage::Applying | Stage::Hooks => error,
        };
        if said.cleanup_on_fail == Some(true) {
            clean_up(acting, &all, &changes).await?;
        }
        return Err(error);
    }
    supersede(acting, record.version).await?;
    record.info.status = Status::Deployed.name().to_owned();
    acting.update(&record).await
}

/// Says of all revisions but this one that they are not what is there.
pub(super) async fn supersede(acting: &mut Acting<'_>, version: i64) -> Result<(), ActionError> {
    let entries = acting.storage.entries().await?;
    for entry in entries.into_iter().filter(|entry| entry.is_deployed() && entry.version != version) {
        let Some(mut deployed) = acting.storage.get(entry.version).await? else { continue };
        deployed.info.status = Status::Superseded.name().to_owned();
        acting.update(&deployed).await?;
    }
    Ok(())
}

/// The record of an earlier revision as that of a new one, after the current one.
fn again(target: Record, current: &Record) -> Record {
    let version = target.version;
    let info = Info {
        first_deployed: current.info.first_deployed.clone(),
        last_deployed: now(),
        notes: target.info.notes.clone(),
        ..Info::default()
    };
    let mut record = Record { version: current.version + 1, namespace: current.namespace.clone(), info, ..target };
    record.set_status(Status::PendingRollback, format!("Rollback to {version}"));
    record
}

/// How far a rollback was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Hooks,
    Applying,
    Waiting,
}

async fn perform(
    acting: &mut Acting<'_>,
    record: &mut Record,
    all: &[Manifest],
    stale: Vec<Manifest>,
    changes: &mut ChangeSet,
) -> Result<(), (Stage, ActionError)> {
    let said = acting.spec.rollback.clone().unwrap_or_default();
    let timeout = acting.timeout(said.timeout.as_ref());
    let runs_hooks = said.disable_hooks != Some(true);
    let of_hooks = |error| (Stage::Hooks, error);
    if runs_hooks {
        hooks::run(acting, record, HookEvent::PreRollback, timeout, &|_| true).await.map_err(of_hooks)?;
    }
    let of_applying = |error| (Stage::Applying, error);
    *changes = objects::apply(acting, all).await.map_err(of_applying)?;
    objects::remove(acting, &stale, Propagation::Background, true).await.map_err(of_applying)?;
    if said.disable_wait != Some(true) {
        let waited = objects::wait(acting, all, changes, timeout, said.disable_wait_for_jobs != Some(true)).await;
        waited.map_err(|error| (Stage::Waiting, error))?;
    }
    if runs_hooks {
        hooks::run(acting, record, HookEvent::PostRollback, timeout, &|_| true).await.map_err(of_hooks)?;
    }
    Ok(())
}
