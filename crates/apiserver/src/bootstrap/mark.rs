//! What a start remembers for the next one.

use cowherd_store::{Change, Expected, Revision};
use serde::{Deserialize, Serialize};

use crate::{
    authorization::Extent,
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
    /// The [fingerprint] of the documents: other ones are another matter.
    documents: u64,
    /// The revision; that of the mark itself where everything was written together with it.
    revision: Option<u64>,
    /// How many objects of the group there were.
    #[serde(default)]
    objects: usize,
}

impl Mark {
    /// All was looked at, at this revision, and there were so many objects of the group.
    pub fn at(documents: u64, revision: Revision, objects: usize) -> Self {
        Self { documents, revision: Some(revision.0), objects }
    }

    /// All objects of the group, which are so many, are written together with the mark.
    pub fn with_what_is_written(documents: u64, objects: usize) -> Self {
        Self { documents, revision: None, objects }
    }

    /// What the last start left, if it was about these documents.
    pub async fn read(server: &ApiServer, documents: u64) -> ApiResult<Option<Self>> {
        let Some(entry) = server.store().get(KEY).await.map_err(read_failed)? else { return Ok(None) };
        let mark = serde_json::from_slice::<Self>(&entry.value).ok();
        let mark = mark.filter(|mark| mark.documents == documents);
        Ok(mark.map(|mark| Self { revision: mark.revision.or(Some(entry.modified.0)), ..mark }))
    }

    /// Whether an object that was written last at this revision is as it was looked at.
    pub fn covers(&self, modified: Revision) -> bool {
        self.revision.is_some_and(|revision| modified.0 <= revision)
    }

    /// Whether all objects of the group are as they were looked at: none was written since, and none is gone.
    pub fn covers_all(&self, extent: Extent) -> bool {
        self.covers(extent.newest) && extent.objects == self.objects
    }

    /// Writes it, as the last of what is written with it.
    pub fn change(&self) -> ApiResult<Change> {
        let value = serde_json::to_vec(self).map_err(ApiError::internal)?;
        Ok(Change::put(KEY, value.into(), Expected::Any))
    }
}

/// What tells documents from others, made when the program is: FNV-1a.
pub const fn fingerprint(documents: &str) -> u64 {
    let (mut hash, mut at) = (0xcbf2_9ce4_8422_2325_u64, 0);
    while at < documents.len() {
        hash = (hash ^ documents.as_bytes()[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_documents_have_another_fingerprint() {
        // As the authors of the function have them.
        assert_eq!((fingerprint(""), fingerprint("foobar")), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
    }
}
