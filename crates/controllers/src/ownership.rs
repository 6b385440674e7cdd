//! Owner references: who controls an object, adoption and release.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, OwnerReference};
use kube::Resource;
use kube::core::{Selector, SelectorExt};

use crate::Error;

/// The uid of the object's controller.
pub fn controller_uid<K: Resource>(object: &K) -> Option<&str> {
    controller(object).map(|owner| owner.uid.as_str())
}

/// The reference to the object's controller.
pub fn controller<K: Resource>(object: &K) -> Option<&OwnerReference> {
    let owners = object.meta().owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true))
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
pub fn matches<K: Resource>(selector: &Selector, object: &K) -> bool {
    static NONE: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    selector.matches(object.meta().labels.as_ref().unwrap_or(&NONE))
}
