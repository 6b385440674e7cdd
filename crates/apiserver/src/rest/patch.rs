//! Changing an object by saying what is different.

use cowherd_patch::{
    PatchError,
    managed::{self, Applier, ApplyError, FieldSet},
};
use cowherd_schema::{FieldError, FieldPath};
use http::StatusCode;
use serde_json::Value;

use super::{
    Request, create, incoming,
    options::{FieldValidation, WriteOptions},
    storage::load,
    update::Change,
};
use crate::{
    answer::Answer,
    authorization::{self, Attributes},
    body, object,
    resource::{Behaviour, Resource},
    status::{ApiError, ApiResult, Named},
    table::Include,
};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Changes the object as the request's body says.
pub async fn patch(request: &Request<'_>) -> ApiResult<Answer> {
    let kind = request.call.content_type().unwrap_or_default();
    let built_in = matches!(request.resource.behaviour, Behaviour::BuiltIn(_));
    match kind {
        APPLY => apply(request).await,
        JSON | MERGE => difference(request, kind).await,
        STRATEGIC if built_in => difference(request, kind).await,
        _ if built_in => Err(ApiError::unsupported_media_type(&[JSON, MERGE, STRATEGIC, APPLY])),
        _ => Err(ApiError::unsupported_media_type(&[JSON, MERGE, APPLY])),
    }
}

/// The three kinds of patch that say what is different.
async fn difference(request: &Request<'_>, kind: &str) -> ApiResult<Answer> {
    let options = WriteOptions::parse(request.call, "PatchOptions", false)?;
    let parsed = body::parse_json(&request.call.body)
        .map_err(|error| error.refused(|error| format!("error decoding patch: {error}")))?;
    let mut warnings = Vec::new();
    let resource = &request.resource;
    let wanted = |live: &Value| {
        let mut patched = patched(resource, live, &parsed.value, kind)?;
        let problems = incoming::prune(resource, &mut patched, options.validation, &parsed.duplicates);
        if let Some(why) = incoming::wrong_type(resource, &patched) {
            return Err(ill_made(resource, &parsed.value, why));
        }
        if options.validation == FieldValidation::Strict && !problems.is_empty() {
            return Err(ill_made(resource, &parsed.value, format!("strict decoding error: {}", problems.join(", "))));
        }
        request.identify_named(&mut patched)?;
        warnings = problems;
        resource.default(&mut patched)?;
        Ok(patched)
    };
    let change = Change { request, options: &options, applied: false };
    let changed = change.make(wanted).await?;
    let include = Include::parse(&request.call.query)?;
    Ok(Answer::object(resource, changed).including(include).with_warnings(warnings))
}

fn patched(resource: &Resource, live: &Value, patch: &Value, kind: &str) -> ApiResult<Value> {
    match kind {
        JSON => cowherd_patch::json_patch(live, patch).map_err(patch_failed),
        MERGE => {
            if !patch.is_object() {
                return Err(ApiError::bad_request("error decoding patch: a merge patch must be an object"));
            }
            Ok(cowherd_patch::merge_patch(live, patch))
        }
        _ => cowherd_patch::strategic_merge_patch(live, patch, resource.schema()).map_err(patch_failed),
    }
}

/// What a refused patch means to the client.
pub(super) fn patch_failed(error: PatchError) -> ApiError {
    match &error {
        PatchError::Malformed(_) => ApiError::bad_request(error.to_string()),
        PatchError::TooManyOperations { .. } => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", error.to_string())
        }
        PatchError::Unprocessable(_) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!("the server rejected our request due to an error in our request: {error}"),
        ),
    }
}

/// What is said of a patch after which an object is none of its kind. Kubernetes names neither.
fn ill_made(resource: &Resource, patch: &Value, why: String) -> ApiError {
    // The patch of a Secret is as secret as the Secret.
    let shown = if resource.is("", "secrets") { "***".to_owned() } else { patch.to_string() };
    ApiError::invalid(Named { group: "", name: "" }, "", &[FieldError::invalid(&FieldPath::new("patch"), shown, why)])
}

/// Server-side apply: changes the object so that it says what the manager wants, or makes it.
async fn apply(request: &Request<'_>) -> ApiResult<Answer> {
    let options = WriteOptions::parse(request.call, "PatchOptions", true)?;
    let resource = &request.resource;
    let mut parsed = incoming::yaml(&request.call.body)?;
    for field in ["apiVersion", "kind"] {
        if object::text_at(&parsed.value, &[field]).is_empty() {
            return Err(ApiError::bad_request(format!("error decoding YAML: Object '{field}' is missing")));
        }
    }
    request.identify(&mut parsed.value)?;
    let warnings = clean(resource, &mut parsed, &options)?;
    let applied = parsed.value;
    let include = Include::parse(&request.call.query)?;
    let answer = |answer: Answer| answer.including(include).with_warnings(warnings.clone());
    loop {
        let Some(live) = load(request.server, resource, &request.key()).await? else {
            match apply_new(request, &applied, &options).await {
                // Somebody else made it in between.
                Err(error) if error.reason() == "AlreadyExists" && !options.dry_run => continue,
                made => return made.map(|object| answer(Answer::created(resource, object))),
            }
        };
        let now = crate::clock::now();
        let wanted = |live: &Value| {
            let mut new = merged(request, Some(live), &applied, &options, &now)?;
            // The configuration may say which version it means to change.
            for field in ["resourceVersion", "uid"] {
                let asked = object::text_at(&applied, &["metadata", field]);
                if !asked.is_empty() {
                    object::set(&mut new, field, asked);
                }
            }
            resource.default(&mut new)?;
            Ok(new)
        };
        let change = Change { request, options: &options, applied: true };
        match change.make_from(live, wanted).await {
            // Somebody else removed it in between.
            Err(error) if error.reason() == "NotFound" => {}
            changed => return changed.map(|object| answer(Answer::object(resource, object))),
        }
    }
}

/// Frees a configuration of what is said twice or with a null. That everything is known, merging sees to.
fn clean(resource: &Resource, parsed: &mut body::Parsed, options: &WriteOptions) -> ApiResult<Vec<String>> {
    if matches!(resource.behaviour, Behaviour::BuiltIn(_)) {
        cowherd_kinds::encoding::without_nulls(&mut parsed.value, resource.schema());
    }
    let problems: Vec<String> = parsed.duplicates.iter().map(|field| format!("duplicate field {field:?}")).collect();
    match options.validation {
        FieldValidation::Strict if !problems.is_empty() => {
            Err(ApiError::bad_request(format!("error decoding YAML: {}", problems.join(", "))))
        }
        FieldValidation::Ignore => Ok(Vec::new()),
        _ => Ok(problems),
    }
}

async fn apply_new(request: &Request<'_>, applied: &Value, options: &WriteOptions) -> ApiResult<Value> {
    let resource = &request.resource;
    if request.subresource.is_some() {
        return Err(request.not_found());
    }
    let (uid, version) = (object::uid(applied), object::resource_version(applied));
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(ApiError::conflict(resource.named(), request.name, why));
    }
    if !version.is_empty() {
        return Err(ApiError::stale(resource.named(), request.name));
    }
    let attributes = Attributes {
        verb: "create".to_owned(),
        namespace: request.namespace.to_owned(),
        group: resource.group_version.group.clone(),
        resource: resource.plural.clone(),
        name: request.name.to_owned(),
        ..Attributes::default()
    };
    authorization::check(request.server, &options.user, &attributes).await?;
    let mut new = merged(request, None, applied, options, &crate::clock::now())?;
    let managed = object::unset(&mut new, "managedFields");
    create::create_once(request.server, resource, new, options, managed).await
}

fn merged(
    request: &Request<'_>,
    live: Option<&Value>,
    applied: &Value,
    options: &WriteOptions,
    now: &str,
) -> ApiResult<Value> {
    let resource = &request.resource;
    let applier = Applier {
        manager: &options.manager,
        force: options.force,
        subresource: request.subresource,
        api_version: &resource.api_version,
        now,
    };
    let ignored = ignored(resource, request.subresource);
    let mut merged =
        managed::apply_except(live, applied, resource.schema(), &applier, &ignored).map_err(apply_failed)?;
    if resource.custom_version().is_some() {
        // Merging takes what a schema says nothing of for something that may be anything.
        resource.schema().prune(&mut merged);
        let errors = resource.schema().null_mistakes(&merged);
        if !errors.is_empty() {
            return Err(ApiError::invalid(resource.named_kind(), request.name, &errors));
        }
    }
    Ok(merged)
}

/// What an apply cannot change: the status, or all but the status.
fn ignored(resource: &Resource, subresource: Option<&str>) -> FieldSet {
    let mut paths: Vec<Vec<&str>> = match subresource {
        Some("status") => vec![vec!["spec"], vec!["data"]],
        _ if resource.status => vec![vec!["status"]],
        _ => Vec::new(),
    };
    if let (Some("status"), Behaviour::BuiltIn(kind)) = (subresource, &resource.behaviour) {
        paths.extend(kind.status_disowns().iter().map(|field| vec!["metadata", field]));
    }
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    FieldSet::of_fields(&paths)
}

fn apply_failed(error: ApplyError) -> ApiError {
    match &error {
        ApplyError::Conflict(conflicts) => {
            let status = ApiError::new(StatusCode::CONFLICT, "Conflict", error.to_string());
            conflicts.iter().fold(status, |status, conflict| {
                status.with_cause("FieldManagerConflict", &conflict.message(), Some(&conflict.field))
            })
        }
        ApplyError::ManagedFields(_) => ApiError::internal(error),
        _ => ApiError::bad_request(error.to_string()),
    }
}
