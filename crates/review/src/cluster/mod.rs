//! What grows from one path of a tree.

mod artifact;
mod own;
mod sets;
mod unit;
mod without;
mod world;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cowherd_api::flux::annotations::DEFAULT_NAMESPACE;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::Actors;
use cowherd_sops::Keys;
use cowherd_source::{Access, Ignore, RepositoryUrl};
use cowherd_tree::{Tree, TreeError, TreePath};

use crate::gitops::{self, Elsewhere, NamespacedName};
pub use own::Sources;
pub use sets::Sets;
use unit::Found;
pub use unit::{State, Unit};
pub use world::World;

/// How often it is looked what ResourceSets make, each time with what came of the others: providers of their inputs, and definitions.
const MAX_ROUNDS: usize = 16;

/// The most Kustomizations of one cluster that are looked at.
const MAX_UNITS: usize = 20_000;

/// A tree, and what people call it.
#[derive(Clone)]
pub struct Side {
    /// A revision, as it was asked for, or what else the tree is.
    pub name: String,
    /// The commit, where it is one.
    pub commit: Option<String>,
    /// The files.
    pub tree: Arc<dyn Tree>,
}

/// What a review has besides the trees.
pub struct Context {
    /// Where renders find what is elsewhere: remote bases, charts.
    pub elsewhere: Arc<Elsewhere>,
    /// What may be fetched from elsewhere.
    pub access: Access,
    /// Which sources are the repository itself.
    pub sources: Sources,
    /// What acts upon the objects of the cluster.
    pub actors: Actors,
    /// What the cluster has that the repository does not: ConfigMaps and Secrets with variables, definitions.
    pub given: Vec<serde_json::Value>,
    /// The roles and bindings that every cluster has from its start.
    pub roles: Vec<serde_json::Value>,
    /// Keys for what is encrypted. What none of them opens is looked at as it is.
    pub keys: Keys,
    /// Whether what a render stops at is left out, so that the rest is looked at as well.
    pub goes_on: bool,
}

impl Context {
    /// A context in which nothing is elsewhere.
    pub fn alone() -> Self {
        Self {
            elsewhere: Arc::new(Elsewhere::nothing()),
            access: Access::own(),
            sources: Sources::default(),
            actors: Actors::default(),
            given: Vec::new(),
            roles: Vec::new(),
            keys: Keys::default(),
            goes_on: false,
        }
    }

    /// With the addresses and the branch of the repository, by which it knows itself in a GitRepository.
    pub fn with_repository(mut self, urls: Vec<RepositoryUrl>, branches: Vec<String>) -> Self {
        self.sources.urls = urls;
        self.sources.branches = branches;
        self
    }
}

/// What grows from one path of a tree.
pub struct Cluster {
    /// The path.
    pub path: String,
    /// The Kustomizations, the one of the path itself among them.
    pub units: BTreeMap<NamespacedName, Arc<Unit>>,
    /// The Kustomizations that were described a second time, and by whom: the first one counts.
    pub described_twice: Vec<(NamespacedName, NamespacedName)>,
    /// What the objects say of each other's surroundings.
    pub world: World,
}

impl Cluster {
    /// Reads what grows from `path`. What `known` has rendered already is not rendered again where everything that was
    /// read for it is the same in this tree.
    ///
    /// # Errors
    /// When the tree cannot be read. What is wrong in it is the state of the Kustomization that it concerns.
    pub fn read(side: &Side, path: &str, context: &Context, known: Option<&Self>) -> Result<Self, TreeError> {
        let tree: Arc<dyn Tree> = Arc::new(Ignore::new(side.tree.clone(), None)?);
        let mut growing = Growing::new(path, tree, context, known);
        growing.grow();
        for _ in 0..MAX_ROUNDS {
            if !growing.fill_sets() {
                break;
            }
            growing.grow();
        }
        Ok(growing.finish())
    }
}

/// A cluster that is being read.
struct Growing<'a> {
    path: String,
    tree: Arc<dyn Tree>,
    context: &'a Context,
    known: Option<&'a Cluster>,
    /// What was met and is not rendered yet, by name.
    pending: BTreeMap<NamespacedName, Found>,
    units: BTreeMap<NamespacedName, Arc<Unit>>,
    described_twice: Vec<(NamespacedName, NamespacedName)>,
    world: World,
    /// What was rendered without what it waited for.
    without: Vec<Found>,
    /// Whether it was seen how the repository describes what it grows from.
    root_is_described: bool,
}

impl<'a> Growing<'a> {
    fn new(path: &str, tree: Arc<dyn Tree>, context: &'a Context, known: Option<&'a Cluster>) -> Self {
        let mut world = World::default();
        context.given.iter().for_each(|object| world.take(object));
        let root = gitops::root(path).map(|kustomization| Found { kustomization, parent: None });
        let pending = root.into_iter().map(|found| (found.name(), found)).collect();
        Self {
            path: path.to_owned(),
            tree,
            context,
            known,
            pending,
            units: BTreeMap::new(),
            described_twice: Vec::new(),
            world,
            without: Vec::new(),
            root_is_described: false,
        }
    }

    /// Renders what is there, takes in what that brings, and goes on until there is nothing new. What waits for values or
    /// sources that may yet come is rendered last.
    fn grow(&mut self) {
        while !self.pending.is_empty() && self.units.len() < MAX_UNITS {
            let pending = std::mem::take(&mut self.pending);
            let is_known =
                |(_, found): &(NamespacedName, Found)| found.waits_for(&self.world, &self.context.sources).is_empty();
            let (ready, waiting): (BTreeMap<_, _>, BTreeMap<_, _>) = pending.into_iter().partition(is_known);
            if ready.is_empty() {
                self.finish_without(waiting.into_values().collect());
            } else {
                self.pending = waiting;
                self.render(ready.into_values().collect());
            }
        }
    }

    /// Takes in what ResourceSets make; whether there is anything to be rendered, or filled in, once more.
    fn fill_sets(&mut self) -> bool {
        let mut others = Vec::new();
        for (name, unit) in &self.units {
            if !unit.has_sets() {
                continue;
            }
            let sets = Sets::of(unit.own_objects(), &self.world);
            if !sets.are_like(&unit.sets) {
                others.push((name.clone(), unit.with(sets)));
            }
        }
        let are_others = !others.is_empty();
        for (name, unit) in others {
            for object in unit.sets.made() {
                self.world.take(object.object());
            }
            let children = unit.children();
            self.units.insert(name.clone(), Arc::new(unit));
            for kustomization in children {
                self.meet(Found { kustomization, parent: Some(name.clone()) });
            }
        }
        // What ResourceSets make may be what others waited for.
        let sources = &self.context.sources;
        let without = std::mem::take(&mut self.without).into_iter();
        let (came, without): (Vec<_>, Vec<_>) =
            without.partition(|found| found.waits_for(&self.world, sources).is_empty());
        self.without = without;
        let is_more = are_others || !came.is_empty();
        for found in came {
            self.units.remove(&found.name());
            self.pending.insert(found.name(), found);
        }
        is_more
    }

    /// Renders what waits in vain, and what did not wait in vain after all a second time.
    fn finish_without(&mut self, waiting: Vec<Found>) {
        self.render(waiting.clone());
        let sources = &self.context.sources;
        let (again, without): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|found| found.waits_for(&self.world, sources).is_empty());
        again.iter().for_each(|found| drop(self.units.remove(&found.name())));
        self.render(again);
        self.without.extend(without);
    }

    fn render(&mut self, batch: Vec<Found>) {
        let mut batch: Vec<Found> = batch.into_iter().filter(|found| !self.units.contains_key(&found.name())).collect();
        batch.sort_by_key(Found::name);
        batch.dedup_by_key(|found| found.name());
        let units = in_parallel(&batch, |found| {
            let known = self.known.and_then(|known| known.units.get(&found.name()));
            Unit::read(found, &self.tree, &self.world, self.context, known)
        });
        for unit in units {
            self.take(unit);
        }
    }

    fn take(&mut self, mut unit: Unit) {
        let root = NamespacedName::new(gitops::ROOT, gitops::ROOT);
        let children = unit.children();
        if unit.parent.is_none() && !self.root_is_described {
            self.root_is_described = true;
            match children.iter().find(|child| gitops::name(child) == root) {
                Some(described) if self.is_of_root(described) => return self.adopt(described.clone()),
                // It is one more Kustomization, and has the name.
                Some(_) => unit.name = NamespacedName::new("", &self.path),
                None => {}
            }
        }
        for object in unit.objects() {
            self.world.take(object.object());
        }
        let name = unit.name.clone();
        self.units.insert(name.clone(), Arc::new(unit));
        for kustomization in children {
            self.meet(Found { kustomization, parent: Some(name.clone()) });
        }
    }

    /// Whether a Kustomization is about the path that is looked at.
    fn is_of_root(&self, kustomization: &Kustomization) -> bool {
        let path = |text: &str| TreePath::parse(text).ok();
        path(kustomization.spec.path.as_deref().unwrap_or_default()) == path(&self.path)
    }

    /// The repository describes what it grows from, as `flux bootstrap` writes it: its settings count.
    fn adopt(&mut self, mut kustomization: Kustomization) {
        let annotations = kustomization.metadata.annotations.get_or_insert_default();
        annotations.entry(DEFAULT_NAMESPACE.to_owned()).or_insert_with(|| "default".to_owned());
        let root = Found { kustomization, parent: None };
        self.pending.insert(root.name(), root);
    }

    /// Takes in a Kustomization that was found.
    fn meet(&mut self, found: Found) {
        let name = found.name();
        let known = self.units.get(&name).map(|unit| unit.parent.clone());
        let pending = || self.pending.get(&name).map(|other| other.parent.clone());
        match (known.or_else(pending), found.parent.clone()) {
            (None, _) => drop(self.pending.insert(name, found)),
            // The one that everything grows from describes itself.
            (Some(None), _) => {}
            (Some(first), parent) if first == parent => {}
            (Some(_), Some(parent)) => self.described_twice.push((name, parent)),
            (Some(_), None) => {}
        }
    }

    fn finish(mut self) -> Cluster {
        // Definitions may have come after the objects that they are for.
        let scopes = &self.world.scopes;
        for unit in self.units.values_mut() {
            if unit.is_misplaced(scopes) {
                let placed = unit.placed(scopes);
                *unit = Arc::new(placed.with(Sets::of(placed.own_objects(), &self.world)));
            }
        }
        Cluster { path: self.path, units: self.units, described_twice: self.described_twice, world: self.world }
    }
}

/// Applies `work` to all items, on as many threads as there are processors, and gives the results in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        // A panic of one is one of all: renders turn theirs into errors.
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
