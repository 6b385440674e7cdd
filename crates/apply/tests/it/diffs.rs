//! What an apply or a prune would do.

use super::*;
use cowherd_apply::{Diff, compare};

async fn diffs(world: &World, objects: Vec<Value>) -> Result<Vec<(String, Action)>, ApplyError> {
    let told = world.applier.diff(&desired("x", objects)).await?;
    Ok(told.into_iter().map(|Diff { object, action, .. }| (object.id.name, action)).collect())
}

#[tokio::test]
async fn an_object_that_asks_to_be_left_alone_is_skipped_wherever_it_says_so() {
    let world = World::new().await;
    for (number, (key, value)) in [("reconcile", "disabled"), ("ssa", "Ignore")].into_iter().enumerate() {
        let plain = config_map(&format!("live-{number}"), json!({ "k": "1" }));
        let live = annotated(plain.clone(), key, value);
        let live: DynamicObject = serde_json::from_value(live).unwrap();
        world.api("v1", "ConfigMap").create(&PostParams::default(), &live).await.unwrap();
        let name = format!("live-{number}");
        assert_eq!(diffs(&world, vec![plain]).await.unwrap(), [(name, Action::Skipped)], "{key}");
        let described = annotated(config_map("new", json!({})), key, value);
        assert_eq!(diffs(&world, vec![described]).await.unwrap(), [("new".to_owned(), Action::Skipped)], "{key}");
    }
    let other = annotated(config_map("new", json!({})), "ssa", "Merge");
    assert_eq!(diffs(&world, vec![other]).await.unwrap(), [("new".to_owned(), Action::Created)]);
}

#[tokio::test]
async fn what_is_new_is_checked_unless_its_namespace_comes_with_it() {
    let world = World::new().await;
    let wrong = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "not/a/name", "namespace": "default" } });
    let mut wrong = wrong;
    wrong["metadata"]["name"] = "wrong".into();
    wrong["data"] = json!({ "not a key": "1" });
    let refused = diffs(&world, vec![wrong.clone()]).await.unwrap_err();
    assert!(refused.told(&Default::default()).contains("dry-run failed"), "{refused:?}");
    wrong["metadata"]["namespace"] = "coming".into();
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "coming" } });
    let created = diffs(&world, vec![namespace, wrong]).await.unwrap();
    assert_eq!(created, [("coming".to_owned(), Action::Created), ("wrong".to_owned(), Action::Created)]);
}

#[tokio::test]
async fn what_a_prune_would_leave_is_told_apart_from_what_it_would_delete() {
    let world = World::new().await;
    let mut stale = entries(&world.apply("x", vec![config_map("mine", json!({}))]).await.unwrap());
    let kept = annotated(config_map("kept", json!({})), "prune", "disabled");
    stale.extend(entries(&world.apply("x", vec![kept]).await.unwrap()));
    stale.extend(entries(&world.apply("y", vec![config_map("theirs", json!({}))]).await.unwrap()));
    let gone = Manifest::new(config_map("gone", json!({}))).unwrap();
    stale.push(gone.versioned().clone());
    // An object of this name is in no namespace; the API would find another one.
    let mut misnamed = stale[0].clone();
    misnamed.id.namespace.clear();
    stale.push(misnamed.clone());
    let told = async |abandoned_by| {
        let owner = Owner::new("flux-system", "x");
        let stale = Stale { owner, objects: stale.clone(), account: None, abandoned_by };
        let told = world.applier.diff_stale(&stale).await.unwrap();
        told.into_iter().map(|diff| (diff.object.id, diff.action)).collect::<Vec<_>>()
    };
    let expected = |theirs| {
        let actions = [Action::Deleted, Action::Skipped, theirs, Action::Skipped];
        let objects = stale.iter().filter(|object| object.id != gone.versioned().id);
        objects.map(|object| object.id.clone()).zip(actions).collect::<Vec<_>>()
    };
    assert_eq!(told(Owners::none()).await, expected(Action::Skipped));
    let gave_it_up = || Owners::those(|owner, _| *owner == Owner::new("flux-system", "y"));
    assert_eq!(told(gave_it_up()).await, expected(Action::Deleted), "a prune would delete it");
    let of_theirs = [stale[2].id.clone()].into_iter().collect();
    assert_eq!(told(gave_it_up().but_not_of(of_theirs)).await, expected(Action::Skipped));
}

#[test]
fn what_lies_deeper_than_64_levels_is_told_as_a_whole() {
    let maps = |levels: usize, value: u8| (0..levels).fold(json!({ "a": value }), |inner, _| json!({ "n": inner }));
    let lists = |levels: usize, value: u8| (0..levels).fold(json!([value]), |inner, _| json!([inner]));
    for levels in [1, 62, 63, 64, 65, 80] {
        let changes = compare(Some(&maps(levels, 1)), Some(&maps(levels, 2)));
        let path = if levels < 64 { format!("{}a", "n.".repeat(levels)) } else { vec!["n"; 64].join(".") };
        assert_eq!((changes.len(), changes[0].path.as_str()), (1, path.as_str()), "{levels}");
        // The list lies in a map, which is the first level.
        let changes = compare(Some(&json!({ "n": lists(levels, 1) })), Some(&json!({ "n": lists(levels, 2) })));
        let path = format!("n{}", "[0]".repeat((levels + 1).min(63)));
        assert_eq!((changes.len(), changes[0].path.as_str()), (1, path.as_str()), "{levels}");
    }
}

#[test]
fn names_are_quoted_where_they_need_it() {
    for (key, path) in [("a-b", "a-b"), ("a_b", "a_b"), ("A1", "A1"), ("a.b", "[\"a.b\"]"), ("", "[\"\"]")] {
        let object = json!({ key: 1 });
        assert_eq!(compare(Some(&json!({})), Some(&object))[0].path, path);
    }
}
