//! Who could have an object that somebody leaves.

use cowherd_apply::ObjectId;

use super::Claims;
use super::holds::Hold;
use crate::owner::OwnerName;

/// Who else could have an object that somebody leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heirs {
    /// This one applied it.
    OneHasIt(OwnerName),
    /// Nobody did. These describe it: those that are at work first, of these and of the others the oldest first.
    Some(Vec<OwnerName>),
}

impl Claims {
    /// Who else than `name` could have the object.
    pub(in crate::delivery) fn heirs(&self, name: &OwnerName, object: &ObjectId) -> Heirs {
        let others = || self.holds(object).filter(|(rank, _)| rank.name != *name);
        if let Some((rank, _)) = others().find(|(_, hold)| *hold == Hold::Has) {
            return Heirs::OneHasIt(rank.name.clone());
        }
        let (resting, at_work): (Vec<_>, Vec<_>) = others().partition(|(_, hold)| *hold == Hold::Rests);
        Heirs::Some(at_work.into_iter().chain(resting).map(|(rank, _)| rank.name.clone()).collect())
    }

    /// Those other than `name` that had the object and did not say yet whether they still describe it.
    pub(in crate::delivery) fn doubtful(&self, name: &OwnerName, object: &ObjectId) -> Vec<OwnerName> {
        let others = self.holds(object).filter(|(rank, hold)| rank.name != *name && *hold == Hold::Had);
        others.map(|(rank, _)| rank.name.clone()).collect()
    }

    /// Whether somebody else than `name` had one of the objects and did not say yet whether it still describes it.
    pub(in crate::delivery) fn is_doubtful<'a>(
        &self,
        name: &OwnerName,
        mut objects: impl Iterator<Item = &'a ObjectId>,
    ) -> bool {
        objects.any(|object| self.holds(object).any(|(rank, hold)| rank.name != *name && hold == Hold::Had))
    }
}
