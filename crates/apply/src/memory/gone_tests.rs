//! Who is woken, what is missed, and what is forgotten.

use std::sync::Arc;

use futures::FutureExt;
use tokio::sync::Notify;

use super::tests::{Case, mark, owner};
use super::*;
use crate::health::Status;

fn health(status: Status) -> Health {
    Health { status, message: "".into() }
}

#[test]
fn whoever_waits_is_woken_when_the_health_is_another_one_than_before() {
    let case = Case::new();
    let notify = Arc::new(Notify::new());
    case.memory.wait_for(std::iter::once(&case.id), &notify);
    let is_woken = || notify.notified().now_or_never().is_some();
    for (revision, seen, known, wakes) in [
        (5, Status::InProgress, Status::InProgress, true),
        (6, Status::InProgress, Status::InProgress, false),
        (6, Status::Failed, Status::Failed, true),
        (5, Status::Current, Status::Failed, false),
        (7, Status::Current, Status::Current, true),
    ] {
        case.memory.see_health(&case.id, revision, health(seen));
        assert_eq!(case.memory.health(&case.id), Some(health(known)));
        assert_eq!(is_woken(), wakes, "{revision} {seen}");
    }
    case.memory.forget_health(&case.id);
    assert_eq!(case.memory.health(&case.id), None);
    case.memory.see_health(&case.id, 1, health(Status::Failed));
    assert!(is_woken() && case.memory.health(&case.id) == Some(health(Status::Failed)), "nothing older was known");
    let other = Arc::new(Notify::new());
    case.memory.wait_no_more(std::iter::once(&case.id), &other);
    case.memory.see_health(&case.id, 2, health(Status::Current));
    assert!(is_woken(), "it was another one who waits no more");
    case.memory.wait_no_more(std::iter::once(&case.id), &notify);
    case.memory.see_health(&case.id, 3, health(Status::Failed));
    assert!(!is_woken());
}

#[tokio::test]
async fn what_is_gone_is_forgotten_once_nobody_asks_for_it() {
    let case = Case::new();
    let notify = Arc::new(Notify::new());
    case.memory.see(&case.id, mark(7, 10), None);
    case.memory.wait_for(std::iter::once(&case.id), &notify);
    case.memory.see_gone(&case.id, 11);
    assert_eq!(case.memory.len(), 1, "somebody waits for it");
    case.memory.wait_no_more(std::iter::once(&case.id), &notify);
    case.memory.begin(&case.id);
    case.memory.see_gone(&case.id, 12);
    assert_eq!(case.memory.len(), 1, "a request is on its way");
    case.answer("1", mark(7, 13));
    case.memory.see_gone(&case.id, 12);
    assert!(case.memory.is_applied(&case.id) && case.memory.live(&case.id).is_some(), "that was before");
    assert_eq!(case.memory.settled(&case.id).await, Some(13));
    case.memory.see_gone(&case.id, 14);
    assert_eq!(case.memory.len(), 0, "who asked whether it is settled does not wait any more");
}

#[test]
fn what_a_list_has_not_is_gone_whatever_a_watch_that_is_behind_shows() {
    for was_left in [false, true] {
        let mut case = Case::new();
        if was_left {
            case.memory.see(&case.id, Mark { excluded: true, ..mark(7, 10) }, None);
            case.memory.leave(&case.id, &owner("apps"), Until::Asked);
            assert!(case.memory.is_left(&case.id));
        } else {
            case.apply("1", mark(7, 10));
        }
        let notify = Arc::new(Notify::new());
        case.memory.wait_for(std::iter::once(&case.id), &notify);
        let later = Instant::now() + std::time::Duration::from_secs(1);
        for (group, kind) in [("apps", "ConfigMap"), ("", "Secret")] {
            assert_eq!(case.memory.see_all(group, kind, &HashSet::new(), later), []);
        }
        assert!(case.drifts.try_recv().is_err(), "those are other kinds");
        assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), later), []);
        assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Deleted);
        assert!(!case.memory.is_left(&case.id) && !case.memory.is_applied(&case.id));
        assert_eq!(case.memory.health(&case.id), Some(Health::not_found()));
        case.memory.see(&case.id, mark(7, 10), None);
        assert_eq!(case.memory.live(&case.id), None, "{was_left}");
        case.memory.see(&case.id, mark(7, 12), None);
        assert!(case.memory.live(&case.id).is_some());
    }
}

#[test]
fn what_is_gone_while_nobody_watched_is_forgotten_and_does_not_ask_for_anything_any_more() {
    let mut case = Case::new();
    let now = || Instant::now() + std::time::Duration::from_secs(1);
    case.apply("1", mark(7, 10));
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), now()), []);
    assert_eq!((case.drifts.try_recv().unwrap().cause, case.memory.len()), (Cause::Deleted, 0));
    case.apply("1", mark(7, 12));
    assert!(case.memory.see_missing(&case.id, 12));
    assert_eq!((case.drifts.try_recv().unwrap().cause, case.memory.len()), (Cause::Deleted, 0));
    // It was nobody's of whom we know, and asked to be left alone.
    case.memory.see(&case.id, Mark { excluded: true, ..mark(7, 20) }, None);
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::from([case.id.clone()]), now()), []);
    assert!(case.memory.live(&case.id).is_some());
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), now()), []);
    assert_eq!((case.memory.live(&case.id), case.memory.len()), (None, 0));
    assert!(case.drifts.try_recv().is_err());
}

#[test]
fn of_what_no_watch_has_seen_a_list_says_nothing() {
    let mut case = Case::new();
    case.memory.leave(&case.id, &owner("apps"), Until::Gone);
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), Instant::now()), []);
    assert!(case.memory.is_left(&case.id) && case.drifts.try_recv().is_err(), "it has not the labels of an owner");
    case.memory.forget(&case.id, &owner("apps"));
    case.memory.wait_for(std::iter::once(&case.id), &Arc::new(Notify::new()));
    assert_eq!(case.memory.see_all("", "ConfigMap", &HashSet::new(), Instant::now()), []);
    assert_eq!((case.memory.health(&case.id), case.memory.len()), (None, 1));
}

#[test]
fn what_somebody_wrote_by_hand_is_drift_though_our_fields_are_ours_still() {
    let mut case = Case::new();
    case.apply("1", mark(7, 10));
    case.memory.see(&case.id, Mark { intruded: true, ..mark(7, 10) }, None);
    assert!(case.drifts.try_recv().is_err(), "so it was when we wrote it");
    case.memory.see(&case.id, Mark { intruded: true, ..mark(7, 11) }, None);
    assert_eq!(case.drifts.try_recv().unwrap().cause, Cause::Changed { by: None });
}

#[test]
fn what_is_gone_at_the_revision_that_it_had_is_gone() {
    let case = Case::new();
    case.memory.see(&case.id, mark(7, 10), None);
    case.memory.see_gone(&case.id, 9);
    assert!(case.memory.live(&case.id).is_some(), "that was before");
    case.memory.see_gone(&case.id, 10);
    assert_eq!(case.memory.live(&case.id), None);
}

#[test]
fn of_two_owners_whose_writes_left_one_revision_the_one_has_the_object_that_was_answered_last() {
    let mut case = Case::new();
    case.memory.begin(&case.id);
    case.apply("1", mark(7, 12));
    let outcome = Outcome { content: super::tests::content("2"), mark: mark(7, 12), health: health(Status::Current) };
    case.memory.finish(&case.id, &owner("other").into(), Answer::Taken(outcome));
    assert!(case.memory.is_unchanged(&case.id, &owner("other"), super::tests::content("2")));
    assert_eq!(case.drifts.try_recv().unwrap().owner, owner("apps"));
}

#[test]
fn whoever_leaves_an_object_has_not_applied_it_and_another_one_has() {
    let case = Case::new();
    case.apply("1", mark(7, 10));
    case.memory.leave(&case.id, &owner("other"), Until::Gone);
    assert!(case.memory.is_applied(&case.id));
    case.memory.leave(&case.id, &owner("apps"), Until::Gone);
    assert!(!case.memory.is_applied(&case.id) && case.memory.is_left(&case.id));
}

#[test]
fn an_object_that_a_list_has_as_it_was_earlier_went_back() {
    let mut case = Case::new();
    case.apply("1", mark(7, 10));
    let notify = Arc::new(Notify::new());
    case.memory.wait_for(std::iter::once(&case.id), &notify);
    case.memory.see_listed(&case.id, mark(5, 8), None, Instant::now());
    let drift = case.drifts.try_recv().unwrap();
    assert_eq!((drift.owner, drift.cause), (owner("apps"), Cause::Changed { by: None }));
    assert!(!case.memory.is_applied(&case.id) && case.memory.health(&case.id).is_none());
    assert_eq!(case.memory.live(&case.id), Some(mark(5, 8)));
    // From there on things happen as they do.
    case.apply("1", mark(7, 9));
    case.memory.see(&case.id, mark(7, 9), None);
    assert!(case.drifts.try_recv().is_err() && case.memory.health(&case.id).is_some());
}

#[test]
fn a_list_says_nothing_of_what_was_applied_while_it_was_made() {
    let mut case = Case::new();
    let since = Instant::now();
    case.apply("1", mark(7, 10));
    case.memory.see_listed(&case.id, mark(5, 8), None, since);
    case.memory.begin(&case.id);
    case.memory.see_listed(&case.id, mark(5, 8), None, Instant::now());
    assert!(case.drifts.try_recv().is_err() && case.memory.live(&case.id) == Some(mark(7, 10)));
}

#[test]
fn what_was_gone_and_is_there_again_as_it_was_before_went_back() {
    let case = Case::new();
    let notify = Arc::new(Notify::new());
    case.memory.wait_for(std::iter::once(&case.id), &notify);
    case.memory.see(&case.id, mark(7, 10), None);
    case.memory.see_gone(&case.id, 11);
    case.memory.see_listed(&case.id, mark(7, 10), None, Instant::now());
    assert_eq!(case.memory.live(&case.id), Some(mark(7, 10)));
}

#[test]
fn health_of_a_later_revision_than_that_of_a_list_does_not_hold() {
    let case = Case::new();
    let since = Instant::now();
    case.apply("1", mark(7, 10));
    case.memory.doubt_health(&case.id, 8, since);
    assert!(case.memory.health(&case.id).is_some(), "it was applied meanwhile");
    case.memory.doubt_health(&case.id, 10, Instant::now());
    assert!(case.memory.health(&case.id).is_some());
    case.memory.doubt_health(&case.id, 8, Instant::now());
    assert_eq!(case.memory.health(&case.id), None);
}
