//! The binary form in which clients written in Go send built-in objects (`application/vnd.kubernetes.protobuf`).
//!
//! Only reading is here: whoever sends this form also understands JSON answers.

mod decode;
mod types;

pub use decode::{WireError, decode};

/// The media type.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
