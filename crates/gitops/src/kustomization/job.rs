//! A reconciliation as a thing: what it is to do, what it works on, what it tells and how it ends.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex};

use cowherd_api::flux::kustomize::v1::{Kustomization, KustomizationStatus};
use cowherd_apply::ObjectId;
use cowherd_apply::mask::Mask;
use tokio::sync::watch;

use super::failure::Failure;
use super::settings::Settings;
use super::{Context, status};
use crate::basis::Basis;
use crate::conditions::{ARTIFACT_FAILED, DRIFT_FOUGHT};
use crate::events::Severity;
use crate::fetched::Fetched;
use crate::{NamespacedName, Phase, Progress};

/// The component that events name.
pub(super) const COMPONENT: &str = "kustomize-controller";

/// One reconciliation that is to be done.
pub(crate) struct Job {
    pub(crate) name: NamespacedName,
    pub(crate) object: Arc<Kustomization>,
    pub(crate) settings: Option<Arc<Settings>>,
    /// The status as it was last written.
    pub(crate) status: KustomizationStatus,
    pub(crate) source: Arc<Fetched>,
    pub(crate) task: Task,
    /// Becomes true when something newer is to be done instead.
    pub(crate) cancel: watch::Receiver<bool>,
    /// Where it is left what the render rests on, for whoever wants to know what a new revision concerns.
    pub(crate) basis: Arc<Mutex<Option<Arc<Basis>>>>,
    /// What must not be shown of what it works with.
    pub(crate) mask: Mask,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Bring the cluster to what the Kustomization says.
    Apply {
        /// Whether to apply even what is believed to be as it should be.
        recheck: bool,
        /// What to leave alone for now.
        held: Option<Arc<Held>>,
    },
    /// The Kustomization was deleted.
    Finalize,
    /// Say why nothing can be done.
    Complain {
        /// The reason in one word.
        reason: &'static str,
        /// The reason in a sentence.
        message: String,
        /// Whether only a change of the Kustomization can help.
        is_final: bool,
        /// Whether somebody made a mistake, or just has to wait.
        severity: Severity,
    },
}

impl Task {
    /// Whether it says why nothing can be applied.
    pub(crate) fn tells_what_is_in_the_way(&self) -> bool {
        matches!(self, Self::Complain { reason, .. } if *reason != DRIFT_FOUGHT)
    }
}

/// Objects that are left as they are for now, because somebody fights for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) objects: BTreeSet<ObjectId>,
    /// What is said of it.
    pub(crate) complaint: String,
}

impl Held {
    /// Has it said by the Kustomization.
    pub(crate) fn complaint(&self) -> Task {
        let message = self.complaint.clone();
        Task::Complain { reason: DRIFT_FOUGHT, message, is_final: false, severity: Severity::Warning }
    }
}

/// What came of a reconciliation.
pub(crate) struct Report {
    pub(crate) name: NamespacedName,
    pub(crate) uid: Option<String>,
    pub(crate) generation: Option<i64>,
    pub(crate) status: KustomizationStatus,
    pub(crate) task: Task,
    pub(crate) ended: Ended,
}

/// How a reconciliation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it should.
    Well,
    /// With an error; whether trying again soon may help.
    Badly {
        /// Whether nothing in the repository has to change for it to work.
        may_pass: bool,
    },
    /// Something newer is to be done.
    Superseded,
}

/// What is told of a reconciliation while it goes on.
pub(super) struct Tale {
    pub(super) phase: Phase,
    pub(super) applied: usize,
    pub(super) changed: usize,
    pub(super) pruned: usize,
    pub(super) ready: usize,
}

impl Job {
    /// Completes when something newer is to be done.
    pub(super) fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        let mut cancel = self.cancel.clone();
        async move {
            if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn give_way(&self) -> Result<(), Failure> {
        if *self.cancel.borrow() { Err(Failure::Superseded) } else { Ok(()) }
    }

    pub(super) fn tell(&self, context: &Context, tale: &Tale) {
        context.tell(Progress {
            name: self.name.clone(),
            revision: self.source.revision.clone(),
            phase: tale.phase.clone(),
            applied: tale.applied,
            changed: tale.changed,
            pruned: tale.pruned,
            ready: tale.ready,
        });
    }

    /// What people are told: without the values of Secrets. What is written, told or logged passes here.
    pub(super) fn say(&self, what: &impl Display) -> String {
        self.mask.text(&what.to_string())
    }

    pub(super) fn tell_event(&self, context: &Context, severity: Severity, reason: &str, message: &str) {
        if !message.is_empty() {
            context.recorder.tell(self.object.as_ref(), COMPONENT, severity, reason, &self.say(&message));
        }
    }

    pub(super) async fn write_status(&mut self, context: &Context) -> Result<(), Failure> {
        for condition in &mut self.status.conditions {
            condition.message = self.mask.text(&condition.message);
        }
        let written = status::write(&context.client, &context.counters, &self.name, &self.status).await;
        written.map_err(|error| Failure::api(&error))
    }
}

/// What a Kustomization without its source says.
pub(crate) fn without_source(name: &str) -> Task {
    let message = format!("Source 'GitRepository/{name}' has no artifact yet; it is applied as soon as it has one");
    Task::Complain { reason: ARTIFACT_FAILED, message, is_final: false, severity: Severity::Normal }
}
