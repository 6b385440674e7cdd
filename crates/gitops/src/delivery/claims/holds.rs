//! What those that describe an object have of it.

use std::sync::Arc;

use super::Rank;

/// What an owner that describes an object has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It had applied the object before the process began, and did not say yet whether it still describes it.
    Had,
    /// It applied the object.
    Has,
    /// It did not apply the object yet, or somebody else has it.
    Wants,
    /// It could not apply the object, or nothing at all, when it tried last.
    Failed,
    /// It is suspended, or leaves the object as it is: it wants nothing, but the object is not to be deleted.
    Rests,
}

impl Hold {
    pub(super) fn has(self) -> bool {
        matches!(self, Self::Had | Self::Has)
    }
}

/// Those that describe an object, the oldest first. Of almost every object that is one, so it takes little.
#[derive(Default)]
pub(super) struct Holds(Vec<(Arc<Rank>, Hold)>);

impl Holds {
    pub(super) fn get(&self, rank: &Rank) -> Option<Hold> {
        self.place(rank).ok().map(|place| self.0[place].1)
    }

    /// Notes what `rank` has; with nothing, that it does not describe the object.
    pub(super) fn set(&mut self, rank: &Arc<Rank>, hold: Option<Hold>) {
        match (self.place(rank), hold) {
            (Ok(place), Some(hold)) => self.0[place].1 = hold,
            (Ok(place), None) => drop(self.0.remove(place)),
            (Err(place), Some(hold)) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (Arc::clone(rank), hold));
            }
            (Err(_), None) => {}
        }
    }

    fn place(&self, rank: &Rank) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(rank))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<Rank>, Hold)> + Clone {
        self.0.iter().map(|(rank, hold)| (rank, *hold))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<Rank>, &mut Hold)> {
        self.0.iter_mut().map(|(rank, hold)| (&*rank, hold))
    }
}
