//! What sources have fetched.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Content that was fetched from a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Where the content is kept, relative to the storage of whoever fetched it.
    pub path: String,
    /// Where the content came from.
    pub url: String,
    /// What was fetched, as `branch@sha1:commit` or `tag@sha256:digest`.
    pub revision: String,
    /// The identity of the content, as `algorithm:hex`.
    #[schemars(regex(pattern = r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"))]
    pub digest: String,
    /// When the content last changed.
    #[schemars(extend("format" = "date-time"))]
    pub last_update_time: String,
    /// The length of the content in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// What the source says of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}
