//! Where expressions of tenants are evaluated: on threads of its own, few at a time, of which one namespace has at most half. No
//! request, and no other tenant, waits for what one of them wrote.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cowherd_runtime::{Permits, broken_off};

/// How long the expressions of the Alerts of one namespace may take for one event.
pub(crate) const OF_EVENT: Duration = Duration::from_secs(2);

/// It broke off, which is a bug; what may be told of that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it broke off; this is a bug in cowherd")]
pub(crate) struct BrokenOff;

/// The places to think. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Thinking(Permits);

impl Default for Thinking {
    /// As many places as there are processors, and two at least.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self(Permits::new(processors.max(2)))
    }
}

impl Thinking {
    /// The same for one more control plane.
    pub(crate) fn share(&self) -> Self {
        Self(self.0.share())
    }

    /// Does something for a namespace, as soon as that has a place. The place is taken until it has ended, also where nobody
    /// waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let permit = self.0.acquire(namespace).await;
        let thinking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        thinking.await.map_err(|error| {
            tracing::error!(error = broken_off(error), "evaluating expressions broke off");
            BrokenOff
        })
    }
}

/// What expressions took too long together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the expressions of the Alerts and Providers of the namespace took longer than {} s for this event, and what comes after that is \
     skipped; write fewer, shorter or simpler ones",
    OF_EVENT.as_secs()
)]
pub(crate) struct TooLong;

/// How long the expressions of one namespace took for one event.
#[derive(Debug, Default)]
pub(crate) struct Spent(Mutex<Duration>);

impl Spent {
    /// Does something until its time is over, and counts how long it took.
    pub(crate) fn within<T>(&self, work: impl FnOnce(Instant) -> Result<T, TooLong>) -> Result<T, TooLong> {
        let left = OF_EVENT.checked_sub(*self.0.lock().unwrap_or_else(PoisonError::into_inner)).ok_or(TooLong)?;
        let began = Instant::now();
        let done = work(began + left);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += began.elapsed();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_thinks_for_long_keeps_nobody_of_another_namespace_waiting() {
        let thinking = Thinking(Permits::new(2));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let slow = thinking.clone();
        let slow = tokio::spawn(async move { slow.run("a", move || held.recv().is_err()).await });
        tokio::task::yield_now().await;
        let second = thinking.clone();
        let second = tokio::spawn(async move { second.run("a", || true).await });
        assert_eq!(thinking.run("b", || 1).await, Ok(1));
        assert!(!second.is_finished());
        drop(release);
        assert_eq!((slow.await.unwrap(), second.await.unwrap()), (Ok(true), Ok(true)));
        assert_eq!(thinking.run("a", || -> u8 { panic!("a bug") }).await, Err(BrokenOff));
        assert_eq!(thinking.run("a", || 2).await, Ok(2), "its place is free again");
    }

    #[test]
    fn what_comes_after_its_time_is_not_begun() {
        let spent = Spent::default();
        assert_eq!(spent.within(|_| Ok(1)), Ok(1));
        *spent.0.lock().unwrap() = OF_EVENT + Duration::from_millis(1);
        assert_eq!(spent.within(|_| -> Result<u8, TooLong> { panic!("its time is over") }), Err(TooLong));
    }
}
