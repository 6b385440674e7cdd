//! What a repository means without a cluster: what a change of it would change, and what in it would fail.
//!
//! A [`Cluster`] is what grows from one path of a tree: the objects there, the Kustomizations among them, what those
//! make of their paths, and so on, with the crates that the agents use. [`compare`] tells two of them apart;
//! [`check`] lists what is wrong in one. Nothing here asks a cluster. What only a cluster could tell is named.

pub mod check;
mod cluster;
mod compare;
mod discovery;
mod fields;
mod gitops;
mod lost;
pub mod report;
mod scope;

pub use cluster::{Cluster, Context, Side, Sources, State, Unit};
pub use compare::{Change, ClusterReview, Kind, Review, Status, UnitReview, Wanted, compare, review};
pub use discovery::{Below, By, Discovered, Discovery, LeftOut, below, discover, discover_below, several};
