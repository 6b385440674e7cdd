//! The functions of sprig 3.3 and Helm's own, as Helm v4.1.4 gives them to templates, except those that need the
//! engine: `include`, `tpl`, `required`, `fail`, `lookup` and `getHostByName`.
//!
//! A folder for each theme. Functions are pure: what the time is and what is random the caller says ([`Context`]).
//! What they allocate and how deep they go is bounded (`call::limits`).

mod call;
mod certificates;
mod chance;
mod crypto;
mod dates;
mod dicts;
mod formats;
mod inspection;
mod lists;
mod math;
mod notations;
mod strings;

use cowherd_template::Function;

pub use call::Context;
pub use formats::to_yaml;

/// Every function that needs no engine.
pub fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    strings::functions()
        .chain(lists::functions())
        .chain(dicts::functions())
        .chain(inspection::functions())
        .chain(math::functions())
        .chain(dates::functions())
        .chain(formats::functions())
        .chain(notations::functions())
        .chain(chance::functions())
        .chain(crypto::functions())
        .chain(certificates::functions())
}
