//! Every two short lists are aligned as well as they can be.

use super::*;
use serde_json::json;

/// How many items two lists have in common, in order.
fn most(a: &[Value], b: &[Value]) -> usize {
    match (a, b) {
        ([first, a @ ..], [other, b @ ..]) if first == other => 1 + most(a, b),
        ([_, shorter_a @ ..], [_, shorter_b @ ..]) => most(shorter_a, b).max(most(a, shorter_b)),
        _ => 0,
    }
}

fn lists() -> Vec<Vec<Value>> {
    let mut all = vec![vec![]];
    for length in 0..4 {
        let longest: Vec<Vec<Value>> = all.iter().filter(|list: &&Vec<Value>| list.len() == length).cloned().collect();
        for list in longest {
            all.extend(["a", "b", "c"].map(|item| [list.clone(), vec![json!(item)]].concat()));
        }
    }
    all
}

#[test]
fn as_much_as_can_be_stays_and_the_rest_is_told_by_its_place() {
    for before in lists() {
        for after in lists() {
            let kept = most(&before, &after);
            let pairs = pairs(&before, &after);
            let told = |item: fn(&Pair<'_>) -> bool| pairs.iter().filter(|pair| item(pair)).count();
            assert_eq!(told(|pair| pair.after.is_some()), after.len() - kept, "{before:?} {after:?}");
            assert_eq!(told(|pair| pair.before.is_some()), before.len() - kept, "{before:?} {after:?}");
            for Pair { label, before: was, after: is } in pairs {
                let place: usize = label.parse().unwrap();
                match (was, is) {
                    (_, Some(is)) => assert!(std::ptr::eq(is, &after[place]), "{before:?} {after:?}"),
                    (was, None) => assert!(std::ptr::eq(was.unwrap(), &before[place]), "{before:?} {after:?}"),
                }
            }
        }
    }
}

#[test]
fn longer_lists_are_aligned_as_well_as_they_can_be() {
    let list = |number: u32| (0..9).map(|place| json!(number >> place & 1)).collect::<Vec<_>>();
    for number in 0..200 {
        let (before, after) = (list(number * 2 + 1), list(number * 37 % 512));
        let kept = most(&before, &after);
        let changed = pairs(&before, &after).iter().filter(|pair| pair.after.is_some()).count();
        assert_eq!(changed, after.len() - kept, "{before:?} {after:?}");
    }
}

#[test]
fn lists_of_more_than_a_million_pairs_are_compared_by_place() {
    let pairs_of = |count: u64| {
        let list = |from: u64| (from..from + count).map(Value::from).collect::<Vec<_>>();
        pairs(&list(0), &list(1)).len()
    };
    assert_eq!(pairs_of(1024), 2, "the first went, and the last is new");
    assert_eq!(pairs_of(1025), 1025);
}

#[test]
fn items_are_told_by_name_only_where_all_have_names_of_their_own() {
    let labels = |before: Value, after: Value| {
        let (before, after) = (before.as_array().unwrap(), after.as_array().unwrap());
        pairs(before, after).into_iter().map(|pair| pair.label).collect::<Vec<_>>()
    };
    let (a, b) = (json!({ "name": "a" }), json!({ "name": "b" }));
    assert_eq!(labels(json!([]), json!([a])), ["name=a"]);
    assert_eq!(labels(json!([a]), json!([])), ["name=a"]);
    assert_eq!(labels(json!([a]), json!([b, a])), ["name=b", "name=a"]);
    assert_eq!(labels(json!([a]), json!([{ "x": 1 }])), ["0"]);
    assert_eq!(labels(json!([{ "x": 1 }]), json!([a])), ["0"]);
    assert_eq!(labels(json!([a]), json!([b, b])), ["0", "1"]);
    assert_eq!(labels(json!([{ "port": 1, "x": 1 }]), json!([{ "port": 1, "x": 2 }])), ["port=1"]);
}
