//! What was made of the specs of objects, so that it is made once for each generation of one. It has a limit, and what one
//! namespace has of it too: what was not used for the longest time goes, and is made again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cowherd_runtime::Key;
use kube::ResourceExt;

/// Which spec of which object something was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Of {
    key: Key,
    uid: Option<String>,
    generation: Option<i64>,
}

impl Of {
    /// That which an object has.
    pub(crate) fn object<K: ResourceExt>(object: &K) -> Self {
        Self { key: Key::of(object), uid: object.uid(), generation: object.meta().generation }
    }
}

/// How much may be kept; in the unit of what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) of_namespace: usize,
    pub(crate) in_all: usize,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    room: Room,
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    /// How often anything was used.
    uses: u64,
    known: HashMap<Key, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    of: Of,
    weight: usize,
    used: u64,
    made: Arc<T>,
}

impl<T> Kept<T> {
    pub(crate) fn new(room: Room) -> Self {
        Self { room, inner: Mutex::new(Inner { uses: 0, known: HashMap::new() }) }
    }

    /// What was made of it, if it is still here.
    pub(crate) fn get(&self, of: &Of) -> Option<Arc<T>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let used = inner.uses;
        let entry = inner.known.get_mut(&of.key).filter(|entry| entry.of == *of)?;
        entry.used = used;
        Some(entry.made.clone())
    }

    /// Keeps what was made of it, if there can be room for it.
    pub(crate) fn keep(&self, of: Of, weight: usize, made: Arc<T>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.known.remove(&of.key);
        if weight > self.room.of_namespace {
            return;
        }
        let namespace = of.key.namespace.clone();
        while inner.weight(Some(&namespace)) + weight > self.room.of_namespace && inner.forget(Some(&namespace)) {}
        while inner.weight(None) + weight > self.room.in_all && inner.forget(None) {}
        inner.uses += 1;
        let used = inner.uses;
        inner.known.insert(of.key.clone(), Entry { of, weight, used, made });
    }
}

impl<T> Inner<T> {
    fn of<'i>(&'i self, namespace: Option<&str>) -> impl Iterator<Item = (&'i Key, &'i Entry<T>)> {
        self.known.iter().filter(move |(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
    }

    /// What all of a namespace weighs, or all of it.
    fn weight(&self, namespace: Option<&str>) -> usize {
        self.of(namespace).map(|(_, entry)| entry.weight).sum()
    }

    /// Forgets what was not used for the longest time; whether there was anything.
    fn forget(&mut self, namespace: Option<&str>) -> bool {
        let oldest = self.of(namespace).min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
        oldest.is_some_and(|key| self.known.remove(&key).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(namespace: &str, name: &str, generation: i64) -> Of {
        Of { key: Key::new(namespace, name), uid: Some("u".into()), generation: Some(generation) }
    }

    #[test]
    fn what_was_made_is_that_of_one_generation_of_one_object() {
        let kept = Kept::new(Room { of_namespace: 10, in_all: 20 });
        kept.keep(of("a", "x", 1), 1, Arc::new(1));
        assert_eq!(kept.get(&of("a", "x", 1)).as_deref(), Some(&1));
        assert_eq!(kept.get(&of("a", "x", 2)), None);
        kept.keep(of("a", "x", 2), 1, Arc::new(2));
        assert_eq!((kept.get(&of("a", "x", 1)), kept.get(&of("a", "x", 2)).as_deref()), (None, Some(&2)));
        assert_eq!(kept.get(&Of { uid: None, ..of("a", "x", 2) }), None, "another of the same name");
    }

    #[test]
    fn a_namespace_that_has_much_loses_its_own_and_nobody_else_s() {
        let kept = Kept::new(Room { of_namespace: 10, in_all: 15 });
        kept.keep(of("b", "x", 1), 4, Arc::new(()));
        for name in ["1", "2", "3", "4"] {
            kept.keep(of("a", name, 1), 4, Arc::new(()));
            kept.get(&of("a", "1", 1));
        }
        let here = |namespace: &str, name: &str| kept.get(&of(namespace, name, 1)).is_some();
        assert!(here("b", "x") && here("a", "1") && here("a", "4") && !here("a", "2") && !here("a", "3"));
        kept.keep(of("a", "large", 1), 11, Arc::new(()));
        assert!(!here("a", "large") && here("a", "4"));
        kept.keep(of("c", "x", 1), 9, Arc::new(()));
        assert!(kept.inner.lock().unwrap().weight(None) <= 15);
    }
}
