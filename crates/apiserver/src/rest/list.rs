//! Reading a collection, whole or page by page.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::{ListOptions, Revision};
use serde_json::{Value, json};

use super::{Request, storage::read_failed};
use crate::{
    answer::Answer,
    negotiation::Accepted,
    query::Query,
    resource::Resource,
    selector::Selection,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
    stored::{List, Outlet, Stored},
    table::Include,
};

/// Which state of the collection is wanted.
enum Moment {
    Latest,
    Exactly(Revision),
}

/// Where the next page begins.
struct Continue {
    revision: Option<Revision>,
    after: String,
}

/// Which part of a collection is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// What its keys begin with.
    pub prefix: String,
    /// How many objects at most, those that are left out not counted.
    pub limit: Option<u64>,
    /// The key after which it begins.
    pub after: Option<String>,
    /// The revision whose state is read.
    pub at: Option<Revision>,
    /// Whether it is told how many objects follow, or only that some do.
    pub counted: bool,
}

/// What was read of a collection.
#[derive(Debug)]
pub(super) struct Reading {
    /// The revision whose state it is.
    pub revision: Revision,
    /// The key of the last object looked at, where more follow.
    pub last: Option<String>,
    remaining: u64,
}

/// Answers with the collection.
pub async fn list(request: &Request<'_>) -> ApiResult<Answer> {
    let (call, resource) = (request.call, &request.resource);
    let query = &call.query;
    let outlet = Outlet::new(resource, Selection::parse(query, resource)?, Accepted::from_headers(&call.headers)?);
    let include = Include::parse(query)?;
    let limit = query.number("limit")?.filter(|limit| *limit > 0);
    let from = query.get("continue").map(Continue::decode).transpose()?;
    let moment = moment(request.server, query, limit, from.as_ref()).await?;
    let prefix = resource.collection_prefix(Some(request.namespace).filter(|namespace| !namespace.is_empty()));
    let at = match moment {
        Moment::Latest => None,
        Moment::Exactly(revision) => Some(revision),
    };
    let after = from.as_ref().map(|from| format!("{prefix}{}", from.after));
    let counted = outlet.selection.is_everything();
    let span = Span { prefix: prefix.clone(), limit, after, at, counted };
    let explain = |error| match error {
        cowherd_store::Error::Compacted { .. } => expired(from.as_ref()),
        error => read_failed(error),
    };
    let metadata = |reading: &Reading| reading.metadata(&prefix, counted);
    // Kept until the list waits to be read: otherwise as many might be held at a time as requests are under way.
    let turn = match call.is_remote {
        true => Some(request.server.flow().list(&call.user).await?),
        false => None,
    };
    let Some(form) = outlet.form else {
        let mut items = Vec::new();
        let reading = read(request.server, &outlet, span, |object| keep(&outlet, object, &mut items)).await;
        let metadata = metadata(&reading.map_err(explain)?);
        return Ok(Answer::list(resource, items, metadata).including(include).in_turn(turn));
    };
    let mut written = List::new(resource, form)?;
    let reading = read(request.server, &outlet, span, |object| written.add(object)).await;
    let metadata = metadata(&reading.map_err(explain)?);
    Ok(Answer::written(written.end(&metadata)).in_turn(turn))
}

impl Reading {
    /// The metadata of a list of it.
    fn metadata(&self, prefix: &str, counted: bool) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let (Some(last), Value::Object(metadata)) = (&self.last, &mut metadata) {
            let after = last.strip_prefix(prefix).unwrap_or(last).to_owned();
            let next = Continue { revision: Some(self.revision), after };
            metadata.insert("continue".to_owned(), next.encode().into());
            if counted {
                metadata.insert("remainingItemCount".to_owned(), self.remaining.into());
            }
        }
        metadata
    }
}

/// Every object of a resource below a prefix that the selection means.
pub async fn everything(
    server: &ApiServer,
    resource: &Arc<Resource>,
    prefix: &str,
    selection: &Selection,
) -> ApiResult<Vec<Value>> {
    everything_now(server, resource, prefix, selection).await.map(|(objects, _)| objects)
}

/// The same, and the revision whose state they are.
pub(super) async fn everything_now(
    server: &ApiServer,
    resource: &Arc<Resource>,
    prefix: &str,
    selection: &Selection,
) -> ApiResult<(Vec<Value>, Revision)> {
    let outlet = Outlet { resource: resource.clone(), selection: selection.clone(), form: None };
    let span = Span { prefix: prefix.to_owned(), ..Span::default() };
    let mut items = Vec::new();
    let reading = read(server, &outlet, span, |object| keep(&outlet, object, &mut items)).await.map_err(read_failed)?;
    Ok((items, reading.revision))
}

fn keep(outlet: &Outlet, object: Stored<'_>, items: &mut Vec<Value>) -> ApiResult<()> {
    items.push(object.into_tree(&outlet.resource)?);
    Ok(())
}

/// Hands as many objects to `take` as the span allows. One that cannot be read keeps no other from it.
pub(super) async fn read(
    server: &ApiServer,
    outlet: &Outlet,
    span: Span,
    mut take: impl FnMut(Stored<'_>) -> ApiResult<()>,
) -> Result<Reading, cowherd_store::Error> {
    let Span { prefix, limit, mut after, mut at, counted } = span;
    let mut wanted = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    loop {
        let options = ListOptions { start_after: after.take(), limit: wanted, at, uncounted: !counted };
        let page = server.store().list(&prefix, options).await?;
        let last = page.entries.last().map(|entry| entry.key.clone());
        // An entry goes as soon as it is read.
        for entry in page.entries {
            let taken = outlet.read(&entry.value, entry.modified).and_then(|object| {
                let means = outlet.means(&object);
                if means { take(object).map(|()| true) } else { Ok(false) }
            });
            match taken {
                Ok(taken) => wanted = wanted.map(|wanted| wanted.saturating_sub(usize::from(taken))),
                Err(error) => tracing::error!(key = entry.key, %error, "left out of a list"),
            }
        }
        let full = wanted.is_none_or(|wanted| wanted == 0);
        if full || page.remaining == 0 || last.is_none() {
            let last = last.filter(|_| page.remaining > 0);
            return Ok(Reading { revision: page.revision, last, remaining: page.remaining });
        }
        // The pages of one list are the state of one revision.
        (after, at) = (last, Some(page.revision));
    }
}

/// Reads `resourceVersion` and `resourceVersionMatch`.
async fn moment(server: &ApiServer, query: &Query, limit: Option<u64>, from: Option<&Continue>) -> ApiResult<Moment> {
    let version = query.get("resourceVersion");
    let matching = query.get("resourceVersionMatch");
    check_match(version, matching, from.is_some())?;
    if let Some(from) = from {
        if version.is_some_and(|version| version != "0") {
            return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
        }
        return Ok(from.revision.map_or(Moment::Latest, Moment::Exactly));
    }
    let revision = at_least(server, version).await?;
    let exact = matching == Some("Exact") || (matching.is_none() && limit.is_some());
    Ok(match revision {
        Some(revision) if exact => Moment::Exactly(revision),
        _ => Moment::Latest,
    })
}

fn check_match(version: Option<&str>, matching: Option<&str>, continued: bool) -> ApiResult<()> {
    let field = FieldPath::new("resourceVersionMatch");
    let refuse =
        |error: FieldError| Err(ApiError::invalid(Named { group: "meta.k8s.io", name: "ListOptions" }, "", &[error]));
    let forbid = |why: &str| refuse(FieldError::forbidden(&field, why));
    match matching {
        None => Ok(()),
        Some(_) if version.is_none() => forbid("resourceVersionMatch is forbidden unless resourceVersion is provided"),
        Some(_) if continued => forbid("resourceVersionMatch is forbidden when continue is provided"),
        Some("Exact") if version == Some("0") => {
            forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        Some("Exact" | "NotOlderThan") => Ok(()),
        Some(other) => refuse(FieldError::not_supported(&field, other, &["Exact", "NotOlderThan"])),
    }
}

/// Reads a resource version that must not lie in the future; `None` where any will do.
pub async fn at_least(server: &ApiServer, version: Option<&str>) -> ApiResult<Option<Revision>> {
    let Some(version) = version else { return Ok(None) };
    let number: u64 = version.parse().map_err(|_| invalid_version(version))?;
    let current = server.store().revision().await.map_err(read_failed)?;
    if number > current.0 {
        return Err(ApiError::too_large_resource_version(number, current.0));
    }
    Ok(Some(Revision(number)).filter(|revision| revision.0 > 0))
}

/// What cannot be a resource version.
pub fn invalid_version(version: &str) -> ApiError {
    ApiError::bad_request(format!(
        "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
    ))
}

fn expired(from: Option<&Continue>) -> ApiError {
    let Some(from) = from else {
        return ApiError::expired("The resourceVersion for the provided list is too old.");
    };
    let next = Continue { revision: None, after: from.after.clone() };
    ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    )
    .with_metadata("continue", next.encode())
}

impl Continue {
    fn encode(&self) -> String {
        let revision = self.revision.map_or(-1, |revision| i64::try_from(revision.0).unwrap_or(i64::MAX));
        let token = json!({"v": "meta.k8s.io/v1", "rv": revision, "start": self.after});
        BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(token: &str) -> ApiResult<Self> {
        let invalid = || ApiError::bad_request("continue key is not valid: encoding is not supported");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| invalid())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let after = token.get("start").and_then(Value::as_str).ok_or_else(invalid)?.to_owned();
        let revision = token.get("rv").and_then(Value::as_i64).ok_or_else(invalid)?;
        Ok(Self { revision: u64::try_from(revision).ok().map(Revision), after })
    }
}
