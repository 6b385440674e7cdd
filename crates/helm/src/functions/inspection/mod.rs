//! What a value is: whether there is one, of which type, and whether it is the same as another.

mod defaults;
pub(in crate::functions) mod equality;
mod reflection;

use cowherd_template::Function;

use super::Context;

/// The functions of this theme.
pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    defaults::functions().chain(reflection::functions())
}
