//! Reading one object.

use super::{Request, list::at_least, storage::load};
use crate::{answer::Answer, status::ApiResult, table::Include};

/// Answers with the object.
pub async fn get(request: &Request<'_>) -> ApiResult<Answer> {
    let query = &request.call.query;
    at_least(request.server, query.get("resourceVersion")).await?;
    let live = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    Ok(Answer::object(&request.resource, live.object).including(Include::parse(query)?))
}
