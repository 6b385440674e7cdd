//! Brings a release back to an earlier revision.

use cowherd_apply::{ChangeSet, Manifest, Propagation};
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{Info, Record, Status};

use super::super::{hooks, manifests};
use super::objects::{self, note_inventory};
use super::upgrade::clean_up;
use super::{Acting, ActionError, now};

/// Under which name a record says which revision it was rolled back to.
const REVISION: &str = "rollback_revision";

/// Brings the release back to this revision, as a new one.
///
/// # Errors
/// Where nothing was written of it, nothing was done either.
pub(in super::super) async fn rollback(acting: &mut Acting<'_>, version: i64) -> Result<(), ActionError> {
    let said = acting.spec.rollback.clone().unwrap_or_default();
    let history = acting.storage.history().await?;
    let missing = || ActionError::Failed(format!("release has no {version} version"));
    let target = history.iter().find(|record| record.version == version).ok_or_else(missing)?;
    let mut current = history.last().cloned().ok_or_else(missing)?;
    let mut record = again(target, &current);
    let all = objects::of(acting, &record).await?;
    let before = objects::described(acting, &current).await?;
    acting.create(&record).await?;
    note_inventory(acting, &all);
    let mut changes = ChangeSet::default();
    if let Err(error) = perform(acting, &mut record, &all, manifests::gone(before, &all), &mut changes).await {
        let description = format!("Rollback {:?} failed: {error}", record.name);
        current.info.status = Status::Superseded.name().to_owned();
        acting.update(&current).await?;
        acting.fail(&mut record, description).await;
        if said.cleanup_on_fail == Some(true) {
            clean_up(acting, &all, &changes).await?;
        }
        return Err(error);
    }
    for mut deployed in history.into_iter().filter(|record| record.status() == Some(Status::Deployed)) {
        deployed.info.status = Status::Superseded.name().to_owned();
        acting.update(&deployed).await?;
    }
    record.info.status = Status::Deployed.name().to_owned();
    acting.update(&record).await
}

/// The record of an earlier revision as that of a new one, after the current one.
fn again(target: &Record, current: &Record) -> Record {
    let mut info = Info {
        first_deployed: current.info.first_deployed.clone(),
        last_deployed: now(),
        notes: target.info.notes.clone(),
        ..Info::default()
    };
    info.others.insert(REVISION.to_owned(), target.version.into());
    let mut record =
        Record { version: current.version + 1, namespace: current.namespace.clone(), info, ..target.clone() };
    record.set_status(Status::PendingRollback, format!("Rollback to {}", target.version));
    record
}

async fn perform(
    acting: &mut Acting<'_>,
    record: &mut Record,
    all: &[Manifest],
    stale: Vec<Manifest>,
    changes: &mut ChangeSet,
) -> Result<(), ActionError> {
    let said = acting.spec.rollback.clone().unwrap_or_default();
    let timeout = acting.timeout(said.timeout.as_ref());
    let runs_hooks = said.disable_hooks != Some(true);
    if runs_hooks {
        hooks::run(acting, record, HookEvent::PreRollback, timeout, &|_| true).await?;
    }
    *changes = objects::apply(acting, all).await?;
    objects::remove(acting, &stale, Propagation::Background, true).await?;
    if said.disable_wait != Some(true) {
        objects::wait(acting, all, changes, timeout, said.disable_wait_for_jobs != Some(true)).await?;
    }
    if runs_hooks {
        hooks::run(acting, record, HookEvent::PostRollback, timeout, &|_| true).await?;
    }
    Ok(())
}
