//! Reading a collection, whole or page by page.

use std::{io, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::Revision;
use futures::{Stream, stream};
use serde_json::{Value, json};

use super::{
    Request,
    making::{Maker, Page},
    reading::{PAGE, Reading, Span},
    storage::read_failed,
};
use crate::{
    answer::Answer,
    body,
    made::Made,
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

/// How many bytes of a list are made before any of it is sent. What is longer is made as it is read, which takes no more
/// memory however long it is.
const AHEAD: usize = 4 * 1024 * 1024;

/// Answers with the collection.
pub async fn list(request: &Request<'_>) -> ApiResult<Answer> {
    let (call, resource) = (request.call, &request.resource);
    let query = &call.query;
    let accepted = Accepted::from_headers(&call.headers)?;
    let outlet = Outlet::new(resource, Selection::parse(query, resource)?, accepted);
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
    let explain = |error| match error {
        cowherd_store::Error::Compacted { .. } => expired(from.as_ref()),
        error => read_failed(error),
    };
    let list = List::new(&outlet, accepted, include)?;
    let maker = Maker::of(call);
    maker.room(AHEAD).await?;
    let reading = Reading::new(request.server, outlet, Span { prefix, limit, after, at, counted });
    let mut rest = Rest { reading, list, maker, is_over: false };
    rest.make_ahead(explain).await?;
    let media_type = rest.list.media_type();
    if rest.is_over {
        return Ok(Answer::written(rest.list.made.into_pieces(), media_type));
    }
    rest.maker.holds(rest.list.made.size());
    Ok(Answer::stream(body::streamed(rest.pieces()), media_type))
}

/// A list that is made as it is read.
struct Rest {
    reading: Reading,
    list: List,
    maker: Maker,
    is_over: bool,
}

impl Rest {
    fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(self, |mut rest| async move {
            let piece = rest.piece().await.transpose()?;
            if let Err(error) = &piece {
                tracing::warn!(%error, "a list ends early");
                rest.is_over = true;
                rest.list.made = Made::default();
            }
            Some((piece, rest))
        })
    }

    /// The next bytes to send; `None` after the last ones.
    async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        self.make_ahead(read_failed).await.map_err(io::Error::other)?;
        let piece = self.list.made.piece();
        self.maker.holds(self.list.made.size());
        Ok(piece)
    }

    /// Makes as many pages as are made ahead. What is there goes out while there is no room for more.
    async fn make_ahead(&mut self, explain: impl Fn(cowherd_store::Error) -> ApiError) -> ApiResult<()> {
        let Self { reading, list, maker, is_over } = self;
        while !*is_over && list.made.size() < AHEAD {
            let page = maker.page(reading, PAGE, list.made.size(), |object| list.add(object)).await;
            let Page::Made { is_more, .. } = page.map_err(&explain)? else { break };
            if !is_more {
                *is_over = true;
                list.end(&metadata(reading))?;
            }
        }
        Ok(())
    }
}

/// The metadata of a list of what was read.
fn metadata(reading: &Reading) -> Value {
    let revision = reading.revision();
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let (Some(after), Value::Object(metadata)) = (reading.rest_begins_after(), &mut metadata) {
        let next = Continue { revision: Some(revision), after: after.to_owned() };
        metadata.insert("continue".to_owned(), next.encode().into());
        if let Some(count) = reading.remaining() {
            metadata.insert("remainingItemCount".to_owned(), count.into());
        }
    }
    metadata
}

/// Every object of a resource below a prefix that the selection means.
pub async fn everything(
    server: &ApiServer,
    resource: &Arc<Resource>,
    prefix: &str,
    selection: &Selection,
) -> ApiResult<Vec<Value>> {
    let outlet = Outlet { resource: resource.clone(), selection: selection.clone(), form: None };
    let mut reading = Reading::new(server, outlet, Span { prefix: prefix.to_owned(), ..Span::default() });
    let mut items = Vec::new();
    let mut keep = |object: Stored<'_>| {
        items.push(object.into_tree(resource)?);
        Ok(())
    };
    while reading.page(PAGE, &mut keep).await.map_err(read_failed)? {}
    Ok(items)
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
