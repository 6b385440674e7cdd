//! The agents as far as renders go: what they know of each Kustomization, compare and keep decides here as it does at
//! work. Only what a cluster would be asked is left out: it takes whatever was rendered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_render::Helm;
use cowherd_source::{Access, Charts, Mirrors, Reference, Remote, RepositoryUrl};
use cowherd_tree::Tree;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::compare::{Comparison, take_note};
use super::super::entry::{Entry, Need};
use super::history::History;
use super::story::{Happening, Story};
use super::witness::Witness;
use crate::delivery::{Ended, Report, Task};
use crate::kustomization::Kustomize;
use crate::owner::{OwnerName, Owning};
use crate::producer::{FailedRenders, Inputs, ProducerError, Product, Render, Step};
use crate::remotes::Brought;
use crate::source::git::content;
use crate::source::{Artifact, SourceName, git};
use crate::{Counters, Elsewhere, KeptRenders};

/// Longer than any interval.
const LONG: Duration = Duration::from_secs(2 * 3600);

/// What a render came to: the manifests, or what is wrong.
pub(super) type Outcome = Result<Vec<Value>, String>;

/// What a render from nothing came to, with all that it asked of the tree.
pub(super) struct FromNothing {
    pub(super) outcome: Outcome,
    pub(super) witness: Arc<Witness>,
    /// Whether it used the remote base, or failed and may have used it.
    pub(super) is_remote: bool,
}

/// The agents of one process after another, and the objects that they reconcile.
pub(super) struct Agents<'a> {
    history: &'a History,
    directory: PathBuf,
    mirrors: Mirrors,
    charts: Charts,
    kept: Arc<KeptRenders>,
    failed: Arc<FailedRenders>,
    elsewhere: Arc<Elsewhere>,
    source: SourceName,
    content: Arc<Artifact>,
    commit: usize,
    objects: Vec<Kustomization>,
    entries: HashMap<OwnerName, Entry>,
    /// What was rendered last, which is what would be in the cluster.
    held: HashMap<OwnerName, Outcome>,
    /// How often each was rendered since somebody asked.
    rendered: HashMap<OwnerName, u64>,
    /// How the jobs end that are still at work.
    busy: HashMap<OwnerName, Ended>,
    now: Instant,
}

impl<'a> Agents<'a> {
    /// Starts with the first commit of the history, and data in `directory`.
    pub(super) fn start(story: &Story, history: &'a History, directory: PathBuf) -> Self {
        let mirrors = Mirrors::open(directory.join("mirrors")).unwrap();
        let charts = Charts::open(directory.join("charts")).unwrap();
        let mut agents = Self {
            content: fetch(&mirrors, history, 0),
            kept: Arc::new(KeptRenders::open(directory.join("renders"), "this").unwrap()),
            failed: Arc::default(),
            elsewhere: Arc::new(Elsewhere::new(mirrors.clone(), charts.clone())),
            source: SourceName::new(git::KIND, "flux-system", "fleet"),
            objects: story.specs.iter().enumerate().map(|(app, spec)| object(app, 1, spec)).collect(),
            commit: 0,
            entries: HashMap::new(),
            held: HashMap::new(),
            rendered: HashMap::new(),
            busy: HashMap::new(),
            now: Instant::now(),
            history,
            directory,
            mirrors,
            charts,
        };
        agents.begin();
        agents
    }

    /// What happens, happens, and the agents do what they do about it.
    pub(super) fn live_through(&mut self, happening: &Happening) {
        self.rendered.clear();
        match happening {
            Happening::Commit { busy, .. } => self.follow(*busy),
            Happening::Revert(_) => self.follow(false),
            Happening::Edit { app, spec } => {
                let generation = self.objects[*app].metadata.generation.unwrap() + 1;
                self.objects[*app] = object(*app, generation, spec);
                let name = OwnerName::of(&self.objects[*app]);
                let entry = self.entries.get_mut(&name).unwrap();
                let (owner, status) = self.objects[*app].clone().read(Some(&entry.owner));
                entry.see(owner, status);
                self.consider(&name, false);
            }
            Happening::Restart { loses } => {
                if *loses {
                    std::fs::remove_dir_all(self.directory.join("renders")).unwrap();
                }
                self.kept = Arc::new(KeptRenders::open(self.directory.join("renders"), "this").unwrap());
                self.forget_elsewhere();
                self.begin();
            }
            Happening::BaseMoves(state) => {
                self.history.move_base(*state);
                self.pass_time();
            }
            Happening::Interval => self.pass_time(),
        }
    }

    /// The names of the Kustomizations.
    pub(super) fn names(&self) -> Vec<OwnerName> {
        self.objects.iter().map(OwnerName::of).collect()
    }

    /// What the agents have rendered of this Kustomization.
    pub(super) fn held(&self, name: &OwnerName) -> &Outcome {
        &self.held[name]
    }

    /// How often it was rendered for what happened last.
    pub(super) fn renders(&self, name: &OwnerName) -> u64 {
        self.rendered.get(name).copied().unwrap_or_default()
    }

    /// The files as they are now.
    pub(super) fn tree(&self) -> Arc<dyn Tree> {
        self.content.tree.clone()
    }

    /// What anybody would render who knows nothing but the commit and the Kustomization.
    pub(super) fn render_from_nothing(&self, name: &OwnerName) -> FromNothing {
        let witness = Arc::new(Witness::new(self.tree()));
        let render = Render { tree: witness.clone(), kept: None, failed: Arc::default(), ..self.render(name) };
        let elsewhere = Elsewhere::new(self.mirrors.clone(), self.charts.clone());
        let (built, inputs) = done(&render, &elsewhere, true);
        let objects = built.map(|built| built.manifests.iter().map(|manifest| manifest.object().clone()).collect());
        let outcome = objects.map_err(|error| error.told(&Default::default()));
        FromNothing { outcome, witness, is_remote: !inputs.remotes.is_empty() || !inputs.is_complete }
    }

    /// A process begins: it knows of the objects what the cluster does.
    fn begin(&mut self) {
        self.entries = self.objects.iter().map(|object| (OwnerName::of(object), entry(object))).collect();
        self.busy.clear();
        self.failed = Arc::default();
        self.consider_all(false);
    }

    /// The next commit is fetched.
    fn follow(&mut self, busy: bool) {
        self.commit += 1;
        let before = std::mem::replace(&mut self.content, fetch(&self.mirrors, self.history, self.commit));
        let users = self.entries.iter_mut().filter(|(_, entry)| entry.uses(&self.source));
        let comparison = Comparison::begin(users, Some(before), self.content.clone());
        let mut results = Vec::new();
        comparison.run(|found| results.extend(found));
        for (name, unchanged) in results {
            take_note(self.entries.get_mut(&name).unwrap(), &self.source, &self.content, unchanged);
        }
        self.consider_all(busy);
    }

    fn pass_time(&mut self) {
        // An interval begins when a job ends.
        for name in self.names() {
            self.finish(&name, None);
        }
        self.now += LONG;
        self.forget_elsewhere();
        self.consider_all(false);
    }

    /// What was fetched is taken for fresh no longer.
    fn forget_elsewhere(&mut self) {
        self.elsewhere = Arc::new(Elsewhere::new(self.mirrors.clone(), self.charts.clone()));
    }

    fn consider_all(&mut self, busy: bool) {
        for name in self.names() {
            self.consider(&name, busy);
        }
    }

    /// Does what is to be done for a Kustomization now. `busy`: it is not over soon.
    fn consider(&mut self, name: &OwnerName, busy: bool) {
        let (entry, content) = (&self.entries[name], self.content.clone());
        let digest = Some(content.digest.as_str());
        let is_obsolete = entry.running.as_ref().map(|running| {
            let is_obsolete = entry.is_obsolete(running, digest, self.now);
            running.cancel.send_replace(is_obsolete);
            is_obsolete
        });
        match is_obsolete {
            Some(true) => self.finish(name, Some(Ended::Superseded)),
            Some(false) if busy => return,
            Some(false) => self.finish(name, None),
            None => {}
        }
        if let Need::Apply { recheck, .. } = self.entries[name].need(digest, self.now) {
            self.reconcile(name, recheck);
            if !busy {
                self.finish(name, None);
            }
        }
    }

    fn reconcile(&mut self, name: &OwnerName, recheck: bool) {
        let entry = self.entries.get_mut(name).unwrap();
        let (_, inputs) =
            entry.begin(&self.content.digest, &self.content.revision, &Task::Apply { recheck, held: None });
        let render = self.render(name);
        let (built, rests_on) = done(&render, &self.elsewhere, recheck);
        *inputs.lock().unwrap() = Some(rests_on);
        *self.rendered.entry(name.clone()).or_default() += render.counters.get().renders;
        let ended = match &built {
            Ok(_) => Ended::Well,
            Err(error) => Ended::Badly { may_pass: error.may_pass },
        };
        self.busy.insert(name.clone(), ended);
        let objects = built.map(|built| built.manifests.iter().map(|manifest| manifest.object().clone()).collect());
        self.held.insert(name.clone(), objects.map_err(|error| error.told(&Default::default())));
    }

    /// The job of a Kustomization ends, if it has one: as it would, or in another way.
    fn finish(&mut self, name: &OwnerName, otherwise: Option<Ended>) {
        let Some(ended) = self.busy.remove(name) else { return };
        let entry = self.entries.get_mut(name).unwrap();
        let report = Report {
            name: name.clone(),
            uid: entry.owner.uid().map(str::to_owned),
            generation: entry.owner.generation(),
            status: entry.status.clone(),
            task: Task::Apply { recheck: false, held: None },
            leaves_any: false,
            owned: None,
            sight: Default::default(),
            mask: Default::default(),
            ended: otherwise.unwrap_or(ended),
        };
        entry.end(report, self.now);
    }

    fn render(&self, name: &OwnerName) -> Render {
        let object = self.objects.iter().find(|object| OwnerName::of(*object) == *name).unwrap();
        let kustomize = Kustomize::read(&name.namespace, &object.spec).unwrap();
        Render {
            owner: name.clone(),
            revision: self.content.revision.clone(),
            tree: self.tree(),
            production: kustomize.with_own_variables().production,
            access: Access::own(),
            helm: Helm { time: jiff::Timestamp::UNIX_EPOCH, seed: name.to_string().into_bytes() },
            counters: Arc::new(Counters::default()),
            kept: Some(self.kept.clone()),
            failed: self.failed.clone(),
        }
    }
}

fn entry(object: &Kustomization) -> Entry {
    let (owner, status) = object.clone().read(None);
    Entry::new(owner, status)
}

/// Renders, and fetches what that needs in between.
fn done(render: &Render, elsewhere: &Elsewhere, anew: bool) -> (Result<Product, Arc<ProducerError>>, Arc<Inputs>) {
    let mut brought = Brought::default();
    loop {
        match render.step(anew, &mut brought) {
            Step::Needs(missing) => elsewhere.bring(&missing, &render.access, &mut brought),
            Step::Done(product, inputs) => return (product, inputs),
        }
    }
}

fn fetch(mirrors: &Mirrors, history: &History, commit: usize) -> Arc<Artifact> {
    let remote = Remote::new(RepositoryUrl::parse(&history.url()).unwrap()).with_access(Access::own());
    let snapshot = mirrors.fetch(&remote, &Reference::commit(history.commit(commit))).unwrap();
    Arc::new(content(&snapshot, None).unwrap())
}

fn object(app: usize, generation: i64, spec: &Value) -> Kustomization {
    let metadata = json!({ "name": format!("app-{app}"), "namespace": "flux-system", "generation": generation,
        "uid": format!("uid-{app}") });
    let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata,
        "spec": spec });
    serde_json::from_value(object).unwrap()
}
