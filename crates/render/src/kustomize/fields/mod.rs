//! Fields of objects: how they are named, reached and read.

pub(crate) mod field_path;
pub(crate) mod path;
pub(crate) mod scalar;
pub(crate) mod written;
