//! What happens, and the agents to whom it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_tree::MemoryTree;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::{Schedule, Signal, watch};
use super::chance::Chance;
use super::cluster::{Cluster, Weather};
use crate::delivery::Context;
use crate::fetches::{FetchLimits, Fetches};
use crate::source::{Artifact, Latest, News, SourceName, git};
use crate::{Config, NamespacedName, Policy, events};

/// How many Kustomizations there are at most, and of how many objects a commit is.
pub(super) const APPS: usize = 4;
pub(super) const OBJECTS: usize = 5;

/// Longer than it may take until all is as it should be.
const QUIET: Duration = Duration::from_secs(45);

/// What is special about a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// With mistakes, renames and commits in quick succession.
    Moves,
    /// The Kustomizations are described in Git, by another one, and somebody deletes them by hand.
    Grown,
}

/// The Kustomization that describes all others, where they are described.
const TREE: &str = "tree";

/// What a Kustomization is to be.
#[derive(Clone, Debug, Default)]
pub(super) struct App {
    pub(super) exists: bool,
    pub(super) suspended: bool,
    pub(super) requests: u32,
    changes: u32,
    depends: bool,
    /// Whether a mistake in a file keeps it from being rendered.
    pub(super) broken: bool,
}

/// What Git says: the objects of each Kustomization, with their values.
pub(super) type Files = BTreeMap<usize, BTreeMap<String, String>>;

/// A cluster, what Git says, and the agents between them.
pub(super) struct History {
    pub(super) cluster: Cluster,
    pub(super) apps: Vec<App>,
    pub(super) files: Files,
    /// The order in which the Kustomizations were made.
    pub(super) age: Vec<usize>,
    /// The one that everything grows from, if there is one: it goes before those that are older.
    pub(super) root: Option<usize>,
    commits: u32,
    step: u32,
    kind: Kind,
    agents: JoinSet<()>,
    signals: Option<mpsc::UnboundedSender<Signal>>,
    context: Option<Arc<Context>>,
    told: Vec<String>,
}

impl History {
    pub(super) fn begin(seed: u64, kind: Kind) -> Self {
        let mut history = Self {
            cluster: Cluster::new(seed),
            apps: vec![App::default(); APPS],
            files: (0..APPS).map(|app| (app, BTreeMap::from([(own(app), "0".to_owned())]))).collect(),
            age: Vec::new(),
            // One that is not the oldest, and may be deleted and made again.
            root: seed.is_multiple_of(2).then_some(1),
            commits: 1,
            step: 0,
            kind,
            agents: JoinSet::new(),
            signals: None,
            context: None,
            told: Vec::new(),
        };
        if kind == Kind::Grown {
            history.cluster.put_kustomization(TREE, |object| {
                object["spec"] = json!({ "interval": "1h", "retryInterval": "2s", "prune": true, "path": format!("./{TREE}"),
                    "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
            });
        }
        for app in 0..APPS - 1 {
            history.make(app);
        }
        history.start();
        history
    }

    /// What happened, in words.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    pub(super) fn revision(&self) -> String {
        format!("main@sha1:{}", self.commits)
    }

    /// Something happens, and then nothing for a moment.
    pub(super) async fn go_on(&mut self, chance: &mut Chance) {
        self.step += 1;
        let app = chance.below(APPS);
        if self.kind == Kind::Grown && chance.once_in(4) {
            let told = self.delete_what_is_described(app);
            self.tell(told);
            tokio::time::sleep(chance.time(Duration::from_millis(1500))).await;
            return;
        }
        if self.kind != Kind::Plain && chance.once_in(5) {
            let told = match chance.below(4) {
                0 => self.mistake(app),
                1 => self.rename(app, chance.below(APPS)),
                2 => self.suspend(app),
                _ => {
                    let first = self.commit(chance);
                    self.tell(first);
                    self.tell_what_is_described();
                    tokio::time::sleep(chance.time(Duration::from_millis(800))).await;
                    self.commit(chance)
                }
            };
            self.tell(told);
            self.tell_what_is_described();
            tokio::time::sleep(chance.time(Duration::from_secs(3))).await;
            return;
        }
        let told = match chance.below(24) {
            0..=6 => self.commit(chance),
            7..=9 => self.change_by_hand(chance),
            10 => self.fight(chance).await,
            11 | 12 => self.delete_by_hand(chance),
            13 => self.suspend(app),
            14 => self.request(app),
            15 => self.change(app),
            16 => self.delete_or_make(app),
            17 | 18 => self.lose_watches(chance),
            19..=21 => self.change_weather(chance),
            22 => self.kill(),
            _ => self.depend(app),
        };
        self.tell(told);
        self.tell_what_is_described();
        let longest = if chance.once_in(3) { Duration::from_secs(8) } else { Duration::from_millis(400) };
        tokio::time::sleep(chance.time(longest)).await;
    }

    /// The sun shines, and nothing happens for a while.
    pub(super) async fn calm(&mut self) {
        self.cluster.set_weather(Weather::Fine);
        if self.apps.iter().any(|app| app.broken) {
            self.apps.iter_mut().for_each(|app| app.broken = false);
            self.commits += 1;
            self.fetch();
        }
        tokio::time::sleep(QUIET).await;
        self.tell("it is quiet".to_owned());
    }

    fn tell(&mut self, what: String) {
        self.cluster.note(&format!("=== {what}"));
        self.told.push(what);
    }

    fn start(&mut self) {
        let client = self.cluster.client();
        let recorder = events::Recorders::new(client.clone(), &Default::default(), &Default::default());
        let (signals, inbox) = mpsc::unbounded_channel();
        let first = self.root.map(|app| NamespacedName::new("flux-system", format!("app-{app}")));
        let policy = Arc::new(Policy { first, ..Policy::default() });
        let (config, fetches) = (Config { policy, ..Config::default() }, Fetches::new(FetchLimits::default()));
        let context = Context::new(client.clone(), recorder, fetches, &config, signals.clone());
        self.context = Some(context.clone());
        self.agents.spawn(watch::owners::<Kustomization>(
            client,
            config.shard,
            config.health,
            config.metrics,
            signals.clone(),
        ));
        self.agents.spawn(Schedule::new(context, &[&crate::kustomization::KIND]).run(inbox));
        self.signals = Some(signals);
        self.fetch();
    }

    /// The source brings the last commit.
    fn fetch(&self) {
        let mut tree = MemoryTree::default();
        for (app, objects) in &self.files {
            for (name, value) in objects {
                let content = format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: apps}}\ndata: {{key: {value:?}}}\n"
                );
                tree.insert(&format!("app-{app}/{name}.yaml"), content).unwrap();
            }
        }
        for app in (0..APPS).filter(|app| self.kind == Kind::Grown && self.apps[*app].exists) {
            let manifest = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": { "name": format!("app-{app}"), "namespace": "flux-system",
                    "annotations": { "reconcile.fluxcd.io/requestedAt": self.apps[app].requests.to_string() } },
                "spec": self.spec(app) });
            tree.insert(&format!("{TREE}/app-{app}.yaml"), manifest.to_string()).unwrap();
        }
        for app in (0..APPS).filter(|app| self.apps[*app].broken) {
            tree.insert(&format!("app-{app}/mistake.yaml"), "kind: [".to_owned()).unwrap();
        }
        let tree = Arc::new(tree);
        let digest = self.commits.to_string();
        let content = Artifact {
            revision: self.revision(),
            digest,
            tree: tree.clone(),
            all: tree,
            is_root: true,
            ..Artifact::nothing()
        };
        let source = SourceName::new(git::KIND, "flux-system", "fleet");
        let news = News { source, latest: Some(Latest::of(content)) };
        // At the very beginning nobody listens yet.
        if let Some(signals) = &self.signals {
            let _ = signals.send(Signal::Source(news));
        }
    }

    fn kill(&mut self) -> String {
        if self.agents_alone_know() {
            return "the agents live on".to_owned();
        }
        self.agents.abort_all();
        self.agents = JoinSet::new();
        let told = self.forge();
        self.start();
        format!("the agents are killed and started again; {told}")
    }

    /// Whether an object was given to one that has not written it down, or one that was deleted by hand has left something behind. Were
    /// the agents killed now, what Git drops before that is written would stay.
    fn agents_alone_know(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.sharing.knows_what_is_not_written())
    }

    /// Whether one was deleted by hand and is not back, or says nothing yet. What it had is known to the agents alone.
    fn is_away(&self, app: usize) -> bool {
        let found = self.cluster.all("Kustomization");
        let says = |object: &Value| !object["status"]["inventory"].is_null();
        let has_said = found.get(&format!("app-{app}")).is_some_and(says);
        self.kind == Kind::Grown && self.apps[app].exists && !(self.is_there(app) && has_said)
    }

    /// Somebody writes into the status of a Kustomization that it has what others have, or what is not there.
    fn forge(&self) -> String {
        let (app, step) = (self.step as usize % APPS, self.step as usize);
        if !self.apps[app].exists || self.is_leaving(app) {
            return format!("app-{app} is no longer there to lie");
        }
        let lies = [own((step + 1) % APPS), format!("o{}", step % OBJECTS), format!("o{}", (step / 2) % OBJECTS)];
        self.cluster.put_kustomization(&format!("app-{app}"), |object| {
            let entries = lies.iter().map(|name| json!({ "id": format!("apps_{name}__ConfigMap"), "v": "v1" }));
            let inventory = object.pointer_mut("/status/inventory/entries").and_then(Value::as_array_mut);
            inventory.into_iter().for_each(|inventory| inventory.extend(entries.clone()));
        });
        format!("the status of app-{app} says that it has {}", lies.join(", "))
    }

    fn commit(&mut self, chance: &mut Chance) -> String {
        self.commits += 1;
        let mut told = vec![format!("commit {}:", self.commits)];
        for _ in 0..=chance.below(3) {
            let (app, object) = (chance.below(APPS), format!("o{}", chance.below(OBJECTS)));
            let value = format!("v{}", self.step);
            match chance.below(4) {
                0 => {
                    told.push(format!("app-{app} drops {object}"));
                    self.files.get_mut(&app).unwrap().remove(&object);
                }
                1 => {
                    // Whoever has it gives it away.
                    told.push(format!("{object} moves to app-{app}"));
                    let values: Vec<String> =
                        self.files.values_mut().filter_map(|objects| objects.remove(&object)).collect();
                    self.files.get_mut(&app).unwrap().insert(object, values.into_iter().next().unwrap_or(value));
                }
                _ => {
                    told.push(format!("app-{app} has {object} = {value}"));
                    self.files.get_mut(&app).unwrap().insert(object, value);
                }
            }
        }
        self.fetch();
        told.join(" ")
    }

    /// Somebody makes a mistake in a file, or puts it right.
    fn mistake(&mut self, app: usize) -> String {
        self.apps[app].broken = !self.apps[app].broken;
        self.commits += 1;
        self.fetch();
        format!("commit {}: there is a mistake in app-{app}: {}", self.commits, self.apps[app].broken)
    }

    fn any_object(&self, chance: &mut Chance) -> String {
        if chance.once_in(4) { own(chance.below(APPS)) } else { format!("o{}", chance.below(OBJECTS)) }
    }

    fn change_by_hand(&mut self, chance: &mut Chance) -> String {
        let (object, manager) = (self.any_object(chance), ["kubectl-edit", "other"][chance.below(2)]);
        self.cluster.edit(&object, manager, &format!("by hand {}", self.step));
        format!("{manager} changes {object}")
    }

    async fn fight(&mut self, chance: &mut Chance) -> String {
        let object = self.any_object(chance);
        for round in 0..30 {
            self.cluster.edit(&object, "fighter", &format!("fought {round}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        format!("somebody fights for {object}")
    }

    fn delete_by_hand(&mut self, chance: &mut Chance) -> String {
        let object = self.any_object(chance);
        self.cluster.delete("ConfigMap", "apps", &object);
        format!("somebody deletes {object}")
    }

    fn suspend(&mut self, app: usize) -> String {
        // Others may wait for the first one, which is always at work. One that comes back suspended says nothing before it is resumed.
        if app == 0 || !self.apps[app].exists || self.is_away(app) {
            return format!("app-{app} stays as it is");
        }
        self.apps[app].suspended = !self.apps[app].suspended;
        self.write(app);
        format!("app-{app} is suspended: {}", self.apps[app].suspended)
    }

    fn request(&mut self, app: usize) -> String {
        self.apps[app].requests += 1;
        self.write(app);
        format!("somebody asks for app-{app}")
    }

    fn change(&mut self, app: usize) -> String {
        self.apps[app].changes += 1;
        self.write(app);
        format!("app-{app} has another spec")
    }

    /// Later ones may depend on the first.
    fn depend(&mut self, app: usize) -> String {
        self.apps[app].depends = app > 0 && !self.apps[app].depends;
        self.write(app);
        format!("app-{app} depends on app-0: {}", self.apps[app].depends)
    }

    fn delete_or_make(&mut self, app: usize) -> String {
        if !self.apps[app].exists {
            self.make(app);
            return format!("app-{app} is made");
        }
        // What a suspended one leaves behind is nobody's.
        if app == 0 || self.rests(app) || self.is_leaving(app) {
            return format!("app-{app} stays");
        }
        self.apps[app] = App { broken: self.apps[app].broken, ..App::default() };
        self.age.retain(|other| *other != app);
        match self.kind {
            Kind::Grown => self.write(app),
            _ => self.cluster.delete("Kustomization", "flux-system", &format!("app-{app}")),
        }
        format!("app-{app} is deleted")
    }

    /// Somebody deletes a Kustomization by hand, which Git describes.
    fn delete_what_is_described(&mut self, app: usize) -> String {
        // A suspended one leaves everything behind.
        if !self.apps[app].exists || self.rests(app) {
            return format!("app-{app} is left where it is");
        }
        self.cluster.delete_for_now(&format!("app-{app}"));
        format!("somebody deletes app-{app}, which Git describes")
    }

    /// Another Kustomization takes the place of one, with all that it describes.
    fn rename(&mut self, from: usize, to: usize) -> String {
        if from == 0 || self.rests(from) || !self.apps[from].exists || self.apps[to].exists {
            return format!("app-{from} keeps its name");
        }
        self.make(to);
        if !self.apps[to].exists {
            return format!("app-{to} is there still");
        }
        let files = self.files[&from].clone();
        self.files.get_mut(&to).unwrap().extend(files);
        self.commits += 1;
        self.fetch();
        self.delete_or_make(from);
        format!("app-{from} becomes app-{to}")
    }

    /// From now on nobody may lose what these describe.
    fn tell_what_is_described(&self) {
        let described = self.files.iter().filter(|(app, _)| self.apps[**app].exists).flat_map(|(app, objects)| {
            let name = format!("app-{app}");
            objects.keys().map(move |object| (name.clone(), object.clone()))
        });
        self.cluster.describe(described);
    }

    /// Whether it is suspended in Git, or in the cluster still.
    fn rests(&self, app: usize) -> bool {
        let found = self.cluster.all("Kustomization").remove(&format!("app-{app}"));
        self.apps[app].suspended || found.is_some_and(|object| object["spec"]["suspend"] == true)
    }

    fn is_there(&self, app: usize) -> bool {
        self.cluster.all("Kustomization").contains_key(&format!("app-{app}")) && !self.is_leaving(app)
    }

    fn is_leaving(&self, app: usize) -> bool {
        let found = self.cluster.all("Kustomization");
        found.get(&format!("app-{app}")).is_some_and(|object| !object["metadata"]["deletionTimestamp"].is_null())
    }

    fn make(&mut self, app: usize) {
        // The former one has to be gone.
        if self.cluster.all("Kustomization").contains_key(&format!("app-{app}")) {
            return;
        }
        // What is in its files is there whatever becomes of it.
        self.apps[app] = App { exists: true, broken: self.apps[app].broken, ..App::default() };
        self.age.push(app);
        self.write(app);
    }

    fn write(&mut self, app: usize) {
        if self.kind == Kind::Grown {
            self.commits += 1;
            return self.fetch();
        }
        if !self.apps[app].exists {
            return;
        }
        let (spec, requests) = (self.spec(app), self.apps[app].requests);
        self.cluster.put_kustomization(&format!("app-{app}"), |object| {
            object["spec"] = spec;
            object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = requests.to_string().into();
        });
    }

    fn spec(&self, app: usize) -> Value {
        let App { suspended, changes, depends, .. } = self.apps[app];
        let depends_on = if depends { json!([{ "name": "app-0" }]) } else { json!([]) };
        json!({ "interval": "1h", "retryInterval": "2s", "prune": true, "path": format!("./app-{app}"),
            "suspend": suspended, "dependsOn": depends_on, "sourceRef": { "kind": "GitRepository", "name": "fleet" },
            "commonMetadata": { "labels": { "changes": format!("c{changes}") } } })
    }

    /// The Kustomizations in the order in which they were made, as the cluster has them.
    pub(super) fn by_age(&self) -> Vec<usize> {
        if self.kind != Kind::Grown {
            return self.age.clone();
        }
        let found = self.cluster.all("Kustomization");
        let made =
            |app: &usize| found.get(&format!("app-{app}")).map(|one| one["metadata"]["creationTimestamp"].to_string());
        let mut age: Vec<usize> = (0..APPS).filter(|app| made(app).is_some()).collect();
        age.sort_by_key(made);
        age
    }

    fn lose_watches(&mut self, chance: &mut Chance) -> String {
        let forgets = chance.once_in(2);
        self.cluster.end_watches(forgets);
        format!("watches end, and are too old: {forgets}")
    }

    fn change_weather(&mut self, chance: &mut Chance) -> String {
        let weather = [Weather::Fine, Weather::Slow, Weather::Failing][chance.below(3)];
        self.cluster.set_weather(weather);
        format!("the weather is {weather:?}")
    }

    /// The names of those that are there and at work.
    pub(super) fn at_work(&self) -> BTreeSet<usize> {
        (0..APPS).filter(|app| self.apps[*app].exists && !self.apps[*app].suspended).collect()
    }
}

/// The object that a Kustomization always has.
pub(super) fn own(app: usize) -> String {
    format!("own-{app}")
}
