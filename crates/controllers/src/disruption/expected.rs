//! How many Pods there should be, and how many of them healthy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_runtime::{Informer, Key, Object, owners};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, ReplicationController};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::{DynamicObject, GroupVersionKind};
use kube::{Api, ResourceExt, discovery};

use super::Context;

/// How many Pods there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// In all.
    pub pods: i32,
    /// Of these, healthy.
    pub healthy: i32,
    /// Whether there are Pods without a controller, which count for nothing.
    pub has_unmanaged: bool,
}

/// Why it cannot be told how many Pods there should be.
#[derive(Debug, thiserror::Error)]
pub enum Unexpected {
    /// A Pod's controller is not there.
    #[error("found no controllers for pod {0:?}")]
    NoController(String),
    /// A Pod's controller has no scale.
    #[error("{0} does not implement the scale subresource")]
    NoScale(String),
    /// The kind of a Pod's controller is not served.
    #[error("no matches for kind {kind:?} in version {version:?}")]
    NoKind {
        /// The kind.
        kind: String,
        /// Group and version.
        version: String,
    },
    /// The budget's amount is none.
    #[error("invalid value for IntOrString: invalid type: string is not a percentage")]
    NoAmount,
    /// The API could not be asked.
    #[error(transparent)]
    Api(#[from] kube::Error),
}

/// Counts, by what the budget says and by the scale of the Pods' controllers.
pub async fn count(context: &Context, budget: &PodDisruptionBudget, pods: &[Arc<Pod>]) -> Result<Expected, Unexpected> {
    let Some(spec) = &budget.spec else { return Ok(Expected::default()) };
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => {
            let (all, has_unmanaged) = scale(context, pods).await?;
            let healthy = all.saturating_sub(amount(most, all)?).max(0);
            Ok(Expected { pods: all, healthy, has_unmanaged })
        }
        // Who says how many there must be at least need not say how many there should be.
        (None, Some(IntOrString::Int(least))) => {
            let pods = i32::try_from(pods.len()).unwrap_or(i32::MAX);
            Ok(Expected { pods, healthy: *least, has_unmanaged: false })
        }
        (None, Some(least)) => {
            let (all, has_unmanaged) = scale(context, pods).await?;
            Ok(Expected { pods: all, healthy: amount(least, all)?, has_unmanaged })
        }
        (None, None) => Ok(Expected::default()),
    }
}

/// A number, or so many percent of all, rounded up.
fn amount(amount: &IntOrString, all: i32) -> Result<i32, Unexpected> {
    match amount {
        IntOrString::Int(number) => Ok(*number),
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|percent| percent.parse::<i64>().ok());
            let part = percent.ok_or(Unexpected::NoAmount)? * i64::from(all);
            Ok(i32::try_from(part.div_euclid(100) + i64::from(part.rem_euclid(100) > 0)).unwrap_or(i32::MAX))
        }
    }
}

/// How many Pods their controllers want, in sum, and whether there are Pods without a controller.
async fn scale(context: &Context, pods: &[Arc<Pod>]) -> Result<(i32, bool), Unexpected> {
    let (mut asked, mut scales, mut has_unmanaged) = (BTreeSet::new(), BTreeMap::new(), false);
    for pod in pods {
        let Some(controller) = owners::controller(pod.as_ref()) else {
            has_unmanaged = true;
            continue;
        };
        if !asked.insert(&controller.uid) {
            continue;
        }
        let namespace = pod.namespace().unwrap_or_default();
        let (uid, replicas) =
            scale_of(context, controller, &namespace).await?.ok_or_else(|| Unexpected::NoController(pod.name_any()))?;
        scales.insert(uid, replicas);
    }
    Ok((scales.values().fold(0, |all: i32, one| all.saturating_add(*one)), has_unmanaged))
}

/// The uid and the scale of what decides how many Pods there are: for those of a ReplicaSet that is its Deployment.
async fn scale_of(
    context: &Context,
    controller: &OwnerReference,
    namespace: &str,
) -> Result<Option<(String, i32)>, Unexpected> {
    let group = controller.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    match (group, controller.kind.as_str()) {
        ("apps" | "extensions", "ReplicaSet") => of_replica_set(context, controller, namespace).await,
        ("", "ReplicationController") => {
            let api: Api<ReplicationController> = Api::namespaced(context.client.clone(), namespace);
            let found = api.get_opt(&controller.name).await?;
            Ok(found.and_then(|found| of(controller, &found.metadata.uid, found.spec.and_then(|spec| spec.replicas))))
        }
        ("apps", "StatefulSet") => {
            let api: Api<StatefulSet> = Api::namespaced(context.client.clone(), namespace);
            let found = api.get_opt(&controller.name).await?;
            Ok(found.and_then(|found| of(controller, &found.metadata.uid, found.spec.and_then(|spec| spec.replicas))))
        }
        _ => by_subresource(context, controller, namespace).await,
    }
}

/// The scale, provided that it is that of the controller and not of another object with its name.
fn of(controller: &OwnerReference, uid: &Option<String>, replicas: Option<i32>) -> Option<(String, i32)> {
    let is_same = uid.as_deref() == Some(&controller.uid);
    is_same.then(|| (controller.uid.clone(), replicas.unwrap_or(1)))
}

/// The scale of a ReplicaSet's Deployment, which several ReplicaSets may have in common, or its own where it has none.
async fn of_replica_set(
    context: &Context,
    controller: &OwnerReference,
    namespace: &str,
) -> Result<Option<(String, i32)>, Unexpected> {
    let set = known(context, &context.replica_sets, &Key::new(namespace, &controller.name)).await?;
    let Some(set) = set else { return Ok(None) };
    let own = of(controller, &set.metadata.uid, set.spec.as_ref().and_then(|spec| spec.replicas));
    let Some(key) = owners::controller_key::<Deployment>(set.as_ref()) else { return Ok(own) };
    let (Some(_), Some(owner)) = (own, owners::controller(set.as_ref())) else { return Ok(None) };
    let deployment = known(context, &context.deployments, &key).await?;
    Ok(deployment.and_then(|deployment| {
        of(owner, &deployment.metadata.uid, deployment.spec.as_ref().and_then(|spec| spec.replicas))
    }))
}

/// An object by its key. The API is asked where the informer has none: a Pod may be seen before what made it is.
async fn known<K>(context: &Context, informer: &Informer<K>, key: &Key) -> Result<Option<Arc<K>>, Unexpected>
where
    K: Object<DynamicType = (), Scope = NamespaceResourceScope>,
{
    if let Some(known) = informer.get(key) {
        return Ok(Some(known));
    }
    let api: Api<K> = Api::namespaced(context.client.clone(), &key.namespace);
    Ok(api.get_opt(&key.name).await?.map(Arc::new))
}

/// Of any other kind: what its `scale` says, if it has any.
async fn by_subresource(
    context: &Context,
    controller: &OwnerReference,
    namespace: &str,
) -> Result<Option<(String, i32)>, Unexpected> {
    let (group, version) = controller.api_version.rsplit_once('/').unwrap_or(("", &controller.api_version));
    let kind = GroupVersionKind::gvk(group, version, &controller.kind);
    let unknown = || Unexpected::NoKind { kind: controller.kind.clone(), version: controller.api_version.clone() };
    let (resource, capabilities) = match discovery::pinned_kind(&context.client, &kind).await {
        Ok(found) => found,
        Err(kube::Error::Discovery(_)) => return Err(unknown()),
        Err(kube::Error::Api(status)) if status.is_not_found() => return Err(unknown()),
        Err(error) => return Err(error.into()),
    };
    let has_scale = capabilities.subresources.iter().any(|(part, _)| part.plural.rsplit('/').next() == Some("scale"));
    if !has_scale {
        return Err(Unexpected::NoScale(named(&resource.plural, &resource.group)));
    }
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), namespace, &resource);
    match api.get_scale(&controller.name).await {
        Ok(scale) => {
            let replicas = scale.spec.and_then(|spec| spec.replicas).or(Some(0));
            Ok(of(controller, &scale.metadata.uid, replicas))
        }
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn named(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_of_all_and_rounded_up() {
        let percent = |text: &str, all| amount(&IntOrString::String(text.to_owned()), all).ok();
        assert_eq!(amount(&IntOrString::Int(7), 3).unwrap(), 7);
        assert_eq!([percent("50%", 3), percent("0%", 9), percent("100%", 4), percent("1%", 1)], [2, 0, 4, 1].map(Some));
        assert_eq!([percent("5", 3), percent("x%", 3)], [None, None]);
    }
}
