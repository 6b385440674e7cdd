//! Charts, rendered here and by `helm template`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod charts;
mod dependencies;
mod engine;
mod limits;
mod manifests;
mod oracle;
mod schemas;
mod values;
