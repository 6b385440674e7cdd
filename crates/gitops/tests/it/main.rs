//! A commit becomes a running system: real Git, a real API, real reconciliation.

mod converge;
mod cost;
mod drift;
mod failures;
mod lifecycle;
mod world;
