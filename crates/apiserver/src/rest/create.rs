//! Making an object.

use std::sync::Arc;

use cowherd_patch::managed::{self, Updater};
use serde_json::Value;

use super::{
    Request, incoming, must_be_good,
    options::WriteOptions,
    storage::{self, Refused},
};
use crate::{
    admission,
    answer::Answer,
    authorization::Grant,
    claims::{self, Avoid},
    object,
    resource::{Behaviour, Resource},
    server::ApiServer,
    status::{ApiError, ApiResult},
    table::Include,
};

/// How often a generated name is tried.
const NAME_ATTEMPTS: usize = 8;

/// Makes the object of the request's body.
pub async fn create(request: &Request<'_>) -> ApiResult<Answer> {
    let call = request.call;
    let options = WriteOptions::parse(call, "CreateOptions", false)?;
    let mut parsed = incoming::document(call)?;
    request.identify(&mut parsed.value)?;
    let incoming = incoming::clean(&request.resource, parsed, options.validation)?;
    let created = create_object(request.server, &request.resource, incoming.object, &options).await?;
    let include = Include::parse(&call.query)?;
    Ok(Answer::created(&request.resource, created).including(include).with_warnings(incoming.warnings))
}

/// Makes an object that has the right shape. A name that is generated is tried again where it is taken.
pub async fn create_object(
    server: &ApiServer,
    resource: &Arc<Resource>,
    object: Value,
    options: &WriteOptions,
) -> ApiResult<Value> {
    let generated =
        object::name(&object).is_empty() && !object::text_at(&object, &["metadata", "generateName"]).is_empty();
    let mut attempts = if generated { NAME_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        // Only a name that was generated needs the object once more.
        let candidate = if attempts > 0 { object.clone() } else { break };
        match create_once(server, resource, candidate, options, None).await {
            Err(error) if error.reason() == "AlreadyExists" => {}
            done => return done,
        }
    }
    create_once(server, resource, object, options, None).await
}

/// Makes an object; `managed` are its owners where an apply has settled them. What it was to have to itself is looked
/// for again where somebody else was faster.
pub(super) async fn create_once(
    server: &ApiServer,
    resource: &Arc<Resource>,
    mut object: Value,
    options: &WriteOptions,
    mut managed: Option<Value>,
) -> ApiResult<Value> {
    let mut avoid = Avoid::new();
    loop {
        let asked = claims::has_any(resource).then(|| (object.clone(), managed.clone()));
        let candidate = settle(server, resource, object, options, managed, &avoid).await?;
        if options.dry_run {
            let key = resource.key(object::namespace(&candidate), object::name(&candidate));
            return match storage::load(server, resource, &key).await? {
                Some(_) => Err(ApiError::already_exists(resource.named(), object::name(&candidate))),
                None => Ok(candidate),
            };
        }
        let name = object::name(&candidate).to_owned();
        match (storage::insert(server, resource, candidate).await, asked) {
            (Ok(created), _) => {
                still_accepted(server, resource, &created).await?;
                return Ok(created);
            }
            (Err(Refused::Taken(key)), Some(asked)) => {
                avoid.insert(key);
                (object, managed) = asked;
            }
            (Err(Refused::Taken(_) | Refused::Stale(_)), _) => {
                return Err(ApiError::already_exists(resource.named(), &name));
            }
            (Err(Refused::Error(error)), _) => return Err(error),
        }
    }
}

/// From what was asked for to what will be stored.
async fn settle(
    server: &ApiServer,
    resource: &Arc<Resource>,
    mut object: Value,
    options: &WriteOptions,
    managed: Option<Value>,
    avoid: &Avoid,
) -> ApiResult<Value> {
    if resource.custom_version().is_some_and(|version| version.terminating) {
        let message = "create not allowed while custom resource definition is terminating";
        return Err(ApiError::new(http::StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
    }
    if !object::resource_version(&object).is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let now = crate::clock::now();
    resource.default(&mut object)?;
    begin(&mut object, &now)?;
    // An apply names the object that it makes; any other request names the collection.
    let asked = managed.as_ref().map(|_| object::name(&object).to_owned()).unwrap_or_default();
    let mut object = owned(resource, object, options, managed, &now);
    admission::create(server, resource, &mut object, avoid).await?;
    resource.prepare_create(&mut object);
    let errors = resource.validate_create(&object);
    let grant = Grant { asked: &asked, new: &object, old: None };
    must_be_good(server, &options.user, resource, &grant, &errors).await?;
    admission::settle(server, resource, &mut object, &now)?;
    Ok(object)
}

/// A new object of the server's own that is as it would be stored but for its identity and who owns its fields.
pub fn begun(resource: &Resource, mut object: Value, options: &WriteOptions, now: &str) -> ApiResult<Value> {
    begin(&mut object, now)?;
    Ok(owned(resource, object, options, None, now))
}

/// The object with who owns its fields: what the server adds from here on belongs to nobody, so that nobody who stops
/// to mention it takes it away.
fn owned(resource: &Resource, mut object: Value, options: &WriteOptions, managed: Option<Value>, now: &str) -> Value {
    if let Some(managed) = managed {
        object::set(&mut object, "managedFields", managed);
        return object;
    }
    if let (true, Some(fields)) = (resource.status, object.as_object_mut()) {
        fields.remove("status");
    }
    let updater = Updater { manager: &options.manager, subresource: None, api_version: &resource.api_version, now };
    managed::create(&empty(resource), object, resource.schema(), &updater)
}

/// An object of the resource to which nothing was given.
fn empty(resource: &Resource) -> Value {
    let mut empty = serde_json::json!({"metadata": {}});
    if let Behaviour::BuiltIn(kind) = &resource.behaviour {
        kind.settle(&mut empty);
    }
    empty
}

/// Takes an object back whose namespace began to go while the object was made: whoever empties the namespace may have
/// looked before it was there.
async fn still_accepted(server: &ApiServer, resource: &Arc<Resource>, created: &Value) -> ApiResult<()> {
    if !resource.namespaced {
        return Ok(());
    }
    let Err(refused) = admission::must_accept(server, resource, created).await else { return Ok(()) };
    let key = resource.key(object::namespace(created), object::name(created));
    if let Some(live) = storage::load(server, resource, &key).await?.filter(|live| live.object == *created) {
        // Where this fails, somebody else has seen the object, and removes it.
        let _ = storage::remove(server, resource, &live).await;
    }
    Err(refused)
}

/// Gives an object its identity.
fn begin(object: &mut Value, now: &str) -> ApiResult<()> {
    let prefix = object::text_at(object, &["metadata", "generateName"]).to_owned();
    let metadata = object::metadata_mut(object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), crate::random::uuid()?.into());
    metadata.insert("creationTimestamp".to_owned(), now.into());
    let unnamed = metadata.get("name").and_then(Value::as_str).unwrap_or_default().is_empty();
    if unnamed && !prefix.is_empty() {
        // A name has at most 63 characters where it may stand in a label.
        let prefix: String = prefix.chars().take(58).collect();
        metadata.insert("name".to_owned(), format!("{prefix}{}", crate::random::suffix()?).into());
    }
    Ok(())
}
