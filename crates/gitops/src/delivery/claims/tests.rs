//! Who has what several describe, and what is said of it.

use super::told::Because;
use super::*;

fn rank(created: i64, name: &str) -> Rank {
    Rank {
        precedence: Precedence::Tenant,
        created: Timestamp::from_second(created).unwrap(),
        name: OwnerName::new(&crate::kustomization::KIND, "n", name),
    }
}

fn object(name: &str) -> ObjectId {
    ObjectId { kind: "ConfigMap".into(), name: name.into(), ..ObjectId::default() }
}

/// Those who have to know.
fn names(concerned: &Concerned) -> Vec<&str> {
    concerned.to_look.union(&concerned.to_say).map(|name| name.name.as_str()).collect()
}

/// Describes objects, none of which asks to be left as it is.
fn describe(claims: &mut Claims, rank: &Rank, objects: impl IntoIterator<Item = ObjectId>) -> Concerned {
    claims.claim(rank, objects, BTreeSet::new())
}

/// Applies, as a reconciliation does, all that nobody older has; who has to know.
fn apply(claims: &mut Claims, rank: &Rank, objects: &[&str]) -> Vec<String> {
    let described: BTreeSet<ObjectId> = objects.iter().map(|name| object(name)).collect();
    let mut concerned = describe(claims, rank, described.clone());
    let lost = claims.lost(rank);
    let applied = described.difference(&lost).cloned().collect();
    concerned.extend(claims.applied(rank, &applied, true));
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
    drop((describe(&mut claims, &a, [object("x")]), claims.applied(&a, &BTreeSet::new(), false)));
    let though = format!("though n/a, which {by_name} but cannot apply it, describes it too");
    assert_eq!(said(&claims, &b), format!("ConfigMap/x is as described here, {though}. Take it out of all but one"));
}

#[test]
fn the_root_goes_before_those_beside_it_and_they_before_all_others_however_young_they_are() {
    let of = |precedence, created, name| Rank { precedence, ..rank(created, name) };
    let tenant = of(Precedence::Tenant, 1, "tenant");
    let guard = of(Precedence::Platform, 2, "guard");
    let root = of(Precedence::Root, 3, "root");
    let mut claims = Claims::default();
    apply(&mut claims, &tenant, &["x"]);
    assert_eq!(apply(&mut claims, &guard, &["x"]), ["tenant"]);
    assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&guard));
    assert_eq!(
        said(&claims, &tenant),
        "ConfigMap/x is as n/guard describes it, which describes it too and goes first as one of the root's namespace. \
         Take it out of all but one"
    );
    assert_eq!(
        said(&claims, &guard),
        "ConfigMap/x is as described here, though n/tenant describes it too; this one goes first as one of the root's \
         namespace. Take it out of all but one"
    );
    apply(&mut claims, &root, &["x"]);
    assert_eq!(claims.winner(&object("x")).map(Arc::as_ref), Some(&root));
    assert!(said(&claims, &guard).contains("n/root describes it, which describes it too and goes first as the root."));
    // It was deleted and put back.
    let _ = claims.disclaim(&root.name);
    apply(&mut claims, &guard, &["x"]);
    apply(&mut claims, &of(Precedence::Root, 9, "root"), &["x"]);
    assert_eq!(claims.lost(&guard), BTreeSet::from([object("x")]));
}

#[test]
fn what_an_owner_is_said_to_have_counts_until_it_turns_out_that_it_cannot_have_it() {
    let (a, b, x) = (rank(1, "a"), rank(2, "b"), object("x"));
    let mut claims = Claims::default();
    let _ = claims.expect(&a, false, [x.clone()]);
    let _ = describe(&mut claims, &b, [x.clone()]);
    let contested = |by: &Rank, is_believed| Contested { object: x.clone(), by: by.name.clone(), is_believed };
    assert_eq!(claims.contested(&b), [contested(&a, true)]);
    assert_eq!((claims.contested(&a), claims.doubtful(&b.name, &x)), (Vec::new(), vec![a.name.clone()]));
    assert_eq!(names(&claims.disprove(&a.name, &x)), ["b"]);
    assert_eq!((claims.contested(&b), claims.lost(&b)), (Vec::new(), BTreeSet::new()));
    assert_eq!(claims.doubtful(&b.name, &x), []);
    // Once it has applied the object, it has it.
    apply(&mut claims, &b, &["x"]);
    assert_eq!(apply(&mut claims, &a, &["x"]), ["b"]);
    assert_eq!(claims.contested(&b), [contested(&a, false)]);
    let _ = (claims.disprove(&a.name, &x), claims.disprove(&a.name, &object("y")));
    assert_eq!(names(&claims.disprove(&a.name, &x)), [""; 0], "it does not have it any more");
}

#[test]
fn an_object_that_asks_to_be_left_as_it_is_is_shared_with_nobody_and_goes_to_whoever_describes_it_last() {
    let (a, b, x) = (rank(1, "a"), rank(2, "b"), object("x"));
    let mut claims = Claims::default();
    apply(&mut claims, &b, &["x"]);
    let leave = |claims: &mut Claims| claims.claim(&a, [x.clone()], BTreeSet::from([x.clone()]));
    assert_eq!(leave(&mut claims), Concerned::default(), "that is nobody's business");
    for written in [BTreeSet::new(), BTreeSet::from([x.clone()])] {
        let _ = claims.applied(&a, &written, true);
        assert_eq!((said(&claims, &a), said(&claims, &b)), (String::new(), String::new()));
        apply(&mut claims, &b, &["x"]);
        assert_eq!(claims.lost(&b), BTreeSet::new(), "it wants nothing of it");
    }
    assert_eq!(claims.describers(&b.name, &x), []);
    assert_eq!(claims.heirs(&b.name, &x), Heirs::Some(vec![a.name.clone()]));
    let _ = describe(&mut claims, &a, [x.clone()]);
    let _ = claims.applied(&a, &BTreeSet::from([x.clone()]), true);
    let _ = leave(&mut claims);
    assert_eq!(claims.lost(&b), BTreeSet::new(), "it wants nothing of it any more");
}

#[test]
fn who_only_has_something_else_to_say_need_not_look_at_its_objects_at_once() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    apply(&mut claims, &a, &["x"]);
    let told = |concerned: Concerned| (concerned.to_look.len(), concerned.to_say.len());
    assert_eq!(told(describe(&mut claims, &b, [object("x")])), (0, 1));
    assert_eq!(told(claims.applied(&b, &BTreeSet::new(), false)), (0, 0));
    assert_eq!(told(claims.rest(&b.name)), (0, 1));
    let _ = describe(&mut claims, &b, [object("x")]);
    assert_eq!(told(claims.rest(&a.name)), (1, 0), "it can have the object now");
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
    claims.keep(&a.name, [].into_iter(), false);
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
    assert_eq!(names(&describe(&mut claims, &a, [object("x")])), ["b"], "it shares the object now");
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
    let _ = claims.expect(&a, false, [object("x")]);
    let _ = claims.expect(&b, false, [object("x")]);
    assert_eq!(claims.lost(&b), BTreeSet::from([object("x")]));
    let _ = describe(&mut claims, &a, [object("x")]);
    assert_eq!(names(&claims.applied(&a, &BTreeSet::new(), false)), ["b"]);
    assert_eq!(claims.lost(&b), BTreeSet::new());
}

#[test]
fn what_was_applied_before_a_restart_is_doubtful_until_it_is_claimed_again() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    let _ = claims.expect(&b, false, [object("x")]);
    let x = object("x");
    assert!(claims.is_doubtful(&a.name, [&x].into_iter()) && !claims.is_doubtful(&b.name, [&x].into_iter()));
    apply(&mut claims, &b, &[]);
    assert!(!claims.is_doubtful(&a.name, [&x].into_iter()) && !claims.is_claimed_by_another(&a.name, &x));
    let _ = claims.expect(&b, true, [object("x")]);
    assert!(!claims.is_doubtful(&a.name, [&x].into_iter()) && claims.is_claimed_by_another(&a.name, &x));
}

#[test]
fn a_younger_one_that_wrote_at_the_same_time_has_it_written_again() {
    let (a, b, mut claims) = (rank(1, "a"), rank(2, "b"), Claims::default());
    let x = BTreeSet::from([object("x")]);
    let _ = (describe(&mut claims, &a, x.clone()), describe(&mut claims, &b, x.clone()));
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
        let _ = (describe(&mut claims, &a, x.clone()), describe(&mut claims, &b, x.clone()));
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
    let _ = (claims.rest(&b.name), describe(&mut claims, &a, [x.clone()]), describe(&mut claims, &c, [x.clone()]));
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
        because: Because::Age,
    };
    let text = told(&(0..13).map(one).collect::<Vec<_>>()).unwrap();
    assert!(text.contains("; and 3 more. Take each out of all but one") && !text.contains("ConfigMap/10 "), "{text}");
}

#[test]
fn an_owner_is_lost_with_all_that_it_has_unless_somebody_describes_some_of_it() {
    let (a, b) = (rank(1, "a"), rank(2, "b"));
    let mut claims = Claims::default();
    assert!(!claims.is_all_lost_with(&a.name), "it has nothing");
    apply(&mut claims, &a, &["x", "y"]);
    assert!(claims.is_all_lost_with(&a.name));
    drop(claims.claim(&a, [], BTreeSet::new()));
    assert!(claims.is_all_lost_with(&a.name), "they are there still");
    drop(claims.claim(&b, [object("y")], BTreeSet::new()));
    assert!(!claims.is_all_lost_with(&a.name));
}

#[test]
fn what_waits_at_an_owner_is_what_it_kept_for_an_approval_and_nobody_else_describes() {
    let (a, b) = (rank(1, "a"), rank(2, "b"));
    let mut claims = Claims::default();
    apply(&mut claims, &a, &["x", "y"]);
    drop(claims.claim(&a, [], BTreeSet::new()));
    assert_eq!(claims.waits_at(&a.name), [], "it is about to delete them");
    claims.keep(&a.name, [object("x"), object("y")].into_iter(), true);
    drop(claims.claim(&b, [object("y")], BTreeSet::new()));
    assert_eq!(claims.waits_at(&a.name), [object("x")]);
    claims.keep(&a.name, [object("x")].into_iter(), false);
    assert_eq!(claims.waits_at(&a.name), []);
    claims.expect_to_wait(&b.name);
    assert_eq!(claims.waits_at(&b.name), [object("y")], "before it is known what that is, all that it has");
}

#[test]
fn a_former_one_of_the_same_name_has_nothing_any_more() {
    let (former, a, b, x) = (rank(1, "a"), rank(3, "a"), rank(2, "b"), object("x"));
    let mut claims = Claims::default();
    apply(&mut claims, &former, &["x"]);
    apply(&mut claims, &b, &["x"]);
    assert_eq!(names(&claims.expect(&a, false, [])), ["b"], "it has the object now");
    assert_eq!(claims.lost(&b), BTreeSet::new());
    // What it was about to apply came after it was gone.
    let _ = claims.applied(&former, &BTreeSet::from([x.clone()]), true);
    let _ = claims.claim(&a, [x.clone()], BTreeSet::new());
    let _ = claims.applied(&former, &BTreeSet::from([x.clone()]), true);
    assert_eq!(claims.describing(&x), [b.name.clone(), a.name.clone()]);
}
