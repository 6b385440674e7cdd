//! The built-in kinds: names, scope, defaults, validation and printed columns.
//!
//! [`all`] lists every resource of Kubernetes that the API serves by itself; a [`Kind`] says how one behaves:
//! what it is called, where it is stored, which fields the server fills in, what it refuses, and what
//! `kubectl get` prints. Objects are JSON values whose unknown fields were pruned before they come here; nothing
//! in this crate does I/O or reads a clock.
//!
//! One file per kind or family, in a folder per API group.

mod admission;
mod age;
mod apps;
mod autoscaling;
mod batch;
mod catalog;
mod checks;
mod coordination;
mod core;
mod crd;
mod discovery;
pub mod encoding;
mod errors;
mod events;
mod json;
mod kind;
pub mod labels;
pub mod metadata;
pub mod names;
mod networking;
mod policy;
pub mod quantity;
mod rbac;
mod scheduling;
mod storage;
mod strategy;
mod table;

pub use age::human_duration;
pub use catalog::{all, find, find_kind, of_name};
pub use errors::Errors;
pub use kind::{Kind, ScalePaths};
pub use table::Column;
