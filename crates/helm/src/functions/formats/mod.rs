//! Values as texts, and texts as values: base64 and its like, JSON, TOML, YAML.

pub(in crate::functions) mod encoding;
pub(in crate::functions) mod json;
mod toml;
mod yaml;

use cowherd_template::Function;

use super::Context;

pub use yaml::to_yaml;

/// The functions of this theme.
pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    encoding::functions().chain(json::functions()).chain(yaml::functions()).chain(toml::functions())
}
