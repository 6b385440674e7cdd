//! `generators`, `transformers` and `validators`: kustomize's own plugins, configured by objects.
//!
//! Plugins that are programs or containers are refused: a render runs nothing.

mod generator;
mod transformer;
mod value_add;

use serde::Deserialize;

use crate::error::{Cause, RenderError};

use super::files::directory::Directory;
use super::objects::resource::{Resource, group_and_version};

pub(crate) use generator::generate;
pub(crate) use transformer::Transformer;

/// The `apiVersion` of kustomize's own plugins.
const BUILT_IN: &str = "builtin";

/// The part of a configuration's metadata that some plugins take their settings from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    namespace: String,
}

/// The kind of the plugin that `configuration` is for.
fn kind<'a>(directory: &Directory<'_>, configuration: &'a Resource) -> Result<&'a str, RenderError> {
    let kind = configuration.kind();
    let (group, version) = group_and_version(configuration.api_version());
    if group.is_empty() && version == BUILT_IN {
        return Ok(kind);
    }
    let annotations = &configuration.value["metadata"]["annotations"];
    let names_function =
        ["config.kubernetes.io/function", "config.k8s.io/function"].iter().any(|name| annotations.get(name).is_some());
    let runs = if names_function { "a container or a program" } else { "a program" };
    Err(error(directory, configuration, Cause::Plugin { kind: kind.to_owned(), runs }))
}

/// An error about a configuration.
fn error(directory: &Directory<'_>, configuration: &Resource, cause: Cause) -> RenderError {
    if configuration.line.is_none() {
        return directory.error(cause);
    }
    RenderError { line: configuration.line, ..RenderError::new(&configuration.file, cause) }
}
