//! What can be done to a release: each action as Helm does it, with Helm's records of how far it is.

mod crds;
mod install;
mod objects;
mod rollback;
mod test;
mod uninstall;
mod upgrade;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::helm::v2::HelmReleaseSpec;
use cowherd_apply::mask::Mask;
use cowherd_apply::{ApplyError, Unmasked};
use cowherd_helm::release::record::{Record, Status};
use jiff::Timestamp;
use kube::Client;

use super::names::Names;
use super::storage::{Storage, StorageError};
use crate::delivery::{Context, Failure, Job};
use crate::owner::Settings;
use crate::target::Target;

pub(super) use crds::{Policy, definitions};
pub(super) use install::{install, namespace};
pub(super) use objects::{Site, apply, goes};
pub(super) use rollback::rollback;
pub(super) use test::{is_selected, test};
pub(super) use uninstall::{Uninstalled, uninstall};
pub(super) use upgrade::{upgrade, what_is_there};

/// How many revisions are kept where nothing is said of that.
const HISTORY: i32 = 5;

/// Whom an action is done for, and by what means.
pub(super) struct Acting<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) job: &'a mut Job,
    pub(super) settings: &'a Settings,
    pub(super) spec: &'a HelmReleaseSpec,
    pub(super) target: &'a Target,
    /// The client of who acts.
    pub(super) client: &'a Client,
    pub(super) storage: &'a Storage,
    pub(super) names: &'a Names,
    /// The records that were written, as they were last, by their revision.
    pub(super) written: BTreeMap<i64, Record>,
}

/// Why an action came to nothing.
#[derive(Debug)]
pub(super) enum ActionError {
    /// Something newer is to be done.
    Superseded,
    /// It failed.
    Failed(Unmasked),
}

cowherd_apply::cannot_be_displayed!(ActionError);

impl ActionError {
    pub(super) fn failed(error: &(impl Display + ?Sized)) -> Self {
        Self::Failed(Unmasked::of(error))
    }

    /// What a cluster refused.
    pub(super) fn refused(error: &ApplyError) -> Self {
        Self::Failed(error.text())
    }

    pub(super) fn of(failure: &Failure) -> Self {
        if failure.is_superseded() { Self::Superseded } else { Self::Failed(failure.text()) }
    }

    /// What it says, as it is.
    pub(super) fn text(&self) -> Unmasked {
        match self {
            Self::Superseded => Unmasked::of("it was broken off, since something newer is to be done"),
            Self::Failed(why) => why.clone(),
        }
    }

    /// What people are told.
    pub(super) fn told(&self, mask: &Mask) -> String {
        self.text().told(mask)
    }

    /// The same with what is said of a failure within other text.
    pub(super) fn within(self, text: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Superseded => Self::Superseded,
            Self::Failed(why) => Self::Failed(why.within(text)),
        }
    }
}

impl From<StorageError> for ActionError {
    fn from(error: StorageError) -> Self {
        Self::failed(&error)
    }
}

impl Acting<'_> {
    /// Where the objects of the release are.
    pub(super) fn site(&self) -> Site<'_> {
        Site { applier: &self.target.applier, account: self.target.account.as_ref(), names: self.names }
    }

    /// Keeps a new record.
    pub(super) async fn create(&mut self, record: &Record) -> Result<(), ActionError> {
        let most = usize::try_from(self.spec.max_history.unwrap_or(HISTORY)).unwrap_or_default();
        self.storage.create(record, most).await?;
        self.written.insert(record.version, record.clone());
        Ok(())
    }

    /// Keeps what became of a record.
    pub(super) async fn update(&mut self, record: &Record) -> Result<(), ActionError> {
        self.storage.update(record).await?;
        self.written.insert(record.version, record.clone());
        Ok(())
    }

    /// Writes down that the action of the record failed. Where that cannot be written either, it is known already that it failed.
    pub(super) async fn fail(&mut self, record: &mut Record, description: Unmasked) {
        let description = description.told(&self.job.mask);
        record.set_status(Status::Failed, description);
        if let Err(error) = self.update(record).await {
            tracing::warn!(error = error.told(&self.job.mask), "the record of a release could not be written");
        }
    }

    /// How long an action, which may say so itself, may take.
    pub(super) fn timeout(&self, said: Option<&cowherd_api::Duration>) -> Duration {
        timeout(said, self.settings)
    }
}

/// How long an action, which may say so itself, may take.
pub(super) fn timeout(said: Option<&cowherd_api::Duration>, settings: &Settings) -> Duration {
    said.and_then(|said| said.parse().ok()).unwrap_or(settings.timeout)
}

/// The time, as records have it.
pub(super) fn now() -> String {
    Timestamp::now().to_string()
}
