//! Texts with a grammar of their own: paths, regular expressions, versions, URLs.

mod paths;
pub(in crate::functions) mod regexes;
mod semver;
mod urls;

use cowherd_template::Function;

use super::Context;

/// The functions of this theme.
pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    regexes::functions().chain(semver::functions()).chain(urls::functions()).chain(paths::functions())
}
