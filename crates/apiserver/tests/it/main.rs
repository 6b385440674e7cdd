//! The API as its clients see it, in-process and over sockets.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod as_stored;
mod authorization;
mod connections;
mod custom_resources;
mod documents;
mod hang_ups;
mod kubectl;
mod nonsense;
mod objects;
mod pki;
mod readiness;
mod schemas;
mod several_servers;
mod tokens;
mod watching;
