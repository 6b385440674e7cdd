//! Where the items of a list stand, found without looking at all of them each time.

use std::collections::HashMap;

use serde_json::Value;

/// The places of the items of a list, by what tells them apart: their merge key, or all of them.
pub(super) struct Places<'k> {
    key: Option<&'k str>,
    places: HashMap<Option<String>, usize>,
}

impl<'k> Places<'k> {
    /// The places in a list; of items that are told apart by nothing, the first counts.
    pub(super) fn of<'v>(list: impl IntoIterator<Item = &'v Value>, key: Option<&'k str>) -> Self {
        let mut places = Self { key, places: HashMap::new() };
        for (place, item) in list.into_iter().enumerate() {
            places.add(item, place);
        }
        places
    }

    /// Notes the place of an item, unless another one like it has a place.
    pub(super) fn add(&mut self, item: &Value, place: usize) {
        let identity = self.identity(item);
        self.places.entry(identity).or_insert(place);
    }

    /// The place of an item.
    pub(super) fn find(&self, item: &Value) -> Option<usize> {
        self.places.get(&self.identity(item)).copied()
    }

    fn identity(&self, item: &Value) -> Option<String> {
        match self.key {
            Some(key) => item.get(key).map(Value::to_string),
            None => Some(item.to_string()),
        }
    }
}
