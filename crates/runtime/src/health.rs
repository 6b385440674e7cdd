//! Which loops of a control plane are well, for `/readyz` and the terminal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// The health of the loops of one control plane: controllers, watches, and what else runs for ever. Clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    loops: Mutex<BTreeMap<u64, (String, State)>>,
    changed: watch::Sender<u64>,
}

#[derive(Clone, Debug, Default)]
struct State {
    trouble: Option<(Timestamp, String)>,
    restarts: u64,
}

/// A loop that is not well.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Which loop, such as `deployment-controller` or `watch of deployments.apps`.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// Why: what it said last. It holds no content of objects.
    pub reason: String,
    /// How often it was started again so far.
    pub restarts: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self { inner: Arc::new(Inner { loops: Mutex::default(), changed: watch::Sender::new(0) }) }
    }
}

impl Health {
    /// Takes a loop in; it is well until it says otherwise, and forgotten when the pulse is dropped.
    pub fn register(&self, name: impl Into<String>) -> Pulse {
        let mut loops = self.loops();
        let id = loops.last_key_value().map_or(0, |(last, _)| last + 1);
        loops.insert(id, (name.into(), State::default()));
        Pulse { health: self.clone(), id }
    }

    /// What is not well now, the longest first.
    pub fn problems(&self) -> Vec<Problem> {
        let loops = self.loops();
        let problems = loops.values().filter_map(|(name, state)| {
            let (since, reason) = state.trouble.clone()?;
            Some(Problem { name: name.clone(), since, reason, restarts: state.restarts })
        });
        let mut problems: Vec<_> = problems.collect();
        problems.sort_by_key(|problem| problem.since);
        problems
    }

    /// What has not been well for longer than this. A watch that is interrupted for a moment is no reason to worry.
    pub fn problems_longer_than(&self, patience: Duration) -> Vec<Problem> {
        let now = Timestamp::now();
        let lasting = |problem: &Problem| now.duration_since(problem.since).unsigned_abs() >= patience;
        self.problems().into_iter().filter(lasting).collect()
    }

    /// What has not been well for longer than this, in a sentence for people, if anything has not.
    pub fn check(&self, patience: Duration) -> Result<(), String> {
        let problems = self.problems_longer_than(patience);
        if problems.is_empty() {
            return Ok(());
        }
        let sentences = problems.iter().map(|problem| {
            format!("{} since {}: {}", problem.name, problem.since.strftime("%Y-%m-%dT%H:%M:%SZ"), problem.reason)
        });
        Err(sentences.collect::<Vec<_>>().join("; "))
    }

    /// The names of all loops, in order.
    pub fn loops_by_name(&self) -> Vec<String> {
        let mut names: Vec<String> = self.loops().values().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Tells when anything has become well or unwell.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut State) -> bool) {
        let changed = self.loops().get_mut(&id).is_some_and(|(_, state)| change(state));
        if changed {
            self.inner.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    fn loops(&self) -> MutexGuard<'_, BTreeMap<u64, (String, State)>> {
        self.inner.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By this a loop says how it is.
#[derive(Debug)]
pub struct Pulse {
    health: Health,
    id: u64,
}

impl Pulse {
    /// All is well.
    pub fn well(&self) {
        self.health.change(self.id, |state| state.trouble.take().is_some());
    }

    /// Something is wrong; the time at which it began stays as long as it is.
    pub fn unwell(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.health.change(self.id, |state| {
            let since = state.trouble.as_ref().map(|(since, _)| *since);
            let is_new = state.trouble.as_ref().is_none_or(|(_, known)| *known != reason);
            state.trouble = Some((since.unwrap_or_else(Timestamp::now), reason));
            is_new
        });
    }

    /// It is started again.
    pub(crate) fn restarted(&self) {
        self.health.change(self.id, |state| {
            state.restarts += 1;
            true
        });
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let gone = self.health.loops().remove(&self.id);
        if gone.is_some_and(|(_, state)| state.trouble.is_some()) {
            self.health.inner.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_time_until_all_is_well_and_goes_with_its_loop() {
        let health = Health::default();
        let (sick, fine) = (health.register("sick"), health.register("fine"));
        let changes = health.changes();
        sick.unwell("one");
        let since = health.problems()[0].since;
        sick.unwell("two");
        sick.restarted();
        let problem = Problem { name: "sick".into(), since, reason: "two".into(), restarts: 1 };
        assert_eq!(health.problems(), [problem]);
        assert!(health.problems_longer_than(Duration::from_secs(3600)).is_empty());
        assert!(changes.has_changed().unwrap());
        let said = health.check(Duration::ZERO).unwrap_err();
        assert!(said.starts_with("sick since 20") && said.ends_with(": two"), "{said}");
        assert_eq!(health.check(Duration::from_secs(3600)), Ok(()));
        sick.well();
        assert!(health.problems().is_empty());
        fine.unwell("three");
        drop(fine);
        assert!(health.problems().is_empty());
        assert_eq!(health.loops_by_name(), ["sick"]);
    }
}
