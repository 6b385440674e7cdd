//! What is measured of controllers and other loops.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The buckets of controller-runtime, in seconds.
const BUCKETS: [f64; 40] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
    1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0,
];

/// How reconciliations end, in controller-runtime's words.
const RESULTS: [&str; 4] = ["success", "requeue_after", "requeue", "error"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfController {
    controller: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WithResult {
    controller: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    name: String,
}

/// The metrics of all loops.
#[derive(Clone)]
pub(crate) struct Loops {
    total: Family<WithResult, Counter>,
    errors: Family<OfController, Counter>,
    panics: Family<OfController, Counter>,
    timeouts: Family<OfController, Counter>,
    time: Family<OfController, Histogram, fn() -> Histogram>,
    most: Family<OfController, Gauge>,
    active: Family<OfController, Gauge>,
    restarts: Family<Named, Counter>,
    leads: Family<Named, Gauge>,
}

/// The metrics of one controller.
#[derive(Clone)]
pub(crate) struct LoopMetrics {
    name: String,
    total: Family<WithResult, Counter>,
    errors: Counter,
    panics: Counter,
    timeouts: Counter,
    time: Histogram,
    pub(crate) active: Gauge,
}

impl Loops {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let loops = Self {
            total: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            timeouts: Family::default(),
            time: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            most: Family::default(),
            active: Family::default(),
            restarts: Family::default(),
            leads: Family::default(),
        };
        let name = |name: &str| format!("controller_runtime_{name}");
        registry.register(name("reconcile"), "Reconciliations by their result", loops.total.clone());
        registry.register(name("reconcile_errors"), "Reconciliations that failed", loops.errors.clone());
        registry.register(
            name("reconcile_panics"),
            "Reconciliations that panicked, and looks at what is to be reconciled",
            loops.panics.clone(),
        );
        registry.register(name("reconcile_timeouts"), "Reconciliations that took too long", loops.timeouts.clone());
        registry.register(name("reconcile_time_seconds"), "How long reconciliations took", loops.time.clone());
        registry.register(
            name("max_concurrent_reconciles"),
            "How many reconciliations may run at a time",
            loops.most.clone(),
        );
        registry.register(name("active_workers"), "How many reconciliations run", loops.active.clone());
        registry.register(
            "cowherd_loop_restarts",
            "How often a controller, watch or other loop was started again",
            loops.restarts.clone(),
        );
        registry.register(
            "leader_election_master_status",
            "Whether this process leads: 1 if so, else 0",
            loops.leads.clone(),
        );
        loops
    }

    /// The metrics of a controller, which reconciles `most` keys at a time.
    pub(crate) fn controller(&self, name: &str, most: usize) -> LoopMetrics {
        let of = OfController { controller: name.to_owned() };
        // There from the beginning, so that the first of each is seen to be one more.
        for result in RESULTS {
            self.total.get_or_create_owned(&WithResult { controller: name.to_owned(), result });
        }
        self.most.get_or_create(&of).set(i64::try_from(most).unwrap_or(i64::MAX));
        LoopMetrics {
            name: name.to_owned(),
            total: self.total.clone(),
            errors: self.errors.get_or_create_owned(&of),
            panics: self.panics.get_or_create_owned(&of),
            timeouts: self.timeouts.get_or_create_owned(&of),
            time: self.time.get_or_create_owned(&of),
            active: self.active.get_or_create_owned(&of),
        }
    }

    /// The panics of a controller.
    pub(crate) fn panics(&self, name: &str) -> Counter {
        self.panics.get_or_create_owned(&OfController { controller: name.to_owned() })
    }

    pub(crate) fn restarts(&self, name: &str) -> Counter {
        self.restarts.get_or_create_owned(&Named { name: name.to_owned() })
    }

    pub(crate) fn leads(&self, name: &str) -> Gauge {
        self.leads.get_or_create_owned(&Named { name: name.to_owned() })
    }
}

impl LoopMetrics {
    /// Counts a reconciliation, by controller-runtime's words for its result.
    pub(crate) fn reconciled(&self, result: &'static str, took: Duration) {
        self.total.get_or_create(&WithResult { controller: self.name.clone(), result }).inc();
        self.time.observe(took.as_secs_f64());
    }

    pub(crate) fn erred(&self) {
        self.errors.inc();
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    pub(crate) fn failed(&self, error: &crate::Error) {
        self.erred();
        match error {
            crate::Error::Panicked(_) => self.panicked(),
            crate::Error::TimedOut(_) => drop(self.timeouts.inc()),
            _ => {}
        }
    }
}
