//! Changing an object: the way that every change takes from the live object to the stored one.

use std::sync::Arc;

use cowherd_kinds::metadata;
use cowherd_patch::managed::{self, Updater};
use serde_json::Value;

use super::{
    Request,
    delete::remove_if_done,
    incoming, must_be_good,
    options::WriteOptions,
    storage::{self, Live, Refused, load},
};
use crate::{
    admission,
    answer::Answer,
    authorization::Grant,
    claims::{self, Avoid},
    object,
    resource::Resource,
    server::ApiServer,
    status::{ApiError, ApiResult},
    table::Include,
};

/// Replaces the object by that of the request's body.
pub async fn update(request: &Request<'_>) -> ApiResult<Answer> {
    let call = request.call;
    let options = WriteOptions::parse(call, "UpdateOptions", false)?;
    let mut parsed = incoming::document(call)?;
    request.identify_named(&mut parsed.value)?;
    let incoming = incoming::clean(&request.resource, parsed, options.validation)?;
    let mut wanted = incoming.object;
    request.resource.default(&mut wanted)?;
    let lacks_version = object::resource_version(&wanted).is_empty() && needs_version(&request.resource);
    let change = Change { request, options: &options, applied: false };
    // It is needed once only where nobody else can make it be tried again.
    let is_needed_again = object::resource_version(&wanted).is_empty() || claims::has_any(&request.resource);
    let mut wanted = Some(wanted);
    let updated = change.make(|_| {
        if lacks_version {
            let field = cowherd_schema::FieldPath::new("metadata.resourceVersion");
            let error = cowherd_schema::FieldError::invalid(&field, 0, "must be specified for an update");
            return Err(ApiError::invalid(request.resource.named_kind(), request.name, &[error]));
        }
        let object = if is_needed_again { wanted.clone() } else { wanted.take() };
        object.ok_or_else(|| ApiError::stale(request.resource.named(), request.name))
    });
    let updated = updated.await?;
    Ok(Answer::object(&request.resource, updated)
        .including(Include::parse(&call.query)?)
        .with_warnings(incoming.warnings))
}

/// Whether an update must say which version it changes.
fn needs_version(resource: &Resource) -> bool {
    let group = resource.group_version.group.as_str();
    resource.custom_version().is_some()
        || matches!(group, "apiextensions.k8s.io" | "coordination.k8s.io" | "admissionregistration.k8s.io")
}

/// A change of an object that exists.
pub(super) struct Change<'a> {
    pub request: &'a Request<'a>,
    pub options: &'a WriteOptions,
    /// Whether the change has settled who owns what.
    pub applied: bool,
}

impl Change<'_> {
    /// Makes the change. `wanted` says what the object shall be, given what it is; it is asked again when somebody
    /// else was faster and the client did not say which version it means to change.
    pub async fn make(&self, wanted: impl FnMut(&Value) -> ApiResult<Value>) -> ApiResult<Value> {
        let Request { server, resource, .. } = self.request;
        let live = load(server, resource, &self.request.key()).await?.ok_or_else(|| self.request.not_found())?;
        self.make_from(live, wanted).await
    }

    /// The same for somebody who has read the object already.
    pub async fn make_from(
        &self,
        mut live: Live,
        mut wanted: impl FnMut(&Value) -> ApiResult<Value>,
    ) -> ApiResult<Value> {
        let mut avoid = Avoid::new();
        loop {
            let asked = wanted(&live.object)?;
            match self.once(&live, asked, &avoid).await {
                Ok(done) => return Ok(done),
                Err(Refused::Taken(key)) => _ = avoid.insert(key),
                Err(Refused::Stale(Some(current))) => live = *current,
                Err(Refused::Stale(None)) => return Err(self.request.not_found()),
                Err(Refused::Error(error)) => return Err(error),
            }
        }
    }

    async fn once(&self, live: &Live, asked: Value, avoid: &Avoid) -> Result<Value, Refused> {
        let Request { server, resource, .. } = self.request;
        let new = self.settle(live, asked, avoid).await?;
        if self.options.dry_run {
            return Ok(new);
        }
        if let Some(removed) = remove_if_done(server, resource, live, &new).await? {
            return Ok(removed);
        }
        storage::replace(server, resource, live, new).await
    }

    /// From what was asked for to what will be stored.
    async fn settle(&self, live: &Live, mut new: Value, avoid: &Avoid) -> ApiResult<Value> {
        let Request { server, resource, subresource, name, .. } = self.request;
        self.check_identity(&live.object, &mut new)?;
        metadata::keep_system_fields(&mut new, &live.object);
        resource.prepare_update(&mut new, &live.object, *subresource);
        admission::update(server, resource, &mut new, &live.object, avoid).await?;
        let now = crate::clock::now();
        if !self.applied {
            let updater = Updater {
                manager: &self.options.manager,
                subresource: *subresource,
                api_version: &resource.api_version,
                now: &now,
            };
            new = managed::update(Some(&live.object), new, resource.schema(), &updater);
        }
        // What an apply gives may be written otherwise than it is kept, such as an amount: that is no change.
        if new == live.object {
            return Ok(new);
        }
        if self.applied && managed::same_but_for_times(&new, &live.object) {
            return Ok(live.object.clone());
        }
        let errors = resource.validate_update(&new, &live.object, *subresource);
        let grant = Grant { asked: name, new: &new, old: Some(&live.object) };
        must_be_good(server, &self.options.user, resource, &grant, &errors).await?;
        admission::settle(server, resource, &mut new, &now)?;
        Ok(new)
    }

    /// Checks that the change is meant for this object in this version, then takes over what names them.
    fn check_identity(&self, live: &Value, new: &mut Value) -> ApiResult<()> {
        let Request { resource, name, .. } = self.request;
        let (uid, version) = (object::uid(new), object::resource_version(new));
        if !uid.is_empty() && uid != object::uid(live) {
            let live = object::uid(live);
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {live}");
            return Err(ApiError::conflict(resource.named(), name, why));
        }
        if !version.is_empty() && version != "0" && version != object::resource_version(live) {
            return Err(ApiError::stale(resource.named(), name));
        }
        object::set(new, "resourceVersion", object::resource_version(live));
        for field in ["name", "namespace"] {
            let known = object::text_at(live, &["metadata", field]);
            let asked = object::text_at(new, &["metadata", field]);
            if asked.is_empty() && !known.is_empty() {
                object::set(new, field, known);
            } else if asked != known {
                return Err(ApiError::bad_request(format!(
                    "the {field} of the object ({asked}) does not match the {field} on the URL ({known})"
                )));
            }
        }
        Ok(())
    }
}

/// Changes an object in the server's own name; `None` where it is gone.
pub async fn change_internally(
    server: &ApiServer,
    resource: &Arc<Resource>,
    key: &str,
    change: impl Fn(&mut Value),
) -> ApiResult<Option<Value>> {
    let change = |object: &mut Value| {
        change(object);
        Ok(())
    };
    change_checked(server, resource, key, false, change).await
}

/// The same for a change that may be refused, of the object as it is by then. A dry run does all but write.
pub(super) async fn change_checked(
    server: &ApiServer,
    resource: &Arc<Resource>,
    key: &str,
    dry_run: bool,
    change: impl Fn(&mut Value) -> ApiResult<()>,
) -> ApiResult<Option<Value>> {
    let Some(mut live) = load(server, resource, key).await? else { return Ok(None) };
    loop {
        let mut new = live.object.clone();
        change(&mut new)?;
        if dry_run {
            return Ok(Some(new));
        }
        let done = match remove_if_done(server, resource, &live, &new).await {
            Ok(Some(removed)) => Ok(removed),
            Ok(None) => storage::replace(server, resource, &live, new).await,
            Err(refused) => Err(refused),
        };
        match done {
            Ok(done) => return Ok(Some(done)),
            Err(Refused::Stale(Some(current))) => live = *current,
            Err(Refused::Stale(None)) => return Ok(None),
            // What the object had has changed hands meanwhile: look again.
            Err(Refused::Taken(_)) => match load(server, resource, key).await? {
                Some(current) => live = current,
                None => return Ok(None),
            },
            Err(Refused::Error(error)) => return Err(error),
        }
    }
}
