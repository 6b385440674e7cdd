//! The commands, one a file.

pub mod agent;
pub mod completion;
pub mod diff;
pub mod events;
pub mod get;
pub mod reconcile;
pub mod render;
pub mod resume;
pub mod server;
pub mod suspend;
pub mod tree;
pub mod up;
