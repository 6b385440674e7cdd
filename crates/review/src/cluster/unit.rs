//! One Kustomization, and what it makes of a tree.

use std::sync::Arc;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::Manifest;
use cowherd_apply::mask::Mask;
use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreeError, TreePath};
use kube::ResourceExt;

use crate::gitops::{self, Made, NamespacedName, Plan, Problem};
use crate::scope::Scopes;

use super::Context;
use super::artifact::Made as MadeArtifact;
use super::own::{Origin, Sources};
use super::sets::{Sets, is_set};
use super::without;
use super::world::World;

/// A Kustomization that was found, before anything was made of it.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) kustomization: Kustomization,
    /// Which one describes it; nobody describes the one that everything grows from.
    pub(super) parent: Option<NamespacedName>,
}

impl Found {
    pub(super) fn name(&self) -> NamespacedName {
        gitops::name(&self.kustomization)
    }

    /// What has to be known first, and may yet come.
    pub(super) fn waits_for(&self, world: &World, sources: &Sources) -> Vec<String> {
        let Ok(plan) = Plan::read(&self.kustomization) else { return Vec::new() };
        let mut missing = world.missing_values(&plan, &self.name().namespace);
        if self.parent.is_some() && sources.is_unknown(&self.kustomization, world) {
            missing.push("its source".to_owned());
        }
        missing
    }
}

/// One Kustomization, and what it makes of a tree.
#[derive(Clone)]
pub struct Unit {
    /// Its name.
    pub name: NamespacedName,
    /// The directory.
    pub path: String,
    /// As the repository describes it.
    pub kustomization: Kustomization,
    /// What it asks for, where that can be read.
    pub plan: Option<Plan>,
    /// Which one describes it.
    pub parent: Option<NamespacedName>,
    /// What came of it.
    pub state: State,
    /// What nothing would come of it for, where the state is what comes of the rest.
    pub broken: Vec<Problem>,
    /// What only a cluster could tell, and whatever else a person should know.
    pub notes: Vec<String>,
    /// The values of Secrets that variables have.
    pub secrets: Vec<String>,
    /// What comes of the ResourceSets among its objects.
    pub sets: Arc<Sets>,
    /// All that the objects are made from besides the tree.
    key: String,
    /// What of the repository the files are that it reads, if not the repository itself.
    artifact: Option<MadeArtifact>,
}

/// What came of a Kustomization.
#[derive(Clone)]
pub enum State {
    /// The objects.
    Made(Arc<Made>),
    /// There are none.
    Failed(Problem),
    /// It is not looked at, for this reason.
    Elsewhere(String),
}

impl Unit {
    pub(super) fn read(
        found: &Found,
        tree: &Arc<dyn Tree>,
        world: &World,
        context: &Context,
        known: Option<&Arc<Unit>>,
    ) -> Self {
        let name = found.name();
        let path = found.kustomization.spec.path.clone().unwrap_or_default();
        let mut unit = Self {
            name,
            path,
            kustomization: found.kustomization.clone(),
            plan: None,
            parent: found.parent.clone(),
            state: State::Elsewhere(String::new()),
            broken: Vec::new(),
            notes: Vec::new(),
            secrets: Vec::new(),
            sets: Arc::default(),
            key: String::new(),
            artifact: None,
        };
        unit.state = match Plan::read(&found.kustomization) {
            Ok(plan) => unit.make(plan, tree, world, context, known),
            Err(text) => State::Failed(Problem::new(text)),
        };
        unit
    }

    fn make(
        &mut self,
        plan: Plan,
        tree: &Arc<dyn Tree>,
        world: &World,
        context: &Context,
        known: Option<&Arc<Unit>>,
    ) -> State {
        let tree = match self.tree(&plan, tree, world, context) {
            Ok(tree) => tree,
            Err(state) => return state,
        };
        let values = world.values(&plan, &self.name.namespace);
        if !values.missing.is_empty() {
            let holders = values.missing.join(", ");
            self.notes.push(format!("variables stay as they are written, for not in the repository: {holders}"));
        }
        if self.kustomization.spec.suspend == Some(true) {
            self.notes.push("suspended: nothing happens until it is resumed".to_owned());
        }
        self.key = plan.key(&values.values);
        self.secrets = values.secrets;
        let make = |tree: &dyn Tree| {
            let made =
                plan.make(tree, &values.values, &gitops::helm(), &context.elsewhere, &context.access, &context.keys);
            made.map(|mut made| {
                let default = plan.default_namespace();
                made.objects.iter_mut().for_each(|object| world.scopes.place(object, default));
                made
            })
        };
        let made = match known.and_then(|known| known.holds(&self.key, tree.as_ref())) {
            Some(made) => Ok(made),
            None if context.goes_on => {
                let root = TreePath::parse(plan.path()).unwrap_or_default();
                let (broken, made) = without::made(&tree, &root, make);
                self.broken = broken;
                made.map(Arc::new)
            }
            None => make(tree.as_ref()).map(Arc::new),
        };
        self.plan = Some(plan);
        self.secrets.extend(made.iter().flat_map(|made| made.secrets.iter().cloned()));
        let unrendered = made.iter().flat_map(|made| &made.unrendered).map(|file| format!("not rendered: {file}"));
        self.notes.extend(unrendered);
        made.map_or_else(State::Failed, State::Made)
    }

    /// The files that the Kustomization is about.
    fn tree(
        &mut self,
        plan: &Plan,
        tree: &Arc<dyn Tree>,
        world: &World,
        context: &Context,
    ) -> Result<Arc<dyn Tree>, State> {
        if self.parent.is_none() {
            return Ok(tree.clone());
        }
        let (ignore, artifact, is_guess) = match context.sources.find(&self.kustomization, world) {
            Origin::Other(why) => return Err(State::Elsewhere(why)),
            Origin::Own { ignore, artifact, is_guess } => (ignore, artifact, is_guess),
        };
        let failed = |error: TreeError| State::Failed(Problem::new(error.to_string()));
        let (kind, name) = super::own::reference(&self.kustomization);
        if is_guess && artifact.is_none() && !is_there(tree.as_ref(), plan.path()) {
            return Err(State::Elsewhere(format!(
                "its source {kind} {name} is not in the repository, nor is its path"
            )));
        }
        if is_guess {
            self.notes.push(format!("its source {kind} {name} is taken to be this repository, which does not say"));
        }
        let mut tree = tree.clone();
        if let Some(ignore) = ignore {
            tree = Arc::new(Ignore::new(tree, Some(&ignore)).map_err(failed)?);
        }
        if let Some(artifact) = artifact {
            let made = artifact.make(&tree).map_err(|text| State::Failed(Problem::new(text)))?;
            tree = made.tree();
            self.artifact = Some(made);
        }
        Ok(tree)
    }

    /// What was made, if it would be made again of `tree`.
    fn holds(&self, key: &str, tree: &dyn Tree) -> Option<Arc<Made>> {
        let State::Made(made) = &self.state else { return None };
        let is_same = self.key == key && made.reads.unchanged_in(tree).unwrap_or(false);
        is_same.then(|| made.clone())
    }

    /// Where in the repository a file is that was read.
    pub fn in_repository(&self, path: &TreePath) -> TreePath {
        self.artifact.as_ref().map_or_else(|| path.clone(), |artifact| artifact.origin(path))
    }

    /// The directory in the repository; `None` where the path is none.
    pub fn directory(&self) -> Option<TreePath> {
        TreePath::parse(&self.path).ok().map(|path| self.in_repository(&path))
    }

    /// What was made, where anything was.
    pub fn made(&self) -> Option<&Arc<Made>> {
        match &self.state {
            State::Made(made) => Some(made),
            _ => None,
        }
    }

    /// The objects, and behind them those that ResourceSets among them make.
    pub fn objects(&self) -> &[Manifest] {
        self.sets.all().unwrap_or_else(|| self.own_objects())
    }

    /// The objects that are rendered for it.
    pub(super) fn own_objects(&self) -> &[Manifest] {
        self.made().map(|made| made.objects.as_slice()).unwrap_or_default()
    }

    /// The same with this of its ResourceSets.
    pub(super) fn with(&self, sets: Sets) -> Self {
        Self { sets: Arc::new(sets), ..self.clone() }
    }

    /// Whether there are ResourceSets among them.
    pub(super) fn has_sets(&self) -> bool {
        self.own_objects().iter().any(is_set)
    }

    /// The Kustomizations among the objects.
    pub(super) fn children(&self) -> Vec<Kustomization> {
        let read = |manifest: &Manifest| {
            let object = manifest.object();
            gitops::is_kustomization(object).then(|| serde_json::from_value(object.clone()).ok())?
        };
        self.objects().iter().filter_map(read).collect()
    }

    /// The cluster that the objects go to, if not the one that the Kustomization is in.
    pub fn target(&self) -> Option<String> {
        let config = self.kustomization.spec.kube_config.as_ref()?;
        let secret = config.secret_ref.as_ref().map(|reference| reference.name.clone());
        let name = secret.or_else(|| config.config_map_ref.as_ref().map(|reference| reference.name.clone()));
        Some(format!("{}/{}", self.kustomization.namespace().unwrap_or_default(), name.unwrap_or_default()))
    }

    /// Hides the values that came from Secrets.
    pub fn mask(&self) -> Mask {
        let mut mask = Mask::default();
        self.secrets.iter().for_each(|secret| mask.add_text(secret));
        mask
    }

    /// Whether some objects are elsewhere than they say.
    pub(super) fn is_misplaced(&self, scopes: &Scopes) -> bool {
        let default = self.plan.as_ref().and_then(Plan::default_namespace);
        self.own_objects().iter().any(|object| {
            let mut placed = object.clone();
            scopes.place(&mut placed, default);
            placed.id() != object.id()
        })
    }

    /// The same with the objects where they are.
    pub(super) fn placed(&self, scopes: &Scopes) -> Self {
        let Some(made) = self.made() else { return self.clone() };
        let default = self.plan.as_ref().and_then(Plan::default_namespace);
        let mut objects = made.objects.clone();
        objects.iter_mut().for_each(|object| scopes.place(object, default));
        let made = Made { objects, ..Made::clone(made) };
        Self { state: State::Made(Arc::new(made)), ..self.clone() }
    }
}

fn is_there(tree: &dyn Tree, path: &str) -> bool {
    TreePath::parse(path).is_ok_and(|path| matches!(tree.stat(&path), Ok(Some(_))))
}
