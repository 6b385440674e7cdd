//! Times at which keys are to be added: one a key, the soonest.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use tokio::time::Instant;

/// Keys by time. Appointments at the same time are kept in the order in which they were made.
pub(super) struct Appointments<K> {
    by_key: HashMap<K, (Instant, u64)>,
    by_time: BTreeMap<(Instant, u64), K>,
    made: u64,
}

impl<K> Default for Appointments<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), by_time: BTreeMap::new(), made: 0 }
    }
}

impl<K: Clone + Eq + Hash> Appointments<K> {
    /// Makes an appointment, unless the key has an earlier one; whether it is the first of all now.
    pub(super) fn set(&mut self, key: K, at: Instant) -> bool {
        if self.by_key.get(&key).is_some_and(|(known, _)| *known <= at) {
            return false;
        }
        self.cancel(&key);
        self.made += 1;
        let place = (at, self.made);
        self.by_key.insert(key.clone(), place);
        self.by_time.insert(place, key);
        self.by_time.first_key_value().is_some_and(|(first, _)| *first == place)
    }

    /// Forgets the appointment of a key.
    pub(super) fn cancel(&mut self, key: &K) {
        if let Some(place) = self.by_key.remove(key) {
            self.by_time.remove(&place);
        }
    }

    /// Takes a key whose time has come, the first one first.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<K> {
        let first = self.by_time.first_entry().filter(|first| first.key().0 <= now)?;
        let key = first.remove();
        self.by_key.remove(&key);
        Some(key)
    }

    /// The time of the first appointment.
    pub(super) fn first(&self) -> Option<Instant> {
        self.by_time.first_key_value().map(|((at, _), _)| *at)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}
