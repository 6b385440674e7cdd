//! Who describes which objects, and whose content an object has that several describe.
//!
//! Only one of them can have its content in the cluster: the oldest of those that could apply it. It is the same
//! whatever the order of their reconciliations, nobody takes an object away by describing it too, and nobody keeps one
//! from others that the API does not let it have. When it leaves, all others are told and the next one takes its place.

mod holds;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cowherd_apply::ObjectId;
use jiff::Timestamp;

use self::holds::{Hold, Holds};
use crate::owner::{Owner, OwnerName};

/// The place of an owner among others that describe the same object: the older goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    created: Timestamp,
    pub(crate) name: OwnerName,
}

impl Rank {
    pub(crate) fn of(owner: &Owner) -> Self {
        Self { created: owner.created(), name: owner.name.clone() }
    }
}

/// An object that others describe too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) object: ObjectId,
    /// Who has it, if somebody else does.
    pub(crate) winner: Option<OwnerName>,
    /// The first of the others, whether it is older and could not apply the object, and whether there are more.
    pub(crate) with: OwnerName,
    pub(crate) is_with_older: bool,
    pub(crate) is_with_more: bool,
}

/// Who else could have an object that somebody leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heirs {
    /// Somebody else applied it.
    OneHasIt,
    /// Nobody did. These describe it: those that are at work first, of these and of the others the oldest first.
    Some(Vec<OwnerName>),
}

/// Those that a change concerns, and that have to look at their objects again.
#[must_use]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned(pub(crate) BTreeSet<OwnerName>);

/// Who describes which objects. There are many of both: each is kept once, and what is named of them points there.
#[derive(Default)]
pub(super) struct Claims {
    of: HashMap<OwnerName, Described>,
    on: HashMap<Arc<ObjectId>, Holds>,
}

/// What an owner describes, in order.
#[derive(Clone)]
struct Described {
    rank: Arc<Rank>,
    objects: Arc<[Arc<ObjectId>]>,
}

impl Claims {
    /// `rank` had these objects when the process began.
    pub(super) fn expect(&mut self, rank: &Rank, is_suspended: bool, objects: impl IntoIterator<Item = ObjectId>) {
        let hold = if is_suspended { Hold::Rests } else { Hold::Had };
        let described = self.described(rank, objects);
        for object in described.objects.iter() {
            self.on.entry(Arc::clone(object)).or_default().set(&described.rank, Some(hold));
        }
        self.of.insert(rank.name.clone(), described);
    }

    /// `rank` describes these objects and no others.
    pub(super) fn claim(&mut self, rank: &Rank, objects: impl IntoIterator<Item = ObjectId>) -> Concerned {
        let described = self.described(rank, objects);
        let mut concerned = Concerned::default();
        if let Some(former) = self.of.insert(rank.name.clone(), described.clone()) {
            let is_same = former.rank == described.rank;
            let stays = |object: &Arc<ObjectId>| is_same && described.objects.binary_search(object).is_ok();
            for object in former.objects.iter().filter(|object| !stays(object)) {
                self.change(object, &former.rank, &mut concerned, |_| None);
            }
        }
        for object in described.objects.iter() {
            self.change(object, &described.rank, &mut concerned, |hold| match hold {
                None | Some(Hold::Rests) => Some(Hold::Wants),
                known => known,
            });
        }
        concerned
    }

    /// `rank` and these objects, as they are kept already where they are known.
    fn described(&self, rank: &Rank, objects: impl IntoIterator<Item = ObjectId>) -> Described {
        let objects: BTreeSet<ObjectId> = objects.into_iter().collect();
        let kept = |object: ObjectId| match self.on.get_key_value(&object) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::new(object),
        };
        Described { rank: self.kept(rank), objects: objects.into_iter().map(kept).collect() }
    }

    fn kept(&self, rank: &Rank) -> Arc<Rank> {
        let known = self.of.get(&rank.name).map(|known| &known.rank).filter(|known| known.as_ref() == rank);
        known.map_or_else(|| Arc::new(rank.clone()), Arc::clone)
    }

    /// `rank` applied these objects, and could not apply what else it describes where `is_all` does not hold.
    pub(super) fn applied(&mut self, rank: &Rank, objects: &BTreeSet<ObjectId>, is_all: bool) -> Concerned {
        let mut concerned = Concerned::default();
        let rank = &self.kept(rank);
        let described = self.of.get(&rank.name).map(|described| Arc::clone(&described.objects)).unwrap_or_default();
        for object in described.iter() {
            let older = self.winner(object).filter(|winner| *winner < rank).cloned();
            let is_written = objects.contains(object.as_ref());
            self.change(object, rank, &mut concerned, |before| {
                Some(match before {
                    _ if older.is_some() => Hold::Wants,
                    _ if is_written => Hold::Has,
                    // What it applied before stays as it was, although something else could not be applied.
                    Some(Hold::Has) => Hold::Has,
                    _ if is_all => Hold::Wants,
                    _ => Hold::Failed,
                })
            });
            match older {
                // Somebody older has it, who did not when the apply began: that content comes back.
                Some(older) if is_written => drop(concerned.0.insert(older.name.clone())),
                None if is_written => self.overwrite(object, rank),
                _ => {}
            }
        }
        concerned
    }

    /// `rank` wrote the object after all others: what they applied is there no more.
    fn overwrite(&mut self, object: &ObjectId, rank: &Rank) {
        let holds = self.on.get_mut(object).into_iter().flat_map(Holds::iter_mut);
        let overwritten = holds.filter(|(other, hold)| other.as_ref() != rank && hold.has());
        overwritten.for_each(|(_, hold)| *hold = Hold::Wants);
    }

    /// `name` is suspended.
    pub(super) fn rest(&mut self, name: &OwnerName) -> Concerned {
        let mut concerned = Concerned::default();
        if let Some(Described { rank, objects }) = self.of.get(name).cloned() {
            for object in objects.iter() {
                self.change(object, &rank, &mut concerned, |_| Some(Hold::Rests));
            }
        }
        concerned
    }

    /// `name` describes nothing any more.
    pub(super) fn disclaim(&mut self, name: &OwnerName) -> Concerned {
        let mut concerned = Concerned::default();
        if let Some(Described { rank, objects }) = self.of.remove(name) {
            for object in objects.iter() {
                self.change(object, &rank, &mut concerned, |_| None);
            }
        }
        concerned
    }

    /// What `rank` describes and somebody older has.
    pub(super) fn lost(&self, rank: &Rank) -> BTreeSet<ObjectId> {
        let objects = self.of.get(&rank.name).into_iter().flat_map(|described| described.objects.iter());
        let lost = objects.filter(|object| self.winner(object).is_some_and(|winner| winner.as_ref() < rank));
        lost.map(|object| object.as_ref().clone()).collect()
    }

    /// Whether `name` is there, and said what it describes.
    pub(super) fn is_known(&self, name: &OwnerName) -> bool {
        self.of.contains_key(name)
    }

    /// Those that describe the object, the oldest first.
    fn holds(&self, object: &ObjectId) -> impl Iterator<Item = (&Arc<Rank>, Hold)> + Clone {
        self.on.get(object).into_iter().flat_map(Holds::iter)
    }

    /// Whether someone else than `name` describes the object.
    pub(super) fn is_claimed_by_another(&self, name: &OwnerName, object: &ObjectId) -> bool {
        self.holds(object).any(|(rank, _)| rank.name != *name)
    }

    /// Who else than `name` could have the object.
    pub(super) fn heirs(&self, name: &OwnerName, object: &ObjectId) -> Heirs {
        let others = || self.holds(object).filter(|(rank, _)| rank.name != *name);
        if others().any(|(_, hold)| hold == Hold::Has) {
            return Heirs::OneHasIt;
        }
        let (resting, at_work): (Vec<_>, Vec<_>) = others().partition(|(_, hold)| *hold == Hold::Rests);
        Heirs::Some(at_work.into_iter().chain(resting).map(|(rank, _)| rank.name.clone()).collect())
    }

    /// Whether somebody else than `name` had one of the objects and did not say yet whether it still describes it.
    pub(super) fn is_doubtful<'a>(&self, name: &OwnerName, mut objects: impl Iterator<Item = &'a ObjectId>) -> bool {
        objects.any(|object| self.holds(object).any(|(rank, hold)| rank.name != *name && hold == Hold::Had))
    }

    /// The objects of `name` that others describe too, in order.
    pub(super) fn shared(&self, name: &OwnerName) -> Vec<Shared> {
        let Some(Described { rank, objects }) = self.of.get(name) else { return Vec::new() };
        objects.iter().filter_map(|object| self.shared_one(rank, object)).collect()
    }

    fn shared_one(&self, rank: &Rank, object: &ObjectId) -> Option<Shared> {
        let (winner, first, is_with_more) = self.standing(object)?;
        let shared = |with: &Rank, winner: Option<&Rank>| Shared {
            object: object.clone(),
            winner: winner.map(|winner| winner.name.clone()),
            with: with.name.clone(),
            is_with_older: winner.is_none() && with < rank,
            // Whoever lost need not know who else did.
            is_with_more: winner.is_none() && is_with_more,
        };
        if *winner == *rank { Some(shared(first.as_ref()?, None)) } else { Some(shared(&winner, Some(&winner))) }
    }

    fn winner(&self, object: &ObjectId) -> Option<&Arc<Rank>> {
        self.holds(object).find(|(_, hold)| hold.has()).map(|(rank, _)| rank)
    }

    /// Changes what `rank` has of an object, and notes who has to know.
    fn change(
        &mut self,
        object: &Arc<ObjectId>,
        rank: &Arc<Rank>,
        concerned: &mut Concerned,
        change: impl FnOnce(Option<Hold>) -> Option<Hold>,
    ) {
        let before = (self.winner(object).cloned(), self.standing(object));
        let holds = self.on.entry(Arc::clone(object)).or_default();
        holds.set(rank, change(holds.get(rank)));
        if holds.is_empty() {
            self.on.remove(object);
        }
        let after = (self.winner(object).cloned(), self.standing(object));
        if before == after {
            return;
        }
        let others = self.holds(object).map(|(other, _)| other).filter(|other| *other != rank);
        let is_other_winner = before.0 != after.0;
        let told = others.filter(|other| is_other_winner || after.0.as_ref() == Some(*other));
        concerned.0.extend(told.map(|other| other.name.clone()));
    }

    /// All that is said of the sharing of an object: who has it, who is the first of the others, whether there are more.
    /// Nothing is said as long as nobody has it, or somebody older is about to: that would be another thing a moment later.
    fn standing(&self, object: &ObjectId) -> Option<(Arc<Rank>, Option<Arc<Rank>>, bool)> {
        let winner = self.winner(object)?;
        let mut others = self.holds(object).filter(|(rank, hold)| *rank != winner && *hold != Hold::Rests);
        if others.clone().any(|(rank, hold)| rank < winner && hold == Hold::Wants) {
            return None;
        }
        Some((Arc::clone(winner), others.next().map(|(rank, _)| Arc::clone(rank)), others.next().is_some()))
    }
}

/// How many shared objects are named.
const NAMED: usize = 10;

/// Says what is shared, with whom, and who wins; nothing where nothing is.
pub(crate) fn told(shared: &[Shared]) -> Option<String> {
    let one = |shared: &Shared| {
        let (object, with) = (&shared.object, &shared.with);
        let more = if shared.is_with_more { " and others" } else { "" };
        match shared.winner {
            Some(_) => format!("{object} is as {with} describes it, which describes it too and is older"),
            None if shared.is_with_older => {
                format!(
                    "{object} is as described here, though {with}{more}, which is older but cannot apply it, describes it too"
                )
            }
            None => format!("{object} is as described here, though {with}{more} describes it too and is younger"),
        }
    };
    let named: Vec<String> = shared.iter().take(NAMED).map(one).collect();
    let more = shared.len().checked_sub(NAMED + 1).map_or(String::new(), |more| format!("; and {} more", more + 1));
    (!named.is_empty()).then(|| format!("{}{more}. Take it out of all but one", named.join("; ")))
}

#[cfg(test)]
mod tests {
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
                "ConfigMap/x is as described here, though n/b and others describes it too and is younger. Take it out of \
                 all but one"
            );
            let lost =
                "ConfigMap/x is as n/a describes it, which describes it too and is older. Take it out of all but one";
            assert_eq!((said(&claims, &b).as_str(), said(&claims, &c).as_str()), (lost, lost));
        }
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
        assert_eq!(claims.heirs(&a.name, &x), Heirs::OneHasIt);
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
        };
        let text = told(&(0..13).map(one).collect::<Vec<_>>()).unwrap();
        assert!(text.contains("; and 3 more. Take it") && !text.contains("ConfigMap/10 "), "{text}");
    }
}
