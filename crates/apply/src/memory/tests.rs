//! What is known after what was done and seen.

use serde_json::json;

use super::*;
use crate::health::Status;
use crate::object::Manifest;

pub(super) fn content(text: &str) -> ContentDigest {
    let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "a": text } });
    Manifest::new(object).unwrap().digest()
}

pub(super) fn mark(fields: u64, revision: u64) -> Mark {
    Mark { fields, revision, excluded: false, intruded: false }
}

pub(super) fn owner(name: &str) -> Owner {
    Owner::new("flux-system", name)
}

pub(super) struct Case {
    pub(super) memory: Memory,
    pub(super) drifts: mpsc::UnboundedReceiver<Drift>,
    pub(super) id: ObjectId,
}

impl Case {
    pub(super) fn new() -> Self {
        let (sender, drifts) = mpsc::unbounded_channel();
        let id = ObjectId { kind: "ConfigMap".into(), name: "a".into(), ..ObjectId::default() };
        Self { memory: Memory::new(sender), drifts, id }
    }

    pub(super) fn apply(&self, text: &str, mark: Mark) {
        self.memory.begin(&self.id);
        self.answer(text, mark);
    }

    pub(super) fn answer(&self, text: &str, mark: Mark) {
        let health = Health { status: Status::Current, message: "".into() };
        let outcome = Outcome { content: content(text), mark, health };
        self.memory.finish(&self.id, &owner("apps").into(), Answer::Taken(outcome));
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
    case.memory.finish(&case.id, &owner("other").into(), Answer::Refused);
    assert!(case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
    case.memory.begin(&case.id);
    case.memory.see(&case.id, mark(9, 11), None);
    case.memory.finish(&case.id, &owner("other").into(), Answer::Refused);
    assert_eq!(case.drifts.try_recv().unwrap().owner, owner("apps"));
}

#[test]
fn when_nobody_knows_what_became_of_a_request_whoever_else_applied_the_object_is_told() {
    let mut case = Case::new();
    case.apply("1", mark(7, 10));
    case.memory.begin(&case.id);
    case.memory.finish(&case.id, &owner("other").into(), Answer::Unknown);
    let drift = case.drifts.try_recv().unwrap();
    assert_eq!((drift.owner, drift.cause), (owner("apps"), Cause::Changed { by: None }));
    case.apply("1", mark(7, 12));
    case.memory.begin(&case.id);
    case.memory.finish(&case.id, &owner("apps").into(), Answer::Unknown);
    assert!(case.drifts.try_recv().is_err(), "whoever asked knows that it failed");
    assert!(!case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
}

#[test]
fn of_two_owners_the_one_has_the_object_whose_write_came_last_and_the_other_is_told() {
    let mut case = Case::new();
    case.memory.begin(&case.id);
    case.apply("1", mark(7, 12));
    assert!(case.drifts.try_recv().is_err());
    let health = Health { status: Status::Current, message: "".into() };
    let earlier = Outcome { content: content("2"), mark: mark(7, 11), health };
    case.memory.finish(&case.id, &owner("other").into(), Answer::Taken(earlier));
    assert!(case.memory.is_unchanged(&case.id, &owner("apps"), content("1")));
    assert!(!case.memory.is_unchanged(&case.id, &owner("other"), content("2")));
    assert_eq!(case.drifts.try_recv().unwrap().owner, owner("other"));
    // Nor does it matter which one is answered first.
    let health = Health { status: Status::Current, message: "".into() };
    case.memory.begin(&case.id);
    let later = Outcome { content: content("2"), mark: mark(7, 13), health };
    case.memory.finish(&case.id, &owner("other").into(), Answer::Taken(later));
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

#[test]
fn what_is_left_as_it_is_is_drift_once_it_does_not_ask_for_that_any_more() {
    let excluded = |revision: u64| Mark { excluded: true, ..mark(9, revision) };
    let mut case = Case::new();
    case.apply("1", mark(7, 10));
    case.memory.see(&case.id, excluded(11), None);
    assert!(case.drifts.try_recv().is_ok(), "whoever wrote that took a field");
    case.memory.leave(&case.id, &owner("apps"), Until::Asked);
    case.memory.see(&case.id, excluded(12), None);
    assert!(case.drifts.try_recv().is_err());
    let last = LastWrite { manager: Some("kubectl-annotate".into()), at: None };
    case.memory.see(&case.id, mark(9, 13), Some(last.clone()));
    let drift = case.drifts.try_recv().unwrap();
    assert_eq!((drift.owner, drift.cause), (owner("apps"), Cause::Changed { by: last.manager.clone() }));
    case.memory.see(&case.id, mark(9, 14), Some(last));
    assert!(case.drifts.try_recv().is_err(), "once");

    // It may be seen before it is left, or be gone.
    case.memory.leave(&case.id, &owner("apps"), Until::Asked);
    assert!(case.drifts.try_recv().is_ok());
    case.memory.leave(&case.id, &owner("apps"), Until::Gone);
    assert!(case.drifts.try_recv().is_err());
    case.memory.see_gone(&case.id, 15);
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
    case.memory.see(&case.id, excluded(16), None);
    case.memory.leave(&case.id, &owner("apps"), Until::Asked);
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), Instant::now()), []);
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
    case.memory.see(&case.id, excluded(20), None);
    case.memory.leave(&case.id, &owner("apps"), Until::Asked);
    case.memory.forget(&case.id, &owner("apps"));
    case.memory.see(&case.id, mark(9, 21), None);
    assert!(case.drifts.try_recv().is_err(), "it is nobody's any more");
}

#[test]
fn of_what_a_cluster_shows_no_more_is_kept_than_there_is_room_for() {
    let case = Case::new();
    let memory = Memory::new(mpsc::unbounded_channel().0).bounded(2);
    let id = |name: &str| ObjectId { name: name.to_owned(), ..case.id.clone() };
    for name in ["a", "b", "c"] {
        memory.see(&id(name), mark(7, 10), None);
        memory.see_listed(&id(name), mark(7, 10), None, Instant::now());
    }
    assert_eq!(memory.len(), 2);
    // What is applied is known all the same.
    memory.begin(&id("d"));
    memory.see(&id("d"), mark(7, 11), None);
    assert_eq!((memory.len(), memory.live(&id("d"))), (3, Some(mark(7, 11))));
    let long = Memory::new(mpsc::unbounded_channel().0).bounded(2);
    long.see(&id(&"x".repeat(3000)), mark(7, 10), None);
    assert_eq!(long.len(), 0);
}
