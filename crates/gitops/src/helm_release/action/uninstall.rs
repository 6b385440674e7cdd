//! Uninstalls a release.

use cowherd_apply::{Propagation, Unmasked};
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::Status;

use super::super::hooks;
use super::rollback::supersede;
use super::{Acting, ActionError, now, objects};

/// What became of a release that was to be uninstalled.
pub(in super::super) enum Uninstalled {
    /// There was none.
    NotFound,
    /// It was uninstalled before.
    Already,
    /// It was uninstalled now.
    Now,
}

/// Uninstalls the release.
///
/// # Errors
/// What failed; where that was after its objects were deleted, the release counts as uninstalled all the same.
pub(in super::super) async fn uninstall(acting: &mut Acting<'_>) -> Result<Uninstalled, ActionError> {
    let said = acting.spec.uninstall.clone().unwrap_or_default();
    let keeps = said.keep_history == Some(true);
    let Some(mut record) = acting.storage.last().await? else { return Ok(Uninstalled::NotFound) };
    if record.status() == Some(Status::Uninstalled) {
        if !keeps {
            purge(acting).await?;
        }
        acting.written.insert(record.version, record);
        return Ok(Uninstalled::Already);
    }
    let timeout = acting.timeout(said.timeout.as_ref());
    let runs_hooks = said.disable_hooks != Some(true);
    record.info.deleted = now();
    record.set_status(Status::Uninstalling, "Deletion in progress (or silently failed)");
    if runs_hooks {
        hooks::run(acting, &mut record, HookEvent::PreDelete, timeout, &|_| true).await?;
    }
    acting.update(&record).await?;
    let all = acting.site().described(&record).await?;
    let propagation = match said.deletion_propagation.as_deref() {
        Some("foreground") => Propagation::Foreground,
        Some("orphan") => Propagation::Orphan,
        _ => Propagation::Background,
    };
    let leaving = objects::remove(acting, &all, propagation, false).await;
    let leaving =
        leaving.map_err(|error| error.within(|why| format!("failed to delete release: {}: {why}", record.name)))?;
    let mut errors = Vec::new();
    if said.disable_wait != Some(true)
        && let Err(error) = acting.target.applier.wait_until_gone(&leaving, timeout).await
    {
        errors.push(error.text());
    }
    if runs_hooks {
        match hooks::run(acting, &mut record, HookEvent::PostDelete, timeout, &|_| true).await {
            Err(ActionError::Superseded) => return Err(ActionError::Superseded),
            Err(error) => errors.push(error.text()),
            Ok(()) => {}
        }
    }
    record.set_status(Status::Uninstalled, "Uninstallation complete");
    acting.written.insert(record.version, record.clone());
    if keeps {
        acting.update(&record).await?;
        supersede(acting, record.version).await?;
    } else {
        purge(acting).await?;
    }
    acting.job.status.inventory = None;
    match errors.as_slice() {
        [] => Ok(Uninstalled::Now),
        errors => {
            let (count, errors) = (errors.len(), Unmasked::joined(errors, "; "));
            let all = errors.within(|errors| format!("uninstallation completed with {count} error(s): {errors}"));
            Err(ActionError::Failed(all))
        }
    }
}

async fn purge(acting: &Acting<'_>) -> Result<(), ActionError> {
    for entry in acting.storage.entries().await? {
        acting.storage.delete(entry.version).await?;
    }
    Ok(())
}
