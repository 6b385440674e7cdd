//! Writes the status of an object as a whole, in one request, unless somebody else wrote it meanwhile.
//!
//! A leader that was suspended, or cut off, writes what it knew then: the resource version keeps that from replacing what its
//! successor wrote.

mod precondition;

use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::NamespacedName;

pub(crate) use precondition::Precondition;

/// How often a write is tried that meets another one.
const ATTEMPTS: usize = 5;

/// Where an object is.
pub(crate) struct Place {
    pub(crate) resource: ApiResource,
    pub(crate) name: NamespacedName,
}

/// What a write came to.
pub(crate) enum Written {
    /// It is there; the object as it is now.
    Done(Box<DynamicObject>),
    /// Somebody else wrote the status, and it is as they wrote it.
    Overtaken(Box<DynamicObject>),
}

/// Replaces the status of the object, of which that much is known. Of `fields`, which are all that a status can have, those that
/// `status` lacks are removed. Where the object was written meanwhile, `is_ours` says of it whether its status is still one of
/// ours: then it is replaced all the same.
///
/// # Errors
/// When the API refuses the write, or gives no answer; with a conflict where the object is another one by now.
pub(crate) async fn write(
    client: &Client,
    place: &Place,
    manager: &str,
    (fields, status): (&[&str], &impl Serialize),
    precondition: &Precondition,
    is_ours: impl Fn(&DynamicObject) -> bool,
) -> kube::Result<Written> {
    let mut patch: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
    if let Value::Object(written) = serde_json::to_value(status).map_err(kube::Error::SerdeError)? {
        patch.extend(written);
    }
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &place.name.namespace, &place.resource);
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let mut since = precondition.version.clone();
    let mut attempt = 1;
    loop {
        let metadata: Map<String, Value> = since.iter().map(|at| ("resourceVersion".to_owned(), json!(at))).collect();
        let patch = Patch::Merge(json!({ "metadata": metadata, "status": patch }));
        let conflict = match api.patch_status(&place.name.name, &params, &patch).await {
            Ok(object) => return Ok(Written::Done(Box::new(object))),
            Err(kube::Error::Api(status)) if status.is_conflict() && attempt < ATTEMPTS => kube::Error::Api(status),
            Err(error) => return Err(error),
        };
        attempt += 1;
        let Some(live) = look(&api, place, precondition).await? else { return Err(conflict) };
        if !is_ours(&live) {
            return Ok(Written::Overtaken(Box::new(live)));
        }
        since = live.resource_version();
    }
}

/// The object as it is now, if it is still there. It is listed, since the agent that brings sources may get none.
async fn look(
    api: &Api<DynamicObject>,
    place: &Place,
    precondition: &Precondition,
) -> kube::Result<Option<DynamicObject>> {
    let name = &place.name.name;
    let found = api.list(&ListParams::default().fields(&format!("metadata.name={name}"))).await?;
    let is_it = |object: &DynamicObject| object.name_any() == *name && object.uid() == precondition.uid;
    Ok(found.items.into_iter().find(is_it))
}
