//! What was last observed of a Kustomization.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// What was last observed of a Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KustomizationStatus {
    /// The last request for a reconciliation that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// The generation of the spec that was last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The conditions of the Kustomization.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The revision that was last applied with success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_revision: Option<String>,
    /// The revision that the content of the last applied one was made from, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_origin_revision: Option<String>,
    /// The revision that was last tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted_revision: Option<String>,
    /// The objects that were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<ResourceInventory>,
    /// The last reconciliations, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Snapshot>,
    /// Beyond Flux: how many entries of the inventory, from the first on, the Kustomization had when nothing was to be pruned
    /// last. Missing where those are all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_entries: Option<u32>,
    /// Beyond Flux: the other cluster that the entries of the inventory are in, as the digest of how it is reached and the uid of
    /// its namespace kube-system. Missing where they are in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_cluster: Option<String>,
}

/// The objects that a Kustomization applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceInventory {
    /// One entry for each object.
    pub entries: Vec<ResourceRef>,
}

/// An object that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceRef {
    /// Which object: `<namespace>_<name>_<group>_<kind>`.
    pub id: String,
    /// The API version of the object's kind.
    pub v: String,
}

/// A past reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The identity of what was applied, as `algorithm:hex`.
    pub digest: String,
    /// When it was first tried.
    #[schemars(extend("format" = "date-time"))]
    pub first_reconciled: String,
    /// When it was last tried.
    #[schemars(extend("format" = "date-time"))]
    pub last_reconciled: String,
    /// How long it took.
    pub last_reconciled_duration: String,
    /// The reason of the Ready condition that it ended with.
    pub last_reconciled_status: String,
    /// How often it was tried.
    pub total_reconciliations: i64,
    /// The revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}
