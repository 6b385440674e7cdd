//! What all reconciliations share.

use std::sync::Arc;

use cowherd_apply::{Assumption, Clients, Options, Owners};
use kube::Client;
use tokio::sync::mpsc;

use super::claims::Concerned;
use super::guard::{ApprovedAtStart, Begun};
use super::sharing::Sharing;
use crate::budgets::Permits;
use crate::conditions::RECONCILIATION_SUCCEEDED;
use crate::events::{self, Happened, Recorders, Type};
use crate::fetches::Fetches;
use crate::metrics::Measures;
use crate::owner::{Owner, OwnerName};
use crate::producer::FailedRenders;
use crate::schedule::Signal;
use crate::target::{Targets, TellChange, TellDrift};
use crate::wanted::Wanted;
use crate::{Config, Counters, Elsewhere, KeptRenders, Occasion, Phase, Policy, Progress, Trigger};

/// What all reconciliations share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) targets: Targets,
    pub(crate) recorder: Recorders,
    pub(crate) counters: Arc<Counters>,
    pub(crate) sharing: Arc<Sharing>,
    pub(crate) signals: mpsc::UnboundedSender<Signal>,
    pub(crate) renders: Permits,
    pub(crate) elsewhere: Arc<Elsewhere>,
    pub(crate) fetches: Fetches,
    pub(crate) policy: Arc<Policy>,
    pub(crate) seed: Arc<[u8]>,
    pub(crate) kept: Option<Arc<KeptRenders>>,
    pub(crate) failed: Arc<FailedRenders>,
    pub(crate) measures: Measures,
    /// The sources that owners name.
    pub(crate) wanted: Arc<Wanted>,
    /// Whether deletions wait that somebody may not have meant.
    pub(crate) prune_protection: bool,
    /// The approval of what waits that was given with the start.
    pub(crate) approved: Option<ApprovedAtStart>,
    /// The prunes that were approved and are not done yet.
    pub(crate) begun: Begun,
    /// What counts as ready as soon as it is applied.
    pub(crate) assumptions: Vec<Assumption>,
    progress: Option<mpsc::UnboundedSender<Progress>>,
    notices: Option<mpsc::UnboundedSender<String>>,
}

impl Context {
    pub(crate) fn new(
        clients: impl Into<Clients>,
        recorder: Recorders,
        fetches: Fetches,
        config: &Config,
        signals: mpsc::UnboundedSender<Signal>,
    ) -> Arc<Self> {
        let clients = clients.into();
        let options = Options {
            reserved: config.reserved.clone(),
            actors: config.actors.clone(),
            health: config.health.clone(),
            metrics: config.metrics.clone(),
            ..Options::default()
        };
        let tell_drift = {
            let signals = signals.clone();
            Arc::new(move |owner, drift| drop(signals.send(Signal::Drift { owner, drift })))
        };
        let tell_change = {
            let signals = signals.clone();
            Arc::new(move |owners| drop(signals.send(Signal::Target(owners))))
        };
        let tell = (tell_drift as TellDrift, tell_change as TellChange);
        let permits = (config.budgets.applies.clone(), config.budgets.renders.clone());
        Arc::new(Self {
            client: clients.own.clone(),
            targets: Targets::new(clients, options, tell, permits, config.policy.clone()),
            recorder,
            counters: config.counters.clone(),
            sharing: Arc::default(),
            signals,
            renders: config.budgets.renders.clone(),
            elsewhere: config.elsewhere.clone(),
            fetches,
            policy: config.policy.clone(),
            seed: config.seed.clone(),
            kept: config.kept.clone(),
            failed: Arc::default(),
            measures: Measures::new(&config.metrics, config.budgets.applies.total()),
            wanted: Arc::default(),
            prune_protection: config.prune_protection,
            approved: config.approved.clone().map(ApprovedAtStart::new),
            begun: Begun::default(),
            assumptions: config.assumptions.clone(),
            progress: config.progress.clone(),
            notices: config.notices.clone(),
        })
    }

    /// Tells whoever listens how far an owner is.
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            let _ = listener.send(progress);
        }
    }

    /// Has those look at their objects again whom it concerns who else describes them.
    pub(crate) fn tell_concerned(&self, concerned: Concerned) {
        if !concerned.is_empty() {
            let _ = self.signals.send(Signal::Concerned(concerned));
        }
    }

    /// Tells whoever runs the agents, in the log, and by an event on the object that gave occasion to it.
    pub(crate) fn notify(&self, owner: &Owner, reason: &str, text: String) {
        tracing::warn!(reason, "{text}");
        let (about, annotations) = (owner.reference(), events::given(owner.metadata.annotations()).collect());
        let happened = Happened { about, severity: Type::Warning, reason, message: &text, annotations };
        self.recorder.tell(owner.name.kind.component, happened);
        if let Some(listener) = &self.notices {
            let _ = listener.send(text);
        }
    }

    /// Tells whom Alerts name for it that an owner has brought the commit of a revision.
    pub(crate) fn tell_commit_status(&self, owner: &Owner, revision: &str, origin: Option<&str>, message: &str) {
        let group = owner.name.kind.group;
        let origin = origin.map(|origin| (format!("{group}/originRevision"), origin.to_owned()));
        let revision = [(format!("{group}/revision"), revision.to_owned())];
        let annotations = events::given(owner.metadata.annotations()).chain(revision).chain(origin).collect();
        let (about, reason) = (owner.reference(), RECONCILIATION_SUCCEEDED);
        let happened = Happened { about, severity: Type::Normal, reason, message, annotations };
        self.recorder.tell_commit_status(owner.name.kind.component, happened);
    }

    /// The owners of objects that nobody but `pruner` may describe any more: those that are there, and so had a say, and have
    /// not to delete them themselves.
    pub(crate) fn abandoned_by(&self, pruner: &OwnerName) -> Owners {
        let (sharing, pruner) = (self.sharing.clone(), pruner.clone());
        Owners::those(move |owner, object| {
            sharing.is_abandoned(&pruner, &OwnerName::marked(pruner.kind, owner.clone()), object)
        })
    }

    /// Tells that an owner is gone.
    pub(crate) fn tell_gone(&self, name: &OwnerName) {
        self.tell(Progress::new(name, Occasion::new(None, Trigger::Deletion), Phase::Gone));
    }
}
