//! Writes the status of an object as a whole, in one request.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::NamespacedName;

/// Where an object is.
pub(crate) struct Place {
    pub(crate) resource: ApiResource,
    pub(crate) name: NamespacedName,
}

/// Replaces the status of the object. Of `fields`, which are all that a status can have, those that `status` lacks
/// are removed.
pub(crate) async fn write(
    client: &Client,
    place: &Place,
    manager: &str,
    fields: &[&str],
    status: &impl Serialize,
) -> kube::Result<()> {
    let Value::Object(written) = serde_json::to_value(status).map_err(kube::Error::SerdeError)? else {
        return Ok(());
    };
    let mut patch: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
    patch.extend(written);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &place.name.namespace, &place.resource);
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    api.patch_status(&place.name.name, &params, &Patch::Merge(json!({ "status": patch }))).await.map(drop)
}
