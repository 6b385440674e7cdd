//! Prometheus metrics of the controllers of one control plane, under controller-runtime's names.

mod answers;
mod durations;
mod exposition;
mod loops;
mod process;
mod queue;
mod reconciler;
mod requests;
mod resources;

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

pub use answers::Answers;
pub use durations::Durations;
pub(crate) use loops::{LoopMetrics, Loops};
use process::Process;
pub(crate) use queue::QueueMetrics;
use queue::Queues;
use reconciler::AtWork;
pub use reconciler::{Measured, Outcome, Reconciler};
pub use resources::{Description, Resources};

/// The metrics of one control plane. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Mutex<Registered>,
    queues: Queues,
    loops: Loops,
    sampled: Mutex<Vec<Weak<dyn Sampled>>>,
    /// What reconcilers with a schedule of their own are at, by their names.
    at_work: Mutex<HashMap<String, Arc<AtWork>>>,
}

/// What is written, and what others have registered by its name.
struct Registered {
    registry: Registry,
    others: HashMap<&'static str, Box<dyn Any + Send + Sync>>,
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
        registry.register_collector(Box::new(Process));
        let registry = Mutex::new(Registered { registry, others: HashMap::new() });
        let (sampled, at_work) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { registry, queues, loops, sampled, at_work }) }
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
        match encode(&mut text, &self.registered().registry) {
            Ok(()) => text,
            Err(fmt::Error) => String::new(),
        }
    }

    /// The metrics in the form that an `Accept` header asks for, and its media type.
    pub fn written(&self, accept: &str) -> (String, &'static str) {
        exposition::written(self.text(), accept)
    }

    /// The metric of this name: the one that was registered before, or else this one. Clones of it are the same metric.
    pub fn register<M: Metric + Clone>(&self, name: &'static str, help: &str, metric: M) -> M {
        let mut registered = self.registered();
        if let Some(known) = registered.others.get(name).and_then(|known| known.downcast_ref::<M>()) {
            return known.clone();
        }
        registered.registry.register(name, help, metric.clone());
        registered.others.insert(name, Box::new(metric.clone()));
        metric
    }

    fn registered(&self) -> std::sync::MutexGuard<'_, Registered> {
        self.inner.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn queue(&self, name: &str) -> QueueMetrics {
        self.inner.queues.of(name)
    }

    fn at_work(&self, name: &str, make: impl FnOnce() -> AtWork) -> Arc<AtWork> {
        let mut known = self.inner.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let at_work = known.entry(name.to_owned()).or_insert_with(|| {
            let at_work = Arc::new(make());
            let weak: Weak<AtWork> = Arc::downgrade(&at_work);
            self.sample(weak);
            at_work
        });
        Arc::clone(at_work)
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
