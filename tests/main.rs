//! The built program from the outside: real git, real kubectl, and what a person sees.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

mod accounts;
mod artifacts;
mod asked;
mod authority;
mod bases;
mod bootstrapped;
mod changes;
mod charted;
mod checking;
mod clusters;
mod commands;
mod completing;
mod convergence;
mod crashes;
mod deployed;
mod documentation;
mod drift;
mod encrypted;
mod following;
mod foreseen;
mod full_disk;
mod generated;
mod guarding;
mod guides;
mod keeping;
mod kubectl;
mod leaving;
mod literals;
mod local;
mod meant;
mod mistakes;
mod mistyped;
mod moving;
mod notifying;
mod outages;
mod production;
mod reached;
mod readiness;
mod releases;
mod remotes;
mod rendering;
mod replacing;
mod resuming;
mod reviewing;
mod rivals;
mod secrets;
mod spokes;
mod telling;
mod tenants;
mod terminal;
mod waiting;
mod workflows;
