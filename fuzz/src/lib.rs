//! What must hold for whatever others wrote: it is read or refused, without a panic, in bounded time and memory.
//!
//! A module for each target of `cargo fuzz`, with a function `check` that panics where something does not hold.

pub mod archive;
pub mod chart;
mod files;
pub mod format;
pub mod kustomization;
pub mod strvals;
pub mod template;
pub mod version;
pub mod yaml;
