//! What is told of a set of objects, and of what went wrong.

use super::*;

fn versioned(name: &str) -> Versioned {
    Versioned { id: Manifest::new(config_map(name, json!({}))).unwrap().id().clone(), version: "v1".into() }
}

#[test]
fn a_set_of_changes_knows_each_object_and_what_was_done_to_it() {
    let mut changes = ChangeSet::default();
    assert!(changes.is_empty() && changes.to_string().is_empty());
    changes.push(versioned("b"), Action::Unchanged);
    changes.push(versioned("c"), Action::Configured);
    let mut others = ChangeSet::default();
    others.push(versioned("a"), Action::Created);
    others.push(versioned("d"), Action::Created);
    others.push(versioned("e"), Action::Deleted);
    others.push(versioned("f"), Action::Skipped);
    others.push(versioned("g"), Action::Gone);
    changes.extend(others);
    assert!(!changes.is_empty() && changes.len() == 7);
    let counts =
        [Action::Created, Action::Configured, Action::Unchanged, Action::Deleted, Action::Gone, Action::Skipped]
            .map(|action| changes.count(action));
    assert_eq!(counts, [2, 1, 1, 1, 1, 1]);
    assert!(changes.contains(&versioned("a").id) && !changes.contains(&versioned("x").id));
    changes.sort();
    assert_eq!(
        changes.to_string(),
        "ConfigMap/default/a created, ConfigMap/default/c configured, ConfigMap/default/d created, ConfigMap/default/e deleted"
    );
    for name in 0..18 {
        changes.push(versioned(&format!("x{name}")), Action::Created);
    }
    assert!(changes.to_string().ends_with("ConfigMap/default/x5 created, and 12 more"), "{changes}");
}

#[test]
fn what_may_help_by_itself_is_tried_again() {
    let subject = Box::new(versioned("a").id);
    let refused = |code: u16| ApplyError::Refused {
        subject: subject.clone(),
        step: "apply failed",
        reason: "Because".to_owned(),
        message: "no".to_owned(),
        code,
    };
    for code in [408, 409, 429, 500, 503, 599] {
        assert!(refused(code).is_transient(), "{code}");
    }
    for code in [400, 403, 404, 422, 600] {
        assert!(!refused(code).is_transient(), "{code}");
    }
    let unreachable = || ApplyError::Unreachable {
        subject: subject.clone(),
        source: Box::new(kube::Error::LinesCodecMaxLineLengthExceeded),
    };
    assert!(unreachable().is_transient());
    assert!(ApplyError::Several(vec![unreachable(), refused(500)]).is_transient());
    let many = |count: usize| ApplyError::Several((0..count).map(|_| refused(500)).collect()).told(&Default::default());
    assert_eq!((many(10).matches("apply failed").count(), many(10).contains("more")), (10, false));
    assert_eq!((many(12).matches("apply failed").count(), many(12).ends_with("; and 2 more")), (10, true));
    assert!(!ApplyError::Several(vec![unreachable(), refused(403)]).is_transient());
    assert!(!ApplyError::Twice(subject.clone()).is_transient() && !ApplyError::Superseded.is_transient());
}

#[test]
fn who_may_not_do_something_is_told_from_what_nobody_may() {
    let refused = |code: u16, message: &str| ApplyError::Refused {
        subject: Box::new(versioned("a").id),
        step: "delete failed",
        reason: "Forbidden".to_owned(),
        message: message.to_owned(),
        code,
    };
    let denied = r#"configmaps "a" is forbidden: User "system:serviceaccount:n:x" cannot delete resource "configmaps""#;
    let of = |error: ApplyError| error.denied("system:serviceaccount:n:x").map(|object| object.name.clone());
    assert_eq!(of(refused(403, denied)).as_deref(), Some("a"));
    assert_eq!(of(ApplyError::Several(vec![refused(500, "no"), refused(403, denied)])).as_deref(), Some("a"));
    assert_eq!(refused(403, denied).denied("system:serviceaccount:n:y"), None);
    assert_eq!(of(refused(403, "unable to create new content in namespace n because it is being terminated")), None);
    assert_eq!(of(refused(500, denied)), None);
}
