//! What is different between the kinds of image automation.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::Condition;
use futures::future::BoxFuture;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Means;
use crate::NamespacedName;
use crate::conditions::UNSUPPORTED;

/// An object of image automation.
pub(super) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Its kind.
    const NAME: &'static str;

    /// The controller of Flux that has the kind, by which events are told.
    const COMPONENT: &'static str;

    /// The field manager with which that writes the status.
    const MANAGER: &'static str;

    /// The fields that the status can have.
    const FIELDS: &'static [&'static str];

    /// What is observed of it.
    type Status: Clone + Debug + Default + PartialEq + Serialize + Send + Sync;

    /// Its status as it was found.
    fn status(&self) -> Self::Status;

    /// What all statuses have.
    fn common(status: &mut Self::Status) -> Common<'_>;

    /// Whether it rests.
    fn is_suspended(&self) -> bool;

    /// Does what there is to do. What is in `status` is what was last written.
    fn reconcile(&self, means: &Means, status: Self::Status) -> impl Future<Output = Outcome<Self::Status>> + Send;

    /// Completes when something else than the object itself has changed that concerns it, from now on.
    fn awakening(&self, means: &Means) -> BoxFuture<'static, ()>;

    /// There is such an object, in this state.
    fn seen(_object: &Arc<Self>, _means: &Means) {}

    /// One is gone.
    fn left(_name: &NamespacedName, _means: &Means) {}

    /// These are all that there are.
    fn listed(_names: &dyn Fn(&NamespacedName) -> bool, _means: &Means) {}
}

/// What all statuses have.
pub(super) struct Common<'s> {
    pub(super) conditions: &'s mut Vec<Condition>,
    pub(super) observed_generation: &'s mut Option<i64>,
    pub(super) last_handled_reconcile_at: &'s mut Option<String>,
}

/// What a reconciliation came to.
pub(super) enum Outcome<S> {
    /// All is well.
    Done(Done<S>),
    /// Something is wrong.
    Failed(Failed<S>),
    /// What it takes is not known yet, which is a matter of moments: nothing is said.
    NotYet,
}

/// All is well.
pub(super) struct Done<S> {
    pub(super) status: S,
    /// What the condition says.
    pub(super) message: String,
    /// What an event says, where it is something else, whatever was said before.
    pub(super) news: Option<String>,
    /// What is told as a warning besides.
    pub(super) warnings: Vec<String>,
    /// When it is due again.
    pub(super) pause: Option<Duration>,
}

/// Something is wrong.
pub(super) struct Failed<S> {
    pub(super) status: S,
    /// The reason in one word, as Flux gives it.
    pub(super) reason: &'static str,
    /// What failed, and what to do about it.
    pub(super) message: String,
    /// Whether only a change of the object can help.
    pub(super) is_final: bool,
}

impl<S> Failed<S> {
    /// It is tried again.
    pub(super) fn new(status: S, reason: &'static str, message: impl ToString) -> Self {
        Self { status, reason, message: message.to_string(), is_final: false }
    }

    /// Only a change of the object can help.
    pub(super) fn stalled(status: S, reason: &'static str, message: impl ToString) -> Self {
        Self { is_final: true, ..Self::new(status, reason, message) }
    }

    /// A field asks for what is not done.
    pub(super) fn unsupported(status: S, refused: &cowherd_api::supported::Refused) -> Self {
        Self::stalled(status, UNSUPPORTED, refused)
    }
}
