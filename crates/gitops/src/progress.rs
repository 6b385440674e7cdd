//! What the agents tell of their work while they do it.

use cowherd_apply::{Action, ChangeSet};
use cowherd_text::listed_of;

use crate::owner::OwnerName;
use crate::source::SourceName;
use crate::{NamespacedName, Occasion, Trigger};

/// How many objects are named that were changed, or that something else is said of.
const NAMED: usize = 20;

/// Objects of which something is said, of the first of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// What is said of the first.
    pub first: Vec<String>,
    /// How many there are.
    pub count: usize,
}

impl Named {
    pub(crate) fn add(&mut self, said: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(said());
        }
    }

    /// At most so many of them by name, and how many others there are.
    pub fn listed(&self, most: usize) -> String {
        listed_of(&self.first, self.count, most)
    }
}

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
    /// Those that it was to delete, and that were gone already.
    pub gone: usize,
    /// Those that are to go because the owner was deleted.
    pub going: Named,
    /// How many of them were not come to yet.
    pub left: usize,
    /// Those that were to go and stay, each with why.
    pub stays: Named,
    /// Those that were deleted and go once others have taken their finalizers away, each with these.
    pub held: Named,
    /// The first of the objects that this reconciliation created, changed or deleted, with what was done:
    /// `Deployment/apps/web configured`.
    pub changes: Vec<String>,
    /// The objects that are healthy, as far as that is checked.
    pub ready: usize,
    /// Whether it was told before that somebody fights for some of the objects, in the same fight.
    pub is_known: bool,
    /// What counts as ready without being so, where that is news.
    pub assumed: Option<String>,
    /// Which objects others describe too, where that is news.
    pub shared: Option<String>,
    /// Which variables have no value, where that is news or a revision is brought anew.
    pub unset: Option<String>,
    /// Whether it is the first since the agents have started, and brings what was not brought wholly before: it does not know
    /// what an earlier attempt did of it.
    pub is_first: bool,
    /// Whether it is known that there was such an attempt, which broke off.
    pub was_cut_off: bool,
    /// Whether what failed may pass by itself: a server that gives no answer, or says to come back.
    pub may_pass: bool,
    /// Who is waited for, and why, before something is deleted that they may describe; nothing where that takes a moment only.
    pub awaits: Option<String>,
}

impl Progress {
    /// Nothing was done yet.
    pub(crate) fn new(owner: &OwnerName, occasion: Occasion, phase: Phase) -> Self {
        Self::about(owner.kind.kind, owner.namespaced(), occasion, phase)
    }

    /// A source was looked at, and all is well: it brought a revision, or is as it was.
    pub(crate) fn looked(source: &SourceName, occasion: Occasion, is_new: bool) -> Self {
        let phase = if is_new { Phase::Brought } else { Phase::Unchanged };
        Self::about(source.kind.0, source.name.clone(), occasion, phase)
    }

    /// There was nothing to be had of a source.
    pub(crate) fn failed(source: &SourceName, message: &str, may_pass: bool) -> Self {
        let occasion = Occasion::new(None, Trigger::Interval);
        let failed = Self::about(source.kind.0, source.name.clone(), occasion, Phase::Failed(message.to_owned()));
        Self { may_pass, ..failed }
    }

    /// An object of this kind and name is in this phase, and nothing was done yet.
    pub fn about(kind: &'static str, name: NamespacedName, occasion: Occasion, phase: Phase) -> Self {
        Self {
            kind,
            name,
            occasion,
            phase,
            described: 0,
            applied: 0,
            changed: 0,
            pruned: 0,
            gone: 0,
            going: Named::default(),
            left: 0,
            stays: Named::default(),
            held: Named::default(),
            changes: Vec::new(),
            ready: 0,
            assumed: None,
            shared: None,
            unset: None,
            is_first: false,
            was_cut_off: false,
            is_known: false,
            may_pass: false,
            awaits: None,
        }
    }

    /// Objects were applied or deleted; `say` gives what people are told of each.
    pub(crate) fn note(&mut self, changes: &ChangeSet, say: impl Fn(&str) -> String) {
        let (deleted, gone) = (changes.count(Action::Deleted), changes.count(Action::Gone));
        self.pruned += deleted;
        self.gone += gone;
        self.changed += changes.changed().count() - deleted;
        self.applied += changes.len() - deleted - gone - changes.count(Action::Skipped);
        let named = changes.changed().take(NAMED.saturating_sub(self.changes.len()));
        self.changes.extend(named.map(|change| say(&format!("{} {}", change.object.id, change.action))));
    }

    /// What was to go and is there, and why, in a sentence that names at most so many objects of each kind; nothing where all is
    /// gone.
    pub fn rest(&self, most: usize) -> Option<String> {
        let of = |named: &Named, one: &str, many: &str| {
            let says = if named.count == 1 { one } else { many };
            (named.count > 0).then(|| format!("{} {says}: {}", named.count, named.listed(most)))
        };
        let stays = of(&self.stays, "stays", "stay");
        let held = of(&self.held, "goes once its finalizers are done", "go once their finalizers are done");
        let all: Vec<String> = stays.into_iter().chain(held).collect();
        (!all.is_empty()).then(|| all.join("; "))
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
    /// It was deleted, and so are its objects now.
    Deleting,
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

#[cfg(test)]
mod tests {
    use cowherd_apply::inventory::parse;

    use super::*;

    fn deleted() -> Progress {
        let owner = OwnerName::new(&crate::kustomization::KIND, "n", "apps");
        Progress::new(&owner, Occasion::new(None, Trigger::Deletion), Phase::Deleting)
    }

    #[test]
    fn what_was_deleted_is_counted_and_what_was_gone_already_is_not() {
        let mut changes = ChangeSet::default();
        for (name, action) in
            [("a", Action::Deleted), ("b", Action::Gone), ("c", Action::Skipped), ("d", Action::Created)]
        {
            changes.push(parse(&format!("n_{name}__ConfigMap"), "v1").unwrap(), action);
        }
        let mut told = deleted();
        told.note(&changes, str::to_owned);
        assert_eq!((told.pruned, told.gone, told.changed, told.applied), (1, 1, 1, 1));
        assert_eq!(told.changes, ["ConfigMap/n/a deleted", "ConfigMap/n/d created"]);
    }

    #[test]
    fn what_is_there_still_is_named_and_counted() {
        let mut told = deleted();
        (0..25).for_each(|number| told.going.add(|| number.to_string()));
        assert_eq!((told.going.first.len(), told.going.listed(2)), (NAMED, "0, 1, and 23 more".to_owned()));
        assert_eq!(told.rest(2), None);
        told.stays.add(|| "a (it says so)".to_owned());
        assert_eq!(told.rest(2), Some("1 stays: a (it says so)".to_owned()));
        (0..3).for_each(|number| told.held.add(|| format!("h{number} (example.com/hold)")));
        let held = "3 go once their finalizers are done: h0 (example.com/hold), h1 (example.com/hold), and 1 more";
        assert_eq!(told.rest(2), Some(format!("1 stays: a (it says so); {held}")));
    }
}
