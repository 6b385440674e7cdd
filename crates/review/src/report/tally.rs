//! How many objects meet with what.

use std::collections::BTreeMap;
use std::fmt;

use crate::compare::{ClusterReview, Kind, Review, UnitReview};

/// How many objects meet with what, and how much failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<u8, (&'static str, usize)>,
    /// How many errors there are.
    pub errors: usize,
    /// How many Kustomizations there is something to say about that is no error alone.
    pub changed: usize,
}

impl Tally {
    /// What a review tells in all.
    pub fn of(review: &Review) -> Self {
        review.clusters.iter().map(Self::of_cluster).fold(Self::default(), Self::and)
    }

    /// What it tells of one cluster.
    pub fn of_cluster(cluster: &ClusterReview) -> Self {
        let tally = cluster.units.iter().map(Self::of_unit).fold(Self::default(), Self::and);
        Self { errors: tally.errors + cluster.errors.len(), ..tally }
    }

    /// What it tells of one Kustomization.
    pub fn of_unit(unit: &UnitReview) -> Self {
        let mut tally = Self { errors: unit.errors.len(), ..Self::default() };
        for change in &unit.changes {
            let rank = match change.kind {
                Kind::Created => 0,
                Kind::Configured => 1,
                // What moves is told by both, and happens once.
                Kind::MovedTo(_) => continue,
                Kind::MovedFrom(_) => 2,
                Kind::Left => 3,
                Kind::Deleted => 4,
                Kind::Installed => 5,
                Kind::Upgraded => 6,
                Kind::Uninstalled => 7,
            };
            tally.counts.entry(rank).or_insert((change.kind.word(), 0)).1 += 1;
        }
        tally.changed = usize::from(unit.errors.is_empty() || !unit.changes.is_empty());
        tally
    }

    fn and(mut self, other: Self) -> Self {
        for (rank, (word, count)) in other.counts {
            self.counts.entry(rank).or_insert((word, 0)).1 += count;
        }
        self.errors += other.errors;
        self.changed += other.changed;
        self
    }

    /// Whether nothing changes and nothing failed.
    pub fn is_empty(&self) -> bool {
        self.changed == 0 && self.errors == 0
    }
}

impl fmt::Display for Tally {
    /// Writes the counts that are not zero: `2 created, 1 deleted, 1 error`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self.counts.values().map(|(word, count)| format!("{count} {word}")).collect();
        match self.errors {
            0 => {}
            1 => parts.push("1 error".to_owned()),
            errors => parts.push(format!("{errors} errors")),
        }
        if parts.is_empty() { f.write_str("no object changes") } else { f.write_str(&parts.join(", ")) }
    }
}
