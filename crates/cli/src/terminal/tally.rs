//! How many Kustomizations are how: counted as they change, so that asking costs nothing, however many there are.

use std::collections::HashMap;

use super::progress::Phase;

/// Counts names by their phase.
#[derive(Debug, Default)]
pub struct Tally {
    phases: HashMap<String, Phase>,
    counts: [usize; 5],
}

impl Tally {
    /// Notes how a name is now.
    pub fn note(&mut self, name: &str, phase: Phase) {
        let before = match self.phases.get_mut(name) {
            Some(known) => Some(std::mem::replace(known, phase)),
            None => self.phases.insert(name.to_owned(), phase),
        };
        if let Some(before) = before {
            self.counts[before as usize] -= 1;
        }
        self.counts[phase as usize] += 1;
    }

    /// Counts a name no longer.
    pub fn forget(&mut self, name: &str) {
        if let Some(phase) = self.phases.remove(name) {
            self.counts[phase as usize] -= 1;
        }
    }

    /// How many are counted.
    pub fn total(&self) -> usize {
        self.phases.len()
    }

    /// How many are in a phase.
    pub fn count(&self, phase: Phase) -> usize {
        self.counts[phase as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_counts_once_as_what_it_was_last() {
        let mut tally = Tally::default();
        for phase in [Phase::Working, Phase::Failed, Phase::Working, Phase::Ready] {
            tally.note("a", phase);
            tally.note("b", Phase::Working);
            assert_eq!(tally.total(), 2);
        }
        assert_eq!((tally.count(Phase::Ready), tally.count(Phase::Working), tally.count(Phase::Failed)), (1, 1, 0));
        tally.forget("b");
        tally.forget("never seen");
        assert_eq!((tally.total(), tally.count(Phase::Working)), (1, 0));
    }
}
