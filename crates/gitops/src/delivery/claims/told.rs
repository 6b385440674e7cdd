//! What is said of objects that several describe.

use std::fmt;
use std::sync::Arc;

use cowherd_apply::ObjectId;

use super::holds::Hold;
use super::{Claims, Described, Rank};
use crate::owner::{OwnerName, Precedence};

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
    /// Why one of the two goes before the other.
    pub(crate) because: Because,
}

/// Why an owner goes before another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because {
    /// It is of this kind, and the other one is not.
    Of(Precedence),
    /// It is older.
    Age,
    /// Both were made in the same second, and its name comes first.
    Name,
}

impl Because {
    fn of(one: &Rank, another: &Rank) -> Self {
        match one.precedence == another.precedence {
            false => Self::Of(one.precedence.min(another.precedence)),
            true if one.created == another.created => Self::Name,
            true => Self::Age,
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(precedence) => write!(f, "goes first as {precedence}"),
            Self::Age => f.write_str("is older"),
            Self::Name => f.write_str("comes first by its name (both were made in the same second)"),
        }
    }
}

impl Claims {
    /// The objects of `name` that others describe too, in order.
    pub(in crate::delivery) fn shared(&self, name: &OwnerName) -> Vec<Shared> {
        let Some(Described { rank, objects, .. }) = self.of.get(name) else { return Vec::new() };
        objects.iter().filter_map(|object| self.shared_one(rank, object)).collect()
    }

    fn shared_one(&self, rank: &Rank, object: &ObjectId) -> Option<Shared> {
        // Who wants nothing of the object shares it with nobody.
        self.on.get(object)?.get(rank).filter(|hold| *hold != Hold::Rests)?;
        let (winner, first, is_with_more) = self.standing(object)?;
        let shared = |with: &Rank, winner: Option<&Rank>| Shared {
            object: object.clone(),
            winner: winner.map(|winner| winner.name.clone()),
            with: with.name.clone(),
            is_with_older: winner.is_none() && with < rank,
            // Whoever lost need not know who else did.
            is_with_more: winner.is_none() && is_with_more,
            because: Because::of(with, rank),
        };
        if *winner == *rank { Some(shared(first.as_ref()?, None)) } else { Some(shared(&winner, Some(&winner))) }
    }

    /// All that is said of the sharing of an object: who has it, who is the first of the others, whether there are more.
    /// Nothing is said as long as nobody has it, or somebody older is about to: that would be another thing a moment later.
    pub(super) fn standing(&self, object: &ObjectId) -> Option<(Arc<Rank>, Option<Arc<Rank>>, bool)> {
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
    let named = cowherd_text::clauses(shared.iter().map(one), NAMED);
    let advice = if shared.len() == 1 { "Take it out of all but one" } else { "Take each out of all but one" };
    (!named.is_empty()).then(|| format!("{named}. {advice}"))
}

fn one(shared: &Shared) -> String {
    let Shared { object, winner, with, is_with_older, is_with_more, because } = shared;
    if winner.is_some() {
        return format!("{object} is as {with} describes it, which describes it too and {because}");
    }
    let (others, describe, are) =
        if *is_with_more { (" and others", "describe", "are") } else { ("", "describes", "is") };
    let with = if *is_with_older { format!("{with}, which {because} but cannot apply it,") } else { with.to_string() };
    let why = match (is_with_older, because) {
        (true, _) => String::new(),
        (false, Because::Age) => format!(" and {are} younger"),
        (false, _) => format!("; this one {because}"),
    };
    format!("{object} is as described here, though {with}{others} {describe} it too{why}")
}
