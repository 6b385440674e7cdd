//! What functions know of the world: only what the caller says.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use cowherd_template::{Map, Value};
use jiff::Timestamp;

use crate::engine::State;
use crate::functions::chance::random::{Random, Seeded};
use crate::functions::dates::time::Zone;
use crate::functions::notations::regexes::Expression;

/// How many compiled regular expressions are kept.
const MAX_REGEXES: usize = 200;

/// What functions are given besides their arguments.
pub struct Context<'c> {
    now: Timestamp,
    zone: Zone,
    random: Box<dyn Random + 'c>,
    regexes: HashMap<Box<[u8]>, Rc<Expression>>,
    /// The maps into which lists or maps were put: they may hold themselves by now.
    entangled: Vec<Map>,
    given: Value,
    /// What the functions of the engine need.
    pub(crate) engine: State<'c>,
}

impl<'c> Context<'c> {
    /// A context in which it is `now`, in UTC, and `random` says what is random.
    pub fn new(now: Timestamp, random: impl Random + 'c) -> Self {
        Self {
            now,
            zone: Zone::Utc,
            random: Box::new(random),
            regexes: HashMap::new(),
            entangled: Vec::new(),
            given: Value::Nil,
            engine: State::default(),
        }
    }

    /// A context in which everything random follows from `seed`: the same seed gives the same render.
    pub fn seeded(now: Timestamp, seed: &[u8]) -> Self {
        Self::new(now, Seeded::new(seed))
    }

    /// Sets the time zone that dates are shown in where a template names none: what `TZ` is for Helm. `None` where
    /// there is no zone of that name.
    pub fn with_zone(mut self, name: &str) -> Option<Self> {
        self.zone = Zone::named(name)?;
        Some(self)
    }

    /// Keeps something for functions that are the caller's own.
    pub fn give(&mut self, given: Value) {
        self.given = given;
    }

    /// What the caller keeps for its own functions.
    pub fn given(&self) -> &Value {
        &self.given
    }

    /// The time at which the templates are executed.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(in crate::functions) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Where random bytes come from.
    pub(in crate::functions) fn random(&mut self) -> &mut dyn Random {
        &mut *self.random
    }

    /// The compiled expression, if it was used before.
    pub(in crate::functions) fn regex(&self, source: &[u8]) -> Option<Rc<Expression>> {
        self.regexes.get(source).cloned()
    }

    /// Keeps a compiled expression for its next use.
    pub(in crate::functions) fn keep_regex(&mut self, source: &[u8], regex: Rc<Expression>) {
        if self.regexes.len() >= MAX_REGEXES {
            self.regexes.clear();
        }
        self.regexes.insert(source.into(), regex);
    }

    /// Puts a value into a map.
    pub(in crate::functions) fn insert(&mut self, map: &Map, key: Arc<str>, value: Value) {
        let is_known = self.entangled.last().is_some_and(|last| last.is(map));
        if !is_known && matches!(value, Value::List(_) | Value::Map(_)) {
            self.entangled.push(map.clone());
        }
        map.insert(key, value);
    }
}

/// Maps that hold themselves would stay for ever.
impl Drop for Context<'_> {
    fn drop(&mut self) {
        self.entangled.iter().for_each(Map::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_hold_themselves_end_with_the_render() {
        let mut context = Context::seeded(Timestamp::UNIX_EPOCH, b"seed");
        let map = Map::new();
        context.insert(&map, "self".into(), Value::list([Value::Map(map.clone())]));
        assert!(!map.is_empty());
        drop(context);
        assert!(map.is_empty());
    }
}
