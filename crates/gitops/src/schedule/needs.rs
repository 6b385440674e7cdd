//! What is to be done for an owner now, or to be said of it.

use std::time::Duration;

use tokio::time::Instant;

use super::Schedule;
use super::dependencies::{self, Verdict};
use super::entry::{Entry, Need};
use crate::conditions::ACCESS_DENIED;
use crate::delivery::{Silence, Task, no_such_source, without_artifact};
use crate::events::Type;
use crate::owner::OwnerName;
use crate::source::{Artifact, Latest, SourceName};
use crate::{Occasion, Trigger};

/// How long an owner may wait for its source or dependencies before that is written down: most waits are over
/// sooner.
const GRACE: Duration = Duration::from_secs(1);

/// How long it is put off to look at those who wait, while more happens.
const GATHERING: Duration = Duration::from_millis(100);

impl Schedule {
    /// Looks again at all who wait, once more has happened: of many things that happen at once all are taken in before.
    pub(super) fn consider_blocked(&mut self) {
        match self.gathers {
            true => self.gathered = self.gathered.or_else(|| Some(Instant::now())),
            false => self.consider_all_blocked(),
        }
    }

    /// Looks at them if anything has happened, and nothing else is there to be taken in, or it has been for long.
    pub(super) fn consider_gathered(&mut self, is_quiet: bool) {
        if self.gathered.is_some_and(|since| is_quiet || since.elapsed() >= GATHERING) {
            self.gathered = None;
            self.consider_all_blocked();
        }
    }

    fn consider_all_blocked(&mut self) {
        for name in self.blocked.clone() {
            self.consider(&name);
        }
    }

    /// Starts what is to be done for an owner now, if anything is.
    pub(super) fn consider(&mut self, name: &OwnerName) {
        self.start_needed(name);
        self.answer(name);
    }

    pub(super) fn start_needed(&mut self, name: &OwnerName) {
        let now = Instant::now();
        let Some(entry) = self.entries.get_mut(name) else { return };
        entry.drifts.forgive(now);
        let entry = &*entry;
        let settings = entry.owner.settings.clone();
        let latest = settings.as_ref().ok().and_then(|settings| self.sources.get(&settings.source));
        let is_ready = |latest: &&Latest| !name.kind.needs_latest || !latest.is_outdated;
        let source = latest.filter(is_ready).and_then(|latest| latest.artifact.clone());
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
                    self.complain(name, refused(ACCESS_DENIED, denied.to_string()), for_reason(trigger));
                }
                (Ok(settings), _) if !settings.expressions.are_compiled() => self.compile(name, settings),
                (Err(error), _) => {
                    self.fall_silent(name, Silence::Refused);
                    self.complain(name, refused(error.reason, error.to_string()), for_reason(trigger));
                }
                (Ok(settings), None) => {
                    let task = lack(entry, &settings.source, latest);
                    self.fall_silent(name, Silence::NoContent);
                    self.wait_or_complain(name, task, for_reason(trigger));
                }
                (Ok(settings), Some(source)) => {
                    match dependencies::check(name, &settings, &source, &self.entries, &mut self.acyclic) {
                        Verdict::Ready => {
                            self.unblock(name);
                            let occasion = for_reason(self.since_the_start(name, &source, trigger));
                            self.start(name, Some(source), Task::Apply { recheck, held }, occasion);
                        }
                        Verdict::Undecided(question) => {
                            self.fall_silent(name, Silence::Blocked);
                            self.blocked.insert(name.clone());
                            self.expect_by_expressions(name, &settings);
                            self.find_out(name, question);
                        }
                        Verdict::NotReady(waiting) => {
                            self.fall_silent(name, Silence::Blocked);
                            self.blocked.insert(name.clone());
                            self.expect_by_expressions(name, &settings);
                            if let Some(again) = waiting.again() {
                                self.timers.set(name, Instant::now() + again);
                            }
                            if let Some(entry) = self.entries.get_mut(name) {
                                entry.waits_for = waiting.waits_for().map(ToString::to_string);
                            }
                            self.wait_or_complain(name, waiting.complaint(), for_reason(trigger));
                        }
                    }
                }
            },
        }
    }

    /// Nothing is to be done until a time, or until something happens; but it may be that something is to be said.
    pub(super) fn rest(&mut self, name: &OwnerName, until: Option<Instant>) {
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
    pub(super) fn since_the_start(&self, name: &OwnerName, source: &Artifact, trigger: Trigger) -> Trigger {
        match self.entries.get(name) {
            Some(entry) if trigger == Trigger::Start => entry.since_the_start(&source.revision),
            _ => trigger,
        }
    }

    pub(super) fn unblock(&mut self, name: &OwnerName) {
        if self.blocked.remove(name) {
            self.expects_nothing(name);
        }
    }

    /// It is not known what the owner describes, for this reason.
    pub(super) fn fall_silent(&mut self, name: &OwnerName, silence: Silence) {
        let concerned = self.context.sharing.fall_silent(name, silence);
        self.concern(concerned);
    }

    /// Writes down what an owner waits for, unless the wait is short.
    pub(super) fn wait_or_complain(&mut self, name: &OwnerName, task: Task, occasion: Occasion) {
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
    pub(super) fn complain(&mut self, name: &OwnerName, task: Task, occasion: Occasion) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if let Some(at) = entry.retry_at.filter(|at| *at > Instant::now()) {
            self.timers.set(name, at);
        } else if entry.complained.as_ref() != Some(&task) || entry.has_open_request() {
            entry.complained = Some(task.clone());
            self.start(name, None, task, occasion);
        }
    }
}

/// Says that an owner has no content: that there is no such source, or that it has brought nothing yet.
fn lack(entry: &Entry, source: &SourceName, latest: Option<&Latest>) -> Task {
    match latest {
        None => no_such_source(&entry.owner.name, source, entry.needs_source()),
        Some(latest) => without_artifact(&entry.owner.name, source, latest, &entry.hidden.mask()),
    }
}

/// Says why only a change of the owner can help.
fn refused(reason: &'static str, message: String) -> Task {
    Task::Complain { reason, message, is_final: true, severity: Type::Warning }
}
