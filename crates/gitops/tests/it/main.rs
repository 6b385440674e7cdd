//! A commit becomes a running system: real Git, a real API, real reconciliation.

// What a test sets up may as well panic.
#![allow(clippy::unwrap_used)]

mod applied;
mod artifacts;
mod asked;
mod buckets;
mod converge;
mod cost;
mod decryption;
mod drift;
mod failures;
mod fights;
mod git;
mod inputs;
mod instances;
mod leaving;
mod lifecycle;
mod notifications;
mod oci;
mod others;
mod overtaken;
mod pruning;
mod releases;
mod remotes;
mod rights;
mod sets;
mod shards;
mod sharing;
mod spans;
mod story;
mod telling;
mod tenants;
mod unseen;
mod world;
