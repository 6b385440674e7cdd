//! Looks at what an object concerns, as a controller says it: one that panics is told of like any loop that is not well.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;

use crate::health::{Health, Pulse};
use crate::panics::caught_call;
use crate::{Key, Runtime};

/// How many objects are named over which it panicked.
const NAMED: usize = 3;

/// The looks of one controller at the objects of one kind.
pub(crate) struct Mapping {
    /// How `/readyz` calls it.
    name: String,
    health: Health,
    panics: Counter,
    missed: Mutex<Missed>,
}

/// The objects of which it is not known what they concern.
#[derive(Default)]
struct Missed {
    keys: BTreeSet<Key>,
    /// It is there for as long as there are any.
    pulse: Option<Pulse>,
}

impl Mapping {
    /// Those of a controller at objects of this kind.
    pub(crate) fn new(runtime: &Runtime, controller: &str, kind: &str) -> Self {
        Self {
            name: format!("what each {kind} concerns of {controller}"),
            health: runtime.health().clone(),
            panics: runtime.metrics().loops().panics(controller),
            missed: Mutex::default(),
        }
    }

    /// What the states of an object concern, before and after a change: as far as it is told without a panic. It is well again
    /// once all that it panicked over were looked at anew, or are gone.
    pub(crate) fn concerned<S: Copy, Q>(
        &self,
        key: &Key,
        (before, after): (Option<S>, Option<S>),
        look: impl Fn(S) -> Vec<Q>,
    ) -> Vec<Q> {
        let before = before.and_then(|state| self.look(key, || look(state))).unwrap_or_default();
        let is_there = after.is_some();
        let after = after.and_then(|state| self.look(key, || look(state)));
        // What nobody could look at before concerned nobody then.
        self.note(key, is_there && after.is_none());
        before.into_iter().chain(after.unwrap_or_default()).collect()
    }

    fn look<Q>(&self, key: &Key, look: impl FnOnce() -> Vec<Q>) -> Option<Vec<Q>> {
        let failed = |panic| {
            self.panics.inc();
            tracing::error!(name = self.name, %key, panic, "a look at an object panicked");
        };
        caught_call(look).map_err(failed).ok()
    }

    fn note(&self, key: &Key, is_missed: bool) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = if is_missed { missed.keys.insert(key.clone()) } else { missed.keys.remove(key) };
        if !is_news {
            return;
        }
        if missed.keys.is_empty() {
            missed.pulse = None;
            return;
        }
        let keys = cowherd_text::listed(&missed.keys, NAMED);
        let pulse = missed.pulse.get_or_insert_with(|| self.health.register(&self.name));
        pulse.unwell(format!(
            "it panicked over {keys}, which is a bug; what depends on that may be late until it changes"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(health: &Health) -> Mapping {
        let (name, panics) = ("what each Pod concerns of a-controller".to_owned(), Counter::default());
        Mapping { name, health: health.clone(), panics, missed: Mutex::default() }
    }

    #[test]
    fn what_it_panics_over_is_counted_and_told_until_it_is_looked_at_anew_or_gone() {
        let health = Health::default();
        let mapping = mapping(&health);
        let look = |state: i32| if state < 0 { panic!("a bug") } else { vec![state] };
        let (a, b) = (Key::new("n", "a"), Key::new("n", "b"));
        assert_eq!(mapping.concerned(&a, (None, Some(1)), look), [1]);
        assert!(health.loops_by_name().is_empty());
        assert_eq!(mapping.concerned(&a, (Some(1), Some(-1)), look), [1], "what it was is known");
        assert!(mapping.concerned(&b, (None, Some(-2)), look).is_empty());
        let problem = health.problems().remove(0);
        assert_eq!(problem.name, "what each Pod concerns of a-controller");
        assert!(problem.reason.starts_with("it panicked over n/a, n/b, which is a bug"), "{problem:?}");
        assert_eq!(mapping.panics.get(), 2);
        assert_eq!(mapping.concerned(&a, (Some(-1), Some(3)), look), [3]);
        let problem = health.problems().remove(0);
        assert!(problem.reason.starts_with("it panicked over n/b, which"), "{problem:?}");
        mapping.concerned(&b, (Some(-2), None), look);
        assert!(health.problems().is_empty() && health.loops_by_name().is_empty());
    }
}
