//! What functions are called with, and how much they may take.

pub(in crate::functions) mod arguments;
mod context;
pub(in crate::functions) mod limits;
pub(in crate::functions) mod measure;

pub use context::Context;
