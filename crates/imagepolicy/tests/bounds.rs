//! What whoever writes a policy or a template may have done at most.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::collections::BTreeMap;

use cowherd_imagepolicy::{
    Automation, Change, Changes, Filter, ImageRef, MessageError, NoLatest, ObjectId, Order, Policy, Setters, message,
};

#[test]
fn tags_are_looked_at_as_long_as_somebody_waits() {
    let (policy, filter) = (Policy::Alphabetical(Order::Ascending), Filter::new("^a", "").unwrap());
    let asked = Cell::new(0);
    let goes_on = || asked.replace(asked.get() + 1) < 3;
    assert_eq!(policy.latest(Some(&filter), ["a"; 100], goes_on), Err(NoLatest::BrokenOff));
    assert!(asked.get() < 10, "{}", asked.get());
    assert_eq!(policy.latest(Some(&filter), ["a"; 100], || true), Ok("a"));
}

#[test]
fn a_range_that_is_left_at_once_costs_what_is_copied_for_it() {
    let mut changes = Changes::default();
    let change = Change { old: "1".to_owned(), new: "2".to_owned(), setter: "n:p".to_owned() };
    let objects = (0..5000).map(|number| ObjectId { name: number.to_string(), ..ObjectId::default() });
    changes.add("a.yaml", objects.map(|object| (object, change.clone())));
    let automation = Automation { namespace: "n".to_owned(), name: "a".to_owned() };
    let of = |template: &str| message(template, &automation, &changes, &BTreeMap::new());
    let left = |times: usize| {
        of(&format!(
            "{{{{range until {times}}}}}{{{{range $.Changed.Objects}}}}{{{{break}}}}{{{{end}}}}{{{{end}}}}done"
        ))
    };
    assert_eq!(left(10).unwrap(), "done");
    let error = left(100_000).unwrap_err();
    assert!(matches!(&error, MessageError::Execute(cause) if cause.contains("steps")), "{error}");
    let file = "{{len (index .Changed.FileChanges \"a.yaml\")}}{{with index .Changed.FileChanges \"b\"}}x{{end}}";
    assert_eq!(of(file).unwrap(), "5000");
}

#[test]
fn what_stands_before_a_value_moves_no_byte_of_it() {
    let image = ImageRef { name: "a".to_owned(), tag: "2".to_owned(), digest: String::new() };
    let setters = Setters::new([("n".to_owned(), "p".to_owned(), image)]).unwrap();
    let marked = "a:1 # {\"$imagepolicy\": \"n:p\"}\r\n";
    for before in ["", "\u{feff}", "# ä€\u{1f404}\r\n", "\u{feff}---\r\nä: \u{2028} \u{1f404}\r\n", "a: ö\u{85}\n"]
    {
        let file = format!("{before}image: {marked}");
        let updated = setters.update(file.as_bytes()).unwrap();
        assert_eq!(
            updated.text.as_deref(),
            Some(&*format!("{before}image: {}", marked.replacen('1', "2", 1))),
            "{file:?}"
        );
    }
}
