//! Sources: where the content comes from that manifests are made of.
//!
//! A source is an object of the API that a [`SourceName`] tells from all others. Whatever its kind, it brings an
//! [`Artifact`]: a tree at a revision. A kind is a folder below this one with a type that implements [`Source`]; what all
//! kinds have in common is done by [`run`]: a [`task`] for each object that looks when that is due, tries again, rests while
//! it is suspended and answers requests; status and events ([`report`]); and what is told to whoever applies the content
//! ([`news`]).

mod artifact;
pub(crate) mod git;
mod kind;
mod name;
mod news;
pub(crate) mod oci;
mod origin;
mod report;
mod run;
mod seal;
mod secrets;
mod status;
mod task;

use std::sync::Arc;

use cowherd_source::Mirrors;
use kube::Client;

use crate::Config;
use crate::events::Recorders;
use crate::fetches::Fetches;
use crate::wanted::Wanted;

pub(crate) use artifact::Artifact;
pub(crate) use kind::{Found, Problem, Source};
pub(crate) use name::{SourceKind, SourceName};
pub(crate) use news::{Latest, News, Tell};
pub(crate) use origin::Origin;
pub(crate) use run::run;

/// What the tasks of all sources share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) mirrors: Mirrors,
    pub(crate) recorder: Recorders,
    /// Is told of what the sources bring.
    pub(crate) tell: Tell,
    pub(crate) fetches: Fetches,
    /// The sources of other shards that are wanted here.
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) config: Arc<Config>,
}

impl Shared {
    /// Whether the object is reconciled here, and not in another shard.
    fn is_ours(&self, object: &impl Source) -> bool {
        self.config.shard.has(object.meta().labels.as_ref())
    }
}
