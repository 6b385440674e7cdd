//! Patches, strategic and JSON 6902, and which objects they are for.

pub(crate) mod merge;
pub(crate) mod patch;
pub(crate) mod schemas;
pub(crate) mod select;
