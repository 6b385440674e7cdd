//! What the agents tell of their work while they do it.

use cowherd_apply::{Action, ChangeSet};

use crate::owner::OwnerName;
use crate::source::SourceName;
use crate::{NamespacedName, Occasion, Trigger};

/// How many objects that were changed are named.
const NAMED: usize = 20;

/// How far an owner of objects is, a Kustomization say, or what a source has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace and name.
    pub name: NamespacedName,
    /// What is being brought to the cluster, and why.
    pub occasion: Occasion,
    /// What is happening.
    pub phase: Phase,
    /// The objects that it describes, once that is known.
    pub described: usize,
    /// Of these, the ones that are as it describes them: what the API refused is not among them.
    pub applied: usize,
    /// Of these, the ones that this reconciliation created or changed.
    pub changed: usize,
    /// The objects that this reconciliation deleted.
    pub pruned: usize,
    /// The first of the objects that this reconciliation created, changed or deleted, with what was done:
    /// `Deployment/apps/web configured`.
    pub changes: Vec<String>,
    /// The objects that are healthy, as far as that is checked.
    pub ready: usize,
    /// Whether it was told before that somebody fights for some of the objects, in the same fight.
    pub is_known: bool,
    /// What counts as ready without being so, where that is news.
    pub assumed: Option<String>,
}

impl Progress {
    /// Nothing was done yet.
    pub(crate) fn new(owner: &OwnerName, occasion: Occasion, phase: Phase) -> Self {
        Self::of(owner.kind.kind, owner.namespaced(), occasion, phase)
    }

    /// A source was looked at, and all is well: it brought a revision, or is as it was.
    pub(crate) fn looked(source: &SourceName, occasion: Occasion, is_new: bool) -> Self {
        let phase = if is_new { Phase::Brought } else { Phase::Unchanged };
        Self::of(source.kind.0, source.name.clone(), occasion, phase)
    }

    /// There was nothing to be had of a source.
    pub(crate) fn failed(source: &SourceName, message: &str) -> Self {
        let occasion = Occasion::new(None, Trigger::Interval);
        Self::of(source.kind.0, source.name.clone(), occasion, Phase::Failed(message.to_owned()))
    }

    fn of(kind: &'static str, name: NamespacedName, occasion: Occasion, phase: Phase) -> Self {
        let (described, applied, changed, pruned, ready) = (0, 0, 0, 0, 0);
        let (changes, assumed, is_known) = (Vec::new(), None, false);
        Self { kind, name, occasion, phase, described, applied, changed, pruned, changes, ready, assumed, is_known }
    }

    /// Objects were applied or deleted; `say` gives what people are told of each.
    pub(crate) fn note(&mut self, changes: &ChangeSet, say: impl Fn(&str) -> String) {
        let (deleted, skipped) = (changes.count(Action::Deleted), changes.count(Action::Skipped));
        self.pruned += deleted;
        self.changed += changes.changed().count() - deleted;
        self.applied += changes.len() - deleted - skipped;
        let named = changes.changed().take(NAMED.saturating_sub(self.changes.len()));
        self.changes.extend(named.map(|change| say(&format!("{} {}", change.object.id, change.action))));
    }

    /// How many objects were changed that are not named.
    pub fn unnamed(&self) -> usize {
        (self.changed + self.pruned).saturating_sub(self.changes.len())
    }
}

/// What is happening to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It cannot begin yet; why.
    Waiting(String),
    /// Its manifests are being made.
    Building,
    /// Its objects are being applied.
    Applying,
    /// Objects that are gone are being deleted.
    Pruning,
    /// Its objects are on their way to being healthy.
    Checking,
    /// It is as it should be.
    Ready,
    /// It failed, and is tried again; why. A source tells of each look in vain.
    Failed(String),
    /// It gives way to what is newer; what it did until then was done.
    Superseded,
    /// It was deleted.
    Gone,
    /// It is a source, and brought this revision.
    Brought,
    /// It is a source, was looked at, and has what it had.
    Unchanged,
}
