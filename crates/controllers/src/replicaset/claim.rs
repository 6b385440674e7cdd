//! Which pods are a ReplicaSet's: adopts orphans that match, releases pods that no longer do.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::Context;
use crate::Error;
use crate::cache::Key;
use crate::ownership;

/// The pods of the ReplicaSet.
pub async fn pods(context: &Context, set: &ReplicaSet) -> Result<Vec<Arc<Pod>>, Error> {
    let spec = set.spec.as_ref().ok_or(Error::Incomplete("spec"))?;
    let selector = ownership::selector(&spec.selector)?;
    let uid = set.metadata.uid.as_deref().ok_or(Error::Incomplete("uid"))?;
    let namespace = set.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let deleted = set.metadata.deletion_timestamp.is_some();
    let mut claimed = Vec::new();
    for pod in context.pods.controlled_by(uid) {
        if ownership::matches(&selector, pod.as_ref()) {
            claimed.push(pod);
        } else if !deleted {
            release(context, &api, &pod, uid).await?;
        }
    }
    if deleted {
        return Ok(claimed);
    }
    for pod in context.pods.in_namespace(&namespace) {
        let orphan = ownership::controller(pod.as_ref()).is_none() && crate::conditions::is_active(&pod);
        if orphan
            && ownership::matches(&selector, pod.as_ref())
            && let Some(adopted) = adopt(context, &api, &pod, set).await?
        {
            claimed.push(adopted);
        }
    }
    Ok(claimed)
}

async fn adopt(context: &Context, api: &Api<Pod>, pod: &Pod, set: &ReplicaSet) -> Result<Option<Arc<Pod>>, Error> {
    let patch = json!({ "metadata": {
        "uid": pod.metadata.uid,
        "ownerReferences": [ownership::controller_reference(set)?],
    } });
    match api.patch(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch)).await {
        Ok(adopted) => Ok(context.pods.observe(adopted.clone()).or_else(|| Some(Arc::new(adopted)))),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn release(context: &Context, api: &Api<Pod>, pod: &Pod, owner: &str) -> Result<(), Error> {
    let patch = json!({ "metadata": {
        "uid": pod.metadata.uid,
        "ownerReferences": [{ "$patch": "delete", "uid": owner }],
    } });
    match api.patch(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch)).await {
        Ok(released) => drop(context.pods.observe(released)),
        Err(kube::Error::Api(status)) if status.code == 404 => context.pods.remove(&Key::of(pod), None),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
