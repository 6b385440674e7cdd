//! What is done for owners whose objects are not just applied and pruned.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Context, Failure, Job};
use crate::owner::{Owner, Settings};

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
}
