//! Producers: what turns content and parameters into manifests.
//!
//! An owner says how its manifests are made; what it says becomes a [`Producer`]. It is prepared first, which reads from
//! the cluster what it takes besides content, and gives a [`Production`]. That is pure: of a tree, and of what that names
//! elsewhere and somebody brought, it makes a [`Product`], and tells on which [`Inputs`] that rests. [`render`] runs it, or takes
//! what an earlier one made where all of its inputs are as they were.

mod error;
mod failed;
mod growth;
mod inputs;
mod kept;
mod product;
pub(crate) mod render;

use std::fmt::Debug;
use std::sync::Arc;

use cowherd_apply::mask::Mask;
use cowherd_render::{Helm, RemoteSource};
use cowherd_tree::Tree;
use futures::future::BoxFuture;
use kube::Client;

use crate::DecryptionKeys;
use crate::budgets::Permits;
use crate::remotes::Brought;
use crate::target::Target;

pub(crate) use error::ProducerError;
pub(crate) use failed::FailedRenders;
pub(crate) use growth::{Growth, TooMuch, weight, weight_of_pairs};
pub(crate) use inputs::Inputs;
pub use kept::KeptRenders;
pub(crate) use product::Product;
pub(crate) use render::{Render, Step};

/// How the manifests of an owner are made, as its spec says.
pub(crate) trait Producer: Debug + Send + Sync {
    /// Whether it takes something from the cluster. Nobody tells when that changes, so no render is taken to hold for longer
    /// than an interval.
    fn reads_cluster(&self) -> bool;

    /// Reads what it takes from the cluster.
    fn prepare<'a>(&'a self, with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>>;
}

/// What a producer is prepared with.
#[derive(Clone, Copy)]
pub(crate) struct Preparing<'a> {
    /// Reads what is there for all owners of the namespace.
    pub(crate) client: &'a Client,
    /// Where objects are brought, with the rights of who acts there; without it is only to be told which objects there are.
    pub(crate) target: Option<&'a Target>,
    /// Those that count for all that is encrypted.
    pub(crate) keys: &'a DecryptionKeys,
    /// The content, where it is known by now, and the permits of whoever computes from it.
    pub(crate) content: Option<(&'a Arc<dyn Tree>, &'a Permits)>,
}

impl<'a> Preparing<'a> {
    /// What it takes to tell which objects there are.
    pub(crate) fn without_target(client: &'a Client, keys: &'a DecryptionKeys) -> Self {
        Self { client, target: None, keys, content: None }
    }
}

/// A producer that has all but content.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) production: Arc<dyn Production>,
    /// What must not be shown of what it works with.
    pub(crate) mask: Mask,
}

/// Makes manifests. Nothing here asks a cluster, a clock or a network.
pub(crate) trait Production: Send + Sync {
    /// All that the manifests are made from besides the tree and what is elsewhere, in one text: where it is the same, so are
    /// they.
    fn parameters(&self) -> String;

    /// Makes the manifests of `tree` with what was `brought` from elsewhere, and gives charts what they make things up from.
    fn produce(&self, tree: &dyn Tree, helm: &Helm, brought: &mut Brought) -> Outcome;
}

/// What came of a production.
pub(crate) enum Outcome {
    /// This has to be fetched from elsewhere before it can go on.
    Needs(Vec<RemoteSource>),
    /// The manifests, and what they rest on, whether or not that succeeded.
    Done(Result<Product, ProducerError>, Arc<Inputs>),
}
