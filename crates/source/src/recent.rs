//! A map of bounded size that keeps what was used recently.

use std::collections::HashMap;
use std::hash::Hash;

/// Remembers values up to a total cost; forgets what was not used for longest, roughly.
///
/// Two generations: what is used moves to the young one, and when that is full, the old one is dropped and the
/// young one grows old. Every operation takes constant time and no order is kept.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    cost: usize,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    /// An empty map whose two generations hold values of a total cost of `capacity` each.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), cost: 0, capacity }
    }

    /// The value of `key`.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some((value, _)) = self.young.get(key) {
            return Some(value.clone());
        }
        let (value, cost) = self.old.remove(key)?;
        self.insert(key.clone(), value.clone(), cost);
        Some(value)
    }

    /// Remembers `value`, which takes `cost`.
    pub(crate) fn insert(&mut self, key: K, value: V, cost: usize) {
        if self.cost.saturating_add(cost) > self.capacity {
            self.old = std::mem::take(&mut self.young);
            self.cost = 0;
        }
        self.cost = self.cost.saturating_add(cost);
        if let Some((_, replaced)) = self.young.insert(key, (value, cost)) {
            self.cost = self.cost.saturating_sub(replaced);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_keeps_what_is_used() {
        let mut recent = Recent::new(10);
        for key in 0..1000 {
            recent.insert(key, key, 1);
            assert_eq!(recent.get(&0), Some(0));
        }
        assert!(recent.young.len() + recent.old.len() <= 20);
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.get(&999), Some(999));
    }
}
