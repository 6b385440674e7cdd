//! Decides which Kustomization is to be reconciled when.
//!
//! One loop owns everything that is known of all Kustomizations. It is told what happens ([`Signal`]) and starts
//! tasks; it never waits for a request itself, so what one Kustomization does can never hold up another.

mod compare;
mod dependencies;
mod drifts;
mod follow;
#[cfg(test)]
mod incremental_tests;
#[cfg(test)]
mod model_tests;
mod slot;
mod timers;
pub(crate) mod watch;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::{Kustomization, KustomizationStatus};
use cowherd_apply::mask::Mask;
use cowherd_apply::{Cause, Drift};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::fetched::Fetched;
use crate::kustomization::{Concerned, Context, Ended, Job, Rank, Report, Task, inventory, reconcile, without_source};
use crate::policy::Unnamed;
use crate::{NamespacedName, Phase};
use dependencies::Verdict;
use slot::{Need, Slot};
use timers::Timers;

/// How long a Kustomization may wait for its source or dependencies before that is written down: most waits are over
/// sooner.
const GRACE: Duration = Duration::from_secs(1);

/// What can happen.
pub(crate) enum Signal {
    /// A Kustomization was created or changed.
    Seen(Box<Kustomization>),
    /// A Kustomization is gone.
    Gone(NamespacedName),
    /// All Kustomizations were listed.
    Listed(HashSet<NamespacedName>),
    /// A source has new content, or is gone.
    Source(NamespacedName, Option<Arc<Fetched>>),
    /// It was found out which Kustomizations the new content of a source does not concern.
    Compared { source: NamespacedName, digest: String, results: Vec<(NamespacedName, bool)> },
    /// A job is past its apply and waits for health.
    Waits(NamespacedName),
    /// The status of a Kustomization followed to a revision that does not concern it.
    Followed { name: NamespacedName, uid: Option<String>, status: Option<Box<KustomizationStatus>> },
    /// It changed who else describes objects of these Kustomizations, or whose they are.
    Concerned(Concerned),
    /// An object drifted.
    Drift(Drift),
}

/// All that is known of all Kustomizations.
pub(crate) struct Schedule {
    context: Arc<Context>,
    slots: HashMap<NamespacedName, Slot>,
    /// Kustomizations that are gone, but for what is still under way for them.
    leaving: HashMap<NamespacedName, Slot>,
    sources: HashMap<NamespacedName, Arc<Fetched>>,
    /// Whether all Kustomizations were listed once.
    has_begun: bool,
    /// Kustomizations that wait for others.
    blocked: HashSet<NamespacedName>,
    timers: Timers,
    jobs: JoinSet<Report>,
    /// Whose job is whose.
    workers: HashMap<Id, NamespacedName>,
    /// Tasks that are short: comparisons, and status that follows.
    errands: JoinSet<()>,
    to_follow: VecDeque<NamespacedName>,
    following: usize,
    unnamed: Unnamed,
    /// When status may follow although jobs are still at work.
    follow_after: Instant,
}

impl Schedule {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            slots: HashMap::new(),
            leaving: HashMap::new(),
            sources: HashMap::new(),
            has_begun: false,
            blocked: HashSet::new(),
            timers: Timers::default(),
            jobs: JoinSet::new(),
            workers: HashMap::new(),
            errands: JoinSet::new(),
            to_follow: VecDeque::new(),
            following: 0,
            unnamed: Unnamed::default(),
            follow_after: Instant::now(),
        }
    }

    /// Runs until nobody signals any more.
    pub(crate) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Signal>) {
        loop {
            let due = self.timers.next();
            tokio::select! {
                signal = inbox.recv() => match signal {
                    Some(signal) => self.handle(signal),
                    None => return,
                },
                Some(ended) = self.jobs.join_next_with_id() => match ended {
                    Ok((id, report)) => {
                        self.workers.remove(&id);
                        self.finish(report);
                    }
                    Err(error) => {
                        tracing::error!(%error, "a reconciliation was lost");
                        self.lose(error.id());
                    }
                },
                () = timers::sleep_until(due) => {}
            }
            for name in self.timers.due(Instant::now()) {
                self.consider(&name);
            }
            while self.errands.try_join_next().is_some() {}
            self.follow();
        }
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::Seen(object) => self.see(*object),
            Signal::Gone(name) => self.forget(&name),
            Signal::Listed(names) => {
                let gone: Vec<_> = self.slots.keys().filter(|name| !names.contains(*name)).cloned().collect();
                gone.iter().for_each(|name| self.forget(name));
                self.begin();
            }
            Signal::Source(name, content) => self.source(name, content),
            Signal::Compared { source, digest, results } => self.compared(&source, &digest, results),
            Signal::Waits(name) => {
                if let Some(running) = self.slots.get_mut(&name).and_then(|slot| slot.running.as_mut()) {
                    running.waits = true;
                }
                self.consider(&name);
            }
            Signal::Followed { name, uid, status } => self.followed(&name, uid.as_deref(), status),
            Signal::Concerned(concerned) => self.concern(concerned),
            Signal::Drift(drift) => self.drifted(drift),
        }
    }

    fn see(&mut self, mut object: Kustomization) {
        let name = NamespacedName::of(&object);
        self.context.policy.complete(&mut object);
        if let Some(notice) = self.unnamed.see(&object) {
            self.context.notify(&object, "NoServiceAccount", notice);
        }
        let is_news = match self.slots.get_mut(&name) {
            Some(slot) => slot.see(object),
            None => {
                let mut slot = Slot::new(object);
                self.leaving.remove(&name).into_iter().for_each(|former| slot.succeed(former));
                let objects = inventory::read(&slot.status).into_iter().map(|object| object.id);
                self.context.gate.expect(&Rank::of(&slot.object), slot.is_suspended(), objects);
                self.slots.insert(name.clone(), slot).is_none()
            }
        };
        if is_news && self.slots.get(&name).is_some_and(Slot::is_suspended) {
            let concerned = self.context.gate.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if is_news {
            self.consider_blocked();
        }
    }

    fn forget(&mut self, name: &NamespacedName) {
        if let Some(slot) = self.slots.remove(name) {
            if let Some(running) = &slot.running {
                running.cancel.send_replace(true);
            }
            if slot.is_busy() {
                self.leaving.insert(name.clone(), slot);
            }
            let concerned = self.context.gate.disclaim(name);
            self.concern(concerned);
            self.context.tell_phase(name, "", Phase::Gone);
        }
        self.blocked.remove(name);
    }

    /// Something that was under way for a Kustomization that is gone came to its end.
    fn left(&mut self, name: &NamespacedName, note: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.leaving.get_mut(name) {
            note(slot);
            if !slot.is_busy() {
                self.leaving.remove(name);
                // It may have said what it describes after it was gone.
                let concerned = self.context.gate.disclaim(name);
                self.concern(concerned);
            }
        }
    }

    fn source(&mut self, name: NamespacedName, content: Option<Arc<Fetched>>) {
        match content {
            None => {
                self.sources.remove(&name);
            }
            Some(content) => {
                let before = self.sources.insert(name.clone(), content.clone());
                self.follow_after = Instant::now() + follow::PATIENCE;
                self.compare(&name, before, &content);
            }
        }
        for user in self.users_of(&name) {
            self.consider(&user);
        }
    }

    /// All Kustomizations are known. Only now it is clear who waits for whom, and whose objects are whose.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.has_begun, true) {
            let names: Vec<_> = self.slots.keys().cloned().collect();
            names.iter().for_each(|name| self.consider(name));
        }
    }

    fn concern(&mut self, Concerned(names): Concerned) {
        for name in names {
            if let Some(slot) = self.slots.get_mut(&name) {
                slot.is_concerned = true;
                self.consider(&name);
            }
        }
    }

    fn users_of(&self, source: &NamespacedName) -> Vec<NamespacedName> {
        self.slots.iter().filter(|(_, slot)| slot.uses(source)).map(|(name, _)| name.clone()).collect()
    }

    fn drifted(&mut self, drift: Drift) {
        self.context.counters.drifted();
        let name = NamespacedName::from(drift.owner);
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let cause = match &drift.cause {
            Cause::Deleted => "was deleted".to_owned(),
            Cause::Changed { by: Some(by) } => format!("was changed by {by:?}"),
            Cause::Changed { by: None } => "was changed".to_owned(),
        };
        tracing::info!(kustomization = %name, object = %drift.object, cause, "an object drifted");
        slot.drifts.note(drift.object, drift.cause, Instant::now());
        self.consider(&name);
    }

    fn consider_blocked(&mut self) {
        for name in self.blocked.clone() {
            self.consider(&name);
        }
    }

    /// Starts what is to be done for a Kustomization now, if anything is.
    fn consider(&mut self, name: &NamespacedName) {
        let now = Instant::now();
        let Some(slot) = self.slots.get_mut(name) else { return };
        slot.drifts.forgive(now);
        let slot = &*slot;
        let (settings, rank) = (slot.settings.clone(), Rank::of(&slot.object));
        let source = settings.as_ref().ok().and_then(|settings| self.sources.get(&settings.source)).cloned();
        let digest = source.as_ref().map(|source| source.digest.as_str());
        if let Some(running) = &slot.running {
            if slot.is_obsolete(running, digest, now) {
                running.cancel.send_replace(true);
            }
            if let Some(at) = slot.drifts.next(now) {
                self.timers.set(name, at);
            }
            return;
        }
        if slot.is_followed || !self.has_begun {
            return;
        }
        match slot.need(digest, now) {
            Need::Nothing => self.rest(name, None),
            Need::Later(at) => self.rest(name, Some(at)),
            Need::Finalize => self.start(name, source, Task::Finalize),
            Need::Apply { recheck, held } => match (settings, source) {
                (Ok(settings), _) if let Err(denied) = self.context.policy.check(name, &settings) => {
                    self.complain(name, refused(crate::conditions::ACCESS_DENIED, denied.to_string()));
                }
                (Err(error), _) => {
                    self.complain(name, refused(crate::conditions::UNSUPPORTED, error.to_string()));
                }
                (Ok(settings), None) => {
                    self.wait_or_complain(name, without_source(&settings.source.to_string()));
                }
                (Ok(settings), Some(source)) => match dependencies::check(name, &settings, &source, &self.slots) {
                    Verdict::Ready => {
                        self.unblock(name);
                        self.start(name, Some(source), Task::Apply { recheck, held });
                    }
                    Verdict::NotReady(waiting) => {
                        self.context.gate.block(rank, &settings);
                        self.blocked.insert(name.clone());
                        self.wait_or_complain(name, waiting.complaint());
                    }
                },
            },
        }
    }

    /// Nothing is to be done until a time, or until something happens; but it may be that something is to be said.
    fn rest(&mut self, name: &NamespacedName, until: Option<Instant>) {
        let now = Instant::now();
        until.into_iter().for_each(|at| self.timers.set(name, at));
        self.unblock(name);
        let Some(slot) = self.slots.get_mut(name) else { return };
        if slot.has_to_follow() {
            match slot.follow_at.filter(|at| *at > now) {
                Some(at) => self.timers.set(name, at),
                None => self.to_follow.push_back(name.clone()),
            }
        }
        let applied = !slot.is_suspended() && slot.last.as_ref().is_some_and(|last| last.succeeded);
        if let Some(held) = slot.drifts.held(now).filter(|_| applied) {
            self.complain(name, held.complaint());
        }
    }

    fn unblock(&mut self, name: &NamespacedName) {
        if self.blocked.remove(name) {
            self.context.gate.unblock(name);
        }
    }

    /// Writes down what a Kustomization waits for, unless the wait is short.
    fn wait_or_complain(&mut self, name: &NamespacedName, task: Task) {
        let now = Instant::now();
        let Some(slot) = self.slots.get_mut(name) else { return };
        let since = *slot.waiting_since.get_or_insert(now);
        if now < since + GRACE {
            self.timers.set(name, since + GRACE);
            return;
        }
        self.complain(name, task);
    }

    /// Writes down why nothing can be done, unless it was written already.
    fn complain(&mut self, name: &NamespacedName, task: Task) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let Some(at) = slot.retry_at.filter(|at| *at > Instant::now()) {
            self.timers.set(name, at);
        } else if slot.complained.as_ref() != Some(&task) {
            slot.complained = Some(task.clone());
            self.start(name, None, task);
        }
    }

    fn start(&mut self, name: &NamespacedName, source: Option<Arc<Fetched>>, task: Task) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        let source = source.unwrap_or_else(nothing);
        let settings = slot.settings.clone().ok();
        if let (Task::Apply { held, .. }, Some(settings)) = (&task, &settings) {
            self.context.gate.enter(&settings.source, name);
            // What is left alone was told already.
            slot.complained = held.as_ref().map(|held| held.complaint());
            slot.waiting_since = None;
        }
        let (cancel, basis) = slot.begin(&source.digest, &source.revision, &task);
        let job = Job {
            name: name.clone(),
            object: slot.object.clone(),
            settings,
            status: slot.status.clone(),
            source,
            task,
            cancel,
            basis,
            mask: Mask::default(),
        };
        let worker = self.jobs.spawn(reconcile(self.context.clone(), job));
        self.workers.insert(worker.id(), name.clone());
    }

    /// The task of a job ended without a report.
    fn lose(&mut self, worker: Id) {
        let Some(name) = self.workers.remove(&worker) else { return };
        match self.slots.get_mut(&name) {
            Some(slot) => {
                slot.lose(Instant::now());
                self.consider(&name);
            }
            None => self.left(&name, |slot| slot.running = None),
        }
    }

    fn finish(&mut self, report: Report) {
        let name = report.name.clone();
        let Some(slot) = self.slots.get_mut(&name) else {
            self.left(&name, |slot| slot.running = None);
            return;
        };
        if !slot.is_same(&report) {
            // The Kustomization was deleted and made again meanwhile.
            slot.running = None;
            self.consider(&name);
            return;
        }
        let is_suspended = slot.is_suspended();
        let was_apply = matches!(report.task, Task::Apply { .. });
        let ended = report.ended.clone();
        let follows = slot.end(report, Instant::now());
        if follows {
            self.to_follow.push_back(name.clone());
        }
        if was_apply && is_suspended {
            // It may have said what it describes after it was suspended.
            let concerned = self.context.gate.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if was_apply && ended == Ended::Well {
            self.consider_blocked();
        }
    }
}

/// Says why only a change of the Kustomization can help.
fn refused(reason: &'static str, message: String) -> Task {
    Task::Complain { reason, message, is_final: true, severity: crate::events::Severity::Warning }
}

/// The content of no source: jobs that apply nothing need none.
fn nothing() -> Arc<Fetched> {
    Arc::new(Fetched {
        revision: String::new(),
        digest: String::new(),
        tree: Arc::new(cowherd_tree::MemoryTree::default()),
        all: Arc::new(cowherd_tree::MemoryTree::default()),
        ignore: None,
        is_root: false,
    })
}
