//! What all reconciliations share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{Account, Applier, Owners};
use kube::Client;
use tokio::sync::mpsc;

use super::claims::Concerned;
use super::gate::Gate;
use super::job::COMPONENT;
use crate::budgets::Permits;
use crate::events::{Recorder, Severity};
use crate::failed::FailedRenders;
use crate::fetches::Fetches;
use crate::schedule::Signal;
use crate::{Config, Counters, Elsewhere, KeptRenders, NamespacedName, Phase, Policy, Progress};

/// What all reconciliations share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) applier: Applier,
    pub(crate) recorder: Recorder,
    pub(crate) counters: Arc<Counters>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) signals: mpsc::UnboundedSender<Signal>,
    /// One permit for each Kustomization that may be applied at the same time.
    pub(crate) applies: Permits,
    pub(crate) renders: Permits,
    pub(crate) elsewhere: Arc<Elsewhere>,
    pub(crate) fetches: Fetches,
    pub(crate) policy: Arc<Policy>,
    pub(crate) seed: Arc<[u8]>,
    pub(crate) kept: Option<Arc<KeptRenders>>,
    pub(crate) failed: Arc<FailedRenders>,
    /// Whether deletions wait that somebody may not have meant.
    pub(crate) prune_protection: bool,
    /// The revision at which nothing of that kind waits.
    pub(crate) approved: Option<String>,
    progress: Option<mpsc::UnboundedSender<Progress>>,
    notices: Option<mpsc::UnboundedSender<String>>,
    accounts: Mutex<HashMap<Account, bool>>,
}

impl Context {
    pub(crate) fn new(
        client: Client,
        applier: Applier,
        recorder: Recorder,
        fetches: Fetches,
        config: &Config,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            applier,
            recorder,
            counters: config.counters.clone(),
            gate: Arc::default(),
            signals,
            applies: config.budgets.applies.clone(),
            renders: config.budgets.renders.clone(),
            elsewhere: config.elsewhere.clone(),
            fetches,
            policy: config.policy.clone(),
            seed: config.seed.clone(),
            kept: config.kept.clone(),
            failed: Arc::default(),
            prune_protection: config.prune_protection,
            approved: config.approved.clone(),
            progress: config.progress.clone(),
            notices: config.notices.clone(),
            accounts: Mutex::default(),
        })
    }

    /// Tells whoever listens how far a Kustomization is.
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            let _ = listener.send(progress);
        }
    }

    /// Has those look at their objects again whom it concerns who else describes them.
    pub(crate) fn tell_concerned(&self, concerned: Concerned) {
        if !concerned.0.is_empty() {
            let _ = self.signals.send(Signal::Concerned(concerned));
        }
    }

    /// Tells whoever runs the agents, in the log, and by an event on the object that gave occasion to it.
    pub(crate) fn notify(&self, object: &Kustomization, reason: &str, text: String) {
        tracing::warn!(reason, text);
        self.recorder.tell(object, COMPONENT, Severity::Warning, reason, &text);
        if let Some(listener) = &self.notices {
            let _ = listener.send(text);
        }
    }

    /// The owners of objects that nobody but `pruner` may describe any more: those that are there, and so had a say.
    pub(crate) fn abandoned_by(&self, pruner: &NamespacedName) -> Owners {
        let (gate, pruner) = (self.gate.clone(), pruner.clone());
        Owners::those(move |owner, object| {
            gate.is_known(&NamespacedName::from(owner.clone())) && !gate.is_claimed_by_another(&pruner, object)
        })
    }

    /// Tells of a Kustomization that is not being applied.
    pub(crate) fn tell_phase(&self, name: &NamespacedName, revision: &str, phase: Phase) {
        let (name, revision) = (name.clone(), revision.to_owned());
        self.tell(Progress { name, revision, phase, applied: 0, changed: 0, pruned: 0, ready: 0 });
    }

    /// Whether requests can be made on behalf of the account. The answer is remembered.
    pub(crate) async fn can_act_for(&self, account: &Account) -> kube::Result<bool> {
        if let Some(known) = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(account) {
            return Ok(*known);
        }
        let answer = self.applier.can_act_for(account).await?;
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(account.clone(), answer);
        Ok(answer)
    }
}
