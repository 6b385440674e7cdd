//! Helm's own records of releases: what lies in the Secrets by which `helm ls`, `history` and `rollback` know a release.
//!
//! A record is JSON, compressed with gzip, as base64. Whatever a newer Helm writes beside what is known here is kept.

mod chart;
mod labels;

use std::io::{Read, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::template::Output;

pub use chart::charted;
pub use labels::{SECRET_TYPE, labels, secret_name};

/// The most bytes that a record may have once it is unpacked: a Secret holds a mebibyte, which may unpack to a thousand.
const MAX_RECORD: u64 = 64 << 20;
/// The most bytes that its maps and lists may take in memory, as a guess: a few bytes of JSON stand for a hundred times as many.
const MAX_WEIGHT: usize = 256 << 20;

/// A revision of a release, as Helm keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The name of the release.
    pub name: String,
    /// What became of it, and when.
    pub info: Info,
    /// The chart: metadata, templates, values, files.
    pub chart: Value,
    /// The values that were given to it; `None` where there were none.
    pub config: Option<Map<String, Value>>,
    /// The manifests but for hooks, each with a comment that says where it comes from.
    pub manifest: String,
    /// The hooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookRecord>,
    /// The number of the revision, from 1 on.
    pub version: i64,
    /// The namespace of the release.
    pub namespace: String,
    /// How its objects were applied: `ssa` on the server's side, `csa` on the client's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apply_method: String,
    /// What else Helm keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// What became of a revision, and when. Times are as RFC 3339 writes them, with nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// When the release was first made.
    pub first_deployed: String,
    /// When this revision was made.
    pub last_deployed: String,
    /// When it was uninstalled; empty while it was not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deleted: String,
    /// A sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// One of [`Status`]'s names, or what a newer Helm knows.
    pub status: String,
    /// The chart's notes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// What else Helm keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// What a revision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is what is there.
    Deployed,
    /// A later one is.
    Superseded,
    /// It could not be made.
    Failed,
    /// It was uninstalled, and its record kept.
    Uninstalled,
    /// It is being uninstalled.
    Uninstalling,
    /// It is being installed.
    PendingInstall,
    /// It is being made of an earlier one.
    PendingUpgrade,
    /// It is being rolled back to.
    PendingRollback,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Deployed,
        Self::Superseded,
        Self::Failed,
        Self::Uninstalled,
        Self::Uninstalling,
        Self::PendingInstall,
        Self::PendingUpgrade,
        Self::PendingRollback,
    ];

    /// The one that records give this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The name that records give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Uninstalled => "uninstalled",
            Self::Uninstalling => "uninstalling",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
        }
    }

    /// Whether an action is under way, or was when its process died.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

/// A hook of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRecord {
    /// The name of the object.
    pub name: String,
    /// The kind of the object.
    pub kind: String,
    /// The template that it comes from.
    pub path: String,
    /// The manifest.
    pub manifest: String,
    /// When it is applied.
    pub events: Vec<String>,
    /// How it went.
    pub last_run: HookRun,
    /// Hooks of one event are applied in this order.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When the object is deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete_policies: Vec<String>,
    /// When what it wrote is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_log_policies: Vec<String>,
    /// What else Helm keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// How a hook went the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRun {
    /// When it began; empty while it never did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub started_at: String,
    /// When it ended; empty while it did not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub completed_at: String,
    /// `Succeeded`, `Failed`, `Running`, `Unknown`, or empty.
    pub phase: String,
    /// What else Helm keeps.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Why a record cannot be read, or not be written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no base64.
    #[error("the record is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// It cannot be unpacked.
    #[error("the record cannot be unpacked: {0}")]
    Unpack(#[from] std::io::Error),
    /// It unpacks to more than is read.
    #[error("the record unpacks to more than {} MiB", MAX_RECORD >> 20)]
    TooLarge,
    /// It would take too much memory.
    #[error("the record would take more than {} MiB of memory", MAX_WEIGHT >> 20)]
    TooHeavy,
    /// It is no JSON, or not that of a release.
    #[error("the record is not that of a release: {0}")]
    Json(#[from] serde_json::Error),
}

impl Record {
    /// The record of what a chart was rendered to, with the values that were given to it.
    pub fn of(output: &Output, release: &crate::Release, config: Map<String, Value>) -> Self {
        Self {
            name: release.name.clone(),
            namespace: release.namespace.clone(),
            version: release.revision,
            info: Info { notes: output.notes.clone(), ..Info::default() },
            chart: charted(&output.chart),
            config: (!config.is_empty()).then_some(config),
            manifest: super::text::print_manifests(&output.manifests),
            hooks: output.hooks.iter().map(HookRecord::of).collect(),
            apply_method: "ssa".to_owned(),
            others: Map::new(),
        }
    }

    /// The record that the data of a Secret holds.
    pub fn decode(data: &[u8]) -> Result<Self, RecordError> {
        let packed = BASE64_STANDARD.decode(data)?;
        let mut text = Vec::new();
        // Helm before 3 kept some without compression.
        if packed.starts_with(&[0x1f, 0x8b, 0x08]) {
            GzDecoder::new(packed.as_slice()).take(MAX_RECORD + 1).read_to_end(&mut text)?;
        } else {
            text = packed;
        }
        if text.len() as u64 > MAX_RECORD {
            return Err(RecordError::TooLarge);
        }
        if cowherd_yaml::guess_weight(&text) > MAX_WEIGHT {
            return Err(RecordError::TooHeavy);
        }
        Ok(serde_json::from_slice(&text)?)
    }

    /// The data of the Secret that holds the record.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        let mut value = serde_json::to_value(self)?;
        for place in ["/config", "/chart/values"] {
            value.pointer_mut(place).into_iter().for_each(as_go_writes);
        }
        packed.write_all(&serde_json::to_vec(&value)?)?;
        Ok(BASE64_STANDARD.encode(packed.finish()?).into_bytes())
    }

    /// What the revision is, where it is something that is known here.
    pub fn status(&self) -> Option<Status> {
        Status::named(&self.info.status)
    }

    /// Says what the revision is.
    pub fn set_status(&mut self, status: Status, description: impl Into<String>) {
        self.info.status = status.name().to_owned();
        self.info.description = description.into();
    }
}

/// Writes whole numbers as Go does, whose JSON knows no fraction of them.
fn as_go_writes(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e18);
            if let Some(whole) = whole.and_then(|whole| format!("{whole:.0}").parse::<i64>().ok()) {
                *number = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_go_writes),
        Value::Object(map) => map.values_mut().for_each(as_go_writes),
        _ => {}
    }
}

impl HookRecord {
    fn of(hook: &super::Hook) -> Self {
        Self {
            name: hook.name.clone(),
            kind: hook.kind.clone(),
            path: hook.path.clone(),
            manifest: hook.content.clone(),
            events: hook.events.iter().map(|event| event.name().to_owned()).collect(),
            weight: hook.weight,
            delete_policies: hook.delete_policies.clone(),
            output_log_policies: hook.output_log_policies.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let config = json!({ "a": [1.0, -2.0, 2.5, 1e300], "b": 3 });
        let record = Record { config: config.as_object().cloned(), ..Record::default() };
        let read = Record::decode(&record.encode().unwrap()).unwrap();
        assert_eq!(read.config.map(Value::Object), Some(json!({ "a": [1, -2, 2.5, 1e300], "b": 3 })));
    }

    #[test]
    fn a_record_that_would_take_too_much_memory_is_refused() {
        let text = format!("{{\"chart\": [{}[]]}}", "[],".repeat(4_000_000));
        let error = Record::decode(BASE64_STANDARD.encode(text).as_bytes()).unwrap_err();
        assert!(matches!(error, RecordError::TooHeavy), "{error}");
    }
}
