//! Releases: their names, and what becomes of the files that templates render to.

mod hook;
mod kind_order;
mod manifest;
mod name;
pub mod record;
mod sort;
mod split;
mod text;

pub use hook::{Hook, HookEvent};
pub use kind_order::INSTALL_ORDER;
pub use manifest::Manifest;
pub use name::{NameError, check_name};
pub use sort::{ManifestError, Sorted, sort_manifests};
pub use split::split_manifests;
pub use text::{ShowOnlyError, print, show_only};

use serde_json::{Map, Value, json};

/// `.Release`: what templates know about the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// `.Release.Name`.
    pub name: String,
    /// `.Release.Namespace`.
    pub namespace: String,
    /// `.Release.Revision`.
    pub revision: i64,
    /// `.Release.IsUpgrade`; `.Release.IsInstall` is the opposite.
    pub is_upgrade: bool,
    /// `.Release.Service`.
    pub service: String,
}

impl Release {
    /// `.Release` as templates see it.
    pub fn to_map(&self) -> Map<String, Value> {
        let fields = [
            ("Name", json!(self.name)),
            ("Namespace", json!(self.namespace)),
            ("Revision", json!(self.revision)),
            ("IsInstall", json!(!self.is_upgrade)),
            ("IsUpgrade", json!(self.is_upgrade)),
            ("Service", json!(self.service)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Default for Release {
    /// What `helm template` takes where it is told nothing.
    fn default() -> Self {
        Self {
            name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            is_upgrade: false,
            service: "Helm".to_owned(),
        }
    }
}
