//! What is made of the answer to a write.

use super::*;
use crate::applier::force::may_be_immutable;
use crate::cluster::{is_conflict, is_forbidden};
use kube::core::Status;
use serde_json::json;

const US: &str = "us";

/// A moment of a minute, in seconds.
fn at(second: i8) -> Timestamp {
    format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
}

fn mark(revision: u64) -> Mark {
    Mark { fields: 1, revision, excluded: false, intruded: false }
}

/// What a write that was sent at second 30 did, where entries of these managers have those times, and the object had that
/// revision before and has 7 now.
fn did(created: bool, before: Option<u64>, entries: &[(&str, Option<i8>)]) -> Action {
    let entry = |(manager, second): &(&str, Option<i8>)| json!({ "manager": manager, "time": second.map(|second| at(second).to_string()) });
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    let object = json!({ "metadata": { "managedFields": entries } });
    let found = metadata(&object);
    let before: Vec<u64> = before.into_iter().collect();
    action(&Patched { created, object }, &before, &mark(7), &found, at(30), US)
}

#[test]
fn a_write_changed_what_has_another_revision_or_was_changed_by_us_since() {
    for (created, before, entries, expected) in [
        (true, None, &[(US, Some(29_i8))][..], Action::Created),
        (true, Some(7), &[], Action::Created),
        (false, Some(7), &[(US, Some(31))], Action::Unchanged),
        (false, Some(6), &[(US, Some(31))], Action::Configured),
        // Somebody else wrote it in between, and we did not.
        (false, Some(6), &[(US, Some(29))], Action::Unchanged),
        (false, None, &[(US, Some(29))], Action::Unchanged),
        (false, None, &[(US, Some(30))], Action::Configured),
        (false, None, &[(US, Some(31))], Action::Configured),
        (false, None, &[(US, Some(1)), (US, Some(31))], Action::Configured),
        (false, None, &[(US, Some(29)), ("others", Some(31))], Action::Unchanged),
        // Where we have no entry, or none with a time, nobody knows.
        (false, None, &[("others", Some(29))], Action::Configured),
        (false, None, &[(US, None)], Action::Configured),
        (false, None, &[], Action::Configured),
    ] {
        assert_eq!(did(created, before, entries), expected, "{created} {before:?} {entries:?}");
    }
}

fn answered(code: u16, reason: &str, message: &str) -> kube::Error {
    kube::Error::Api(Box::new(Status::failure(message, reason).with_code(code)))
}

#[test]
fn the_api_refused_what_it_says_that_it_did_not_do() {
    for code in [400, 401, 403, 404, 409, 422, 429, 499] {
        assert!(is_refusal(&answered(code, "", "")), "{code}");
    }
    for code in [408, 500, 503, 504, 399] {
        assert!(!is_refusal(&answered(code, "", "")), "{code}");
    }
    assert!(!is_refusal(&kube::Error::LinesCodecMaxLineLengthExceeded));
}

#[test]
fn an_answer_that_says_conflict_or_invalid_may_be_about_a_field_that_cannot_change() {
    for (code, reason, message, may_be) in [
        (409, "Conflict", "no", true),
        (422, "Invalid", "no", true),
        (400, "BadRequest", "spec.selector: field is immutable", true),
        (403, "Forbidden", "an immutable field", true),
        (403, "Forbidden", "no", false),
        (500, "InternalError", "no", false),
    ] {
        let error = answered(code, reason, message);
        assert_eq!(may_be_immutable(&error), may_be, "{code} {message}");
        assert_eq!((is_conflict(&error), is_forbidden(&error)), (code == 409, code == 403), "{code}");
    }
    let unanswered = kube::Error::LinesCodecMaxLineLengthExceeded;
    assert!(!may_be_immutable(&unanswered) && !is_conflict(&unanswered) && !is_forbidden(&unanswered));
}

#[test]
fn an_error_says_the_reason_of_the_api_or_that_it_is_unknown() {
    let subject = ObjectId { kind: "ConfigMap".into(), name: "a".into(), ..ObjectId::default() };
    let told = |error| ApplyError::answer(&subject, "apply failed", error, &json!({})).told(&Default::default());
    assert_eq!(told(answered(403, "Forbidden", "no")), "ConfigMap/a apply failed (Forbidden): no");
    assert_eq!(told(answered(500, "", "no")), "ConfigMap/a apply failed (Unknown): no");
    let unanswered = told(kube::Error::LinesCodecMaxLineLengthExceeded);
    assert!(unanswered.starts_with("ConfigMap/a: the Kubernetes API gave no answer: "), "{unanswered}");
}
