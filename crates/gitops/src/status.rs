//! Writes the status of an object as a whole, in one request.

use kube::api::{Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::NamespacedName;

/// Replaces the status of the object. Of `fields`, which are all that a status can have, those that `status` lacks
/// are removed.
pub(crate) async fn write<K>(
    client: &Client,
    name: &NamespacedName,
    manager: &str,
    fields: &[&str],
    status: &impl Serialize,
) -> kube::Result<()>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let Value::Object(written) = serde_json::to_value(status).map_err(kube::Error::SerdeError)? else {
        return Ok(());
    };
    let mut patch: Map<String, Value> = fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect();
    patch.extend(written);
    let api: Api<K> = Api::namespaced(client.clone(), &name.namespace);
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    api.patch_status(&name.name, &params, &Patch::Merge(json!({ "status": patch }))).await.map(drop)
}

/// Whether the API answered that there is no such object.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
