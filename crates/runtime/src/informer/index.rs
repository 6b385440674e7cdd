//! Objects by something that is in them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Informer;
use crate::Key;

/// The values by which an object is to be found.
pub(super) type Values<K> = Arc<dyn Fn(&K) -> Vec<String> + Send + Sync>;

pub(super) struct Entries<K> {
    name: &'static str,
    values: Values<K>,
    keys: HashMap<String, BTreeSet<Key>>,
}

impl<K> Entries<K> {
    pub(super) fn new(name: &'static str, values: Values<K>) -> Self {
        Self { name, values, keys: HashMap::new() }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(super) fn link(&mut self, key: &Key, object: &K) {
        for value in (self.values)(object) {
            self.keys.entry(value).or_default().insert(key.clone());
        }
    }

    pub(super) fn unlink(&mut self, key: &Key, object: &K) {
        for value in (self.values)(object) {
            if let Some(keys) = self.keys.get_mut(&value) {
                keys.remove(key);
                if keys.is_empty() {
                    self.keys.remove(&value);
                }
            }
        }
    }

    pub(super) fn keys(&self, value: &str) -> impl Iterator<Item = &Key> {
        self.keys.get(value).into_iter().flatten()
    }
}

/// An index of an informer, made by [`Informer::index`].
pub struct Index<K: super::Object> {
    pub(super) informer: Arc<Informer<K>>,
    pub(super) name: &'static str,
}

impl<K: super::Object> Index<K> {
    /// The objects that have this value.
    pub fn get(&self, value: &str) -> Vec<Arc<K>> {
        self.informer.by_index(self.name, value)
    }
}

impl<K: super::Object> Clone for Index<K> {
    fn clone(&self) -> Self {
        Self { informer: Arc::clone(&self.informer), name: self.name }
    }
}
