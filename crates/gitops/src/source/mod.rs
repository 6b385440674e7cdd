//! Sources: where the content comes from that manifests are made of.
//!
//! A source is an object of the API that a [`SourceName`] tells from all others. Whatever its kind, it brings an
//! [`Artifact`]: a tree at a revision. A kind is a folder below this one with a type that implements [`Source`]; what all
//! kinds have in common is done by [`run`]: a [`task`] for each object that looks when that is due, tries again, rests while
//! it is suspended and answers requests; status and events ([`report`]); and what is told to whoever applies the content
//! ([`news`]).

mod artifact;
pub(crate) mod bucket;
pub(crate) mod external_artifact;
pub(crate) mod git;
pub(crate) mod helm_chart;
pub(crate) mod helm_repository;
mod kind;
mod name;
mod news;
mod nudges;
pub(crate) mod oci;
mod origin;
#[cfg(test)]
pub(crate) mod played;
pub(crate) mod proxy;
pub(crate) mod remedy;
mod report;
mod resting;
mod run;
mod seal;
pub(crate) mod secrets;
mod shelf;
mod status;
mod task;

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_runtime::{Key, Resources};
use cowherd_source::Mirrors;
use kube::core::error_boundary::InvalidObject;
use kube::{Client, Resource};
use sha2::{Digest, Sha256};

use crate::artifact_generator::Generators;
use crate::events::Recorders;
use crate::fetches::Fetches;
use crate::hidden::Hidden;
use crate::metrics::Described;
use crate::wanted::Wanted;
use crate::{Config, Progress};

pub(crate) use artifact::Artifact;
pub(crate) use kind::{Found, Problem, Source, Stored};
pub(crate) use name::{SourceKind, SourceName};
pub(crate) use news::{Latest, News, Tell, Teller};
pub(crate) use nudges::Nudges;
pub(crate) use origin::Origin;
pub(crate) use run::run;
pub(crate) use shelf::Shelf;

/// How long a fetch may take at most, whatever the source says.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// The identity of bytes, as `sha256:<hex>`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Whether a person asked for a look at the object that there was none for yet.
fn is_requested(object: &impl Source) -> bool {
    let requested = object.meta().annotations.as_ref().and_then(|all| all.get(RECONCILE_REQUESTED_AT));
    requested.is_some() && requested != object.status().last_handled_reconcile_at.as_ref()
}

/// What the tasks of all sources share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) mirrors: Mirrors,
    pub(crate) recorder: Recorders,
    /// Is told of what the sources bring.
    pub(crate) tell: Tell,
    pub(crate) fetches: Fetches,
    /// What the sources have.
    pub(crate) shelf: Shelf,
    /// Has sources looked at that others have changed.
    pub(crate) nudges: Nudges,
    /// What GitHub Apps were given.
    pub(crate) tokens: git::Tokens,
    /// Which ArtifactGenerators make which ExternalArtifacts, and of what.
    pub(crate) generators: Generators,
    /// The sources of other shards that are wanted here.
    pub(crate) wanted: Arc<Wanted>,
    /// What the look at hand has read that must not be shown.
    pub(crate) hidden: Hidden,
    /// What metrics tell of the objects.
    pub(crate) resources: Resources,
    pub(crate) config: Arc<Config>,
}

impl Shared {
    /// The same for one look at one source.
    pub(crate) fn for_a_look(&self) -> Self {
        Self { hidden: Hidden::default(), ..self.clone() }
    }

    /// Tells of an object of which nothing can be done, since it cannot be read.
    pub(crate) fn unreadable(&self, kind: SourceKind, invalid: &InvalidObject) {
        let InvalidObject { metadata, error } = invalid;
        let name = metadata.name.clone().unwrap_or_default();
        let source = SourceName::new(kind, metadata.namespace.clone().unwrap_or_default(), name);
        tracing::warn!(%source, error, "a source cannot be read");
        let message = format!("it cannot be read: {error}; correct the object");
        if let Some(listener) =
            self.config.progress.as_ref().filter(|_| self.config.shard.has(metadata.labels.as_ref()))
        {
            let _ = listener.send(Progress::failed(&source, &message, false));
        }
    }

    /// Whether the object is reconciled here, and not in another shard.
    fn is_ours(&self, object: &impl Resource) -> bool {
        self.config.shard.has(object.meta().labels.as_ref())
    }

    /// Metrics tell of the object from now on, if it is reconciled here.
    pub(crate) fn describe<K: Resource<DynamicType = ()> + Described>(&self, object: &K) {
        if self.is_ours(object) {
            self.resources.tell(object, object.described());
        } else {
            self.resources.forget::<K>(&Key::of(object));
        }
    }
}
