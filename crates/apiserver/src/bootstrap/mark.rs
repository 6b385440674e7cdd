//! What a start remembers for the next one.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cowherd_store::{Change, Expected, Revision};
use serde::{Deserialize, Serialize};

use crate::{
    rest::read_failed,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Where it is kept; no path of the API leads there.
const KEY: &str = "/bootstrap/roles";

/// Says that everything which documents describe was as they say at a revision: what has not been written since need not
/// be looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Of the documents: other ones are another matter.
    digest: String,
    /// The revision; that of the mark itself where everything was written together with it.
    revision: Option<u64>,
}

impl Mark {
    /// All was looked at, at this revision.
    pub fn at(documents: &str, revision: Revision) -> Self {
        Self { digest: digest(documents), revision: Some(revision.0) }
    }

    /// All is written together with the mark.
    pub fn with_what_is_written(documents: &str) -> Self {
        Self { digest: digest(documents), revision: None }
    }

    /// The revision at which everything was as these documents say, if that is known.
    pub async fn read(server: &ApiServer, documents: &str) -> ApiResult<Option<Revision>> {
        let Some(entry) = server.store().get(KEY).await.map_err(read_failed)? else { return Ok(None) };
        let mark = serde_json::from_slice::<Self>(&entry.value).ok();
        let mark = mark.filter(|mark| mark.digest == digest(documents));
        Ok(mark.map(|mark| mark.revision.map_or(entry.modified, Revision)))
    }

    /// Writes it, as the last of what is written with it.
    pub fn change(&self) -> ApiResult<Change> {
        let value = serde_json::to_vec(self).map_err(ApiError::internal)?;
        Ok(Change::put(KEY, value.into(), Expected::Any))
    }
}

fn digest(documents: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, documents.as_bytes()))
}
