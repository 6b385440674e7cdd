//! Who describes which objects, and whose content an object has that several describe.
//!
//! Only one of them can have its content in the cluster: the first of those that could apply it, which is the root, then those
//! beside it, then all others, and of equals the oldest. It is the same whatever the order of their reconciliations, nobody
//! takes an object away by describing it too, and nobody keeps one from others that the API does not let it have. When it
//! leaves, all others are told and the next one takes its place.

mod domains;
mod heirs;
mod holds;
#[cfg(test)]
mod tests;
mod told;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use cowherd_apply::ObjectId;
use jiff::Timestamp;

pub(in crate::delivery) use self::domains::Domains;
pub(crate) use self::domains::Place;
pub(crate) use self::heirs::Heirs;
use self::holds::{Hold, Holds};
pub(crate) use self::told::{Shared, told};
use crate::owner::{Owner, OwnerName, Precedence};

/// The place of an owner among others that describe the same object: of equal precedence the older goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    precedence: Precedence,
    pub(super) created: Timestamp,
    pub(crate) name: OwnerName,
}

impl Rank {
    pub(crate) fn of(owner: &Owner) -> Self {
        Self { precedence: owner.precedence, created: owner.created(), name: owner.name.clone() }
    }
}

/// Those that a change concerns.
#[must_use]
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned {
    /// Whose content some of their objects may have now, or have no more: they have to look at them again, whatever they do.
    pub(crate) to_look: BTreeSet<OwnerName>,
    /// Who has something else to say of their objects, when there is time for it.
    pub(crate) to_say: BTreeSet<OwnerName>,
}

impl Concerned {
    /// These have to look at their objects again.
    pub(super) fn to_look(names: BTreeSet<OwnerName>) -> Self {
        Self { to_look: names, ..Self::default() }
    }
}

impl Concerned {
    pub(crate) fn is_empty(&self) -> bool {
        self.to_look.is_empty() && self.to_say.is_empty()
    }

    /// Adds those of another change.
    pub(super) fn extend(&mut self, other: Self) {
        self.to_look.extend(other.to_look);
        self.to_say.extend(other.to_say);
    }

    /// It concerns this one no more.
    pub(super) fn forget(&mut self, name: &OwnerName) {
        self.to_look.remove(name);
        self.to_say.remove(name);
    }
}

/// An object that somebody describes, and who goes before that one and is said to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contested {
    pub(crate) object: ObjectId,
    pub(crate) by: OwnerName,
    /// Whether nothing but a status says so, from before the start.
    pub(crate) is_believed: bool,
}

/// Who describes which objects. There are many of both: each is kept once, and what is named of them points there.
#[derive(Default)]
pub(super) struct Claims {
    of: HashMap<OwnerName, Described>,
    on: HashMap<Arc<ObjectId>, Holds>,
    /// What an owner described and has still: nobody else is to delete it meanwhile.
    kept: HashMap<OwnerName, HashSet<Arc<ObjectId>>>,
    /// Those that have something still because it waits to be approved that it goes.
    waiting: HashSet<OwnerName>,
}

/// What an owner describes, in order.
#[derive(Clone)]
struct Described {
    rank: Arc<Rank>,
    objects: Arc<[Arc<ObjectId>]>,
    /// Those of them that it wants nothing of.
    left: Arc<BTreeSet<ObjectId>>,
}

impl Claims {
    /// `rank` had these objects when the process began. A former one of its name describes nothing any more.
    pub(super) fn expect(
        &mut self,
        rank: &Rank,
        is_suspended: bool,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Concerned {
        let is_former = self.of.get(&rank.name).is_some_and(|known| *known.rank != *rank);
        let concerned = if is_former { self.disclaim(&rank.name) } else { Concerned::default() };
        let hold = if is_suspended { Hold::Rests } else { Hold::Had };
        let described = self.described(rank, objects, BTreeSet::new());
        for object in described.objects.iter() {
            self.on.entry(Arc::clone(object)).or_default().set(&described.rank, Some(hold));
        }
        self.of.insert(rank.name.clone(), described);
        concerned
    }

    /// `rank` describes these objects and no others. Those of `left` it leaves as they are, since they ask for that.
    pub(super) fn claim(
        &mut self,
        rank: &Rank,
        objects: impl IntoIterator<Item = ObjectId>,
        left: BTreeSet<ObjectId>,
    ) -> Concerned {
        let described = self.described(rank, objects, left);
        let mut concerned = Concerned::default();
        if let Some(former) = self.of.insert(rank.name.clone(), described.clone()) {
            let is_same = former.rank == described.rank;
            let stays = |object: &Arc<ObjectId>| is_same && described.objects.binary_search(object).is_ok();
            for object in former.objects.iter().filter(|object| !stays(object)) {
                self.change(object, &former.rank, &mut concerned, |_| None);
                self.kept.entry(rank.name.clone()).or_default().insert(Arc::clone(object));
            }
        }
        for object in described.objects.iter() {
            let is_left = described.left.contains(object.as_ref());
            self.change(object, &described.rank, &mut concerned, |hold| match hold {
                _ if is_left => Some(Hold::Rests),
                None | Some(Hold::Rests) => Some(Hold::Wants),
                known => known,
            });
        }
        concerned
    }

    /// `rank` and these objects, as they are kept already where they are known.
    fn described(
        &self,
        rank: &Rank,
        objects: impl IntoIterator<Item = ObjectId>,
        left: BTreeSet<ObjectId>,
    ) -> Described {
        let objects: BTreeSet<ObjectId> = objects.into_iter().collect();
        let kept = |object: ObjectId| match self.on.get_key_value(&object) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::new(object),
        };
        let objects = objects.into_iter().map(kept).collect();
        Described { rank: self.kept(rank), objects, left: Arc::new(left) }
    }

    fn kept(&self, rank: &Rank) -> Arc<Rank> {
        let known = self.of.get(&rank.name).map(|known| &known.rank).filter(|known| known.as_ref() == rank);
        known.map_or_else(|| Arc::new(rank.clone()), Arc::clone)
    }

    /// `rank` applied these objects, and could not apply what else it describes where `is_all` does not hold. Of another one of its
    /// name that is there by now this says nothing.
    pub(super) fn applied(&mut self, rank: &Rank, objects: &BTreeSet<ObjectId>, is_all: bool) -> Concerned {
        let mut concerned = Concerned::default();
        let is_known = |described: &&Described| *described.rank == *rank;
        let Some(described) = self.of.get(&rank.name).filter(is_known).cloned() else { return concerned };
        let rank = &described.rank;
        for object in described.objects.iter() {
            let older = self.winner(object).filter(|winner| *winner < rank).cloned();
            let is_written = objects.contains(object.as_ref());
            let is_left = described.left.contains(object.as_ref());
            self.change(object, rank, &mut concerned, |before| {
                Some(match before {
                    _ if is_left => Hold::Rests,
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
                Some(older) if is_written => drop(concerned.to_look.insert(older.name.clone())),
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
        if let Some(Described { rank, objects, .. }) = self.of.get(name).cloned() {
            for object in objects.iter() {
                self.change(object, &rank, &mut concerned, |_| Some(Hold::Rests));
            }
        }
        concerned
    }

    /// `name` describes nothing any more.
    pub(super) fn disclaim(&mut self, name: &OwnerName) -> Concerned {
        let mut concerned = Concerned::default();
        self.kept.remove(name);
        self.waiting.remove(name);
        if let Some(Described { rank, objects, .. }) = self.of.remove(name) {
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

    /// What `rank` describes and somebody who goes before it is said to have.
    pub(super) fn contested(&self, rank: &Rank) -> Vec<Contested> {
        let objects = self.of.get(&rank.name).into_iter().flat_map(|described| described.objects.iter());
        let contested = |object: &Arc<ObjectId>| {
            let (winner, hold) = self.holds(object).find(|(_, hold)| hold.has())?;
            let (object, by) = (object.as_ref().clone(), winner.name.clone());
            (winner.as_ref() < rank).then_some(Contested { object, by, is_believed: hold == Hold::Had })
        };
        objects.filter_map(contested).collect()
    }

    /// It turned out that `name` cannot have the object.
    pub(super) fn disprove(&mut self, name: &OwnerName, object: &ObjectId) -> Concerned {
        let mut concerned = Concerned::default();
        let known = self.on.get_key_value(object).map(|(known, _)| Arc::clone(known));
        if let (Some(object), Some(Described { rank, .. })) = (known, self.of.get(name).cloned()) {
            self.change(&object, &rank, &mut concerned, |hold| match hold {
                Some(hold) if hold.has() => Some(Hold::Failed),
                hold => hold,
            });
        }
        concerned
    }

    /// Whether `name` is there, and said what it describes.
    pub(super) fn is_known(&self, name: &OwnerName) -> bool {
        self.of.contains_key(name)
    }

    /// Of what `name` describes no more it has these objects still, and no others.
    pub(super) fn keep(&mut self, name: &OwnerName, objects: impl Iterator<Item = ObjectId>, waits: bool) {
        let kept: HashSet<Arc<ObjectId>> = objects.map(Arc::new).collect();
        match kept.is_empty() {
            true => drop(self.kept.remove(name)),
            false => drop(self.kept.insert(name.clone(), kept)),
        }
        match waits {
            true => drop(self.waiting.insert(name.clone())),
            false => drop(self.waiting.remove(name)),
        }
    }

    /// Something of what `name` has waits to be approved, as it said before the process began.
    pub(super) fn expect_to_wait(&mut self, name: &OwnerName) {
        self.waiting.insert(name.clone());
    }

    /// What waits at `name` to be approved that nobody else describes. Where it is not known what that is, all that it has.
    pub(super) fn waits_at(&self, name: &OwnerName) -> Vec<ObjectId> {
        if !self.waiting.contains(name) {
            return Vec::new();
        }
        let kept = self.kept.get(name).filter(|kept| !kept.is_empty());
        let objects: Vec<&Arc<ObjectId>> = match kept {
            Some(kept) => kept.iter().collect(),
            None => self.of.get(name).into_iter().flat_map(|described| described.objects.iter()).collect(),
        };
        let objects = objects.into_iter().filter(|object| !self.is_claimed_by_another(name, object));
        objects.map(|object| object.as_ref().clone()).collect()
    }

    /// Whether `name` has objects, and nobody else describes any of them.
    pub(super) fn is_all_lost_with(&self, name: &OwnerName) -> bool {
        let described = self.of.get(name).into_iter().flat_map(|described| described.objects.iter());
        let objects: Vec<_> = described.chain(self.kept.get(name).into_iter().flatten()).collect();
        !objects.is_empty() && objects.iter().all(|object| !self.is_claimed_by_another(name, object))
    }

    /// `name` leaves the object to somebody else.
    pub(super) fn give_up(&mut self, name: &OwnerName, object: &ObjectId) {
        if let Some(kept) = self.kept.get_mut(name) {
            kept.remove(object);
        }
    }

    /// Whether `name` is there, and has the object no more, unless it describes it.
    pub(super) fn gave_up(&self, name: &OwnerName, object: &ObjectId) -> bool {
        self.is_known(name) && !self.kept.get(name).is_some_and(|kept| kept.contains(object))
    }

    /// Those that describe the object, the oldest first.
    fn holds(&self, object: &ObjectId) -> impl Iterator<Item = (&Arc<Rank>, Hold)> + Clone {
        self.on.get(object).into_iter().flat_map(Holds::iter)
    }

    /// Whether someone else than `name` describes the object.
    pub(super) fn is_claimed_by_another(&self, name: &OwnerName, object: &ObjectId) -> bool {
        self.holds(object).any(|(rank, _)| rank.name != *name)
    }

    /// Those other than `name` that describe the object, as far as is known so that they may change it.
    pub(super) fn describers(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        let may_change = |hold| !matches!(hold, Hold::Rests | Hold::Failed);
        let others = self.holds(object).filter(|(rank, hold)| rank.name != *name && may_change(*hold));
        others.map(|(rank, _)| rank.name.clone()).collect()
    }

    /// Those other than `name` that describe the object and are not suspended, whether they could apply it or not.
    pub(super) fn at_work_on(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        let others = self.holds(object).filter(|(rank, hold)| rank.name != *name && *hold != Hold::Rests);
        others.map(|(rank, _)| rank.name.clone()).collect()
    }

    /// All that describe the object.
    pub(super) fn describing(&self, object: &ObjectId) -> Vec<OwnerName> {
        self.holds(object).map(|(rank, _)| rank.name.clone()).collect()
    }

    /// Those other than `name` that describe the object.
    pub(super) fn all_describing(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        self.holds(object).map(|(rank, _)| &rank.name).filter(|other| *other != name).cloned().collect()
    }

    /// Whether the object is about to go: somebody described it, and nobody does.
    pub(super) fn is_leaving(&self, object: &ObjectId) -> bool {
        self.holds(object).next().is_none() && self.kept.values().any(|kept| kept.contains(object))
    }

    /// Those other than `name` that describe the object, or had it and have not deleted it yet.
    pub(super) fn havers(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        let kept = self.kept.iter().filter(|(other, objects)| *other != name && objects.contains(object));
        let mut havers = self.describers(name, object);
        havers.extend(kept.map(|(other, _)| other.clone()));
        havers
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
        match is_other_winner {
            true => concerned.to_look.extend(others.map(|other| other.name.clone())),
            false => {
                let winner = others.filter(|other| after.0.as_ref() == Some(*other));
                concerned.to_say.extend(winner.map(|other| other.name.clone()));
            }
        }
    }
}
