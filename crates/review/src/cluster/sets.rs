//! What the ResourceSets make that a Kustomization describes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cowherd_api::flux::controlplane::v1::ResourceSet;
use cowherd_api::supported::{RESOURCE_SET, refused};
use cowherd_apply::{Manifest, ObjectId};
use serde_json::Value;

use super::world::World;
use crate::gitops::{SetPlan, Unmade};

/// The group and the kind of what makes objects of templates and inputs.
const GROUP: &str = "fluxcd.controlplane.io";
const KIND: &str = "ResourceSet";
/// How many ResourceSets may stand one behind the other, each made by the one before.
const MAX_CHAIN: usize = 8;
/// The most objects that those of one Kustomization make.
const MAX_OBJECTS: usize = 20_000;

/// What the ResourceSets of a Kustomization make, and those that these make.
#[derive(Clone, Default)]
pub struct Sets {
    /// The objects of the Kustomization, and behind them those that its ResourceSets make; empty where they make none.
    all: Vec<Manifest>,
    /// How many of them the Kustomization describes itself.
    own: usize,
    /// Which of the others which ResourceSet makes, with the field that its templates are in.
    makers: BTreeMap<ObjectId, (ObjectId, &'static str)>,
    /// What is wrong with a ResourceSet.
    pub problems: Vec<(ObjectId, String)>,
    /// Of which of them only a cluster knows what it makes, and why.
    pub unforeseen: Vec<(ObjectId, String)>,
    /// Those that rest.
    pub suspended: Vec<ObjectId>,
}

impl Sets {
    /// What comes of the ResourceSets among the objects of a Kustomization.
    pub(super) fn of(objects: &[Manifest], world: &World) -> Self {
        let mut sets = Self { own: objects.len(), ..Self::default() };
        let described: BTreeSet<&ObjectId> = objects.iter().map(Manifest::id).collect();
        let mut pending: VecDeque<(Manifest, usize)> =
            objects.iter().filter(|object| is_set(object)).map(|set| (set.clone(), 1)).collect();
        let mut made: Vec<Manifest> = Vec::new();
        while let Some((set, depth)) = pending.pop_front() {
            for object in sets.make(&set, world) {
                let id = object.id().clone();
                // What the Kustomization describes as well, or another ResourceSet makes, is told of the first.
                if described.contains(&id) || sets.makers.contains_key(&id) {
                    continue;
                }
                if made.len() >= MAX_OBJECTS || depth > MAX_CHAIN {
                    sets.unforeseen.push((set.id().clone(), "there is more of it than is looked at".to_owned()));
                    break;
                }
                if is_set(&object) {
                    pending.push_back((object.clone(), depth + 1));
                }
                sets.makers.insert(id, (set.id().clone(), field(set.object())));
                made.push(object);
            }
        }
        if !made.is_empty() {
            sets.all = objects.iter().cloned().chain(made).collect();
        }
        sets
    }

    /// The objects of one ResourceSet, or what is to be said in their place.
    fn make(&mut self, set: &Manifest, world: &World) -> Vec<Manifest> {
        let plan = match SetPlan::read(set.object()) {
            Ok(plan) => plan,
            Err(why) => {
                // What is refused, and what is none at all, is told of its field.
                let spec = &set.object()["spec"];
                let is_read = serde_json::from_value::<ResourceSet>(set.object().clone()).is_ok();
                if is_read && refused(RESOURCE_SET, spec).next().is_none() {
                    self.problems.push((set.id().clone(), why));
                }
                return Vec::new();
            }
        };
        if plan.is_suspended() {
            self.suspended.push(set.id().clone());
        }
        match plan.make(world.providers()) {
            Ok(mut made) => {
                made.iter_mut().for_each(|object| world.scopes.place(object, None));
                made
            }
            Err(Unmade::Fails(why)) => {
                self.problems.push((set.id().clone(), why));
                Vec::new()
            }
            Err(Unmade::Unforeseen(why)) => {
                self.unforeseen.push((set.id().clone(), why));
                Vec::new()
            }
        }
    }

    /// The objects of the Kustomization and of its ResourceSets; nothing where these make none.
    pub(super) fn all(&self) -> Option<&[Manifest]> {
        (!self.all.is_empty()).then_some(&self.all)
    }

    /// The objects that the ResourceSets make.
    pub fn made(&self) -> &[Manifest] {
        self.all.get(self.own..).unwrap_or_default()
    }

    /// The ResourceSet that makes an object, and the field that its templates are in.
    pub fn maker(&self, object: &ObjectId) -> Option<(&ObjectId, &'static str)> {
        self.makers.get(object).map(|(set, field)| (set, *field))
    }

    /// Whether the same comes of them.
    pub(crate) fn are_like(&self, other: &Self) -> bool {
        let objects = |sets: &Self| sets.made().iter().map(|object| object.object().clone()).collect::<Vec<Value>>();
        let said = |sets: &Self| (sets.problems.clone(), sets.unforeseen.clone(), sets.suspended.clone());
        said(self) == said(other) && objects(self) == objects(other)
    }
}

/// Whether an object is a ResourceSet.
pub(super) fn is_set(object: &Manifest) -> bool {
    object.id().group == GROUP && object.id().kind == KIND
}

/// The field with the templates.
fn field(set: &Value) -> &'static str {
    let has_objects = set["spec"]["resources"].as_array().is_some_and(|resources| !resources.is_empty());
    if has_objects { "spec.resources" } else { "spec.resourcesTemplate" }
}
