//! Objects on their way to the store and back.

use std::sync::Arc;

use cowherd_store::{Change, Entry, Expected, Revision, WriteError};
use serde_json::Value;

use crate::{
    bounds::check_stored,
    claims, following, object,
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
    /// Somebody else has what this key stands for, which the object was to have to itself.
    Taken(String),
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
    let bytes = encode(resource, &mut new)?;
    let change = Change::put(key, bytes, Expected::Absent);
    let revision = commit(server, resource, change, None, Some(&new)).await?;
    object::set(&mut new, "resourceVersion", revision.to_string());
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
    let bytes = encode(resource, &mut new)?;
    let change = Change::put(key, bytes, Expected::At(live.revision));
    let revision = commit(server, resource, change, Some(&live.object), Some(&new)).await?;
    object::set(&mut new, "resourceVersion", revision.to_string());
    Ok(new)
}

/// An object as it is stored. One that is too large with its owners is stored without them, as kube-apiserver does.
fn encode(resource: &Resource, object: &mut Value) -> ApiResult<bytes::Bytes> {
    let bytes = resource.encode(object)?;
    let Err(exceeded) = check_stored(object, bytes.len()) else { return Ok(bytes) };
    if object::unset(object, "managedFields").is_none() {
        return Err(exceeded.into());
    }
    let bytes = resource.encode(object)?;
    check_stored(object, bytes.len())?;
    Ok(bytes)
}

/// Removes an object for good.
pub async fn remove(server: &ApiServer, resource: &Arc<Resource>, live: &Live) -> Result<Revision, Refused> {
    let key = resource.key(object::namespace(&live.object), object::name(&live.object));
    let change = Change::delete(key, Expected::At(live.revision));
    commit(server, resource, change, Some(&live.object), None).await
}

/// Makes the change of an object together with what goes along with it, and waits until this server has seen it.
async fn commit(
    server: &ApiServer,
    resource: &Resource,
    change: Change,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Result<Revision, Refused> {
    let key = change.key.clone();
    let mut changes = vec![change];
    changes.extend(claims::along(server, resource, old, new).await?);
    let keys = following::keys(&changes);
    let done = match server.store().commit(changes).await {
        Err(WriteError::Conflict { key: other, .. }) if other != key => return Err(Refused::Taken(other)),
        done => done.map_err(|error| write_failed(resource, error))?,
    };
    server.following().reached_all(keys, &done).await;
    let revision = done.first().and_then(|changed| changed.revision);
    // What is deleted at a revision was there.
    revision.ok_or(Refused::Stale(None))
}
