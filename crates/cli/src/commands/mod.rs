//! The commands, one a file.

pub mod agent;
pub mod bootstrap;
pub mod check;
pub mod completion;
pub mod diff;
pub mod events;
pub mod get;
pub mod history;
pub mod install;
pub mod logs;
pub mod man;
pub mod migrate;
pub mod reconcile;
pub mod render;
pub mod resume;
pub mod server;
pub mod suspend;
pub mod trace;
pub mod tree;
pub mod up;
pub mod version;
