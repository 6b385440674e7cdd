//! The runtime on a real API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cluster;
mod controllers;
mod events;
mod informers;
mod leaders;
mod probes;
mod spans;
