//! Prometheus metrics of the controllers of one control plane, under controller-runtime's names.

mod loops;
mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

pub(crate) use loops::{LoopMetrics, Loops};
pub(crate) use queue::QueueMetrics;
use queue::Queues;

/// The metrics of one control plane. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    queues: Queues,
    loops: Loops,
    sampled: Mutex<Vec<Weak<dyn Sampled>>>,
}

/// What is only counted when somebody looks.
pub(crate) trait Sampled: Send + Sync {
    fn sample(&self);
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let queues = Queues::register(&mut registry);
        let loops = Loops::register(&mut registry);
        Self { inner: Arc::new(Inner { registry, queues, loops, sampled: Mutex::default() }) }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// The metrics as Prometheus reads them: OpenMetrics' text, of the type
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    pub fn text(&self) -> String {
        self.sampled().retain(|sampled| sampled.upgrade().inspect(|sampled| sampled.sample()).is_some());
        let mut text = String::new();
        // Writing to a text fails only if a metric does not know how to display itself.
        match encode(&mut text, &self.inner.registry) {
            Ok(()) => text,
            Err(fmt::Error) => String::new(),
        }
    }

    pub(crate) fn queue(&self, name: &str) -> QueueMetrics {
        self.inner.queues.of(name)
    }

    pub(crate) fn sample(&self, sampled: Weak<dyn Sampled>) {
        self.sampled().push(sampled);
    }

    pub(crate) fn loops(&self) -> &Loops {
        &self.inner.loops
    }

    fn sampled(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Sampled>>> {
        self.inner.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
