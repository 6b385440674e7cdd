//! Sets of fields as `managedFields` writes them, to the element.

use cowherd_patch::managed::{FieldSet, FieldsError, PathElement};
use serde_json::{Map, Value, json};

fn set(fields: Value) -> FieldSet {
    FieldSet::from_fields_v1(&fields).expect("a set of fields")
}

fn paths(set: &FieldSet) -> Vec<String> {
    set.paths().iter().map(ToString::to_string).collect()
}

/// Every kind of element, in the order in which Kubernetes has them.
const ELEMENTS: [&str; 30] = [
    "f:a",
    "f:ab",
    "f:b",
    r#"k:{"a":1}"#,
    r#"k:{"a":1,"b":1}"#,
    r#"k:{"a":1,"b":2}"#,
    r#"k:{"a":2}"#,
    r#"k:{"a":"1"}"#,
    r#"k:{"b":1}"#,
    "v:-1",
    "v:1",
    "v:1.5",
    "v:2",
    "v:18446744073709551614",
    "v:18446744073709551615",
    r#"v:"a""#,
    r#"v:"b""#,
    "v:false",
    "v:true",
    "v:[]",
    "v:[1]",
    "v:[1,1]",
    "v:[2]",
    "v:{}",
    r#"v:{"a":1}"#,
    r#"v:{"a":2}"#,
    r#"v:{"b":1}"#,
    "v:null",
    "i:-1",
    "i:2",
];

#[test]
fn elements_are_in_the_order_of_kubernetes() {
    for (place, first) in ELEMENTS.iter().enumerate() {
        for second in ELEMENTS.iter().skip(place + 1) {
            let (first_alone, second_alone) = (set(json!({ *first: {} })), set(json!({ *second: {} })));
            let text = format!("{{{}:{{}},{}:{{}}}}", Value::from(*first), Value::from(*second));
            for both in [first_alone.union(&second_alone), second_alone.union(&first_alone)] {
                assert_eq!(serde_json::to_string(&both).expect("a text"), text);
            }
            assert!(!first_alone.is_subset(&second_alone) && first_alone.intersection(&second_alone).is_empty());
        }
    }
    let all: Map<String, Value> = ELEMENTS.iter().rev().map(|element| ((*element).to_owned(), json!({}))).collect();
    let all = set(Value::Object(all));
    assert_eq!(all.len(), ELEMENTS.len());
    let text: Vec<String> = ELEMENTS.iter().map(|element| format!("{}:{{}}", Value::from(*element))).collect();
    assert_eq!(serde_json::to_string(&all).expect("a text"), format!("{{{}}}", text.join(",")));
}

#[test]
fn a_number_is_one_element_in_every_notation() {
    let numbers = set(json!({ "v:1": {}, "v:1.0": {}, "v:10e-1": {}, "v:2": {} }));
    assert_eq!(numbers.len(), 2);
    assert_eq!(numbers, set(json!({ "v:2.0": {}, "v:1.0": {} })));
    let ports = set(json!({ "k:{\"port\":80}": {}, "k:{\"port\":80.0}": { "f:port": {} } }));
    assert_eq!(ports, set(json!({ "k:{\"port\":80}": { ".": {}, "f:port": {} } })));
    let lists = |value: &str| set(json!({ format!("v:[{value},{{\"a\":{value}}}]"): {} }));
    assert_eq!(lists("1"), lists("1.0"));
    assert_ne!(lists("1"), lists("\"1\""));
}

#[test]
fn paths_are_told_level_by_level() {
    let set = set(json!({
        "f:b": { "f:x": {}, "f:y": { ".": {}, "f:z": {} } },
        "f:a": { ".": {}, "k:{\"id\":1,\"name\":\"n\"}": {}, "v:\"text\"": {}, "v:true": {}, "i:3": {} },
    }));
    let told = [".a", ".a[id=1,name=\"n\"]", ".a[=\"text\"]", ".a[=true]", ".a[3]", ".b.x", ".b.y", ".b.y.z"];
    assert_eq!(paths(&set), told);
    assert_eq!(set.len(), told.len());
}

#[test]
fn a_field_and_what_lies_below_it_are_separate_members() {
    let at = |path: &[&str]| path.iter().map(|name| PathElement::field(name)).collect::<Vec<_>>();
    let mut set = FieldSet::of_fields(&[&["a", "b"], &["c"], &["a", "b", "d"], &[]]);
    for (path, is_member) in [
        (&["a", "b"] as &[&str], true),
        (&["c"], true),
        (&["a", "b", "d"], true),
        (&["a"], false),
        (&["b"], false),
        (&["a", "b", "d", "e"], false),
        (&[], false),
    ] {
        assert_eq!(set.has(&at(path)), is_member, "{path:?}");
    }
    assert_eq!((set.len(), set.is_empty()), (3, false));
    set.insert(at(&["a"]));
    set.insert(at(&[]));
    assert!(set.has(&at(&["a"])) && set.len() == 4);
    assert!(FieldSet::new().is_empty() && FieldSet::of_fields(&[&[]]).is_empty());
}

#[test]
fn what_is_taken_away_leaves_what_lies_below_unless_that_is_meant_too() {
    let all = set(json!({ "f:a": { ".": {}, "f:x": {} }, "f:b": { "f:x": { ".": {}, "f:y": {} } }, "f:c": {} }));
    let some = set(json!({ "f:a": {}, "f:b": { "f:x": {} }, "f:d": {} }));
    assert_eq!(paths(&all.difference(&some)), [".c", ".a.x", ".b.x.y"]);
    assert_eq!(paths(&all.recursive_difference(&some)), [".c"]);
    assert_eq!(paths(&some.difference(&all)), [".d"]);
    assert_eq!(paths(&all.intersection(&some)), [".a", ".b.x"]);
    assert_eq!(paths(&all.union(&some)), [".a", ".c", ".d", ".a.x", ".b.x", ".b.x.y"]);
    let below = set(json!({ "f:a": { "f:x": {} } }));
    assert!(below.is_subset(&all) && !below.is_subset(&some) && !set(json!({ "f:a": {} })).is_subset(&below));
}

#[test]
fn fields_are_read_as_deep_as_objects_are() {
    let nested = |levels: usize| (0..levels).fold(json!({}), |below, _| json!({ "f:a": below }));
    for levels in [1, 127, 128] {
        assert_eq!(FieldSet::from_fields_v1(&nested(levels)).map(|set| set.len()), Ok(1), "{levels}");
    }
    for levels in [129, 130, 1000] {
        assert_eq!(FieldSet::from_fields_v1(&nested(levels)), Err(FieldsError::TooDeep), "{levels}");
    }
}

#[test]
fn a_key_of_no_known_form_is_refused_and_a_kind_of_a_later_version_is_left_out() {
    for (key, detail) in [
        ("fa", "missing colon"),
        ("ff:a", "missing colon"),
        (":a", "missing colon"),
        ("i:x", "not a number"),
        ("k:[]", "not an object"),
    ] {
        let refused = FieldSet::from_fields_v1(&json!({ key: {} })).expect_err("a refusal");
        assert_eq!(refused.to_string(), format!("parsing key as path element: {key:?}: {detail}"));
    }
    for (fields, key) in [(json!([]), "."), (json!({ "f:a": 1 }), "f:a"), (json!({ "x:a": [] }), "x:a")] {
        let refused = FieldSet::from_fields_v1(&fields).expect_err("a refusal");
        assert_eq!(refused.to_string(), format!("fields below {key:?} must be an object"));
    }
    assert_eq!(set(json!({ "x:a": { "f:b": {} }, "f:a": { "x:b": {}, ".": {} } })), set(json!({ "f:a": {} })));
}
