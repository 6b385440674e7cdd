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
fn what_is_new_has_no_nulls_and_directives_are_fields_there_that_nobody_knows() {
    for directive in ["$retainKeys", "$setElementOrder/drop", "$deleteFromPrimitiveList/add"] {
        let mut capabilities = json!({ "add": ["A"], "drop": null });
        capabilities[directive] = json!(["add"]);
        let patch = json!({ "spec": { "securityContext": { "sysctls": [], "seLinuxOptions": capabilities } } });
        let made = patched(json!({}), patch);
        let mut left = json!({ "spec": { "securityContext": { "sysctls": [], "seLinuxOptions": { "add": ["A"] } } } });
        left["spec"]["securityContext"]["seLinuxOptions"][directive] = json!(["add"]);
        assert_eq!(made, Ok(left), "{directive}");
    }
    let gone = json!({ "spec": { "securityContext": { "$patch": "delete" } } });
    assert_eq!(patched(json!({}), gone), Ok(json!({ "spec": {} })));
    let replaced = json!({ "spec": { "$patch": "replace", "nodeName": "n", "x": { "y": null } } });
    assert_eq!(
        patched(json!({ "spec": { "a": 1 } }), replaced),
        Ok(json!({ "spec": { "nodeName": "n", "x": { "y": null } } }))
    );
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
fn maps_and_items_of_lists_are_merged_as_deep_as_objects_are() {
    let schema = builtin::definition("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps");
    let schema = schema.expect("a built-in type");
    let negated = |levels: usize, inmost: Value| (0..levels).fold(inmost, |inner, _| json!({ "not": inner }));
    let rules = |rule: Value| json!({ "x-kubernetes-validations": [rule] });
    let live = rules(json!({ "rule": "a", "message": "m", "reason": "r" }));
    let (patch, merged) =
        (rules(json!({ "rule": "a", "message": null })), rules(json!({ "rule": "a", "reason": "r" })));
    let mut ordered = patch.clone();
    ordered["$setElementOrder/x-kubernetes-validations"] = json!([{ "rule": "a" }]);
    let map = (json!({ "title": "a", "id": "b" }), json!({ "title": null }), json!({ "id": "b" }));
    for levels in [1, 124, 125, 126, 127, 128, 129, 140] {
        let made = |live: &Value, patch: &Value| {
            strategic_merge_patch(&negated(levels, live.clone()), &negated(levels, patch.clone()), schema)
                .expect("a patch")
        };
        let left =
            |deep: bool, merged: &Value, patch: &Value| negated(levels, if deep { patch } else { merged }.clone());
        assert_eq!(made(&map.0, &map.1), left(levels > 128, &map.2, &map.1), "{levels}");
        // The list is a level, and its item another.
        assert_eq!(made(&live, &patch), left(levels + 2 > 128, &merged, &patch), "{levels}");
        if levels <= 128 {
            assert_eq!(made(&live, &ordered), left(levels + 2 > 128, &merged, &patch), "{levels}");
        }
        // With kustomize a field is one, too.
        let (live, patch) = (negated(levels, live.clone()), negated(levels, patch.clone()));
        let made = kustomize_merge_patch(&live, &patch, Some(schema)).expect("a patch").unwrap_or_default();
        assert_eq!(made == negated(levels, merged.clone()), levels + 3 <= 128, "{levels}");
    }
}

#[test]
fn a_map_that_is_replaced_is_what_the_patch_says_and_nothing_of_what_it_was() {
    let map = json!({ "type": "object", "x-kubernetes-patch-strategy": "replace", "properties": { "a": { "type": "object" } } });
    let schema = Schema::from_openapi(&json!({ "type": "object", "properties": { "map": map } })).expect("a schema");
    let live = json!({ "map": { "a": {}, "b": 1 }, "other": { "a": 1 } });
    let patch = json!({ "map": { "a": { "c": null, "d": 1 } }, "other": { "b": 1 } });
    let made = strategic_merge_patch(&live, &patch, &schema);
    assert_eq!(made, Ok(json!({ "map": { "a": { "c": null, "d": 1 } }, "other": { "a": 1, "b": 1 } })));
}

#[test]
fn an_empty_order_is_none() {
    let patch = json!({ "metadata": { "$setElementOrder/finalizers": [], "finalizers": ["b"] } });
    let made = patched(json!({ "metadata": { "finalizers": ["a"] } }), patch).expect("a patch");
    assert_eq!(made["metadata"]["finalizers"], json!(["a", "b"]));
}

/// What kube-apiserver makes of it: items that it has no place for come where its way of sorting leaves them.
#[test]
fn items_for_which_an_empty_order_has_no_place_come_where_kubernetes_puts_them() {
    let pod = |names: &[&str]| {
        let containers: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        json!({ "metadata": { "finalizers": names }, "spec": { "containers": containers } })
    };
    for (live, patch, arranged) in [
        (&["a", "b"][..], &["c", "d", "e"][..], &["a", "b", "e", "d", "c"][..]),
        (&["nginx", "two"], &["n1", "two", "n2", "n3"], &["n3", "n2", "nginx", "two", "n1"]),
        (&["a", "b"], &[], &["a", "b"]),
    ] {
        let mut patch = pod(patch);
        patch["metadata"]["$setElementOrder/finalizers"] = json!([]);
        patch["spec"]["$setElementOrder/containers"] = json!([]);
        assert_eq!(patched(pod(live), patch), Ok(pod(arranged)));
    }
    for (live, change) in [(Some(json!([])), None), (Some(json!([])), Some(json!([]))), (None, Some(json!([])))] {
        let metadata = |list: Option<Value>| match list {
            Some(list) => json!({ "metadata": { "finalizers": list } }),
            None => json!({ "metadata": {} }),
        };
        let mut patch = metadata(change);
        patch["metadata"]["$setElementOrder/finalizers"] = json!(["a"]);
        let refused = patched(metadata(live), patch).expect_err("a refusal");
        assert_eq!((refused.status(), refused.to_string().as_str()), (422, "no elements in any of the given slices"));
    }
    // Neither here nor there is no list at all.
    let nothing = json!({ "metadata": { "$setElementOrder/finalizers": [] } });
    assert_eq!(patched(json!({ "metadata": {} }), nothing), Ok(json!({ "metadata": {} })));
}

#[test]
fn whether_items_are_of_their_type_is_not_said_where_there_were_none() {
    let made = patched(json!({ "spec": { "containers": [] } }), json!({ "spec": { "containers": ["text"] } }));
    assert_eq!(made, Ok(json!({ "spec": { "containers": ["text"] } })));
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

#[test]
fn lists_of_maps_without_a_key_have_no_order() {
    let live = json!({ "spec": { "tolerations": [{ "key": "k" }] } });
    let refused = patched(live, json!({ "spec": { "$setElementOrder/tolerations": [] } })).expect_err("a refusal");
    assert_eq!(refused.to_string(), "map: map[key:k] does not contain declared merge key: ");
}

#[test]
fn what_is_to_be_deleted_from_is_a_list_of_scalars() {
    let live = json!({ "spec": { "replicas": 1, "containers": [{ "name": "a" }], "tolerations": [{ "key": "k" }] } });
    let made = |patch: Value| patched(live.clone(), json!({ "spec": patch }));
    // Maps are merged as if the list itself was named.
    let merged =
        made(json!({ "$deleteFromPrimitiveList/containers": [{ "name": "a", "image": "i" }] })).expect("a patch");
    assert_eq!(merged["spec"]["containers"], json!([{ "name": "a", "image": "i" }]));
    let refused = made(json!({ "$deleteFromPrimitiveList/tolerations": [{ "key": "k" }] })).expect_err("a refusal");
    assert_eq!(refused.to_string(), "cannot merge lists without merge key for struct");
    // So is a value of the same type; another one means nothing.
    assert_eq!(made(json!({ "$deleteFromPrimitiveList/replicas": 2 })).expect("a patch")["spec"]["replicas"], 2);
    assert_eq!(made(json!({ "$deleteFromPrimitiveList/replicas": ["a"] })).expect("a patch"), live);
    assert!(
        made(json!({ "$deleteFromPrimitiveList/replicas": null })).expect("a patch")["spec"].get("replicas").is_none()
    );
}

#[test]
fn an_order_of_anything_but_maps_is_told_by_its_place() {
    let live = json!({ "spec": { "containers": [{ "name": "a" }, { "name": "b" }] } });
    let made = |order: Value| patched(live.clone(), json!({ "spec": { "$setElementOrder/containers": order } }));
    let refused = made(json!([{ "name": "a" }, 1])).expect_err("a refusal");
    assert_eq!(refused.to_string(), "value for key 1 is not a map");
    let refused = made(json!([{ "name": "b" }, { "name": "a" }, 1])).expect_err("a refusal");
    assert_eq!(refused.to_string(), "expected a map[string]interface {}, but received a int64");
}
