//! Fetching from real servers and reading real repositories, compared with what `git` says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod support;

mod access;
mod artifacts;
mod buckets;
mod charts;
mod http;
mod leaks;
mod local;
mod mirrors;
mod packs;
mod push;
mod references;
mod signatures;
mod ssh;
mod submodules;
mod tls;
mod trees;
mod watch;
