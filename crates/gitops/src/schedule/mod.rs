//! Decides for which owner is to be delivered when.
//!
//! One loop owns everything that is known of all owners. It is told what happens ([`Signal`]) and starts
//! tasks; it never waits for a request itself, so what one owner does can never hold up another.

mod compare;
mod dependencies;
mod drifts;
mod entry;
mod follow;
#[cfg(test)]
mod incremental_tests;
#[cfg(test)]
mod model_tests;
mod parents;
mod timers;
pub(crate) mod watch;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::{Drift, Sight};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use crate::delivery::{
    Concerned, Context, Ended, Job, Rank, Report, Silence, Task, deliver, has_waiting, no_such_source, without_artifact,
};
use crate::occasion::Drifted;
use crate::owner::{OwnerKind, OwnerName, Sighting};
use crate::policy::Unnamed;
use crate::source::{Artifact, Latest, News, SourceName};
use crate::{Occasion, Phase, Progress, Trigger};
use dependencies::Verdict;
use entry::{Entry, Need};
use follow::Followed;
use parents::Asking;
use timers::Timers;

/// How long an owner may wait for its source or dependencies before that is written down: most waits are over
/// sooner.
const GRACE: Duration = Duration::from_secs(1);

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
            Signal::Drift { owner, drift } => self.drifted(&owner, drift),
            Signal::Unmade { name, answer } => self.ask(name, answer),
        }
    }

    fn see(&mut self, seen: Box<dyn Sighting>) {
        let name = seen.name();
        let known = self.entries.get(&name).map(|entry| entry.owner.as_ref());
        let (mut owner, mut status) = seen.read(known);
        let was_known = self.entries.contains_key(&name);
        let is_other = self.entries.get(&name).is_none_or(|entry| entry.owner.uid() != owner.uid());
        let remains = is_other.then(|| self.context.sharing.remains(&name)).flatten();
        let comes_back = remains.is_some();
        if let Some(remains) = remains.filter(|_| status.inventory.is_none()) {
            status = remains;
        }
        self.context.policy.complete(&mut owner);
        if let Ok(settings) = &owner.settings {
            self.context.wanted.note(&settings.source);
        }
        if let Some(notice) = self.unnamed.see(&owner) {
            self.context.notify(&owner, "NoServiceAccount", notice);
        }
        let is_news = match self.entries.get_mut(&name) {
            Some(entry) => entry.see(owner, status),
            None => {
                let mut entry = Box::new(Entry::new(owner, status));
                self.leaving.remove(&name).into_iter().for_each(|former| entry.succeed(*former));
                self.entries.insert(name.clone(), entry).is_none()
            }
        };
        if !was_known || comes_back {
            self.expect(&name, comes_back);
        }
        if let Some(entry) = self.entries.get(&name) {
            let is_observed = entry.status.observed_generation == entry.owner.generation();
            let concerned = self.context.sharing.meet(&entry.owner, is_news, is_observed);
            self.concern(concerned);
        }
        if is_news && self.entries.get(&name).is_some_and(|entry| entry.is_suspended()) {
            let concerned = self.context.sharing.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if is_news {
            self.consider_blocked();
        }
    }

    /// What an owner that is met for the first time had, by its status or as a former one has left it behind, is its own until it has
    /// said what it describes.
    fn expect(&mut self, name: &OwnerName, comes_back: bool) {
        let Some(entry) = self.entries.get(name) else { return };
        let (rank, is_suspended) = (Rank::of(&entry.owner), entry.is_suspended());
        // What is in another cluster is nobody's here.
        let is_here = entry.owner.elsewhere.is_none();
        let objects = entry.status.objects().into_iter().filter(|_| is_here).map(|object| object.id);
        let concerned = match comes_back {
            true => self.context.sharing.go_on(&rank, is_suspended, objects),
            false => {
                self.context.sharing.expect(&rank, is_suspended, objects);
                Concerned::default()
            }
        };
        if has_waiting(&entry.status) {
            self.context.sharing.expect_to_wait(name);
        }
        self.concern(concerned);
    }

    fn forget(&mut self, name: &OwnerName) {
        if let Some(entry) = self.entries.remove(name) {
            if let Some(running) = &entry.running {
                running.cancel.send_replace(true);
            }
            if entry.is_busy() {
                self.leaving.insert(name.clone(), entry);
            }
            let concerned = self.context.sharing.disclaim(name);
            self.concern(concerned);
            self.context.tell_gone(name);
            self.context.measures.of(name.kind.kind).gone(&name.namespaced());
        }
        self.blocked.remove(name);
        self.answer(name);
    }

    /// Something that was under way for an owner that is gone came to its end.
    fn left(&mut self, name: &OwnerName, note: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.leaving.get_mut(name) {
            note(entry);
            if !entry.is_busy() {
                self.leaving.remove(name);
                self.context.measures.of(name.kind.kind).gone(&name.namespaced());
                // It may have said what it describes after it was gone.
                let concerned = self.context.sharing.disclaim(name);
                self.concern(concerned);
            }
        }
    }

    fn source(&mut self, name: SourceName, latest: Option<Latest>) {
        let content = latest.as_ref().and_then(|latest| latest.artifact.clone());
        let before = match latest {
            None => self.sources.remove(&name),
            Some(latest) => self.sources.insert(name.clone(), latest),
        };
        let before = before.and_then(|before| before.artifact);
        let is_same = |content: &Arc<Artifact>| before.as_ref().is_some_and(|before| Arc::ptr_eq(before, content));
        let is_first = before.is_none() && content.is_some();
        let is_news = content.as_ref().is_none_or(|content| !is_same(content));
        let mut concerned = Concerned::default();
        if is_news {
            // Before anything is done about it: nobody deletes what somebody else may describe now.
            concerned = self.context.sharing.news(&name, content.as_ref());
        }
        if let Some(content) = content.filter(|_| is_news) {
            self.follow_after = Instant::now() + follow::PATIENCE;
            self.compare(&name, before, &content);
        }
        self.concern(concerned);
        for user in self.users_of(&name) {
            if let Some(entry) = self.entries.get_mut(&user).filter(|_| is_first) {
                entry.waiting_since = None;
            }
            self.consider(&user);
        }
    }

    /// All owners of a kind are known. Only when those of all kinds are it is clear who waits for whom, and whose objects
    /// are whose.
    fn begin(&mut self, kind: &'static OwnerKind) {
        self.unlisted.retain(|unlisted| *unlisted != kind);
        if self.unlisted.is_empty() && !std::mem::replace(&mut self.has_begun, true) {
            let names: Vec<_> = self.entries.keys().cloned().collect();
            names.iter().for_each(|name| self.consider(name));
        }
    }

    fn concern(&mut self, Concerned { to_look, to_say }: Concerned) {
        for name in to_look.iter().chain(&to_say) {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.is_concerned = true;
                entry.is_overtaken |= to_look.contains(name);
                self.consider(name);
            }
        }
    }

    /// What a source brought last.
    fn content(&self, source: &SourceName) -> Option<Arc<Artifact>> {
        self.sources.get(source)?.artifact.clone()
    }

    fn users_of(&self, source: &SourceName) -> Vec<OwnerName> {
        self.entries.iter().filter(|(_, entry)| entry.uses(source)).map(|(name, _)| name.clone()).collect()
    }

    fn drifted(&mut self, name: &OwnerName, drift: Drift) {
        self.context.counters.drifted();
        let Some(entry) = self.entries.get_mut(name) else { return };
        let Drift { object, cause, at, .. } = drift;
        let drifted = Drifted { object, cause, at };
        let told = entry.mask.text(&drifted.to_string());
        tracing::info!(controller = name.kind.word(), object = %name, "drift: {told}");
        entry.drifts.note(drifted, Instant::now());
        self.consider(name);
    }

    fn consider_blocked(&mut self) {
        for name in self.blocked.clone() {
            self.consider(&name);
        }
    }

    /// Starts what is to be done for an owner now, if anything is.
    fn consider(&mut self, name: &OwnerName) {
        self.start_needed(name);
        self.answer(name);
    }

    fn start_needed(&mut self, name: &OwnerName) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.drifts.forgive(now);
        let entry = &*entry;
        let settings = entry.owner.settings.clone();
        let latest = settings.as_ref().ok().and_then(|settings| self.sources.get(&settings.source));
        let source = latest.and_then(|latest| latest.artifact.clone());
        let content = source.clone();
        let for_reason = |trigger| Occasion::new(content.as_deref(), trigger);
        let digest = source.as_ref().map(|source| source.digest.as_str());
        if let Some(running) = &entry.running {
            if entry.is_obsolete(running, digest, now) {
                running.cancel.send_replace(true);
            }
            if let Some(at) = entry.drifts.next(now) {
                self.timers.set(name, at);
            }
            return;
        }
        if entry.is_followed || !self.has_begun {
            return;
        }
        match entry.need(digest, now) {
            Need::Nothing | Need::Later(_) if entry.is_suspended() => {
                self.fall_silent(name, Silence::Suspended);
                self.rest(name, None);
            }
            need @ (Need::Nothing | Need::Later(_))
                if let (Ok(settings), None, true) = (&settings, &source, entry.needs_source()) =>
            {
                let task = lack(entry, &settings.source, latest);
                if let Need::Later(at) = need {
                    self.timers.set(name, at);
                }
                self.wait_or_complain(name, task, for_reason(Trigger::Change));
            }
            Need::Nothing => self.rest(name, None),
            Need::Later(at) => {
                if entry.has_failed_with(digest) {
                    self.fall_silent(name, Silence::Failing);
                }
                self.rest(name, Some(at));
            }
            Need::Finalize => self.start(name, source, Task::Finalize, Occasion::new(None, Trigger::Deletion)),
            Need::Apply { recheck, held, trigger } => match (settings, source) {
                (Ok(settings), _) if let Err(denied) = self.context.policy.check(name, &settings) => {
                    self.fall_silent(name, Silence::Refused);
                    self.complain(
                        name,
                        refused(crate::conditions::ACCESS_DENIED, denied.to_string()),
                        for_reason(trigger),
                    );
                }
                (Err(error), _) => {
                    self.fall_silent(name, Silence::Refused);
                    self.complain(
                        name,
                        refused(crate::conditions::UNSUPPORTED, error.to_string()),
                        for_reason(trigger),
                    );
                }
                (Ok(settings), None) => {
                    let task = lack(entry, &settings.source, latest);
                    self.fall_silent(name, Silence::NoContent);
                    self.wait_or_complain(name, task, for_reason(trigger));
                }
                (Ok(settings), Some(source)) => match dependencies::check(name, &settings, &source, &self.entries) {
                    Verdict::Ready => {
                        self.unblock(name);
                        let occasion = for_reason(self.since_the_start(name, &source, trigger));
                        self.start(name, Some(source), Task::Apply { recheck, held }, occasion);
                    }
                    Verdict::NotReady(waiting) => {
                        self.fall_silent(name, Silence::Blocked);
                        self.blocked.insert(name.clone());
                        if let Some(entry) = self.entries.get_mut(name) {
                            entry.waits_for = waiting.waits_for().map(ToString::to_string);
                        }
                        self.wait_or_complain(name, waiting.complaint(), for_reason(trigger));
                    }
                },
            },
        }
    }

    /// Nothing is to be done until a time, or until something happens; but it may be that something is to be said.
    fn rest(&mut self, name: &OwnerName, until: Option<Instant>) {
        let now = Instant::now();
        until.into_iter().for_each(|at| self.timers.set(name, at));
        self.unblock(name);
        let Some(entry) = self.entries.get_mut(name) else { return };
        if entry.has_to_follow() {
            match entry.follow_at.filter(|at| *at > now) {
                Some(at) => self.timers.set(name, at),
                None => self.to_follow.push_back(name.clone()),
            }
        }
        let is_kept = !entry.is_suspended() && !entry.owner.is_deleted();
        let applied = is_kept && entry.last.as_ref().is_some_and(|last| last.succeeded);
        if let Some(held) = entry.drifts.held(now).filter(|_| applied) {
            let trigger = entry.drifts.held_trigger(now);
            let source = entry.settings().map(|settings| settings.source.clone());
            let source = source.and_then(|source| self.content(&source));
            self.complain(name, held.complaint(), Occasion::new(source.as_deref(), trigger));
        }
    }

    /// Why an owner is applied: what the agents find at their start may be a revision, or another spec, that came while they
    /// were away.
    fn since_the_start(&self, name: &OwnerName, source: &Artifact, trigger: Trigger) -> Trigger {
        match self.entries.get(name) {
            Some(entry) if trigger == Trigger::Start => entry.since_the_start(&source.revision),
            _ => trigger,
        }
    }

    fn unblock(&mut self, name: &OwnerName) {
        self.blocked.remove(name);
    }

    /// It is not known what the owner describes, for this reason.
    fn fall_silent(&mut self, name: &OwnerName, silence: Silence) {
        let concerned = self.context.sharing.fall_silent(name, silence);
        self.concern(concerned);
    }

    /// Writes down what an owner waits for, unless the wait is short.
    fn wait_or_complain(&mut self, name: &OwnerName, task: Task, occasion: Occasion) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(name) else { return };
        let since = *entry.waiting_since.get_or_insert(now);
        if now < since + GRACE {
            self.timers.set(name, since + GRACE);
            return;
        }
        self.complain(name, task, occasion);
    }

    /// Writes down why nothing can be done, unless it was written already; whoever asks is told again.
    fn complain(&mut self, name: &OwnerName, task: Task, occasion: Occasion) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if let Some(at) = entry.retry_at.filter(|at| *at > Instant::now()) {
            self.timers.set(name, at);
        } else if entry.complained.as_ref() != Some(&task) || entry.has_open_request() {
            entry.complained = Some(task.clone());
            self.start(name, None, task, occasion);
        }
    }

    fn start(&mut self, name: &OwnerName, source: Option<Arc<Artifact>>, task: Task, occasion: Occasion) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        let source = source.unwrap_or_else(|| Arc::new(Artifact::nothing()));
        let settings = entry.owner.settings.clone().ok();
        let mut word = 0;
        if let (Task::Apply { held, .. }, Some(settings)) = (&task, &settings) {
            word = self.context.sharing.enter(&settings.source, name);
            entry.begin_for(&occasion.trigger);
            // What is left alone was told already.
            entry.complained = held.as_ref().map(|held| held.complaint());
            entry.waiting_since = None;
        }
        let is_known = task.tells_of_fights() && entry.drifts.tell_held(Instant::now());
        let (cancel, inputs) = entry.begin(&source.digest, &source.revision, &task);
        let is_first = matches!(task, Task::Apply { .. }) && entry.is_first_at(&source.revision);
        let was_cut_off = is_first && entry.was_cut_off();
        let progress = Progress::new(name, occasion.masked(&entry.mask), Phase::Building);
        let job = Job {
            progress: Progress { is_known, is_first, was_cut_off, ..progress },
            occasion,
            has_said_why: false,
            leaves_any: false,
            sight: Sight::default(),
            name: name.clone(),
            owner: entry.owner.clone(),
            settings,
            status: entry.status.clone(),
            artifact: source,
            task,
            word,
            cancel,
            inputs,
            mask: entry.mask.clone(),
            measured: self.context.measures.of(name.kind.kind).reconciler.add(),
        };
        let worker = self.jobs.spawn(deliver(self.context.clone(), job));
        self.workers.insert(worker.id(), name.clone());
    }

    /// The task of a job ended without a report.
    fn lose(&mut self, worker: Id) {
        let Some(name) = self.workers.remove(&worker) else { return };
        match self.entries.get_mut(&name) {
            Some(entry) => {
                entry.lose(Instant::now());
                self.consider(&name);
            }
            None => self.left(&name, |entry| entry.running = None),
        }
    }

    fn finish(&mut self, report: Report) {
        let name = report.name.clone();
        let Some(entry) = self.entries.get_mut(&name) else {
            self.left(&name, |entry| entry.running = None);
            return;
        };
        if !entry.is_same(&report) {
            // The owner was deleted and made again meanwhile.
            entry.running = None;
            self.consider(&name);
            return;
        }
        let is_suspended = entry.is_suspended();
        let was_apply = matches!(report.task, Task::Apply { .. });
        let ended = report.ended.clone();
        let follows = entry.end(report, Instant::now());
        if follows {
            self.to_follow.push_back(name.clone());
        }
        if was_apply && is_suspended {
            // It may have said what it describes after it was suspended.
            let concerned = self.context.sharing.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if was_apply && ended == Ended::Well {
            self.consider_blocked();
        }
    }
}

/// Says that an owner has no content: that there is no such source, or that it has brought nothing yet.
fn lack(entry: &Entry, source: &SourceName, latest: Option<&Latest>) -> Task {
    match latest {
        None => no_such_source(source, entry.needs_source()),
        Some(latest) => without_artifact(&entry.owner.name, source, latest),
    }
}

/// Says why only a change of the owner can help.
fn refused(reason: &'static str, message: String) -> Task {
    Task::Complain { reason, message, is_final: true, severity: crate::events::Type::Warning }
}
