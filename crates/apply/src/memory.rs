//! What is known of each applied object: what was applied, and what a watch saw since.
//!
//! Nothing here holds a copy of an object. What was applied is a digest; what is live is the digest of the entry
//! that our field manager has in `metadata.managedFields`. Whoever changes a field that we own takes it out of that
//! entry, so an object drifted exactly when the entry is not the one that the API gave us back.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::health::Health;
use crate::object::{ContentDigest, ObjectId};
use crate::owner::{Owner, Ownership};

/// An object that is no longer as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Who applied it.
    pub owner: Owner,
    /// The object.
    pub object: ObjectId,
    /// What happened to it.
    pub cause: Cause,
    /// When: as its managed fields say, or else when that was seen.
    pub at: Timestamp,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Someone changed fields of it.
    Changed {
        /// The field manager that changed the object last, where that is known.
        by: Option<String>,
    },
    /// It is gone.
    Deleted,
}

/// What an object's metadata says of it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The digest of our entry in `managedFields`; 0 where there is none.
    pub(crate) fields: u64,
    /// The resource version, as a number.
    pub(crate) revision: u64,
    /// Whether the object asks to be left alone.
    pub(crate) excluded: bool,
    /// Whether someone wrote fields by hand, which are taken over.
    pub(crate) intruded: bool,
}

impl Mark {
    pub(crate) fn read(metadata: &ObjectMeta, ownership: &Ownership) -> Self {
        Self {
            fields: digest_fields(metadata, ownership),
            revision: metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0),
            excluded: is_excluded(metadata),
            intruded: crate::intruders::any(metadata, ownership.field_manager),
        }
    }
}

/// Whether an object asks to be neither applied nor deleted.
pub(crate) fn is_excluded(metadata: &ObjectMeta) -> bool {
    use crate::owner::{DISABLED, RECONCILE, SSA, SSA_IGNORE};
    has(metadata, RECONCILE, DISABLED) || has(metadata, SSA, SSA_IGNORE)
}

/// Whether a label or annotation has the value, whatever its case.
pub(crate) fn has(metadata: &ObjectMeta, key: &str, value: &str) -> bool {
    [&metadata.labels, &metadata.annotations]
        .into_iter()
        .flatten()
        .any(|map| map.get(key).is_some_and(|text| text.eq_ignore_ascii_case(value)))
}

fn digest_fields(metadata: &ObjectMeta, ownership: &Ownership) -> u64 {
    let entries = metadata.managed_fields.iter().flatten();
    let ours = entries.into_iter().find(|entry| {
        entry.manager.as_deref() == Some(ownership.field_manager)
            && entry.operation.as_deref() == Some("Apply")
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    });
    let Some(ours) = ours else { return 0 };
    let mut hasher = DefaultHasher::new();
    ours.api_version.hash(&mut hasher);
    ours.time.as_ref().map(|time| time.0.as_second()).hash(&mut hasher);
    ours.fields_v1.as_ref().map(|fields| fields.0.to_string()).hash(&mut hasher);
    // Another owner writes under the same name, maybe within the same second.
    Owner::of(metadata, ownership).hash(&mut hasher);
    hasher.finish().max(1)
}

/// Who wrote an object last, other than we, as its managed fields tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastWrite {
    pub(crate) manager: Option<String>,
    pub(crate) at: Option<Timestamp>,
}

impl LastWrite {
    /// What others wrote last of the object but for its status, which is not ours to describe. Whoever scales it writes
    /// a subresource, too.
    pub(crate) fn read(metadata: &ObjectMeta, field_manager: &str) -> Option<Self> {
        let entries = metadata.managed_fields.iter().flatten();
        let last = entries
            .filter(|entry| entry.manager.as_deref() != Some(field_manager))
            .filter(|entry| entry.subresource.as_deref() != Some("status"))
            .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
        Some(Self { manager: last.manager.clone(), at: last.time.as_ref().map(|time| time.0) })
    }
}

struct Applied {
    owner: Owner,
    content: ContentDigest,
    mark: Mark,
    at: Instant,
}

enum Live {
    Present(Mark),
    Gone { revision: u64 },
}

#[derive(Default)]
struct Known {
    /// What we applied last; gone as soon as it is known not to hold any more.
    applied: Option<Applied>,
    live: Option<Live>,
    /// How many of our own requests are on their way: until they are answered, what a watch sees may be ours.
    under_way: u32,
    health: Option<(u64, Health)>,
    waiting: Vec<Arc<Notify>>,
}

/// All that is known of the objects of a cluster.
pub(crate) struct Memory {
    objects: Mutex<HashMap<ObjectId, Known>>,
    drift: mpsc::UnboundedSender<Drift>,
}

/// What is known of a request that was on its way.
pub(crate) enum Answer {
    /// The object is as the request wanted it.
    Taken(Outcome),
    /// The API did not take it: the object is as it was.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What came of a request that was taken.
pub(crate) struct Outcome {
    pub(crate) content: ContentDigest,
    pub(crate) mark: Mark,
    pub(crate) health: Health,
}

impl Memory {
    pub(crate) fn new(drift: mpsc::UnboundedSender<Drift>) -> Self {
        Self { objects: Mutex::default(), drift }
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<ObjectId, Known>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `owner` applied exactly this content to the object, and nothing happened to it since.
    pub(crate) fn is_unchanged(&self, id: &ObjectId, owner: &Owner, content: ContentDigest) -> bool {
        let objects = self.objects();
        let Some(Known { applied: Some(applied), under_way: 0, .. }) = objects.get(id) else { return false };
        applied.content == content && applied.owner == *owner
    }

    /// What a watch last saw of the object, if it exists.
    pub(crate) fn live(&self, id: &ObjectId) -> Option<Mark> {
        match self.objects().get(id)?.live.as_ref()? {
            Live::Present(mark) => Some(mark.clone()),
            Live::Gone { .. } => None,
        }
    }

    /// A request that changes the object is on its way.
    pub(crate) fn begin(&self, id: &ObjectId) {
        self.objects().entry(id.clone()).or_default().under_way += 1;
    }

    /// The request of `owner` that was on its way was answered, or failed.
    pub(crate) fn finish(&self, id: &ObjectId, owner: &Owner, answer: Answer) {
        let mut objects = self.objects();
        let known = objects.entry(id.clone()).or_default();
        known.under_way = known.under_way.saturating_sub(1);
        if known.under_way == 0 {
            known.waiting.iter().for_each(|notify| notify.notify_one());
        }
        let Outcome { content, mark, health } = match answer {
            Answer::Taken(outcome) => outcome,
            Answer::Refused => return self.judge(id, known, None),
            Answer::Unknown => {
                // Whoever asked asks again; whoever else applied the object has to as well.
                if let Some(applied) = known.applied.take_if(|applied| applied.owner != *owner) {
                    self.tell(applied.owner, id, Cause::Changed { by: None }, None);
                }
                known.applied = None;
                return;
            }
        };
        // Of two owners' writes the later one is there, whichever is answered first; the other owner is told.
        let others = known.applied.as_ref().filter(|applied| applied.owner != *owner);
        let is_overwritten = others.is_some_and(|applied| applied.mark.revision > mark.revision);
        if let Some(loser) = others.map(|applied| if is_overwritten { owner } else { &applied.owner }) {
            self.tell(loser.clone(), id, Cause::Changed { by: None }, None);
        }
        if is_overwritten {
            return;
        }
        known.note_health(mark.revision, health);
        if known.live.as_ref().is_none_or(|live| live.revision() <= mark.revision) {
            known.live = Some(Live::Present(mark.clone()));
        }
        known.applied = Some(Applied { owner: owner.clone(), content, mark, at: Instant::now() });
        self.judge(id, known, None);
    }

    /// The object is no longer one of `owner`, to whom it does not matter any more what happens to it.
    pub(crate) fn forget(&self, id: &ObjectId, owner: &Owner) {
        if let Some(known) = self.objects().get_mut(id) {
            known.applied.take_if(|applied| applied.owner == *owner);
        }
    }

    /// A watch saw the object.
    pub(crate) fn see(&self, id: &ObjectId, mark: Mark, last: Option<LastWrite>) {
        let mut objects = self.objects();
        let known = objects.entry(id.clone()).or_default();
        if known.live.as_ref().is_some_and(|live| live.revision() > mark.revision) {
            return;
        }
        known.live = Some(Live::Present(mark));
        self.judge(id, known, last);
    }

    /// A watch saw that the object is gone.
    pub(crate) fn see_gone(&self, id: &ObjectId, revision: u64) {
        let mut objects = self.objects();
        let Some(known) = objects.get_mut(id) else { return };
        if known.live.as_ref().is_some_and(|live| live.revision() > revision) {
            return;
        }
        known.live = Some(Live::Gone { revision });
        known.note_health(revision, Health::not_found());
        self.judge(id, known, None);
        if known.applied.is_none() && known.under_way == 0 && known.waiting.is_empty() {
            objects.remove(id);
        }
    }

    /// A watch listed all objects of a kind after `since`: what was applied before and is not among them is gone. What was
    /// applied meanwhile, or is being applied, may have come after the list was made, or may have gone before: that is
    /// for the caller to find out, of each of these objects.
    #[must_use]
    pub(crate) fn see_all(&self, group: &str, kind: &str, seen: &HashSet<ObjectId>, since: Instant) -> Vec<ObjectId> {
        let mut objects = self.objects();
        let mut doubtful = Vec::new();
        for (id, known) in objects.iter_mut().filter(|(id, _)| id.group == group && id.kind == kind) {
            if seen.contains(id) {
                continue;
            }
            let applied = known.applied.as_ref();
            if known.under_way > 0 || applied.is_some_and(|applied| applied.at >= since) {
                doubtful.push(id.clone());
            } else if let Some(applied) = applied {
                let revision = applied.mark.revision + 1;
                self.miss(id, known, revision);
            }
        }
        doubtful
    }

    /// The revision of the last apply of the object, once no request for it is on its way; `None` where none is known to
    /// hold.
    pub(crate) async fn settled(&self, id: &ObjectId) -> Option<u64> {
        let waiting = Waiting::new(self, id);
        loop {
            match self.objects().get(id) {
                Some(known) if known.under_way > 0 => {}
                known => return Some(known?.applied.as_ref()?.mark.revision),
            }
            waiting.notify.notified().await;
        }
    }

    /// Somebody looked for the object, which was last applied at `revision`, and it was not there. Whether that says
    /// something: it does not where the object was applied again meanwhile, or is about to be.
    pub(crate) fn see_missing(&self, id: &ObjectId, revision: u64) -> bool {
        let mut objects = self.objects();
        let Some(known) = objects.get_mut(id) else { return true };
        let is_same = known.applied.as_ref().is_some_and(|applied| applied.mark.revision == revision);
        if known.under_way > 0 || !is_same {
            return false;
        }
        self.miss(id, known, revision + 1);
        true
    }

    fn miss(&self, id: &ObjectId, known: &mut Known, revision: u64) {
        known.live = Some(Live::Gone { revision });
        known.note_health(revision, Health::not_found());
        self.judge(id, known, None);
    }

    /// A watch saw how far the object is.
    pub(crate) fn see_health(&self, id: &ObjectId, revision: u64, health: Health) {
        self.objects().entry(id.clone()).or_default().note_health(revision, health);
    }

    /// What is known of the object's health may be old: nobody watched it.
    pub(crate) fn forget_health(&self, id: &ObjectId) {
        if let Some(known) = self.objects().get_mut(id) {
            known.health = None;
        }
    }

    /// How far the object is, as far as that is known.
    pub(crate) fn health(&self, id: &ObjectId) -> Option<Health> {
        self.objects().get(id)?.health.as_ref().map(|(_, health)| health.clone())
    }

    /// Whether the object is one that we applied.
    pub(crate) fn is_applied(&self, id: &ObjectId) -> bool {
        self.objects().get(id).is_some_and(|known| known.applied.is_some())
    }

    /// Wakes `notify` when the health of an object changes.
    pub(crate) fn wait_for<'a>(&self, ids: impl Iterator<Item = &'a ObjectId>, notify: &Arc<Notify>) {
        let mut objects = self.objects();
        for id in ids {
            objects.entry(id.clone()).or_default().waiting.push(notify.clone());
        }
    }

    /// Undoes [`Memory::wait_for`].
    pub(crate) fn wait_no_more<'a>(&self, ids: impl Iterator<Item = &'a ObjectId>, notify: &Arc<Notify>) {
        let mut objects = self.objects();
        for id in ids {
            if let Some(known) = objects.get_mut(id) {
                known.waiting.retain(|other| !Arc::ptr_eq(other, notify));
            }
        }
    }

    /// How many objects there are of which something is known.
    pub(crate) fn len(&self) -> usize {
        self.objects().len()
    }

    /// Tells of a drift if there is one; once, because what was applied is then known not to hold any more.
    fn judge(&self, id: &ObjectId, known: &mut Known, last: Option<LastWrite>) {
        let (Some(applied), Some(live)) = (&known.applied, &known.live) else { return };
        if known.under_way > 0 || live.revision() <= applied.mark.revision {
            return;
        }
        let (cause, at) = match live {
            Live::Gone { .. } => (Cause::Deleted, None),
            Live::Present(mark) if mark.fields != applied.mark.fields || mark.intruded => {
                let at = last.as_ref().and_then(|last| last.at);
                (Cause::Changed { by: last.and_then(|last| last.manager) }, at)
            }
            Live::Present(_) => return,
        };
        let owner = applied.owner.clone();
        known.applied = None;
        self.tell(owner, id, cause, at);
    }

    fn tell(&self, owner: Owner, object: &ObjectId, cause: Cause, at: Option<Timestamp>) {
        let drift = Drift { owner, object: object.clone(), cause, at: at.unwrap_or_else(Timestamp::now) };
        // Nobody listens once the agents stop.
        let _ = self.drift.send(drift);
    }
}

impl Live {
    fn revision(&self) -> u64 {
        match self {
            Self::Present(mark) => mark.revision,
            Self::Gone { revision } => *revision,
        }
    }
}

impl Known {
    fn note_health(&mut self, revision: u64, health: Health) {
        if self.health.as_ref().is_some_and(|(known, _)| *known > revision) {
            return;
        }
        let changed = self.health.as_ref().is_none_or(|(_, known)| *known != health);
        self.health = Some((revision, health));
        if changed {
            self.waiting.iter().for_each(|notify| notify.notify_one());
        }
    }
}

/// Is woken when something becomes known of the object, as long as it lives.
struct Waiting<'a> {
    memory: &'a Memory,
    id: &'a ObjectId,
    notify: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn new(memory: &'a Memory, id: &'a ObjectId) -> Self {
        let notify = Arc::new(Notify::new());
        memory.wait_for(std::iter::once(id), &notify);
        Self { memory, id, notify }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.memory.wait_no_more(std::iter::once(self.id), &self.notify);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;
    use crate::object::Manifest;
    use crate::owner::{OWNER_NAME, OWNER_NAMESPACE};
    use serde_json::json;

    fn content(text: &str) -> ContentDigest {
        let object =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "a": text } });
        Manifest::new(object).unwrap().digest()
    }

    fn mark(fields: u64, revision: u64) -> Mark {
        Mark { fields, revision, excluded: false, intruded: false }
    }

    fn owner(name: &str) -> Owner {
        Owner::new("flux-system", name)
    }

    struct Case {
        memory: Memory,
        drifts: mpsc::UnboundedReceiver<Drift>,
        id: ObjectId,
    }

    impl Case {
        fn new() -> Self {
            let (sender, drifts) = mpsc::unbounded_channel();
            let id = ObjectId { kind: "ConfigMap".into(), name: "a".into(), ..ObjectId::default() };
            Self { memory: Memory::new(sender), drifts, id }
        }

        fn apply(&self, text: &str, mark: Mark) {
            self.memory.begin(&self.id);
            self.answer(text, mark);
        }

        fn answer(&self, text: &str, mark: Mark) {
            let health = Health { status: Status::Current, message: String::new() };
            let outcome = Outcome { content: content(text), mark, health };
            self.memory.finish(&self.id, &owner("apps"), Answer::Taken(outcome));
        }
    }

    #[test]
    fn what_we_applied_ourselves_is_no_drift_whenever_the_watch_shows_it() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        case.memory.see(&case.id, mark(7, 10), None);
        case.memory.begin(&case.id);
        case.memory.see(&case.id, mark(8, 12), None);
        case.answer("2", mark(8, 12));
        case.memory.see(&case.id, mark(7, 10), None);
        case.memory.see(&case.id, mark(8, 15), None);
        assert!(case.drifts.try_recv().is_err());
        assert!(case.memory.is_unchanged(&case.id, &owner("apps"), content("2")));
        assert!(!case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
        assert!(!case.memory.is_unchanged(&case.id, &owner("other"), content("2")));
    }

    #[test]
    fn an_object_that_another_owner_wrote_within_the_same_second_has_another_mark() {
        let of = |owner: &str| {
            let entry = json!({ "manager": "us", "operation": "Apply", "fieldsV1": { "f:data": {} }, "time": "2026-01-01T00:00:00Z" });
            let labels = json!({ OWNER_NAME: owner, OWNER_NAMESPACE: "n" });
            let metadata = json!({ "managedFields": [entry], "labels": labels });
            let ownership = Ownership { field_manager: "us", ..Ownership::default() };
            Mark::read(&serde_json::from_value(metadata).unwrap(), &ownership).fields
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn who_scales_an_object_wrote_it_and_who_writes_its_status_did_not() {
        let entry = |manager: &str, subresource: Option<&str>, second: u8| {
            json!({ "manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {},
                "time": format!("2026-01-01T00:00:0{second}Z") })
        };
        let last = |entries: serde_json::Value| {
            let metadata = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
            LastWrite::read(&metadata, "us")
        };
        let entries = json!([
            entry("editor", None, 1),
            entry("scaler", Some("scale"), 2),
            entry("manager", Some("status"), 3),
            entry("us", None, 4),
        ]);
        let scaled = last(entries).unwrap();
        assert_eq!(scaled.manager.as_deref(), Some("scaler"));
        assert_eq!(scaled.at.unwrap().to_string(), "2026-01-01T00:00:02Z");
        assert_eq!(last(json!([entry("us", None, 1), entry("manager", Some("status"), 3)])), None);
    }

    #[test]
    fn a_field_taken_from_us_is_told_once() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        let last = LastWrite { manager: Some("kubectl-edit".into()), at: Some(Timestamp::UNIX_EPOCH) };
        case.memory.see(&case.id, mark(9, 11), Some(last.clone()));
        case.memory.see(&case.id, mark(9, 12), Some(last));
        let drift = case.drifts.try_recv().unwrap();
        assert_eq!((drift.owner, drift.at), (owner("apps"), Timestamp::UNIX_EPOCH));
        assert_eq!(drift.cause, Cause::Changed { by: Some("kubectl-edit".into()) });
        assert!(case.drifts.try_recv().is_err());
        assert!(!case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
    }

    #[test]
    fn a_change_between_our_write_and_its_answer_is_seen_too() {
        let mut case = Case::new();
        case.memory.begin(&case.id);
        case.memory.see(&case.id, mark(9, 11), None);
        case.answer("1", mark(7, 10));
        assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Changed { by: None });
    }

    #[test]
    fn a_request_that_was_refused_changes_nothing_and_drift_meanwhile_is_seen() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        case.memory.begin(&case.id);
        case.memory.finish(&case.id, &owner("other"), Answer::Refused);
        assert!(case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
        case.memory.begin(&case.id);
        case.memory.see(&case.id, mark(9, 11), None);
        case.memory.finish(&case.id, &owner("other"), Answer::Refused);
        assert_eq!(case.drifts.try_recv().unwrap().owner, owner("apps"));
    }

    #[test]
    fn when_nobody_knows_what_became_of_a_request_whoever_else_applied_the_object_is_told() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        case.memory.begin(&case.id);
        case.memory.finish(&case.id, &owner("other"), Answer::Unknown);
        let drift = case.drifts.try_recv().unwrap();
        assert_eq!((drift.owner, drift.cause), (owner("apps"), Cause::Changed { by: None }));
        case.apply("1", mark(7, 12));
        case.memory.begin(&case.id);
        case.memory.finish(&case.id, &owner("apps"), Answer::Unknown);
        assert!(case.drifts.try_recv().is_err(), "whoever asked knows that it failed");
        assert!(!case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
    }

    #[test]
    fn of_two_owners_the_one_has_the_object_whose_write_came_last_and_the_other_is_told() {
        let mut case = Case::new();
        case.memory.begin(&case.id);
        case.apply("1", mark(7, 12));
        assert!(case.drifts.try_recv().is_err());
        let health = Health { status: Status::Current, message: String::new() };
        let earlier = Outcome { content: content("2"), mark: mark(7, 11), health };
        case.memory.finish(&case.id, &owner("other"), Answer::Taken(earlier));
        assert!(case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
        assert!(!case.memory.is_unchanged(&case.id, &owner("other"), content("2")));
        assert_eq!(case.drifts.try_recv().unwrap().owner, owner("other"));
        // Nor does it matter which one is answered first.
        let health = Health { status: Status::Current, message: String::new() };
        case.memory.begin(&case.id);
        let later = Outcome { content: content("2"), mark: mark(7, 13), health };
        case.memory.finish(&case.id, &owner("other"), Answer::Taken(later));
        assert!(case.memory.is_unchanged(&case.id, &owner("other"), content("2")));
        assert_eq!(case.drifts.try_recv().unwrap().owner, owner("apps"));
        assert!(case.drifts.try_recv().is_err(), "each is told once");
    }

    #[test]
    fn a_deleted_object_is_drift_unless_it_was_given_up() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        case.memory.see_gone(&case.id, 11);
        assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
        case.apply("1", mark(7, 12));
        case.memory.forget(&case.id, &owner("other"));
        assert!(case.memory.is_applied(&case.id), "who gives it up is not who has it");
        case.memory.forget(&case.id, &owner("apps"));
        case.memory.see_gone(&case.id, 13);
        assert!(case.drifts.try_recv().is_err());
        assert_eq!(case.memory.len(), 0);
    }

    #[tokio::test]
    async fn an_object_that_is_applied_while_a_list_is_made_is_missed_once_that_is_answered() {
        for had_applied in [false, true] {
            let mut case = Case::new();
            if had_applied {
                case.apply("1", mark(7, 10));
            }
            case.memory.begin(&case.id);
            let doubtful = case.memory.see_all("", "ConfigMap", &HashSet::new(), Instant::now());
            assert_eq!(doubtful, std::slice::from_ref(&case.id), "it may have been there before, and be gone already");
            // An answer that came before says nothing.
            assert!(!case.memory.see_missing(&case.id, 10));
            let settled = case.memory.settled(&case.id);
            let answered = async { case.answer("1", mark(8, 20)) };
            let (settled, ()) = futures::join!(settled, answered);
            assert_eq!(settled, Some(20));
            assert!(case.drifts.try_recv().is_err(), "nobody knows yet");
            assert!(case.memory.see_missing(&case.id, 20));
            assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
            assert_eq!(case.memory.settled(&case.id).await, None, "nothing that was applied is known to hold");
        }
    }

    #[test]
    fn a_list_that_misses_an_object_means_that_it_is_gone() {
        let mut case = Case::new();
        case.apply("1", mark(7, 10));
        let see_all = |seen: &[ObjectId], ago: u64| {
            let since = Instant::now() - std::time::Duration::from_secs(ago);
            case.memory.see_all("", "ConfigMap", &seen.iter().cloned().collect(), since)
        };
        assert_eq!(see_all(&[], 60), std::slice::from_ref(&case.id), "it was applied after the list began");
        assert!(case.drifts.try_recv().is_err(), "nobody knows yet");
        assert_eq!(see_all(std::slice::from_ref(&case.id), 0), []);
        assert!(case.drifts.try_recv().is_err(), "the list has it");
        assert_eq!(see_all(&[], 0), []);
        assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
    }
}
