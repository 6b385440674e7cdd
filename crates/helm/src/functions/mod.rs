//! The functions of sprig 3.3 and Helm's own, as Helm v4.1.4 gives them to templates, except those that need the
//! engine: `include`, `tpl`, `required`, `fail`, `lookup` and `getHostByName`.
//!
//! One file for each group. Functions are pure: what the time is and what is random the caller says ([`Context`]).
//! What they allocate and how deep they go is bounded ([`limits`]).

mod arguments;
mod certificates;
mod chance;
mod context;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod equality;
mod json;
mod limits;
mod lists;
mod math;
mod measure;
mod paths;
mod reflection;
mod regexes;
mod semver;
mod strings;
mod toml;
mod urls;
mod yaml;

use cowherd_template::Function;

pub use context::Context;
pub use yaml::to_yaml;

/// Every function that needs no engine.
pub fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    strings::functions()
        .chain(lists::functions())
        .chain(dicts::functions())
        .chain(defaults::functions())
        .chain(math::functions())
        .chain(dates::functions())
        .chain(encoding::functions())
        .chain(json::functions())
        .chain(yaml::functions())
        .chain(toml::functions())
        .chain(regexes::functions())
        .chain(semver::functions())
        .chain(urls::functions())
        .chain(paths::functions())
        .chain(reflection::functions())
        .chain(chance::functions())
        .chain(crypto::functions())
        .chain(certificates::functions())
}
