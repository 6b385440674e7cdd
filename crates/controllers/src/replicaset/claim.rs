//! Which pods are a ReplicaSet's: adopts orphans that match, releases pods that no longer do.

use std::sync::Arc;

use cowherd_runtime::{Error, Key, owners};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::Context;

/// The pods of the ReplicaSet.
pub async fn pods(context: &Context, set: &ReplicaSet) -> Result<Vec<Arc<Pod>>, Error> {
    let spec = set.spec.as_ref().ok_or(Error::Incomplete("spec"))?;
    let selector = owners::selector(&spec.selector)?;
    let uid = set.metadata.uid.as_deref().ok_or(Error::Incomplete("uid"))?;
    let namespace = set.namespace().unwrap_or_default();
    let deleted = set.metadata.deletion_timestamp.is_some();
    let mut claimed = Vec::new();
    for pod in context.pods.informer().controlled_by(uid) {
        if owners::matches(&selector, pod.as_ref()) {
            claimed.push(pod);
        } else if !deleted {
            release(context, &pod, uid).await?;
        }
    }
    if deleted {
        return Ok(claimed);
    }
    for pod in context.pods.informer().in_namespace(&namespace) {
        let orphan = owners::controller(pod.as_ref()).is_none() && crate::pods::is_active(&pod);
        if orphan
            && owners::matches(&selector, pod.as_ref())
            && let Some(adopted) = adopt(context, &pod, set).await?
        {
            claimed.push(adopted);
        }
    }
    Ok(claimed)
}

async fn adopt(context: &Context, pod: &Pod, set: &ReplicaSet) -> Result<Option<Arc<Pod>>, Error> {
    let patch = json!({ "metadata": {
        "uid": pod.metadata.uid,
        "ownerReferences": [owners::controller_reference(set)?],
    } });
    match context.pods.patch(&Key::of(pod), &PatchParams::default(), &Patch::Strategic(patch)).await {
        Ok(adopted) => Ok(Some(adopted)),
        Err(error) if error.is_gone_or_changed() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn release(context: &Context, pod: &Pod, owner: &str) -> Result<(), Error> {
    let patch = json!({ "metadata": {
        "uid": pod.metadata.uid,
        "ownerReferences": [{ "$patch": "delete", "uid": owner }],
    } });
    match context.pods.patch(&Key::of(pod), &PatchParams::default(), &Patch::Strategic(patch)).await {
        Err(error) if error.is_not_found() => context.pods.informer().remove(pod),
        result => drop(result?),
    }
    Ok(())
}
