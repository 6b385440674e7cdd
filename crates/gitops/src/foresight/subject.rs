//! An owner whose changes are foreseen.

use cowherd_apply::ObjectId;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::owner::{Owner, OwnerKind, Status};
use crate::{OWNERS, flux_instance, helm_release, kustomization};

/// The kinds whose changes are foreseen. What ResourceSets would make is not yet.
static FORESEEN: [&OwnerKind; 2] = [&kustomization::KIND, &helm_release::KIND];

/// An object that has others kept as it says, of whatever kind.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(super) owner: Owner,
    pub(super) status: Status,
    object: Value,
}

impl Subject {
    /// The object as an owner. `None` where it is none, or cannot be read.
    pub fn read(object: Value) -> Option<Self> {
        let kind = kind_of(&object)?;
        let read: DynamicObject = serde_json::from_value(object.clone()).ok()?;
        read.metadata.name.as_ref().filter(|name| !name.is_empty())?;
        let (mut owner, status) = (kind.read)(read).ok()?;
        if let Err(error) = owner.settings.as_ref().map_or(Ok(()), |settings| settings.expressions.compile()) {
            owner.settings = Err(error);
        }
        Some(Self { owner, status, object })
    }

    /// Its kind.
    pub fn kind(&self) -> &'static str {
        self.owner.name.kind.kind
    }

    /// What names it among all objects.
    pub fn id(&self) -> ObjectId {
        self.owner.name.as_object().id
    }

    /// The object.
    pub fn object(&self) -> &Value {
        &self.object
    }

    /// The other owners that made it, by its labels: a repository that describes how it is followed has its root label itself. What
    /// a FluxInstance has followed is where everything begins, which counts as nobody's.
    pub fn owners(&self) -> Vec<ObjectId> {
        let label = |name: &str| {
            let labels = self.object.pointer("/metadata/labels").and_then(Value::as_object)?;
            Some(labels.get(name)?.as_str()?.to_owned())
        };
        let owner = |kind: &&OwnerKind| {
            let (name, namespace) = (label(kind.ownership.name_label)?, label(kind.ownership.namespace_label)?);
            Some(ObjectId { group: kind.group.to_owned(), kind: kind.kind.to_owned(), namespace, name })
        };
        let owners = OWNERS.into_iter().filter(|kind| *kind != &flux_instance::KIND);
        owners.filter_map(|kind| owner(&kind)).filter(|owner| *owner != self.id()).collect()
    }

    /// Whether it rests: nothing of it changes until somebody resumes it.
    pub fn is_suspended(&self) -> bool {
        self.object.pointer("/spec/suspend") == Some(&Value::Bool(true))
    }

    /// Whether nothing is known beforehand of what it describes but by what the cluster has of it already.
    pub fn has_a_story(&self) -> bool {
        self.owner.name.kind.story.is_some()
    }
}

/// The kind of owner that an object is of.
pub(super) fn kind_of(object: &Value) -> Option<&'static OwnerKind> {
    let group = object["apiVersion"].as_str()?.split_once('/')?.0;
    FORESEEN.into_iter().find(|kind| kind.group == group && object["kind"] == kind.kind)
}

/// The kind of owner that an object of this name is of.
pub(super) fn kind_of_id(id: &ObjectId) -> Option<&'static OwnerKind> {
    FORESEEN.into_iter().find(|kind| (kind.group, kind.kind) == (id.group.as_str(), id.kind.as_str()))
}
