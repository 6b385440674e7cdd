//! Brings the objects of a revision to the cluster, and takes away what it left out.

use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::{Account, Applier, ChangeSet, Desired, Manifest, Partial, Propagation, Unmasked, Versioned};
use cowherd_helm::release::record::Record;
use serde_json::Value;

use super::super::names::Names;
use super::super::{hooks, manifests};
use super::{Acting, ActionError};
use crate::delivery::observe;
use crate::owner::Inventory;

/// Where the objects of a release are, and on whose behalf they are looked at.
#[derive(Clone, Copy)]
pub(in super::super) struct Site<'a> {
    pub(in super::super) applier: &'a Applier,
    pub(in super::super) account: Option<&'a Account>,
    pub(in super::super) names: &'a Names,
}

impl Site<'_> {
    /// The objects of a record as they are applied: in the namespace of the release, and marked as its own.
    pub(in super::super) async fn of(&self, record: &Record) -> Result<Vec<Manifest>, ActionError> {
        let mut objects = self.described(record).await?;
        manifests::mark(&mut objects, self.names);
        Ok(objects)
    }

    /// The objects that a record describes, in the namespace of the release where they name none.
    pub(in super::super) async fn described(&self, record: &Record) -> Result<Vec<Manifest>, ActionError> {
        let mut objects = manifests::read(&record.manifest).map_err(ActionError::Failed)?;
        let namespace = Some(self.names.namespace.as_str());
        let identified = self.applier.identify(&mut objects, namespace).await;
        identified.map_err(|error| ActionError::refused(&error))?;
        Ok(objects)
    }

    /// Refuses objects that are there, and that are not marked as those of the release.
    pub(in super::super) async fn refuse_those_of_others(&self, objects: &[Manifest]) -> Result<(), ActionError> {
        for object in objects {
            let live = self.applier.look(object.versioned(), self.account).await;
            let Some(live) = live.map_err(|error| ActionError::refused(&error))? else { continue };
            manifests::check_mark(&live, self.names).map_err(|wrong| {
                let id = object.id();
                let name = format!("{} {:?} in namespace {:?}", id.kind, id.name, id.namespace);
                ActionError::failed(&format!("{name} exists and cannot be imported into the current release: {wrong}"))
            })?;
        }
        Ok(())
    }
}

/// Whether an object that is there goes with the release of these names: it is its own, and does not ask to stay.
pub(in super::super) fn goes(names: &Names) -> impl Fn(&Value) -> bool + use<> {
    let names = names.clone();
    move |live| !manifests::stays(live) && manifests::check_mark(live, &names).is_ok()
}

/// The objects of a new record. Where the cluster does not know a kind of them, nothing is begun: it is tried again until it does.
pub(super) async fn of_new(acting: &Acting<'_>, record: &Record) -> Result<Vec<Manifest>, ActionError> {
    let objects = acting.site().of(record).await?;
    acting.target.applier.check_served(&objects).await.map_err(|error| {
        let what = "unable to build kubernetes objects from release manifest";
        ActionError::Failed(error.text().within(|error| format!("{what}: {error}")))
    })?;
    Ok(objects)
}

/// Applies the objects. Nothing newer breaks this off, since the record of the release says already that they are being applied.
pub(in super::super) async fn apply(acting: &mut Acting<'_>, objects: &[Manifest]) -> Result<ChangeSet, ActionError> {
    let permit = acting.target.applies.acquire(&acting.job.name.namespace).await;
    acting.job.progress.described = objects.len();
    acting.job.tell(acting.context, crate::Phase::Applying);
    let desired = Desired {
        owner: Arc::new(acting.job.name.mark()),
        manifests: objects.to_vec(),
        force: acting.settings.force,
        // Releases are applied as a whole: of drift nothing is told unless that is asked for.
        recheck: true,
        held: Default::default(),
        others: Default::default(),
        account: acting.target.account.clone(),
        timeout: acting.settings.timeout,
    };
    let applied = acting.target.applier.apply(&desired).await;
    drop(permit);
    match applied {
        Ok(changes) => {
            acting.context.counters.applied(&changes);
            acting.job.note(&changes);
            acting.job.sight = acting.target.applier.sight(changes.iter().map(|change| &change.object.id));
            Ok(changes)
        }
        Err(Partial { error, changes, .. }) => {
            acting.context.counters.applied(&changes);
            acting.job.note(&changes);
            Err(ActionError::refused(&error))
        }
    }
}

/// Waits until the objects are ready, and their Jobs done where those are waited for.
pub(super) async fn wait(
    acting: &mut Acting<'_>,
    objects: &[Manifest],
    changes: &ChangeSet,
    timeout: Duration,
    waits_for_jobs: bool,
) -> Result<(), ActionError> {
    let ready =
        observe::until_ready(acting.context, acting.target, acting.job, acting.settings, (changes, objects), timeout);
    ready.await.map_err(|failure| ActionError::of(&failure))?;
    if !waits_for_jobs {
        return Ok(());
    }
    let jobs: Vec<Manifest> = objects.iter().filter(|object| object.id().kind == "Job").cloned().collect();
    hooks::until_done(acting, &jobs, timeout).await
}

/// Deletes objects of the release, but for those that ask to stay. What another release has by now stays, too, and so does what may
/// not be seen where that is no failure.
pub(super) async fn remove(
    acting: &mut Acting<'_>,
    objects: &[Manifest],
    propagation: Propagation,
    leaves_unseen: bool,
) -> Result<Vec<cowherd_apply::Expectation>, ActionError> {
    let goes = goes(acting.names);
    let mut ordered: Vec<&Versioned> =
        objects.iter().filter(|object| !manifests::stays(object.object())).map(Manifest::versioned).collect();
    ordered.sort_by(|a, b| cowherd_apply::order::compare(&b.id, &a.id));
    let (mut leaving, mut errors) = (Vec::new(), Vec::new());
    let mut changes = ChangeSet::default();
    for object in ordered {
        let applier = &acting.target.applier;
        match applier.delete_single(object, acting.target.account.as_ref(), propagation, &goes).await {
            Ok(Some(gone)) => {
                changes.push(object.clone(), cowherd_apply::Action::Deleted);
                leaving.push(gone);
            }
            Ok(None) => {}
            // What may not even be seen was not made on behalf of who acts, as Helm has it: it is no part of the next revision.
            Err(error) if leaves_unseen && error.is_unseen() => {}
            Err(error) => errors.push(error.text()),
        }
    }
    acting.job.note(&changes);
    if errors.is_empty() { Ok(leaving) } else { Err(ActionError::Failed(Unmasked::joined(&errors, "; "))) }
}

/// Writes the objects of a revision into the inventory.
pub(super) fn note_inventory(acting: &mut Acting<'_>, objects: &[Manifest]) {
    let objects: Vec<Versioned> = objects.iter().map(|object| object.versioned().clone()).collect();
    acting.job.status.inventory = Some(Inventory::of(&objects));
}
