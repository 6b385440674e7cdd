//! Who has what several describe, and what is said of it.

use super::*;

fn rank(created: i64, name: &str) -> Rank {
    Rank {
        created: Timestamp::from_second(created).unwrap(),
        name: OwnerName::new(&crate::kustomization::KIND, "n", name),
    }
}

fn object(name: &str) -> ObjectId {
    ObjectId { kind: "ConfigMap".into(), name: name.into(), ..ObjectId::default() }
}

fn names(concerned: &Concerned) -> Vec<&str> {
    concerned.0.iter().map(|name| name.name.as_str()).collect()
}

/// Applies, as a reconciliation does, all that nobody older has; who has to know.
fn apply(claims: &mut Claims, rank: &Rank, objects: &[&str]) -> Vec<String> {
    let described: BTreeSet<ObjectId> = objects.iter().map(|name| object(name)).collect();
    let mut concerned = claims.claim(rank, described.clone());
    let lost = claims.lost(rank);
    let applied = described.difference(&lost).cloned().collect();
    concerned.0.extend(claims.applied(rank, &applied, true).0);
    names(&concerned).into_iter().map(str::to_owned).collect()
}

fn said(claims: &Claims, rank: &Rank) -> String {
    told(&claims.shared(&rank.name)).unwrap_or_default()
}

#[test]
fn the_oldest_has_what_several_describe_whoever_comes_first() {
    let (a, b, c) = (rank(1, "a"), rank(2, "b"), rank(2, "c"));
    for order in [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a], [&b, &a, &c]] {
        let mut claims = Claims::default();
        let mut queue: Vec<String> = order.iter().map(|rank| rank.name.name.clone()).collect();
        let mut steps = 0;
        while let Some(next) = queue.first().cloned() {
            queue.remove(0);
            let rank = order.iter().find(|rank| rank.name.name == next).unwrap();
            for told in apply(&mut claims, rank, &["x"]) {
                if !queue.contains(&told) {
                    queue.push(told);
                }
            }
            steps += 1;
            assert!(steps < 20, "it never ends");
        }
        assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&a));
        assert_eq!(
            said(&claims, &a),
            "ConfigMap/x is as described here, though n/b and others describe it too and are younger. Take it out of \
             all but one"
        );
        let lost =
            "ConfigMap/x is as n/a describes it, which describes it too and is older. Take it out of all but one";
        assert_eq!((said(&claims, &b).as_str(), said(&claims, &c).as_str()), (lost, lost));
    }
}

#[test]
fn of_two_of_the_same_second_the_names_decide_and_that_is_what_is_said() {
    let (a, b) = (rank(1, "a"), rank(1, "b"));
    let by_name = "comes first by its name (both were made in the same second)";
    let mut claims = Claims::default();
    apply(&mut claims, &a, &["x"]);
    apply(&mut claims, &b, &["x"]);
    assert_eq!(
        said(&claims, &a),
        format!(
            "ConfigMap/x is as described here, though n/b describes it too; this one {by_name}. Take it out of all but one"
        )
    );
    assert_eq!(
        said(&claims, &b),
        format!("ConfigMap/x is as n/a describes it, which describes it too and {by_name}. Take it out of all but one")
    );
    let mut claims = Claims::default();
    apply(&mut claims, &b, &["x"]);
    drop((claims.claim(&a, [object("x")]), claims.applied(&a, &BTreeSet::new(), false)));
    let though = format!("though n/a, which {by_name} but cannot apply it, describes it too");
    assert_eq!(said(&claims, &b), format!("ConfigMap/x is as described here, {though}. Take it out of all but one"));
}

#[test]
fn whoever_takes_an_object_away_that_it_described_is_known_until_it_has() {
    let (a, b, x) = (rank(1, "a"), rank(2, "b"), object("x"));
    let mut claims = Claims::default();
    let havers = |claims: &Claims| claims.havers(&b.name, &x);
    assert_eq!(havers(&claims), []);
    apply(&mut claims, &a, &["x"]);
    assert_eq!(havers(&claims), std::slice::from_ref(&a.name));
    apply(&mut claims, &a, &[]);
    assert_eq!(havers(&claims), std::slice::from_ref(&a.name), "it is about to delete it");
    claims.keep(&a.name, [].into_iter());
    assert_eq!(havers(&claims), []);
    apply(&mut claims, &b, &["x"]);
    assert_eq!(havers(&claims), [], "nobody else");
}

#[test]
fn whoever_leaves_makes_room_for_the_others() {
    let (a, b) = (rank(1, "a"), rank(2, "b"));
    let leave: [fn(&mut Claims); 3] = [
        |claims| assert_eq!(apply(claims, &rank(1, "a"), &["y"]), ["b"]),
        |claims| assert_eq!(names(&claims.disclaim(&rank(1, "a").name)), ["b"]),
        |claims| assert_eq!(names(&claims.rest(&rank(1, "a").name)), ["b"]),
    ];
    for leave in leave {
        let mut claims = Claims::default();
        apply(&mut claims, &a, &["x"]);
        assert_eq!(apply(&mut claims, &b, &["x"]), ["a"], "the winner shares it now");
        assert_eq!(claims.lost(&b), BTreeSet::from([object("x")]));
        leave(&mut claims);
        assert_eq!(claims.lost(&b), BTreeSet::new());
        apply(&mut claims, &b, &["x"]);
        assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&b));
        assert_eq!(said(&claims, &b), "");
    }
}

#[test]
fn what_rests_keeps_its_objects_from_being_deleted_and_takes_them_back() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    apply(&mut claims, &a, &["x"]);
    apply(&mut claims, &b, &["x"]);
    let _ = claims.rest(&a.name);
    assert!(claims.is_claimed_by_another(&b.name, &object("x")));
    apply(&mut claims, &b, &["x"]);
    assert_eq!(apply(&mut claims, &a, &["x"]), ["b"]);
    assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&a));
}

#[test]
fn who_cannot_apply_an_object_keeps_it_from_nobody() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    apply(&mut claims, &b, &["x"]);
    assert_eq!(names(&claims.claim(&a, [object("x")])), ["b"], "it shares the object now");
    assert_eq!(said(&claims, &b), "", "it may be another one's the next moment");
    assert_eq!(names(&claims.applied(&a, &BTreeSet::new(), false)), ["b"]);
    assert_eq!(
        said(&claims, &b),
        "ConfigMap/x is as described here, though n/a, which is older but cannot apply it, describes it too. Take it \
         out of all but one"
    );
    assert_eq!(claims.lost(&b), BTreeSet::new());
    // Nor after a restart, when nobody knows any more who could.
    let mut claims = Claims::default();
    claims.expect(&a, false, [object("x")]);
    claims.expect(&b, false, [object("x")]);
    assert_eq!(claims.lost(&b), BTreeSet::from([object("x")]));
    let _ = claims.claim(&a, [object("x")]);
    assert_eq!(names(&claims.applied(&a, &BTreeSet::new(), false)), ["b"]);
    assert_eq!(claims.lost(&b), BTreeSet::new());
}

#[test]
fn what_was_applied_before_a_restart_is_doubtful_until_it_is_claimed_again() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    claims.expect(&b, false, [object("x")]);
    let x = object("x");
    assert!(claims.is_doubtful(&a.name, [&x].into_iter()) && !claims.is_doubtful(&b.name, [&x].into_iter()));
    apply(&mut claims, &b, &[]);
    assert!(!claims.is_doubtful(&a.name, [&x].into_iter()) && !claims.is_claimed_by_another(&a.name, &x));
    claims.expect(&b, true, [object("x")]);
    assert!(!claims.is_doubtful(&a.name, [&x].into_iter()) && claims.is_claimed_by_another(&a.name, &x));
}

#[test]
fn a_younger_one_that_wrote_at_the_same_time_has_it_written_again() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    let x = BTreeSet::from([object("x")]);
    let _ = (claims.claim(&a, x.clone()), claims.claim(&b, x.clone()));
    assert!(claims.lost(&b).is_empty(), "nobody has it yet");
    assert_eq!(names(&claims.applied(&a, &x, true)), ["b"]);
    assert_eq!(names(&claims.applied(&b, &x, true)), ["a"]);
    assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&a));
}

#[test]
fn of_two_that_begin_at_once_each_says_one_thing_only() {
    let (a, b) = (rank(1, "a"), rank(2, "b"));
    let x = BTreeSet::from([object("x")]);
    for younger_is_first in [true, false] {
        let mut claims = Claims::default();
        let _ = (claims.claim(&a, x.clone()), claims.claim(&b, x.clone()));
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut queue = if younger_is_first { vec![&b, &a] } else { vec![&a, &b] };
        for rank in queue.clone() {
            for name in names(&claims.applied(rank, &x, true)) {
                queue.push(if name == "a" { &a } else { &b });
            }
            told.insert(said(&claims, rank));
        }
        for rank in queue.split_off(2) {
            let lost = claims.lost(rank);
            let _ = claims.applied(rank, &x.difference(&lost).cloned().collect(), true);
            told.insert(said(&claims, rank));
        }
        told.remove("");
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

#[test]
fn an_object_is_left_to_who_has_it_or_else_to_who_is_at_work_and_at_last_to_who_rests() {
    let (a, b, c, x) = (rank(1, "a"), rank(2, "b"), rank(3, "c"), object("x"));
    let names = |names: &[&str]| {
        Heirs::Some(names.iter().map(|name| OwnerName::new(&crate::kustomization::KIND, "n", *name)).collect())
    };
    let mut claims = Claims::default();
    apply(&mut claims, &b, &["x"]);
    let _ = (claims.rest(&b.name), claims.claim(&a, [x.clone()]), claims.claim(&c, [x.clone()]));
    assert_eq!(claims.heirs(&a.name, &x), names(&["c", "b"]));
    let written = BTreeSet::from([x.clone()]);
    let _ = claims.applied(&c, &written, true);
    assert_eq!(claims.heirs(&a.name, &x), Heirs::OneHasIt(c.name.clone()));
    let _ = claims.applied(&a, &written, true);
    assert_eq!(claims.heirs(&a.name, &x), names(&["c", "b"]), "what it had was overwritten");
    assert_eq!(claims.heirs(&a.name, &object("y")), names(&[]));
}

#[test]
fn nothing_is_kept_of_what_nobody_describes() {
    let (a, mut claims) = (rank(1, "a"), Claims::default());
    apply(&mut claims, &a, &["x", "y"]);
    apply(&mut claims, &a, &["y"]);
    let _ = claims.disclaim(&a.name);
    assert!(claims.of.is_empty() && claims.on.is_empty());
}

#[test]
fn only_so_many_shared_objects_are_named() {
    let with = rank(0, "b").name;
    let one = |number: usize| Shared {
        object: object(&number.to_string()),
        winner: None,
        with: with.clone(),
        is_with_older: false,
        is_with_more: false,
        is_by_name: false,
    };
    let text = told(&(0..13).map(one).collect::<Vec<_>>()).unwrap();
    assert!(text.contains("; and 3 more. Take each out of all but one") && !text.contains("ConfigMap/10 "), "{text}");
}
