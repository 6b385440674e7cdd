//! The status of an owner, step by step as Flux writes it.

use std::time::Duration;

use cowherd_api::Condition;
use cowherd_api::ConditionStatus::{self, True, Unknown};
use cowherd_apply::inventory as entries;
use jiff::Timestamp;
use kube::Client;
use kube::api::DynamicObject;
use serde_json::{Map, Value};

use super::{History, Inventory, Owner, OwnerKind, OwnerName, Reconciliation};
use crate::conditions::{
    ASSUMED_READY, Conditions, DRIFT_UNSEEN, HEALTHY, PROGRESSING, PRUNE_FAILED, PRUNE_PROTECTED, READY,
    RECONCILIATION_SUCCEEDED, RECONCILING, SHARED, STALLED, TERMINATING, UNSET_VARIABLES, WITHOUT_EFFECT, find, time,
};
use crate::status::{Precondition, Written};
use crate::{Counters, Occasion};

/// What an owner's status says, whatever its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// The generation of the spec that was last reconciled.
    pub(crate) observed_generation: Option<i64>,
    pub(crate) conditions: Vec<Condition>,
    /// The last request for a reconciliation that was served.
    pub(crate) last_handled_reconcile_at: Option<String>,
    /// The revision that was last applied with success.
    pub(crate) last_applied_revision: Option<String>,
    /// The revision that the content of the last applied one was made from, where the source says so.
    pub(crate) last_applied_origin_revision: Option<String>,
    /// The revision that was last tried.
    pub(crate) last_attempted_revision: Option<String>,
    /// The objects that it has.
    pub(crate) inventory: Option<Inventory>,
    /// The last reconciliations, the newest first.
    pub(crate) history: History,
    /// How many objects, the first of the inventory, the owner had when nothing was to be pruned last; all of them, where
    /// nothing is.
    pub(crate) settled: Option<usize>,
    /// The other cluster that the objects are in; none where they are in this one.
    pub(crate) cluster: Option<String>,
    /// What only owners of its kind say.
    pub(crate) own: Map<String, Value>,
    /// What is known of it as the API has it.
    pub(crate) precondition: Precondition,
}

impl Status {
    /// The objects in the inventory.
    pub(crate) fn objects(&self) -> Vec<cowherd_apply::Versioned> {
        self.inventory.as_ref().map(Inventory::objects).unwrap_or_default()
    }

    /// The same, as it was found with its owner.
    pub(crate) fn founded(mut self, owner: &Owner) -> Self {
        let written = (owner.name.kind.write_status)(&self).unwrap_or_default();
        self.precondition = Precondition::found(owner.uid(), owner.resource_version(), &written);
        self
    }

    /// The same, as somebody else wrote it, with the objects that only `ours` has. Others may have given them, which nobody
    /// else knows; whoever has them by now keeps them.
    pub(crate) fn with_objects_of(mut self, ours: &Self) -> Self {
        let (theirs, ours) = (self.objects(), ours.objects());
        if entries::gone(&ours, &theirs).is_empty() {
            return self;
        }
        if self.inventory.is_some() {
            // They are not what it had when it was last settled.
            self.settled.get_or_insert(theirs.len());
        }
        self.inventory = Some(Inventory::of(&entries::union(&theirs, &ours)));
        self
    }

    /// Whether it is one of those that we know to be ours.
    pub(crate) fn is_of(&self, precondition: &Precondition, kind: &OwnerKind) -> bool {
        precondition.is_ours(&(kind.write_status)(self).unwrap_or_default())
    }

    /// The owner was seen with `found` as its status, where this one is the last that we know of.
    pub(crate) fn see(&mut self, owner: &Owner, found: &Self) {
        self.precondition.see(owner.resource_version(), || (owner.name.kind.write_status)(found).unwrap_or_default());
    }

    /// What of it holds for an owner that is made anew and goes on with the same objects: these, and what waits of them.
    pub(crate) fn remains(&self) -> Self {
        let waits = find(&self.conditions, PRUNE_PROTECTED).cloned();
        Self {
            inventory: self.inventory.clone(),
            settled: self.settled,
            cluster: self.cluster.clone(),
            conditions: waits.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The same without the memory that lists have left over, which is more than what is in them: a status is kept for as
    /// long as its owner is there.
    pub(crate) fn packed(mut self) -> Self {
        self.conditions.shrink_to_fit();
        self.inventory.iter_mut().for_each(|inventory| inventory.0.shrink_to_fit());
        self
    }
}

/// The conditions of a status, for a generation of the object.
pub(crate) fn conditions<'a>(status: &'a mut Status, owner: &Owner) -> Conditions<'a> {
    Conditions { list: &mut status.conditions, generation: owner.generation().unwrap_or_default() }
}

/// The reconciliation goes on; what it does right now.
pub(crate) fn progressing(status: &mut Status, owner: &Owner, message: &str) {
    let mut conditions = conditions(status, owner);
    conditions.set(READY, Unknown, PROGRESSING, "Reconciliation in progress");
    conditions.set(RECONCILING, True, PROGRESSING, message);
    conditions.remove(STALLED);
}

/// The owner was deleted, and its objects go; how far that is.
pub(crate) fn terminating(status: &mut Status, owner: &Owner, message: &str) {
    let mut conditions = conditions(status, owner);
    conditions.set(READY, Unknown, TERMINATING, message);
    conditions.set(RECONCILING, True, TERMINATING, message);
    conditions.remove(STALLED);
}

/// Whether its objects were to go with the owner, and that failed.
pub(crate) fn has_failed_to_go(status: &Status, owner: &Owner) -> bool {
    let ready = find(&status.conditions, READY);
    ready.is_some_and(|ready| {
        [PRUNE_FAILED, PRUNE_PROTECTED].contains(&&*ready.reason) && ready.observed_generation == owner.generation()
    }) && owner.is_deleted()
}

/// Whether the last attempt was at this revision, and failed.
pub(crate) fn has_failed_at(status: &Status, revision: &str) -> bool {
    let is_false = |ready: &Condition| ready.status == ConditionStatus::False;
    let is_last = || status.history.read().first().is_some_and(|last| last.revision.as_deref() == Some(revision));
    find(&status.conditions, READY).is_some_and(is_false) && is_last()
}

/// The revision, which was made from another one, was applied, and everything that is checked is healthy.
pub(crate) fn succeeded(status: &mut Status, owner: &Owner, revision: &str, origin: Option<&str>) {
    let assumed = find(&status.conditions, ASSUMED_READY).map(|assumed| format!("; {}", assumed.message));
    // What it says first is what there is to know, the rest is how to go on.
    let held = find(&status.conditions, PRUNE_PROTECTED).filter(|held| held.status == True);
    let held = held.and_then(|held| held.message.split(". ").next());
    let held = held.map_or(String::new(), |held| format!("; {held} (PruneProtected)"));
    let applied = match (owner.name.kind.has_commits, status.objects().len()) {
        (true, _) => format!("Applied revision: {revision}"),
        // What is made of inputs has no revision that anybody knows.
        (false, 1) => "Applied 1 object".to_owned(),
        (false, count) => format!("Applied {count} objects"),
    };
    let message = format!("{applied}{}{held}", assumed.unwrap_or_default());
    let mut conditions = conditions(status, owner);
    conditions.set(READY, True, RECONCILIATION_SUCCEEDED, &message);
    conditions.remove(RECONCILING);
    conditions.remove(STALLED);
    status.observed_generation = owner.generation();
    status.last_applied_revision = Some(revision.to_owned());
    status.last_applied_origin_revision = origin.map(str::to_owned);
    status.last_attempted_revision = Some(revision.to_owned());
}

/// Others describe some of the objects too, as `told`, or nobody does; what to say of it if that is news.
pub(crate) fn shares(status: &mut Status, owner: &Owner, told: Option<&str>) -> Option<String> {
    note(status, owner, SHARED, told)
}

/// Drift of some of the objects is not seen as it happens, as `told`, or that of all is; what to say of it if that is news.
pub(crate) fn looks(status: &mut Status, owner: &Owner, told: Option<&str>) -> Option<String> {
    note(status, owner, DRIFT_UNSEEN, told)
}

/// Variables have no value, as `told`, or all have one; what to say of it if that is news, or a revision that nobody tried
/// `is_new`.
pub(crate) fn lacks(status: &mut Status, owner: &Owner, told: Option<&str>, is_new: bool) -> Option<String> {
    let news = note(status, owner, UNSET_VARIABLES, told);
    news.or_else(|| told.filter(|_| is_new).map(str::to_owned))
}

/// What of the owner has no effect, as `told`; what to say of it if that is news.
pub(crate) fn is_without_effect(status: &mut Status, owner: &Owner, told: Option<&str>) -> Option<String> {
    note(status, owner, WITHOUT_EFFECT, told)
}

/// Whether it says that drift of some of the objects is not seen as it happens.
pub(crate) fn has_to_look(status: &Status) -> bool {
    find(&status.conditions, DRIFT_UNSEEN).is_some()
}

/// Some of the objects count as ready without being so, as `told`, or none does; what to say of it if that is news.
pub(crate) fn assumes(status: &mut Status, owner: &Owner, told: Option<&str>) -> Option<String> {
    note(status, owner, ASSUMED_READY, told)
}

/// Sets a condition that holds while there is something to tell, and has its type for a reason. What to say of it if that is
/// news.
fn note(status: &mut Status, owner: &Owner, type_: &str, told: Option<&str>) -> Option<String> {
    let message = |status: &Status| find(&status.conditions, type_).map(|found| found.message.clone());
    let before = message(status);
    let mut conditions = conditions(status, owner);
    match told {
        Some(text) => conditions.set(type_, True, type_, text),
        None => conditions.remove(type_),
    }
    message(status).filter(|now| before.as_ref() != Some(now))
}

/// Nothing has to be healthy.
pub(crate) fn without_health(status: &mut Status, owner: &Owner) {
    conditions(status, owner).remove(HEALTHY);
}

/// The request for a reconciliation that the object carries was served.
pub(crate) fn handled(status: &mut Status, owner: &Owner) {
    if let Some(request) = owner.requested_at() {
        status.last_handled_reconcile_at = Some(request.to_owned());
    }
}

/// Adds a reconciliation to the history: the same manifests with the same end are one entry.
pub(crate) fn remember(status: &mut Status, digest: &str, brought: &Occasion, reason: &str, took: Duration) {
    let now = time(Timestamp::now());
    let mut history = status.history.read();
    // What is as it was before comes from the same commit, however bringing it ended then.
    let before = history.first().filter(|newest| newest.digest == digest);
    let made_by = before.and_then(|before| {
        let revision = before.since.as_ref().or(before.origin.as_ref()).or(before.revision.as_ref())?;
        let is_other = Some(revision) != brought.origin.as_ref().or(Some(&brought.revision));
        is_other.then(|| (revision.clone(), before.authorship.clone()))
    });
    let same = history.iter().position(|entry| entry.digest == digest && entry.reason == reason);
    let mut entry = match same {
        Some(index) => history.remove(index),
        None => Reconciliation { digest: digest.to_owned(), first: now.clone(), ..Reconciliation::default() },
    };
    entry.last = now;
    entry.took = go_duration(took);
    entry.reason = reason.to_owned();
    entry.total += 1;
    entry.revision = Some(brought.revision.clone());
    entry.origin.clone_from(&brought.origin);
    (entry.since, entry.authorship) = match made_by {
        Some((revision, authorship)) => (Some(revision), authorship),
        None => (None, brought.authorship.clone()),
    };
    status.history.add(entry, history);
}

/// A duration as Go prints it, to the millisecond: `1m2.5s`, `340ms`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    cowherd_duration::print(millis.saturating_mul(1_000_000))
}

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// The API said so, or nothing.
    #[error("{0}")]
    Api(#[from] kube::Error),
    /// Somebody else wrote it meanwhile.
    #[error("somebody else wrote the status meanwhile")]
    Overtaken,
}

/// Writes the status, unless somebody else wrote it meanwhile: then it becomes what they wrote.
pub(crate) async fn write(
    client: &Client,
    counters: &Counters,
    name: &OwnerName,
    status: &mut Status,
) -> Result<(), Unwritten> {
    let kind = name.kind;
    let written = (kind.write_status)(status).map_err(kube::Error::SerdeError)?;
    status.precondition.sends(&written);
    match write_fields(client, counters, name, &status.precondition, (kind.status_fields, &written)).await? {
        Written::Done(object) => status.rest_on(kind, *object),
        Written::Overtaken(live) => {
            let (owner, theirs) = (kind.read)(*live).map_err(kube::Error::SerdeError)?;
            tracing::warn!(owner = %name, "somebody else wrote the status meanwhile; what they wrote counts");
            *status = theirs.founded(&owner).with_objects_of(status);
            Err(Unwritten::Overtaken)
        }
    }
}

impl Status {
    /// What was written is what is there now, and what the next write rests on.
    fn rest_on(&mut self, kind: &OwnerKind, object: DynamicObject) -> Result<(), Unwritten> {
        let (owner, found) = (kind.read)(object).map_err(kube::Error::SerdeError)?;
        self.precondition = found.founded(&owner).precondition;
        Ok(())
    }
}

/// Writes the conditions, and leaves what else a status says as it is. Nothing is written where somebody else wrote the
/// status meanwhile.
pub(crate) async fn write_conditions(
    client: &Client,
    counters: &Counters,
    name: &OwnerName,
    status: &mut Status,
) -> Result<(), Unwritten> {
    let kind = name.kind;
    let conditions = Status { conditions: status.conditions.clone(), ..Status::default() };
    let mut written = (kind.write_status)(&conditions).map_err(kube::Error::SerdeError)?;
    if let Value::Object(fields) = &mut written {
        fields.retain(|field, _| field == CONDITIONS);
    }
    match write_fields(client, counters, name, &status.precondition, (&[CONDITIONS], &written)).await? {
        Written::Done(object) => status.rest_on(kind, *object),
        Written::Overtaken(_) => Err(Unwritten::Overtaken),
    }
}

/// Under which name a status has its conditions, whatever the kind.
const CONDITIONS: &str = "conditions";

async fn write_fields(
    client: &Client,
    counters: &Counters,
    name: &OwnerName,
    precondition: &Precondition,
    what: (&[&str], &Value),
) -> kube::Result<Written> {
    let kind = name.kind;
    let place = crate::status::Place { resource: kind.resource(), name: name.namespaced() };
    let is_ours =
        |live: &DynamicObject| (kind.read)(live.clone()).is_ok_and(|(_, status)| status.is_of(precondition, kind));
    let written = crate::status::write(client, &place, kind.status_manager, what, precondition, is_ours).await?;
    counters.wrote_status();
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authorship, Trigger};

    fn brought(revision: &str) -> Occasion {
        Occasion { revision: revision.to_owned(), origin: None, authorship: None, trigger: Trigger::Revision }
    }

    #[test]
    fn what_failed_at_a_revision_says_so_until_it_succeeds_or_there_is_another() {
        let mut status = Status::default();
        assert!(!has_failed_at(&status, "one"));
        remember(&mut status, "a", &brought("one"), "ReconciliationFailed", Duration::ZERO);
        Conditions { list: &mut status.conditions, generation: 1 }.fail("ReconciliationFailed", "because");
        assert!(has_failed_at(&status, "one") && !has_failed_at(&status, "two"));
        Conditions { list: &mut status.conditions, generation: 1 }.set(
            READY,
            True,
            RECONCILIATION_SUCCEEDED,
            "applied",
        );
        assert!(!has_failed_at(&status, "one"));
    }

    #[test]
    fn the_history_counts_what_happens_again() {
        let mut status = Status::default();
        for digest in ["a", "a", "b", "a", "c", "d", "e", "f"] {
            remember(&mut status, digest, &brought("r"), "ReconciliationSucceeded", Duration::ZERO);
        }
        let history = status.history.read();
        let seen: Vec<_> = history.iter().map(|entry| entry.digest.as_str()).collect();
        assert_eq!(seen, ["f", "e", "d", "c", "a"]);
        assert_eq!(history[4].total, 3);
    }

    #[test]
    fn who_brought_manifests_stays_known_while_others_change_nothing_of_them() {
        let mut status = Status::default();
        let mut bring = |digest: &str, revision: &str| {
            let authorship = Authorship { author: format!("author of {revision}"), subject: String::new() };
            let occasion = Occasion { authorship: Some(authorship), ..brought(revision) };
            remember(&mut status, digest, &occasion, "ReconciliationSucceeded", Duration::ZERO);
            let first = &status.history.read()[0];
            let author = first.authorship.as_ref().map(|authorship| authorship.author.clone()).unwrap();
            (first.revision.clone().unwrap(), first.since.clone(), author)
        };
        let told = |revision: &str, since: Option<&str>, author: &str| {
            (revision.to_owned(), since.map(str::to_owned), format!("author of {author}"))
        };
        assert_eq!(bring("a", "1"), told("1", None, "1"));
        assert_eq!(bring("a", "1"), told("1", None, "1"));
        assert_eq!(bring("a", "2"), told("2", Some("1"), "1"));
        assert_eq!(bring("a", "3"), told("3", Some("1"), "1"));
        assert_eq!(bring("b", "4"), told("4", None, "4"));
        assert_eq!(bring("a", "5"), told("5", None, "5"), "whoever brings it back");
    }
    #[test]
    fn who_brought_manifests_stays_known_where_bringing_them_again_fails_in_between() {
        let mut status = Status::default();
        for (revision, reason) in [
            ("1", RECONCILIATION_SUCCEEDED),
            ("2", "ReconciliationFailed"),
            ("2", "ReconciliationFailed"),
            ("2", RECONCILIATION_SUCCEEDED),
        ] {
            let authorship = Authorship { author: format!("author of {revision}"), subject: String::new() };
            let occasion = Occasion { authorship: Some(authorship), ..brought(revision) };
            remember(&mut status, "a", &occasion, reason, Duration::ZERO);
        }
        let told = status.history.read().into_iter().map(|entry| {
            (entry.reason, entry.revision, entry.since, entry.authorship.map(|authorship| authorship.author))
        });
        let is_of_the_first = |reason: &str| {
            let (since, author) = (Some("1".to_owned()), Some("author of 1".to_owned()));
            (reason.to_owned(), Some("2".to_owned()), since, author)
        };
        let expected = [RECONCILIATION_SUCCEEDED, "ReconciliationFailed"].map(is_of_the_first);
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
