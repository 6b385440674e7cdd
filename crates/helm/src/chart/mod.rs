//! Charts: what they hold and how they are read.

mod archive;
mod directory;
mod ignore;
mod limits;
mod load;
mod metadata;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

pub use ignore::{IgnoreError, IgnoreRules};
pub use limits::Limits;
pub use load::{LoadError, load, load_unpacked};
pub use metadata::{DEPENDENCY_FIELDS, Dependency, FIELDS, MAINTAINER_FIELDS, Maintainer, Metadata, ValidationError};

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The path from the chart's directory on, such as `templates/service.yaml`.
    pub name: String,
    /// The content, without a byte order mark.
    pub data: Bytes,
}

/// A chart with the charts below its `charts/`. Cheap to copy.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What `Chart.yaml` says.
    pub metadata: Metadata,
    /// The files below `templates/`.
    pub templates: Arc<[File]>,
    /// `values.yaml`; numbers are floats, as Go reads them from JSON.
    pub values: Arc<Map<String, Value>>,
    /// `values.schema.json`.
    pub schema: Option<Bytes>,
    /// The other files, which templates can read.
    pub files: Arc<[File]>,
    /// The charts below `charts/`.
    pub dependencies: Vec<Chart>,
}

/// A file below `crds/`, applied before everything else and not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomResourceFile<'a> {
    /// The path from the root chart on, such as `parent/charts/child/crds/widget.yaml`.
    pub path: String,
    /// The content.
    pub data: &'a Bytes,
}

impl Chart {
    /// The name, which is the alias in a chart that depends on this one.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The files below `crds/` of the chart and then of its dependencies.
    pub fn custom_resources(&self) -> Vec<CustomResourceFile<'_>> {
        let mut found = Vec::new();
        self.collect_custom_resources(self.name(), &mut found);
        found
    }

    fn collect_custom_resources<'a>(&'a self, full_path: &str, found: &mut Vec<CustomResourceFile<'a>>) {
        let files = self.files.iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name));
        found.extend(
            files.map(|file| CustomResourceFile { path: format!("{full_path}/{}", file.name), data: &file.data }),
        );
        for dependency in &self.dependencies {
            dependency.collect_custom_resources(&format!("{full_path}/charts/{}", dependency.name()), found);
        }
    }
}

/// The content of a file as a text, with replacement characters for what is not UTF-8.
pub(crate) fn text(data: &[u8]) -> Cow<'_, str> {
    cowherd_template::lossy(data)
}

fn is_manifest(name: &str) -> bool {
    let extension = extension(name);
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// What follows the last dot of the last component.
fn extension(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or_default();
    base.rsplit_once('.').map_or("", |(_, extension)| extension)
}
