//! What is done for owners whose objects are not just applied and pruned.

use std::sync::Arc;

use cowherd_apply::{Diff, ObjectId};
use futures::future::BoxFuture;
use kube::Client;
use serde_json::Value;

use super::{Context, Deed, Failure, Job, PreviewError, Previewed, Prospect};
use crate::owner::{Owner, Settings, Status};
use crate::source::{Artifact, SourceName};

/// A source that would be made: its name, the name of its kind in paths, and the object.
pub(crate) type ForeseenSource = (SourceName, &'static str, Value);

/// What would be done for an owner that goes, and to its objects.
pub(crate) type ForeseenEnd = (Option<Deed>, Vec<Diff>);

/// What is done for the owners of a kind. The schedule says when, and whether anything may be done: its source has brought
/// something, and all that it depends on is ready. What is said, and what becomes of errors, is the same for all kinds.
pub(crate) trait Story: Sync {
    /// An owner was seen that says something new, or waits for its source. What has to be there for its source to bring
    /// anything is made here. It may be asked for at any time, beside what else is done for the owner.
    fn meet(&self, context: Arc<Context>, owner: Arc<Owner>) -> BoxFuture<'static, Result<(), Failure>>;

    /// Brings the cluster to what the owner says.
    fn bring<'a>(
        &'a self,
        context: &'a Arc<Context>,
        job: &'a mut Job,
        settings: &'a Settings,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// The owner was deleted: what it brought goes, and then its finalizer.
    fn end<'a>(&'a self, context: &'a Arc<Context>, job: &'a mut Job) -> BoxFuture<'a, Result<(), Failure>>;

    /// What [`meet`](Self::meet) would make, where nothing is to be written. The error says why that is not known.
    fn foresee_source<'a>(
        &'a self,
        client: &'a Client,
        owner: &'a Owner,
    ) -> BoxFuture<'a, Result<Option<ForeseenSource>, String>>;

    /// The objects that the owner is made of besides its source.
    fn made_of(&self, owner: &Owner) -> Vec<ObjectId>;

    /// What [`bring`](Self::bring) would change, with this content. Nothing is written.
    fn foresee<'a>(
        &'a self,
        prospect: &'a Prospect,
        owner: (&'a Owner, &'a Status),
        settings: &'a Settings,
        content: &'a Arc<Artifact>,
    ) -> BoxFuture<'a, Result<Previewed, PreviewError>>;

    /// What [`end`](Self::end) would do. Nothing is written.
    fn foresee_end<'a>(
        &'a self,
        prospect: &'a Prospect,
        owner: (&'a Owner, &'a Status),
    ) -> BoxFuture<'a, Result<ForeseenEnd, PreviewError>>;
}
