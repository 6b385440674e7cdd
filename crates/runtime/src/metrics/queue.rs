//! What is measured of a queue.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    name: String,
    controller: String,
}

/// The metrics of all queues.
#[derive(Clone)]
pub(super) struct Queues {
    depth: Family<Labels, Gauge>,
    adds: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    waited: Family<Labels, Histogram, fn() -> Histogram>,
    worked: Family<Labels, Histogram, fn() -> Histogram>,
    unfinished: Family<Labels, Seconds>,
    longest: Family<Labels, Seconds>,
}

/// The metrics of one queue.
#[derive(Clone)]
pub(crate) struct QueueMetrics {
    depth: Gauge,
    adds: Counter,
    retries: Counter,
    waited: Histogram,
    worked: Histogram,
    unfinished: Seconds,
    longest: Seconds,
}

impl Default for QueueMetrics {
    fn default() -> Self {
        Self {
            depth: Gauge::default(),
            adds: Counter::default(),
            retries: Counter::default(),
            waited: histogram(),
            worked: histogram(),
            unfinished: Seconds::default(),
            longest: Seconds::default(),
        }
    }
}

/// From ten nanoseconds to a thousand seconds, as client-go has them.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(10e-9, 10.0, 12))
}

impl Queues {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let queues = Self {
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            waited: Family::new_with_constructor(histogram),
            worked: Family::new_with_constructor(histogram),
            unfinished: Family::default(),
            longest: Family::default(),
        };
        registry.register("workqueue_depth", "Keys that wait to be reconciled", queues.depth.clone());
        registry.register("workqueue_adds", "Keys that were added", queues.adds.clone());
        registry.register("workqueue_retries", "Keys that come back after a failure", queues.retries.clone());
        registry.register(
            "workqueue_queue_duration_seconds",
            "How long keys waited before they were reconciled",
            queues.waited.clone(),
        );
        registry.register(
            "workqueue_work_duration_seconds",
            "How long keys were being reconciled",
            queues.worked.clone(),
        );
        registry.register(
            "workqueue_unfinished_work_seconds",
            "How long all that are being reconciled have been, in sum",
            queues.unfinished.clone(),
        );
        registry.register(
            "workqueue_longest_running_processor_seconds",
            "How long the one that takes longest has been reconciled",
            queues.longest.clone(),
        );
        queues
    }

    pub(super) fn of(&self, name: &str) -> QueueMetrics {
        let labels = Labels { name: name.to_owned(), controller: name.to_owned() };
        QueueMetrics {
            depth: self.depth.get_or_create_owned(&labels),
            adds: self.adds.get_or_create_owned(&labels),
            retries: self.retries.get_or_create_owned(&labels),
            waited: self.waited.get_or_create_owned(&labels),
            worked: self.worked.get_or_create_owned(&labels),
            unfinished: self.unfinished.get_or_create_owned(&labels),
            longest: self.longest.get_or_create_owned(&labels),
        }
    }
}

impl QueueMetrics {
    pub(crate) fn added(&self, depth: usize) {
        self.adds.inc();
        self.depth(depth);
    }

    pub(crate) fn taken(&self, depth: usize, waited: Duration) {
        self.depth(depth);
        self.waited.observe(waited.as_secs_f64());
    }

    /// One more waits that is in no queue of ours.
    pub(crate) fn waits(&self) {
        self.adds.inc();
        self.depth.inc();
    }

    /// It begins.
    pub(crate) fn begins(&self, waited: Duration) {
        self.depth.dec();
        self.waited.observe(waited.as_secs_f64());
    }

    /// It waits no longer, and never begins.
    pub(crate) fn leaves(&self) {
        self.depth.dec();
    }

    pub(crate) fn worked(&self, time: Duration) {
        self.worked.observe(time.as_secs_f64());
    }

    pub(crate) fn retried(&self) {
        self.retries.inc();
    }

    pub(crate) fn depth(&self, depth: usize) {
        self.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    pub(crate) fn running(&self, all: Duration, longest: Duration) {
        self.unfinished.set(all.as_secs_f64());
        self.longest.set(longest.as_secs_f64());
    }
}
