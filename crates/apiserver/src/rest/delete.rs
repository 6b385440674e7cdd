//! Deleting: at once, after a grace period, or once everybody who wants to clean up has done so.

use std::sync::Arc;

use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::Revision;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::{
    Request, incoming,
    options::dry_run,
    reading::{PAGE, Reading, Span},
    storage::{self, Live, Refused, load, read_failed},
};
use crate::{
    answer::Answer,
    negotiation::Accepted,
    object,
    resource::Resource,
    selector::Selection,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult, Named},
    stored::{List, Outlet, Stored},
    table::Include,
};

/// The finalizer that keeps an owner until its dependents are gone.
const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer that keeps an owner until its dependents are set free.
const ORPHAN: &str = "orphan";

/// How many objects of a collection are deleted at the same time.
const AT_ONCE: usize = 64;
/// How many bytes of what was deleted are told of.
const TOLD: usize = 4 * 1024 * 1024;

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    pub(super) dry_run: bool,
    propagation: Option<Propagation>,
    grace: Option<i64>,
    uid: Option<String>,
    resource_version: Option<String>,
}

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// What a deletion came to.
pub enum Deleted {
    /// The object is gone.
    Gone(Value),
    /// The object will go once others are done with it.
    Going(Value),
}

impl DeleteOptions {
    /// Reads the options of a request: its body's, and for what that leaves out, its query's.
    fn parse(call: &Call) -> ApiResult<Self> {
        let body = if call.body.is_empty() { Value::Null } else { incoming::document(call)?.value };
        Self::read(&body, call)
    }

    /// Reads the options of a body, and for what that leaves out, of a request's query.
    pub fn read(body: &Value, call: &Call) -> ApiResult<Self> {
        if !matches!(body, Value::Null | Value::Object(_)) {
            return Err(ApiError::bad_request("the body of a deletion must be DeleteOptions"));
        }
        let mut errors = Vec::new();
        let listed = body.get("dryRun").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let dry_run = dry_run(call.query.all("dryRun").chain(listed), &mut errors);
        let text = |path: &[&str]| object::at(body, path).and_then(Value::as_str).map(str::to_owned);
        let policy = text(&["propagationPolicy"]).or_else(|| call.query.get("propagationPolicy").map(str::to_owned));
        let orphan = body
            .get("orphanDependents")
            .and_then(Value::as_bool)
            .or_else(|| call.query.get("orphanDependents").map(|value| value == "true"));
        let propagation = match (policy.as_deref(), orphan) {
            (None, None) => None,
            (None, Some(true)) | (Some("Orphan"), None) => Some(Propagation::Orphan),
            (None, Some(false)) | (Some("Background"), None) => Some(Propagation::Background),
            (Some("Foreground"), None) => Some(Propagation::Foreground),
            (Some(other), None) => {
                let field = FieldPath::new("propagationPolicy");
                errors.push(FieldError::not_supported(&field, other, &["Foreground", "Background", "Orphan"]));
                None
            }
            (Some(_), Some(_)) => {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                errors.push(FieldError::invalid(&FieldPath::new("propagationPolicy"), policy.unwrap_or_default(), why));
                None
            }
        };
        if !errors.is_empty() {
            return Err(ApiError::invalid(Named { group: "meta.k8s.io", name: "DeleteOptions" }, "", &errors));
        }
        let grace = match body.get("gracePeriodSeconds").and_then(Value::as_i64) {
            Some(grace) => Some(grace),
            None => call.query.number("gracePeriodSeconds")?.map(|grace| i64::try_from(grace).unwrap_or(i64::MAX)),
        };
        Ok(Self {
            dry_run,
            propagation,
            grace: grace.map(|grace| grace.max(0)),
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
        })
    }

    fn check_preconditions(&self, resource: &Resource, live: &Value) -> ApiResult<()> {
        let check = |name: &str, wanted: &Option<String>, actual: &str| match wanted {
            Some(wanted) if wanted != actual => {
                let why =
                    format!("Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {actual}");
                Err(ApiError::conflict(resource.named(), object::name(live), why))
            }
            _ => Ok(()),
        };
        check("UID", &self.uid, object::uid(live))?;
        check("ResourceVersion", &self.resource_version, object::resource_version(live))
    }
}

/// Deletes the object.
pub async fn delete(request: &Request<'_>) -> ApiResult<Answer> {
    let options = DeleteOptions::parse(request.call)?;
    let resource = &request.resource;
    let live = load(request.server, resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    match delete_object(request.server, resource, live, &options).await? {
        None => Err(request.not_found()),
        // Whoever deletes a Pod gets to see what it was.
        Some(Deleted::Gone(object)) if resource.is("", "pods") => Ok(Answer::object(resource, object)),
        Some(Deleted::Gone(object)) => Ok(Answer::document(success(resource, &object))),
        Some(Deleted::Going(object)) => Ok(Answer::object(resource, object)),
    }
}

/// Deletes every object of the collection that the selectors mean. They are told of, if they are not too many for that.
pub async fn delete_collection(request: &Request<'_>) -> ApiResult<Answer> {
    let options = DeleteOptions::parse(request.call)?;
    let (server, resource) = (request.server, &request.resource);
    let selection = Selection::parse(&request.call.query, resource)?;
    let namespace = Some(request.namespace).filter(|namespace| !namespace.is_empty());
    let accepted = Accepted::from_headers(&request.call.headers)?;
    let mut list = List::new(&Outlet::new(resource, Selection::default(), accepted), accepted, Include::Metadata)?;
    let mut is_told = true;
    let revision = delete_pages(server, resource, namespace, &selection, &options, |deleted| {
        for object in deleted {
            is_told &= list.made.size() < TOLD;
            if is_told {
                list.add(Stored::Tree(object))?;
            }
        }
        Ok(())
    });
    let revision = revision.await?;
    if !is_told {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
        return Ok(Answer::document(status));
    }
    list.end(&json!({"resourceVersion": revision.to_string()}))?;
    let media_type = list.media_type();
    Ok(Answer::written(list.made.into_pieces(), media_type))
}

/// Deletes objects in the server's own name, in the background; how many there were.
pub async fn delete_collection_of(
    server: &ApiServer,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    selection: &Selection,
) -> ApiResult<usize> {
    let mut count = 0;
    let tell = |deleted: Vec<Value>| {
        count += deleted.len();
        Ok(())
    };
    delete_pages(server, resource, namespace, selection, &DeleteOptions::background(), tell).await?;
    Ok(count)
}

/// Deletes the objects of a collection page by page, so that few of them are in memory, and hands those that somebody else
/// has not deleted meanwhile to `tell`. The revision of the first page.
async fn delete_pages(
    server: &ApiServer,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    selection: &Selection,
    options: &DeleteOptions,
    mut tell: impl FnMut(Vec<Value>) -> ApiResult<()>,
) -> ApiResult<Revision> {
    let (prefix, mut after, mut revision) = (resource.collection_prefix(namespace), None, None);
    loop {
        // Each page is what is there now: the state of the first one is forgotten before a large collection is gone.
        let outlet = Outlet { resource: resource.clone(), selection: selection.clone(), form: None };
        let mut reading =
            Reading::new(server, outlet, Span { prefix: prefix.clone(), after: after.take(), ..Span::default() });
        let mut objects = Vec::new();
        let keep = |object: Stored<'_>| {
            objects.push(object.into_tree(resource)?);
            Ok(())
        };
        let is_more = reading.page(PAGE, keep).await.map_err(read_failed)?;
        tell(delete_all(server, resource, objects, options).await?)?;
        let first = *revision.get_or_insert(reading.revision());
        if !is_more {
            return Ok(first);
        }
        after = reading.reached().map(str::to_owned);
    }
}

/// Deletes these objects and gives back those that somebody else has not deleted meanwhile, in their order.
async fn delete_all(
    server: &ApiServer,
    resource: &Arc<Resource>,
    objects: Vec<Value>,
    options: &DeleteOptions,
) -> ApiResult<Vec<Value>> {
    let deletions = objects.into_iter().map(|object| async move {
        let key = resource.key(object::namespace(&object), object::name(&object));
        let Some(live) = load(server, resource, &key).await? else { return Ok(None) };
        let deleted = delete_object(server, resource, live, options).await?;
        Ok(deleted.map(|(Deleted::Gone(object) | Deleted::Going(object))| object))
    });
    // The store flushes once for all who wait at the same time.
    let deleted = stream::iter(deletions).buffered(AT_ONCE);
    deleted.try_filter_map(|object| async move { Ok::<_, ApiError>(object) }).try_collect().await
}

fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({"name": object::name(object), "kind": resource.plural, "uid": object::uid(object)});
    if let (false, Value::Object(details)) = (resource.group_version.group.is_empty(), &mut details) {
        details.insert("group".to_owned(), resource.group_version.group.as_str().into());
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// Deletes an object; `None` where somebody else was faster.
pub async fn delete_object(
    server: &ApiServer,
    resource: &Arc<Resource>,
    mut live: Live,
    options: &DeleteOptions,
) -> ApiResult<Option<Deleted>> {
    loop {
        options.check_preconditions(resource, &live.object)?;
        crate::admission::delete(server, resource, &live.object)?;
        let new = marked(resource, &live.object, options);
        let gone = is_done(resource, &new);
        if options.dry_run {
            return Ok(Some(if gone { Deleted::Gone(new) } else { Deleted::Going(new) }));
        }
        let done = if gone {
            storage::remove(server, resource, &live).await.map(|revision| {
                let mut object = new;
                object::set(&mut object, "resourceVersion", revision.to_string());
                Deleted::Gone(object)
            })
        } else {
            storage::replace(server, resource, &live, new).await.map(Deleted::Going)
        };
        match done {
            Ok(deleted) => return Ok(Some(deleted)),
            Err(Refused::Stale(Some(current))) => live = *current,
            Err(Refused::Stale(None)) => return Ok(None),
            // What the object had has changed hands meanwhile: the next try leaves it there.
            Err(Refused::Taken(_)) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
}

/// The object with everything noted that its deletion waits for.
fn marked(resource: &Resource, live: &Value, options: &DeleteOptions) -> Value {
    let mut new = live.clone();
    let finalizers = finalizers(resource, live, options.propagation);
    object::set_finalizers(&mut new, finalizers);
    let grace = grace(resource, live, options);
    let started = object::is_terminating(live);
    if !started {
        let generation = object::at(live, &["metadata", "generation"]).and_then(Value::as_i64);
        if let Some(generation) = generation.filter(|generation| *generation > 0) {
            object::set(&mut new, "generation", generation.saturating_add(1));
        }
    }
    let known = object::at(live, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    // A deletion under way may be hurried, not slowed down.
    if !started || known.is_some_and(|known| grace < known) {
        if !started {
            object::set(&mut new, "deletionTimestamp", crate::clock::after(grace));
        }
        object::set(&mut new, "deletionGracePeriodSeconds", grace);
    }
    if resource.is("", "namespaces") {
        object::as_map(object::as_map(&mut new).entry("status").or_insert_with(|| json!({})))
            .insert("phase".to_owned(), "Terminating".into());
    }
    if crate::crd::defines(resource) && !started {
        let now = crate::clock::now();
        let status = object::as_map(object::as_map(&mut new).entry("status").or_insert_with(|| json!({})));
        let conditions = status.entry("conditions").or_insert_with(|| json!([]));
        let message = "CustomResource deletion is in progress";
        crate::crd::set_condition(conditions, "Terminating", true, "InstanceDeletionInProgress", message, &now);
    }
    new
}

/// The finalizers once the propagation policy has added and removed its own.
fn finalizers(resource: &Resource, live: &Value, propagation: Option<Propagation>) -> Vec<String> {
    let existing = object::finalizers(live);
    let wanted = propagation.or_else(|| {
        if existing.contains(&ORPHAN) {
            Some(Propagation::Orphan)
        } else if existing.contains(&FOREGROUND) {
            Some(Propagation::Foreground)
        } else if resource.is("batch", "jobs") || resource.is("", "replicationcontrollers") {
            // What these did before there were policies is still what they do when nobody names one.
            Some(Propagation::Orphan)
        } else {
            None
        }
    });
    let mut finalizers: Vec<String> =
        existing.iter().filter(|name| !matches!(**name, ORPHAN | FOREGROUND)).map(|name| (*name).to_owned()).collect();
    match wanted {
        Some(Propagation::Foreground) => finalizers.push(FOREGROUND.to_owned()),
        Some(Propagation::Orphan) => finalizers.push(ORPHAN.to_owned()),
        Some(Propagation::Background) | None => {}
    }
    finalizers
}

/// How long a node gets to stop the object, in seconds. Only Pods that a node runs take time.
fn grace(resource: &Resource, live: &Value, options: &DeleteOptions) -> i64 {
    if !resource.is("", "pods") {
        return 0;
    }
    let ended = matches!(object::text_at(live, &["status", "phase"]), "Succeeded" | "Failed");
    if object::text_at(live, &["spec", "nodeName"]).is_empty() || ended {
        return 0;
    }
    let own = object::at(live, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64);
    options.grace.or(own).unwrap_or(30).max(0)
}

/// Whether nothing keeps an object that is being deleted.
pub fn is_done(resource: &Resource, object: &Value) -> bool {
    let grace = object::at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    let held = resource.is("", "namespaces")
        && object::at(object, &["spec", "finalizers"]).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    object::is_terminating(object) && object::finalizers(object).is_empty() && grace.unwrap_or(0) == 0 && !held
}

/// Removes an object whose last finalizer a change has taken away; `None` where something else keeps it.
pub async fn remove_if_done(
    server: &ApiServer,
    resource: &Arc<Resource>,
    live: &Live,
    new: &Value,
) -> Result<Option<Value>, Refused> {
    if !is_done(resource, new) {
        return Ok(None);
    }
    let revision = storage::remove(server, resource, live).await?;
    let mut removed = new.clone();
    object::set(&mut removed, "resourceVersion", revision.to_string());
    Ok(Some(removed))
}

impl DeleteOptions {
    /// Deletes in the background, as the server itself does.
    pub fn background() -> Self {
        Self { propagation: Some(Propagation::Background), ..Self::default() }
    }
}
