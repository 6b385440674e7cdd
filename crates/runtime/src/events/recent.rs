//! What was used lately, up to a number.

use std::collections::{BTreeMap, HashMap};

/// As many entries as are allowed; the one that was not used for longest goes first.
pub(super) struct Recent<V> {
    most: usize,
    uses: u64,
    values: HashMap<u64, (u64, V)>,
    by_use: BTreeMap<u64, u64>,
}

impl<V: Default> Recent<V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, uses: 0, values: HashMap::new(), by_use: BTreeMap::new() }
    }

    /// The entry of a key, which is made where it is missing.
    pub(super) fn entry(&mut self, key: u64) -> &mut V {
        self.uses += 1;
        if let Some((used, _)) = self.values.get(&key) {
            self.by_use.remove(used);
        } else if self.values.len() >= self.most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.values.remove(&oldest);
        }
        self.by_use.insert(self.uses, key);
        let (used, value) = self.values.entry(key).or_default();
        *used = self.uses;
        value
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let mut recent: Recent<u32> = Recent::new(2);
        *recent.entry(1) = 10;
        *recent.entry(2) = 20;
        *recent.entry(1) += 1;
        *recent.entry(3) = 30;
        assert_eq!((*recent.entry(1), recent.len()), (11, 2));
        assert_eq!(*recent.entry(2), 0, "it was forgotten");
    }
}
