//! When which owner is to be looked at again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::owner::OwnerName;

/// At most one time for each owner: the earliest that was asked for.
#[derive(Default)]
pub(super) struct Timers {
    order: BTreeSet<(Instant, Arc<OwnerName>)>,
    times: HashMap<Arc<OwnerName>, Instant>,
}

impl Timers {
    /// Looks at `name` at this time, unless that happens earlier anyway.
    pub(super) fn set(&mut self, name: &OwnerName, at: Instant) {
        if self.times.get(name).is_some_and(|known| *known <= at) {
            return;
        }
        let name = match self.times.remove_entry(name) {
            Some((name, known)) => {
                self.order.remove(&(known, Arc::clone(&name)));
                name
            }
            None => Arc::new(name.clone()),
        };
        self.times.insert(Arc::clone(&name), at);
        self.order.insert((at, name));
    }

    /// The next time at which something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// What is due by `now`; it is due once.
    pub(super) fn due(&mut self, now: Instant) -> Vec<OwnerName> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.order.first()
            && *at <= now
        {
            if let Some((_, name)) = self.order.pop_first() {
                self.times.remove(&name);
                due.push(Arc::unwrap_or_clone(name));
            }
        }
        due
    }
}

/// Sleeps until this time; for ever where there is none.
pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_earliest_time_counts_once() {
        let mut timers = Timers::default();
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let name = |text| OwnerName::new(&crate::kustomization::KIND, "n", text);
        timers.set(&name("a"), now + second * 3);
        timers.set(&name("a"), now + second);
        timers.set(&name("a"), now + second * 2);
        timers.set(&name("b"), now + second * 2);
        assert_eq!(timers.next(), Some(now + second));
        assert_eq!(timers.due(now + second), [name("a")]);
        assert_eq!(timers.due(now + second * 5), [name("b")]);
        assert_eq!(timers.next(), None);
    }
}
