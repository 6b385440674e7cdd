//! Owner references: who controls an object, and whether a selector takes it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::core::{Selector, SelectorExt};
use kube::{Resource, ResourceExt};

use crate::{Error, Key};

/// The uid of the object's controller.
pub fn controller_uid<K: Resource>(object: &K) -> Option<&str> {
    controller(object).map(|owner| owner.uid.as_str())
}

/// The reference to the object's controller.
pub fn controller<K: Resource>(object: &K) -> Option<&OwnerReference> {
    let owners = object.meta().owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// The key of the object's controller, where that is of the kind `O`, in whatever version.
pub fn controller_key<O: Resource<DynamicType = ()>>(object: &impl Resource) -> Option<Key> {
    let owner = controller(object)?;
    let group = owner.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let is_of_kind = owner.kind == O::kind(&()) && group == O::group(&());
    let namespace = object.meta().namespace.clone().unwrap_or_default();
    is_of_kind.then(|| Key::new(namespace, &owner.name))
}

/// The reference that makes `owner` the controller of another object.
pub fn controller_reference<K: Resource<DynamicType = ()>>(owner: &K) -> Result<OwnerReference, Error> {
    let reference = owner.controller_owner_ref(&()).ok_or(Error::Incomplete("name or uid"))?;
    // A foreground deletion of the owner waits for this object.
    Ok(OwnerReference { block_owner_deletion: Some(true), ..reference })
}

/// A label selector that can be matched.
pub fn selector(selector: &LabelSelector) -> Result<Selector, Error> {
    Selector::try_from(selector.clone()).map_err(|error| Error::Invalid(format!("invalid label selector: {error}")))
}

/// Whether the labels of an object match.
pub fn matches<K: ResourceExt>(selector: &Selector, object: &K) -> bool {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    selector.matches(object.meta().labels.as_ref().unwrap_or(&NONE))
}
