//! Follows the Kustomizations and HelmReleases of the cluster and shows how they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use cowherd_apply::inventory;
use cowherd_gitops::Progress;
use futures::StreamExt;
use futures::stream::{BoxStream, select_all};
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use crate::bootstrap::ROOT;
use crate::flux;
use crate::resource::Resource;
use crate::suspension;
use crate::target::Kind;
use crate::terminal::progress::{Board, Phase};
use crate::terminal::tally::Tally;
use crate::terminal::waits::Group;
use crate::terminal::{Mark, Said};

use super::shown::Shown;
use super::sources::{self, Sources, called};
use super::wording;

/// Everything is taken to have settled when nothing has changed for this long: a Kustomization that is Ready may
/// just have created another.
const QUIET: Duration = Duration::from_millis(400);
/// The same while some have failed: what they wait for may be about to come.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(3);

/// The same while nothing was heard since the start of Kustomizations that failed before it.
const QUIET_UNTIL_HEARD: Duration = Duration::from_secs(10);

/// How the Kustomizations were when they had settled.
#[derive(Debug, Default)]
pub struct Convergence {
    /// How many are ready, or suspended.
    pub ready: usize,
    /// Those that are not, with the reason.
    pub failed: Vec<(String, String)>,
    /// Those that only wait for others that are not.
    pub waiting: Vec<Group>,
    /// The sources that could not be fetched, with the reason.
    pub failed_sources: Vec<(String, String)>,
    /// Those of whose objects some count as ready without being so, with what is said of them.
    pub assumed: Vec<(String, String)>,
    /// Whether there are HelmReleases among them.
    pub has_releases: bool,
    /// Whether some failed for what is in the repository, so that it can be found there.
    pub is_for_what_is_in_git: bool,
}

impl Convergence {
    /// How many there are.
    pub fn total(&self) -> usize {
        self.ready + self.failed.len() + self.waiting.iter().map(|group| group.names.len()).sum::<usize>()
    }

    /// Whether all are ready.
    pub fn is_ready(&self) -> bool {
        self.failed.is_empty() && self.waiting.is_empty() && self.failed_sources.is_empty() && self.ready > 0
    }
}

/// What is said where a repository brings Flux, too.
const FLUX: &str = "Flux's controllers, which the repository describes, are left out: the agents here do what they do";

/// Whether an owner describes the Deployments of Flux's controllers.
fn describes_flux(owner: &Resource) -> bool {
    let entries = owner.at("/status/inventory/entries").and_then(Value::as_array);
    let ids = entries.into_iter().flatten().filter_map(|entry| entry["id"].as_str());
    let mut deployments =
        ids.filter(|id| id.ends_with("_apps_Deployment")).filter_map(|id| inventory::parse(id, "v1").ok());
    deployments.any(|one| flux::controllers().any(|controller| controller == one.id))
}

/// The Kustomizations and sources as they are now.
pub struct Watching {
    owner_events: BoxStream<'static, (Kind, watcher::Event<DynamicObject>)>,
    source_events: BoxStream<'static, (Kind, watcher::Event<DynamicObject>)>,
    progress: UnboundedReceiver<Progress>,
    notices: UnboundedReceiver<String>,
    /// Boxed, since a tree has room for more than there are.
    known: BTreeMap<String, Box<Shown>>,
    phases: Tally,
    /// What others have to say to whoever watches.
    said: UnboundedReceiver<Said>,
    sources: Sources,
    /// Kustomizations that failed before the start, and of which nothing was heard since.
    unheard: BTreeSet<String>,
    /// Those that failed, and are being tried again.
    retrying: BTreeSet<String>,
    /// Those that are waited for in vain, as far as is known.
    stuck: BTreeSet<String>,
    /// Those that are gone, of which it is still to be heard what went with them.
    leaving: BTreeSet<String>,
    /// Whether it was said that Flux's controllers are left out.
    has_told_of_flux: bool,
    board: Board,
}

impl Watching {
    /// Starts to watch.
    pub fn start(
        client: &Client,
        progress: UnboundedReceiver<Progress>,
        notices: UnboundedReceiver<String>,
        said: UnboundedReceiver<Said>,
    ) -> Self {
        let follow = |kind: Kind| {
            let events = watcher(kind.api_everywhere(client), watcher::Config::default()).default_backoff();
            events.filter_map(|event| async { event.ok() }).boxed()
        };
        Self {
            owner_events: select_all(Kind::OWNERS.map(|kind| follow(kind).map(move |event| (kind, event)))).boxed(),
            source_events: select_all(Kind::SOURCES.map(|kind| follow(kind).map(move |event| (kind, event)))).boxed(),
            progress,
            notices,
            known: BTreeMap::new(),
            phases: Tally::default(),
            said,
            sources: Sources::default(),
            unheard: BTreeSet::new(),
            retrying: BTreeSet::new(),
            stuck: BTreeSet::new(),
            leaving: BTreeSet::new(),
            has_told_of_flux: false,
            board: Board::new(),
        }
    }

    /// Waits until every Kustomization is ready or has failed and stays so; with a timeout, at most that long.
    pub async fn until_settled(&mut self, timeout: Option<Duration>) -> Result<Convergence> {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        let mut quiet_since = Instant::now();
        loop {
            // Who waits for the end of it all waits for what may pass, too.
            let is_patient = end.is_some() && self.sources.may_recover();
            let next = match self.quiet_time(end.is_some()).filter(|_| !is_patient) {
                Some(quiet) => Some(end.map_or(quiet_since + quiet, |end| end.min(quiet_since + quiet))),
                None => end,
            };
            tokio::select! {
                changed = self.next() => if changed { quiet_since = Instant::now() },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    self.board.finish();
                    return Ok(self.convergence());
                }
            }
        }
    }

    /// Goes on showing changes.
    pub async fn forever(&mut self) -> Result<()> {
        loop {
            self.next().await;
        }
    }

    /// Takes the next event; whether it changed anything that counts.
    async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.board.due() => {
                self.board.draw();
                false
            }
            Some((kind, event)) = self.owner_events.next() => self.see_owner(kind, event),
            Some((kind, event)) = self.source_events.next() => self.see_source(kind, event),
            Some(notice) = self.notices.recv() => {
                self.board.say(Mark::Action, &notice);
                false
            }
            Some(said) = self.said.recv() => {
                self.board.say(said.mark, &said.text);
                false
            }
            Some(progress) = self.progress.recv() => {
                let Some(kind) = Kind::OWNERS.into_iter().find(|kind| kind.name() == progress.kind) else {
                    return self.hear_of_source(&progress);
                };
                let name = shown_owner(kind, &progress.name.namespace, &progress.name.name);
                if let Some(done) = wording::done_all_the_same(&progress) {
                    self.board.say(Mark::Action, &format!("{name}: {done}"));
                }
                // What is gone is shown no more, whoever hears of it first.
                let is_gone = progress.phase == cowherd_gitops::Phase::Gone && !self.known.contains_key(&name);
                if is_gone && self.leaving.remove(&name) {
                    self.board.say_deleted(&name);
                }
                is_gone || self.note(name, |shown| shown.tell(progress))
            }
        }
    }

    fn see_owner(&mut self, kind: Kind, event: watcher::Event<DynamicObject>) -> bool {
        match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                let resource = Resource { kind, object };
                let name = shown_owner(kind, &resource.namespace(), &resource.name());
                if self.leaving.remove(&name) {
                    self.board.say_deleted(&name);
                }
                if !resource.suspended() && self.known.get(&name).is_some_and(|shown| shown.is_suspended()) {
                    self.board.say(Mark::Action, &format!("{name}: {}", suspension::told(&resource)));
                }
                if !self.has_told_of_flux && describes_flux(&resource) {
                    self.has_told_of_flux = true;
                    self.board.say(Mark::Action, &format!("{name}: {FLUX}"));
                }
                self.note(name, |shown| shown.see(&resource))
            }
            watcher::Event::Delete(object) => {
                let gone = Resource { kind, object };
                let name = shown_owner(kind, &gone.namespace(), &gone.name());
                // What went with it is told first, by whoever deleted that.
                let is_told_of = self.known.remove(&name).is_some_and(|shown| shown.is_going());
                self.unheard.remove(&name);
                self.retrying.remove(&name);
                self.stuck.remove(&name);
                self.phases.forget(&name);
                self.board.remove(&name);
                if is_told_of {
                    self.leaving.insert(name);
                } else {
                    self.board.say_deleted(&name);
                }
                true
            }
            watcher::Event::Init | watcher::Event::InitDone => false,
        }
    }

    fn see_source(&mut self, kind: Kind, event: watcher::Event<DynamicObject>) -> bool {
        match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                let resource = Resource { kind, object };
                if self.sources.turns(&resource) {
                    let name = called(kind.name(), &shown_name(&resource));
                    self.board.say(Mark::Action, &format!("{name}: {}", suspension::told(&resource)));
                }
                self.sources.see(&resource)
            }
            watcher::Event::Delete(object) => self.sources.forget(&Resource { kind, object }),
            watcher::Event::Init | watcher::Event::InitDone => false,
        }
    }

    /// What a source brought is said, and each failure once.
    fn hear_of_source(&mut self, progress: &Progress) -> bool {
        let failure = match &progress.phase {
            cowherd_gitops::Phase::Failed(message) => Some(message.as_str()),
            _ => None,
        };
        let has_failed = self.sources.fails(progress.kind, &progress.name);
        let is_news = self.sources.hear(progress.kind, &progress.name, failure, progress.may_pass);
        let name = called(progress.kind, &shown(&progress.name.namespace, &progress.name.name));
        // What makes several at once has none that it could name.
        let what = progress.occasion.what();
        match failure {
            Some(message) if is_news => self.board.say(Mark::Failure, &format!("{name}: {message}")),
            None if progress.phase == cowherd_gitops::Phase::Brought && !what.is_empty() => {
                self.board.say(Mark::Action, &format!("{name}: {what}"));
            }
            None if has_failed && what.is_empty() => {
                self.board.say(Mark::Success, &format!("{name} is well again"));
            }
            None if has_failed => {
                self.board.say(Mark::Success, &format!("{name} is well again: {what}, as before"));
            }
            _ => {}
        }
        is_news
    }

    /// Notes something about a Kustomization and shows it; whether that counts as a change.
    fn note(&mut self, name: String, note: impl FnOnce(&mut Shown)) -> bool {
        let shown = self.known.entry(name.clone()).or_default();
        let before = shown.trouble().map(str::to_owned);
        note(shown);
        let is_news = before.is_none() || before.as_deref() != shown.trouble();
        let (is_retrying, is_stuck) = (shown.is_retrying(), shown.is_stuck().is_some());
        let sets = [
            (&mut self.unheard, shown.is_unheard()),
            (&mut self.retrying, is_retrying && !is_stuck),
            (&mut self.stuck, is_stuck),
        ];
        for (are, is) in sets {
            if is {
                are.insert(name.clone())
            } else {
                are.remove(&name)
            };
        }
        let phase = shown.state().map(|(phase, _)| phase);
        if let (Some(phase), Some(mut line)) = (phase, shown.line()) {
            if line.phase == Phase::Waiting {
                line.brief = shown_beside(&name, &line.brief);
            }
            self.phases.note(&name, phase);
            self.board.update(&name, line);
        }
        is_news
    }

    /// How long nothing may change before everything counts as settled; `None` while something is under way that may end well.
    /// That what failed is tried again keeps those waiting alone who wait for the end of it all.
    fn quiet_time(&self, is_for_the_end: bool) -> Option<Duration> {
        let retrying = if is_for_the_end { 0 } else { self.retrying.len() };
        let is_at_work = self.phases.count(Phase::Working) > retrying + self.stuck.len() || self.sources.are_awaited();
        if self.phases.total() == 0 || is_at_work {
            return None;
        }
        Some(match self.phases.count(Phase::Failed) + self.phases.count(Phase::Waiting) {
            _ if !self.unheard.is_empty() => QUIET_UNTIL_HEARD,
            0 if self.stuck.is_empty() => QUIET,
            _ => QUIET_AFTER_FAILURE,
        })
    }

    fn convergence(&self) -> Convergence {
        let mut convergence = Convergence { waiting: self.board.waiting(), ..Convergence::default() };
        for (name, shown) in &self.known {
            let Some((phase, message)) = shown.state() else { continue };
            let of = name.split_once(' ').map(|(kind, _)| kind);
            convergence.has_releases |= of == Some(Kind::HelmRelease.word());
            convergence.assumed.extend(shown.assumed().map(|assumed| (name.clone(), assumed.to_owned())));
            convergence.is_for_what_is_in_git |= phase == Phase::Failed && shown.is_for_what_is_in_git();
            match phase {
                Phase::Waiting => {}
                Phase::Ready | Phase::Suspended => convergence.ready += 1,
                Phase::Working if let Some(why) = shown.is_stuck() => {
                    convergence.failed.push((name.clone(), why.to_owned()));
                }
                Phase::Working if let Some(doing) = shown.doing() => convergence.failed.push((name.clone(), doing)),
                Phase::Working | Phase::Failed => {
                    let message = if message.is_empty() { "it was not reconciled yet" } else { message };
                    let since = if shown.is_unheard() { sources::UNHEARD } else { "" };
                    convergence.failed.push((name.clone(), format!("{since}{message}")));
                }
            }
        }
        convergence.failed_sources.extend(self.sources.all());
        convergence
    }
}

fn shown_name(resource: &Resource) -> String {
    shown(&resource.namespace(), &resource.name())
}

/// Kustomizations are known by name alone, others by their kind too.
fn shown_owner(kind: Kind, namespace: &str, name: &str) -> String {
    let name = shown(namespace, name);
    if kind == Kind::Kustomization { name } else { format!("{} {name}", kind.word()) }
}

/// A dependency of `name`, given as `namespace/name`: it is of the same kind.
fn shown_beside(name: &str, dependency: &str) -> String {
    let (namespace, dependency) = dependency.split_once('/').unwrap_or(("", dependency));
    let kind = name.rsplit_once(' ').map(|(kind, _)| format!("{kind} ")).unwrap_or_default();
    format!("{kind}{}", shown(namespace, dependency))
}

/// Kustomizations of the root's namespace are known by name, others by namespace and name.
fn shown(namespace: &str, name: &str) -> String {
    if namespace == ROOT { name.to_owned() } else { format!("{namespace}/{name}") }
}
