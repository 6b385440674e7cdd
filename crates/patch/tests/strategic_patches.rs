//! What a strategic merge patch leaves behind of its own words, and how deep it is followed.

use cowherd_patch::{PatchError, kustomize_merge_patch, strategic_merge_patch};
use cowherd_schema::{Schema, builtin};
use serde_json::{Value, json};

fn pod() -> &'static Schema {
    builtin::definition("io.k8s.api.core.v1.Pod").expect("a built-in kind")
}

fn patched(doc: Value, patch: Value) -> Result<Value, PatchError> {
    strategic_merge_patch(&doc, &patch, pod())
}

#[test]
fn what_is_new_has_neither_nulls_nor_directives() {
    for directive in ["$retainKeys", "$setElementOrder/drop", "$deleteFromPrimitiveList/add"] {
        let mut capabilities = json!({ "add": ["A"], "drop": null });
        capabilities[directive] = json!(["add"]);
        let patch = json!({ "spec": { "securityContext": { "sysctls": [], "seLinuxOptions": capabilities } } });
        let made = patched(json!({}), patch);
        let left = json!({ "spec": { "securityContext": { "sysctls": [], "seLinuxOptions": { "add": ["A"] } } } });
        assert_eq!(made, Ok(left), "{directive}");
    }
    let gone = json!({ "spec": { "securityContext": { "$patch": "delete" } } });
    assert_eq!(patched(json!({}), gone), Ok(json!({ "spec": {} })));
    let replaced = json!({ "spec": { "$patch": "replace", "nodeName": "n", "x": { "y": null } } });
    assert_eq!(patched(json!({ "spec": { "a": 1 } }), replaced), Ok(json!({ "spec": { "nodeName": "n", "x": {} } })));
}

#[test]
fn what_begins_like_a_directive_and_names_no_field_is_malformed() {
    for (name, words) in [
        ("$setElementOrderly", "invalid patch format of setElementOrder list"),
        ("$deleteFromPrimitiveListfinalizers", "invalid patch format of primitive list"),
    ] {
        let mut metadata = json!({});
        metadata[name] = json!(["a"]);
        let refused = patched(json!({ "metadata": {} }), json!({ "metadata": metadata }));
        assert_eq!(refused, Err(PatchError::Malformed(words.to_owned())));
    }
    let refused = patched(json!({ "metadata": {} }), json!({ "metadata": { "$retainKeys": "a" } }));
    assert_eq!(refused, Err(PatchError::Malformed("invalid patch format of retainKeys".to_owned())));
    // In what is new they are fields like any other.
    let new = json!({ "metadata": { "labels": { "$patchwork": "a", "$setElementOrderly": "b" } } });
    assert_eq!(patched(json!({}), new.clone()), Ok(new));
}

#[test]
fn an_item_of_the_object_without_its_key_is_told() {
    let live = json!({ "spec": { "containers": [{ "image": "i" }] } });
    let refused = patched(live, json!({ "spec": { "containers": [{ "name": "a" }] } }));
    let words = "map: map[image:i] does not contain declared merge key: name".to_owned();
    assert_eq!(refused, Err(PatchError::Unprocessable(words)));
}

#[test]
fn nulls_deeper_than_128_levels_stay() {
    let maps = |levels: usize| (0..levels).fold(json!({ "gone": null }), |value, _| json!({ "n": value }));
    let lists = |levels: usize| (0..levels).fold(json!({ "gone": null }), |value, _| json!([value]));
    for levels in [1, 2, 127, 128, 129, 200] {
        for new in [maps(levels), lists(levels)] {
            let made = patched(json!({}), json!({ "new": new })).expect("a patch");
            assert_eq!(made.to_string().contains("gone"), levels > 128, "{levels}");
        }
        // The map itself is a level here.
        let made = kustomize_merge_patch(&json!({}), &maps(levels), None).expect("a patch").unwrap_or_default();
        assert_eq!(made.to_string().contains("gone"), levels > 127, "{levels}");
    }
}

#[test]
fn kustomize_tells_which_nodes_do_not_fit() {
    for (live, change, words) in [
        (json!({}), json!([]), "expected MappingNode but got SequenceNode"),
        (json!([]), json!(1), "expected SequenceNode but got ScalarNode"),
        (json!("a"), json!({}), "expected ScalarNode but got MappingNode"),
    ] {
        let refused = kustomize_merge_patch(&json!({ "a": live }), &json!({ "a": change }), None);
        assert_eq!(refused, Err(PatchError::Unprocessable(format!("wrong node kind: {words}"))));
    }
}
