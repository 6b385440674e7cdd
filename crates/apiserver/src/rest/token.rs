//! The `token` subresource of service accounts.

use super::{Request, load};
use crate::{
    answer::Answer,
    status::{ApiError, ApiResult},
};

/// Answers with a token for the service account.
pub async fn token(request: &Request<'_>) -> ApiResult<Answer> {
    load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    Err(ApiError::not_implemented(format!(
        "tokens of service accounts are not issued by this server; serviceaccount {:?} cannot get one",
        request.name
    )))
}
