//! The status of a source, as all kinds have it.

use cowherd_api::Condition;
use cowherd_api::flux::source::v1;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The status of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact: Option<v1::Artifact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_handled_reconcile_at: Option<String>,
    /// What only this kind has.
    #[serde(flatten)]
    pub(crate) own: Map<String, Value>,
}

impl Status {
    /// The status of an object, in the words of its kind. One that cannot be read is none.
    pub(crate) fn read(status: Option<&impl Serialize>) -> Self {
        let value = status.and_then(|status| serde_json::to_value(status).ok());
        value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }
}
