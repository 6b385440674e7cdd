//! What every controller stands on.
//!
//! A controller compares what should be with what is, and writes the difference back to the API. What all of them
//! need for that is here: [`Informer`]s that share one watch and one copy of an object among all readers, a
//! [`Queue`] of keys with backoff and timers, a [`Controller`] that joins the two with a reconcile function, and a
//! [`Runtime`] that holds what the controllers of one control plane share. CONTRIBUTING.md, "Add a controller",
//! shows how they fit together.
//!
//! Nothing dies silently: what ends or panics is started again and counted, and [`Health`] says what is not well.

mod answers;
pub mod conditions;
mod controller;
mod error;
pub mod events;
pub mod finalizers;
mod health;
mod identity;
mod informer;
mod key;
pub mod leader;
mod mapping;
mod metrics;
pub mod owners;
mod panics;
mod permits;
mod plain_http;
mod queue;
mod runtime;
mod serving;
mod shard;
mod supervisor;
mod writer;

pub use answers::understood;
pub use controller::{BrokenOff, Controller};
pub use error::Error;
pub use events::Recorder;
pub use health::{Health, Problem, Pulse};
pub use identity::{Clients, Identity};
pub use informer::{
    Index, Informer, Object, Sink, Subscription, follow, follow_and_relist, interruption, version, watching,
};
pub use key::Key;
pub use metrics::{Answers, Description, Durations, Measured, Metrics, Outcome, Reconciler, Resources};
pub use panics::{broken_off, caught, caught_call};
pub use permits::{Permit, Permits};
pub use plain_http::PlainHttp;
pub use queue::{Backoff, Next, Queue, Work};
pub use runtime::Runtime;
pub use serving::Probes;
pub use shard::{Shard, ShardError};
pub use supervisor::{supervise, supervise_until_done};
pub use writer::Writer;
