//! Whose fields are taken over, to the entry.

use super::*;

const OURS: &str = "kustomize-controller";

fn ownership() -> Ownership {
    Ownership::default()
}

/// The managers whose entries are left after a takeover; `None` where nobody wrote by hand.
fn left(entries: Value) -> Option<Vec<(String, Value)>> {
    let metadata: ObjectMeta = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
    let patch = takeover(&metadata, &ownership());
    assert_eq!(any(&metadata, &ownership()), patch.is_some());
    let patch = patch?;
    let entries = patch["metadata"]["managedFields"].as_array().unwrap();
    Some(
        entries
            .iter()
            .map(|entry| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].clone()))
            .collect(),
    )
}

fn entry(manager: &str, operation: &str, field: &str) -> Value {
    json!({ "manager": manager, "operation": operation, "fieldsV1": { field: {} } })
}

#[test]
fn what_kubectl_and_we_ourselves_wrote_is_taken_over() {
    for (manager, operation) in [
        ("kubectl", "Apply"),
        ("kubectl-client-side-apply", "Update"),
        ("before-first-apply", "Update"),
        (OURS, "Update"),
    ] {
        let taken = left(json!([entry(manager, operation, "f:a")]));
        assert_eq!(taken, Some(vec![(OURS.to_owned(), json!({ "f:a": {} }))]), "{manager} {operation}");
    }
    for (manager, operation) in
        [(OURS, "Apply"), ("before-first-apply", "Apply"), ("helm", "Update"), ("kubectl", "Other")]
    {
        assert_eq!(left(json!([entry(manager, operation, "f:a")])), None, "{manager} {operation}");
    }
    let mut status = entry("kubectl", "Update", "f:status");
    status["subresource"] = "status".into();
    assert_eq!(left(json!([status])), None);
}

#[test]
fn they_become_part_of_our_own_entry_and_of_no_other() {
    let mut status = entry(OURS, "Apply", "f:status");
    status["subresource"] = "status".into();
    let others = [entry("helm", "Apply", "f:h"), status];
    let by_hand = [entry("kubectl-edit", "Update", "f:a"), entry("kubectl-patch", "Update", "f:b")];
    let all = json!([others[0], others[1], by_hand[0], by_hand[1]]);
    let left = left(all).unwrap();
    let fields: Vec<_> = left.iter().map(|(manager, fields)| (manager.as_str(), fields.to_string())).collect();
    assert_eq!(
        fields,
        [
            ("helm", json!({ "f:h": {} }).to_string()),
            (OURS, json!({ "f:status": {} }).to_string()),
            (OURS, json!({ "f:a": {}, "f:b": {} }).to_string()),
        ]
    );
}

#[test]
fn fields_are_merged_as_deep_as_objects_are() {
    let nested =
        |levels: usize, field: &str| (0..levels).fold(json!({ field: {} }), |inner, _| json!({ "f:n": inner }));
    for levels in [1, 198, 199, 200, 201] {
        let mut merged = nested(levels, "f:a");
        merge(&mut merged, nested(levels, "f:b"), DEPTH);
        assert_eq!(merged.to_string().contains("f:b"), levels < DEPTH, "{levels}");
    }
}

#[test]
fn a_suspension_by_hand_stays_whose_it_is() {
    let of = |fields: Value| {
        json!({ "manager": "kubectl-patch", "operation": "Update", "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "fieldsV1": fields })
    };
    let (suspend, interval) = (json!({ "f:suspend": {} }), json!({ "f:interval": {} }));
    assert_eq!(left(json!([of(json!({ "f:spec": suspend }))])), None);
    let both = left(json!([of(json!({ "f:spec": { "f:suspend": {}, "f:interval": {} } }))]));
    let expected = [("kubectl-patch", suspend), (OURS, interval)];
    assert_eq!(both, Some(expected.map(|(manager, spec)| (manager.to_owned(), json!({ "f:spec": spec }))).to_vec()));
}

#[test]
fn what_people_wrote_stays_theirs_where_it_is_not_taken_over() {
    let helm = Ownership { field_manager: "helm-controller", takes_over: false, ..Ownership::default() };
    let of = |manager: &str, operation: &str| {
        let entries = json!([entry(manager, operation, "f:a")]);
        let metadata: ObjectMeta = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
        takeover(&metadata, &helm).is_some()
    };
    assert!(!of("kubectl-edit", "Update") && !of("kubectl", "Apply") && !of("before-first-apply", "Update"));
    assert!(of("helm-controller", "Update"));
}
