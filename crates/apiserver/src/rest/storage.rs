//! Objects on their way to the store and back.

use std::sync::Arc;

use cowherd_store::{Entry, Expected, Revision, WriteError};
use serde_json::Value;

use crate::{
    object,
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// An object as it is stored.
#[derive(Clone, Debug)]
pub struct Live {
    /// The object, with its `resourceVersion`.
    pub object: Value,
    /// The revision that wrote it last.
    pub revision: Revision,
}

/// Why a write did not happen.
pub enum Refused {
    /// Somebody else wrote in between; this is what they left, if anything.
    Stale(Option<Box<Live>>),
    /// Something else.
    Error(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The object of that key.
pub async fn load(server: &ApiServer, resource: &Resource, key: &str) -> ApiResult<Option<Live>> {
    let entry = server.store().get(key).await.map_err(read_failed)?;
    entry.map(|entry| live(resource, &entry)).transpose()
}

/// An object as the store keeps it.
pub fn live(resource: &Resource, entry: &Entry) -> ApiResult<Live> {
    let mut object = resource.decode(&entry.value, entry.modified)?;
    resource.settle(&mut object);
    Ok(Live { object, revision: entry.modified })
}

/// What a failed read means to the client.
pub fn read_failed(error: cowherd_store::Error) -> ApiError {
    match error {
        cowherd_store::Error::Future { requested, current } => {
            ApiError::too_large_resource_version(requested.0, current.0)
        }
        error @ cowherd_store::Error::Compacted { .. } => ApiError::expired(error.to_string()),
        error => ApiError::internal(error),
    }
}

fn write_failed(resource: &Resource, error: WriteError) -> Refused {
    match error {
        WriteError::Conflict { current, .. } => match current.map(|entry| live(resource, &entry)).transpose() {
            Ok(current) => Refused::Stale(current.map(Box::new)),
            Err(error) => Refused::Error(error),
        },
        WriteError::NotFound { .. } => Refused::Stale(None),
        WriteError::TooLarge { limit, .. } => Refused::Error(ApiError::too_large(limit)),
        error => Refused::Error(ApiError::internal(error)),
    }
}

/// Stores a new object and gives it back with its resource version.
pub async fn insert(server: &ApiServer, resource: &Arc<Resource>, mut new: Value) -> Result<Value, Refused> {
    let key = resource.key(object::namespace(&new), object::name(&new));
    let bytes = resource.encode(&mut new)?;
    let revision =
        server.store().put(key, bytes, Expected::Absent).await.map_err(|error| write_failed(resource, error))?;
    object::set(&mut new, "resourceVersion", revision.to_string());
    crate::hooks::written(server, resource, &new);
    Ok(new)
}

/// Stores a changed object and gives it back with its resource version. What did not change is not written.
pub async fn replace(
    server: &ApiServer,
    resource: &Arc<Resource>,
    live: &Live,
    mut new: Value,
) -> Result<Value, Refused> {
    if new == live.object {
        return Ok(new);
    }
    let key = resource.key(object::namespace(&new), object::name(&new));
    let bytes = resource.encode(&mut new)?;
    let revision = server
        .store()
        .put(key, bytes, Expected::At(live.revision))
        .await
        .map_err(|error| write_failed(resource, error))?;
    object::set(&mut new, "resourceVersion", revision.to_string());
    crate::hooks::written(server, resource, &new);
    crate::hooks::changed(server, resource, &live.object, &new);
    Ok(new)
}

/// Removes an object for good.
pub async fn remove(server: &ApiServer, resource: &Arc<Resource>, live: &Live) -> Result<Revision, Refused> {
    let key = resource.key(object::namespace(&live.object), object::name(&live.object));
    let (revision, _) =
        server.store().delete(key, Expected::At(live.revision)).await.map_err(|error| write_failed(resource, error))?;
    crate::hooks::removed(server, resource, &live.object, revision);
    Ok(revision)
}
