//! What the watches show, and of what they show nothing.

use std::sync::Arc;

use cowherd_runtime::{Pulse, interruption};
use kube::core::Status;
use kube::runtime::watcher;
use tokio::sync::watch;

use crate::cluster::Kind;

/// What a watch of a kind shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// It has not begun.
    NotYet,
    /// All that happens.
    All,
    /// Nothing for a moment.
    Interrupted,
    /// Nothing; what people are told of why.
    Not(String),
}

/// How a watch tells what it shows.
pub(super) struct Eye {
    pub(super) sees: watch::Sender<Sees>,
    pub(super) pulse: Pulse,
}

impl Eye {
    pub(super) fn sees_all(&self) {
        self.pulse.well();
        self.sees.send_if_modified(|sees| std::mem::replace(sees, Sees::All) != Sees::All);
    }

    /// The watch was interrupted.
    pub(super) fn misses(&self, error: &watcher::Error) {
        let why =
            if is_unserved(error) { "the cluster does not serve it any more".to_owned() } else { interruption(error) };
        self.pulse.unwell(why.clone());
        self.sees.send_replace(if is_refusal(error) { Sees::Not(why) } else { Sees::Interrupted });
    }
}

/// However a watch ends, it shows nothing from then on.
impl Drop for Eye {
    fn drop(&mut self) {
        let shut = |sees: &mut Sees| *sees == Sees::All && std::mem::replace(sees, Sees::Interrupted) == Sees::All;
        self.sees.send_if_modified(shut);
    }
}

/// What tells of drift of a set of objects: the watches of their kinds.
#[derive(Clone, Debug, Default)]
pub struct Sight(pub(super) Vec<(Arc<Kind>, watch::Receiver<Sees>)>);

impl Sight {
    /// Whether there is nothing to be seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of it is seen as it happens.
    pub fn is_clear(&self) -> bool {
        self.0.iter().all(|(_, sees)| *sees.borrow() == Sees::All)
    }

    /// The kinds of which nothing is seen, and why, in a sentence; nothing where all is seen, or is about to be.
    pub fn trouble(&self) -> Option<String> {
        let told = self.0.iter().filter_map(|(kind, sees)| match &*sees.borrow() {
            Sees::Not(why) => Some(format!("{} ({why})", kind.resource.kind)),
            Sees::NotYet | Sees::All | Sees::Interrupted => None,
        });
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

/// The kind as watches are named: `deployments.apps`.
pub(super) fn name(kind: &Kind) -> String {
    match kind.resource.group.as_str() {
        "" => kind.resource.plural.clone(),
        group => format!("{}.{group}", kind.resource.plural),
    }
}

/// The answer of the API to a list or a watch, if it gave one.
fn answer(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status.as_ref()),
        _ => None,
    }
}

/// Whether the API does not serve what is watched.
pub(super) fn is_unserved(error: &watcher::Error) -> bool {
    answer(error).is_some_and(Status::is_not_found)
}

/// Whether the API says that it is not to be watched, and not that it cannot be just now.
fn is_refusal(error: &watcher::Error) -> bool {
    answer(error).is_some_and(|status| (400..500).contains(&status.code) && ![408, 410, 429].contains(&status.code))
}
