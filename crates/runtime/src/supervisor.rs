//! Loops that are meant to run for ever: one that ends or panics is started again, later each time.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::panics::caught;
use crate::queue::Backoff;
use crate::{Health, Metrics};

const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), last: Duration::from_secs(30), jitter: 0.2 };
/// A loop that ran for so long has recovered from what ended it before.
const RECOVERED: Duration = Duration::from_secs(60);

/// Runs a loop for ever: `start` starts it, and starts it again whenever it ends or panics. Until it has run for a
/// minute since, `health` says so.
pub async fn supervise<F: Future<Output = ()>>(name: &str, health: &Health, metrics: &Metrics, start: impl Fn() -> F) {
    let pulse = health.register(name);
    let restarts = metrics.loops().restarts(name);
    let mut failures = 0;
    loop {
        let started = Instant::now();
        let run = caught(async { start().await });
        tokio::pin!(run);
        let ended = match tokio::time::timeout(RECOVERED, &mut run).await {
            Ok(ended) => ended,
            Err(_) => {
                pulse.well();
                run.await
            }
        };
        if started.elapsed() >= RECOVERED {
            failures = 0;
        }
        let reason = match ended {
            Ok(()) => "it ended, and is started again".to_owned(),
            Err(panic) => {
                tracing::error!(name, panic, "a loop panicked");
                "it panicked, and is started again".to_owned()
            }
        };
        let delay = BACKOFF.delay(failures);
        failures += 1;
        tracing::error!(name, reason, ?delay, "a loop is not well");
        pulse.unwell(reason);
        sleep(delay).await;
        pulse.restarted();
        restarts.inc();
    }
}

/// The same for a loop that comes to its end in time, and is started again only when it panics before.
pub async fn supervise_until_done<F: Future<Output = ()>>(
    name: &str,
    health: &Health,
    metrics: &Metrics,
    start: impl Fn() -> F,
) {
    let done = Notify::new();
    let start = || async {
        start().await;
        done.notify_one();
        pending::<()>().await;
    };
    tokio::select! {
        () = supervise(name, health, metrics, start) => {}
        () = done.notified() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_ends_or_panics_is_started_again_and_counted_and_well_after_a_minute() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let starts = Arc::new(AtomicU32::new(0));
        let supervised = tokio::spawn({
            let (health, metrics, starts) = (health.clone(), metrics.clone(), Arc::clone(&starts));
            async move {
                let start = || async {
                    match starts.fetch_add(1, Ordering::SeqCst) {
                        0 => {}
                        1 => panic!("a bug"),
                        _ => std::future::pending().await,
                    }
                };
                supervise("fragile", &health, &metrics, start).await;
            }
        });
        sleep(Duration::from_secs(10)).await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
        let problem = health.problems().remove(0);
        assert_eq!((problem.reason.as_str(), problem.restarts), ("it panicked, and is started again", 2));
        assert!(metrics.text().contains("cowherd_loop_restarts_total{name=\"fragile\"} 2"), "{}", metrics.text());
        sleep(Duration::from_secs(60)).await;
        assert!(health.problems().is_empty());
        supervised.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_is_not_started_again_and_what_panics_is() {
        let (health, metrics) = (Health::default(), Metrics::default());
        let starts = AtomicU32::new(0);
        let start = || async { assert!(starts.fetch_add(1, Ordering::SeqCst) > 0, "a bug") };
        supervise_until_done("fragile", &health, &metrics, start).await;
        assert_eq!(starts.load(Ordering::SeqCst), 2);
        assert!(health.loops_by_name().is_empty());
    }
}
