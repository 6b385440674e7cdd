//! What a Kustomization has brought whose owner goes and takes it with it: that stays, where the owner stands for an installation of
//! Flux.
//!
//! The Flux Operator takes the finalizers of all of Flux's resources away before it deletes them. Here it is said to the
//! Kustomization, by its own field for that.

use cowherd_api::flux::annotations::{DISABLED, PRUNE, RECONCILE, SET_PRUNE};
use cowherd_apply::{ObjectId, Owner as Mark, Versioned, is_path_segment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::Context;
use super::failure::Failure;
use crate::conditions::RECONCILIATION_FAILED;
use crate::kustomization;
use crate::owner::OwnerKind;
use crate::target::Target;

/// The annotations by which an object stays, and goes on as it is.
const KEPT: [&str; 3] = [SET_PRUNE, PRUNE, RECONCILE];

/// Has the Kustomizations among the objects, as far as they are the owner's by their labels, leave what they have brought.
pub(super) async fn relinquish(
    context: &Context,
    target: &Target,
    kind: &OwnerKind,
    owner: &Mark,
    objects: &[Versioned],
) -> Result<(), Failure> {
    let client = context.targets.client_of(target);
    let client = client.map_err(|error| Failure::because(RECONCILIATION_FAILED, &error, false))?;
    for Versioned { id, .. } in objects.iter().filter(|object| is_kustomization(&object.id)) {
        let api: Api<DynamicObject> =
            Api::namespaced_with(client.clone(), &id.namespace, &kustomization::KIND.resource());
        let Some(found) = api.get_metadata_opt(&id.name).await.map_err(|error| Failure::api(&error))? else { continue };
        if !owner.owns(&found.metadata, &kind.ownership)
            || KEPT.iter().any(|annotation| says_no(&found.metadata, annotation))
        {
            continue;
        }
        let patch = json!({ "spec": { "deletionPolicy": "Orphan" } });
        let params =
            PatchParams { field_manager: Some(kind.ownership.field_manager.to_owned()), ..PatchParams::default() };
        match api.patch(&id.name, &params, &Patch::Merge(patch)).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            patched => drop(patched.map_err(|error| Failure::api(&error))?),
        }
    }
    Ok(())
}

fn says_no(metadata: &ObjectMeta, annotation: &str) -> bool {
    let said = metadata.annotations.as_ref().and_then(|all| all.get(annotation));
    said.is_some_and(|value| value.eq_ignore_ascii_case(DISABLED))
}

/// Whether it is a Kustomization. What a status says may be no name at all.
fn is_kustomization(id: &ObjectId) -> bool {
    let is_name = is_path_segment(&id.namespace) && is_path_segment(&id.name);
    is_name && (id.group.as_str(), id.kind.as_str()) == (kustomization::KIND.group, kustomization::KIND.kind)
}
