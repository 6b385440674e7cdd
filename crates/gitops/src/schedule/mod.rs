//! Decides for which owner is to be delivered when.
//!
//! One loop owns everything that is known of all owners. It is told what happens ([`Signal`]) and starts
//! tasks; it never waits for a request itself, so what one owner does can never hold up another.

mod broken;
mod compare;
mod dependencies;
mod drifts;
mod entry;
mod expressions;
mod follow;
#[cfg(test)]
mod incremental_tests;
mod jobs;
#[cfg(test)]
mod model_tests;
mod needs;
mod owners;
mod parents;
mod sources;
mod timers;
pub(crate) mod watch;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use cowherd_apply::Drift;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::delivery::{Concerned, Context, Report};
use crate::occasion::Drifted;
use crate::owner::{OwnerKind, OwnerName, Settings, SettingsError, Sighting};
use crate::policy::Unnamed;
use crate::source::{Latest, News, SourceName};
use dependencies::Acyclic;
use entry::Entry;
use expressions::{Answer, Versions};
use follow::Followed;
use parents::Asking;
use timers::Timers;

/// What can happen.
pub(crate) enum Signal {
    /// An owner was created or changed.
    Seen(Box<dyn Sighting>),
    /// An owner is gone.
    Gone(OwnerName),
    /// All owners of a kind were listed.
    Listed(&'static OwnerKind, HashSet<OwnerName>),
    /// A source has new content, or is gone.
    Source(News),
    /// It was found out which owners the new content of a source does not concern.
    Compared { source: SourceName, digest: String, results: Vec<(OwnerName, bool)> },
    /// A job is past its apply and waits for health.
    Waits(OwnerName),
    /// The status of an owner followed to a revision that does not concern it.
    Followed { name: OwnerName, uid: Option<String>, followed: Followed },
    /// It changed who else describes objects of these owners, or whose they are.
    Concerned(Concerned),
    /// The way to the cluster of these owners changed.
    Target(BTreeSet<OwnerName>),
    /// It was found out whether a dependency is ready, as an expression decides.
    Asked { name: OwnerName, uid: Option<String>, dependency: OwnerName, versions: Versions, answer: Answer },
    /// The expressions of an owner were compiled, which these settings have.
    Compiled { name: OwnerName, uid: Option<String>, settings: Arc<Settings>, compiled: Result<(), SettingsError> },
    /// An object of an owner drifted.
    Drift { owner: OwnerName, drift: Drift },
    /// A job found that its owner cannot be made; it asks to be told once nobody is about to take the owner away.
    Unmade { name: OwnerName, answer: oneshot::Sender<()> },
}

/// All that is known of all owners.
pub(crate) struct Schedule {
    context: Arc<Context>,
    /// Boxed, since a table of entries themselves has room for up to twice as many.
    entries: HashMap<OwnerName, Box<Entry>>,
    /// Owners that are gone, but for what is still under way for them.
    leaving: HashMap<OwnerName, Box<Entry>>,
    sources: HashMap<SourceName, Latest>,
    /// The kinds of owners that were not listed yet.
    unlisted: Vec<&'static OwnerKind>,
    /// Whether all owners were listed once.
    has_begun: bool,
    /// Owners that wait for others.
    blocked: HashSet<OwnerName>,
    /// Whether they are looked at once several signals were taken in, and since when that is due.
    gathers: bool,
    gathered: Option<Instant>,
    /// Which owners wait in no cycle.
    acyclic: Acyclic,
    /// By those they wait for: owners whose expressions decide whether these are ready.
    expecting: HashMap<OwnerName, HashSet<OwnerName>>,
    timers: Timers,
    jobs: JoinSet<Report>,
    /// Whose job is whose.
    workers: HashMap<Id, OwnerName>,
    /// Tasks that are short: comparisons, and status that follows.
    errands: JoinSet<()>,
    to_follow: VecDeque<OwnerName>,
    following: usize,
    unnamed: Unnamed,
    /// When status may follow although jobs are still at work.
    follow_after: Instant,
    /// By those they wait for: owners that cannot be made, and may be about to be taken away.
    asking: HashMap<OwnerName, Vec<Asking>>,
}

impl Schedule {
    /// A schedule for owners of these kinds.
    pub(crate) fn new(context: Arc<Context>, kinds: &[&'static OwnerKind]) -> Self {
        Self {
            context,
            unlisted: kinds.to_vec(),
            entries: HashMap::new(),
            leaving: HashMap::new(),
            sources: HashMap::new(),
            has_begun: false,
            blocked: HashSet::new(),
            gathers: false,
            gathered: None,
            acyclic: Acyclic::default(),
            expecting: HashMap::new(),
            timers: Timers::default(),
            jobs: JoinSet::new(),
            workers: HashMap::new(),
            errands: JoinSet::new(),
            to_follow: VecDeque::new(),
            following: 0,
            unnamed: Unnamed::default(),
            follow_after: Instant::now(),
            asking: HashMap::new(),
        }
    }

    /// Runs until nobody signals any more.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Signal>) {
        self.gathers = true;
        loop {
            let due = self.timers.next();
            tokio::select! {
                signal = inbox.recv() => match signal {
                    Some(signal) => self.take(signal),
                    None => return,
                },
                Some(ended) = self.jobs.join_next_with_id() => match ended {
                    Ok((id, report)) => {
                        self.workers.remove(&id);
                        self.finish(report);
                    }
                    Err(error) => {
                        let worker = error.id();
                        tracing::error!(error = cowherd_runtime::broken_off(error), "a reconciliation was lost");
                        self.lose(worker);
                    }
                },
                () = timers::sleep_until(due) => {}
            }
            for name in self.timers.due(Instant::now()) {
                self.consider(&name);
            }
            while let Some(ended) = self.errands.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(error = cowherd_runtime::broken_off(error), "an errand broke off");
                }
            }
            self.consider_gathered(inbox.is_empty());
            self.follow();
        }
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::Seen(seen) => self.see(seen),
            Signal::Gone(name) => self.forget(&name),
            Signal::Listed(kind, names) => {
                let of_kind = self.entries.keys().filter(|name| name.kind == kind);
                let gone: Vec<_> = of_kind.filter(|name| !names.contains(*name)).cloned().collect();
                gone.iter().for_each(|name| self.forget(name));
                self.begin(kind);
            }
            Signal::Source(News { source, latest }) => self.source(source, latest),
            Signal::Compared { source, digest, results } => self.compared(&source, &digest, results),
            Signal::Waits(name) => {
                if let Some(running) = self.entries.get_mut(&name).and_then(|entry| entry.running.as_mut()) {
                    running.waits = true;
                }
                self.consider(&name);
            }
            Signal::Followed { name, uid, followed } => self.followed(&name, uid.as_deref(), followed),
            Signal::Concerned(concerned) => self.concern(concerned),
            Signal::Target(owners) => self.lead_elsewhere(&owners),
            Signal::Asked { name, uid, dependency, versions, answer } => {
                self.asked(&name, uid.as_deref(), dependency, (versions, answer));
            }
            Signal::Compiled { name, uid, settings, compiled } => {
                self.compiled(&name, uid.as_deref(), &settings, compiled);
            }
            Signal::Drift { owner, drift } => self.drifted(&owner, drift),
            Signal::Unmade { name, answer } => self.ask(name, answer),
        }
    }

    fn lead_elsewhere(&mut self, owners: &BTreeSet<OwnerName>) {
        for name in owners {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.has_other_way = true;
                self.consider(name);
            }
        }
    }

    fn drifted(&mut self, name: &OwnerName, drift: Drift) {
        self.context.counters.drifted();
        let Some(entry) = self.entries.get_mut(name) else { return };
        if entry.settings().is_some_and(|settings| !settings.minds_drift) {
            return;
        }
        let Drift { object, cause, at, .. } = drift;
        let drifted = Drifted { object, cause, at };
        let told = entry.hidden.text(&drifted.to_string());
        tracing::info!(controller = name.kind.word(), object = %name, "drift: {told}");
        entry.drifts.note(drifted, Instant::now());
        self.consider(name);
    }
}
