//! A loop that joins informers, a queue and a reconcile function.

use std::fmt::{Debug, Display};
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::events::{self, Recorder};
use crate::informer::{Informer, Object, Subscription};
use crate::mapping::Mapping;
use crate::metrics::LoopMetrics;
use crate::panics::caught;
use crate::queue::{Backoff, Next, Queue, Work};
use crate::{Error, Key, Runtime};

/// How many keys are reconciled at a time, unless said otherwise.
const WORKERS: usize = 2;
/// How long a reconciliation may take, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How long writing may take that one was broken off.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// A controller: what it watches, and how much it may do at a time. [`Controller::run`] starts it.
///
/// `Q` is what names the things to reconcile, a [`Key`] for most.
pub struct Controller<Q: Clone + Eq + Hash> {
    name: &'static str,
    runtime: Runtime,
    queue: Queue<Q>,
    subscriptions: Vec<Subscription>,
    synced: Vec<BoxFuture<'static, ()>>,
    about: About<Q>,
    report: Option<Report<Q>>,
    recorder: Option<Recorder>,
    workers: usize,
    timeout: Duration,
    permits: Option<Arc<Semaphore>>,
}

type About<Q> = Arc<dyn Fn(&Q) -> Option<ObjectReference> + Send + Sync>;

/// Writes into the status of an object what became of its reconciliation.
type Report<Q> = Arc<dyn Fn(Q, BrokenOff) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// A reconciliation that came to no end of its own, as people are told: nothing of it is what a panic said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenOff {
    /// Why, in one word, as events and conditions have it.
    pub reason: &'static str,
    /// Why, in a sentence, which is the same each time.
    pub message: String,
}

impl BrokenOff {
    /// What is told of the error of a controller, if it is one of this kind.
    fn of(controller: &str, error: &Error) -> Option<Self> {
        match error {
            // What a panic says may hold anything of what was worked on; it is for the log alone.
            Error::Panicked(_) => Some(Self {
                reason: "ReconcilePanicked",
                message: format!("{controller} panicked, which is a bug; it tries again later"),
            }),
            Error::TimedOut(_) => Some(Self {
                reason: "ReconcileTimedOut",
                message: format!("{controller} was {error}; it tries again later"),
            }),
            _ => None,
        }
    }
}

impl Controller<Key> {
    /// A controller of the objects of an informer. Each is reconciled when it comes, changes or goes.
    pub fn of<K: Object>(runtime: &Runtime, name: &'static str, objects: &Arc<Informer<K>>) -> Self {
        let informer = Arc::clone(objects);
        let about =
            move |key: &Key| informer.get(key).map(|object| events::reference(object.as_ref(), informer.kind()));
        Self::new(runtime, name).about(about).watches(objects, |object| [Key::of(object)])
    }
}

impl<Q: Clone + Eq + Hash + Debug + Display + Send + Sync + 'static> Controller<Q> {
    /// A controller that watches nothing yet.
    pub fn new(runtime: &Runtime, name: &'static str) -> Self {
        let queue = Queue::measured(Backoff::default(), runtime.metrics().queue(name));
        runtime.metrics().sample(queue.sampled());
        Self {
            name,
            runtime: runtime.clone(),
            queue,
            subscriptions: Vec::new(),
            synced: Vec::new(),
            about: Arc::new(|_| None),
            report: None,
            recorder: None,
            workers: WORKERS,
            timeout: TIMEOUT,
            permits: None,
        }
    }

    /// Says which object a key is about, for events.
    pub fn about(mut self, about: impl Fn(&Q) -> Option<ObjectReference> + Send + Sync + 'static) -> Self {
        self.about = Arc::new(about);
        self
    }

    /// Reconciles the keys that `concerned` names when an object of the informer comes, changes or goes. It is asked
    /// for the states before and after, so that whoever an object no longer concerns is told too. It must not block. Where it
    /// panics, that is counted, and health says so.
    pub fn watches<K: Object, I: IntoIterator<Item = Q>>(
        mut self,
        informer: &Arc<Informer<K>>,
        concerned: impl Fn(&K) -> I + Send + Sync + 'static,
    ) -> Self {
        let queue = self.queue.clone();
        let mapping = Mapping::new(&self.runtime, self.name, &K::kind(informer.kind()));
        self.subscriptions.push(informer.subscribe(move |before, after| {
            let Some(key) = after.or(before).map(Key::of) else { return };
            let look = |object: &K| concerned(object).into_iter().collect::<Vec<_>>();
            mapping.concerned(&key, (before, after), look).into_iter().for_each(|key| queue.add(key));
        }));
        self.reads(informer)
    }

    /// Starts to reconcile only when the informer has seen everything.
    pub fn reads<K: Object>(self, informer: &Arc<Informer<K>>) -> Self {
        let informer = Arc::clone(informer);
        self.after(async move { informer.synced().await })
    }

    /// Starts to reconcile only when this completes.
    pub fn after(mut self, ready: impl Future<Output = ()> + Send + 'static) -> Self {
        self.synced.push(Box::pin(ready));
        self
    }

    /// Tells of panics and of what takes too long through this recorder, instead of one of its own.
    pub fn recorder(mut self, recorder: &Recorder) -> Self {
        self.recorder = Some(recorder.clone());
        self
    }

    /// Has it written into the status of an object that its reconciliation panicked or took too long, beside the event that says so.
    /// The next reconciliation that ends is to take it back. What is there already is not to be written again, since each write has the
    /// object reconciled at once.
    pub fn reports<F>(mut self, report: impl Fn(Q, BrokenOff) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.report = Some(Arc::new(move |key, broken| Box::pin(report(key, broken))));
        self
    }

    /// How many keys are reconciled at a time.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// After which time a reconciliation is given up and tried again later.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A budget that is shared with others, of this control plane or of all in the process: each reconciliation
    /// takes one permit.
    pub fn permits(mut self, permits: Arc<Semaphore>) -> Self {
        self.permits = Some(permits);
        self
    }

    /// The queue, for keys that come from elsewhere than informers.
    pub fn queue(&self) -> &Queue<Q> {
        &self.queue
    }

    /// Reconciles keys as they come, for ever.
    ///
    /// What goes wrong with one key is no other's trouble: an error, a panic and a reconciliation that takes too long
    /// are each counted and tried again with backoff.
    pub async fn run<F>(self, reconcile: impl Fn(Q) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<Next, Error>> + Send + 'static,
    {
        let pulse = self.runtime.health().register(self.name);
        pulse.unwell("waits until its informers have seen what is there");
        join_all(self.synced).await;
        pulse.well();
        let workshop = Arc::new(Workshop {
            name: self.name,
            reconcile,
            about: self.about,
            report: self.report,
            recorder: self.recorder.unwrap_or_else(|| self.runtime.recorder(self.name)),
            timeout: self.timeout,
            permits: self.permits,
            metrics: self.runtime.metrics().loops().controller(self.name, self.workers),
        });
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                work = self.queue.take(), if running.len() < self.workers => {
                    let span = tracing::info_span!("reconcile", controller = self.name, object = %work.key());
                    running.spawn(Arc::clone(&workshop).work(work).instrument(span));
                }
                Some(_) = running.join_next() => {}
            }
        }
    }
}

/// What one reconciliation after the other needs.
struct Workshop<Q, R> {
    name: &'static str,
    reconcile: R,
    about: About<Q>,
    report: Option<Report<Q>>,
    recorder: Recorder,
    timeout: Duration,
    permits: Option<Arc<Semaphore>>,
    metrics: LoopMetrics,
}

impl<Q, R, F> Workshop<Q, R>
where
    Q: Clone + Eq + Hash + Debug + Display + Send + Sync + 'static,
    R: Fn(Q) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Next, Error>> + Send + 'static,
{
    async fn work(self: Arc<Self>, work: Work<Q>) {
        // The semaphore is never closed; if it were, there would be no budget to keep.
        let _permit = match &self.permits {
            Some(permits) => permits.acquire().await.ok(),
            None => None,
        };
        self.metrics.active.inc();
        let outcome = self.reconcile(work.key().clone()).await;
        self.metrics.active.dec();
        let took = work.elapsed();
        match outcome {
            Ok(next) => {
                self.metrics.reconciled(if next == Next::Wait { "success" } else { "requeue_after" }, took);
                work.succeeded(next);
            }
            Err(error) if error.is_not_found() => {
                self.metrics.reconciled("success", took);
                work.succeeded(Next::Wait);
            }
            Err(error) if error.is_conflict() => {
                tracing::debug!(%error, "changed meanwhile");
                self.metrics.reconciled("requeue", took);
                work.failed();
            }
            Err(error) => self.failed(work, &error).await,
        }
    }

    async fn reconcile(&self, key: Q) -> Result<Next, Error> {
        // The future is made inside: making it may panic too.
        let caught = caught(async { (self.reconcile)(key).await });
        match tokio::time::timeout(self.timeout, caught).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Error::Panicked(panic)),
            Err(_) => Err(Error::TimedOut(self.timeout)),
        }
    }

    async fn failed(&self, work: Work<Q>, error: &Error) {
        self.metrics.failed(error);
        self.metrics.reconciled("error", work.elapsed());
        if let Some(broken) = BrokenOff::of(self.name, error) {
            self.tell(work.key(), broken).await;
        }
        let key = work.key().clone();
        let delay = work.failed();
        tracing::warn!(controller = self.name, %key, %error, ?delay, "reconciliation failed; trying again");
    }

    /// Says by an event and in the status of an object that its reconciliation came to no end.
    async fn tell(&self, key: &Q, broken: BrokenOff) {
        if let Some(about) = (self.about)(key) {
            self.recorder.about(about, events::Type::Warning, broken.reason, &broken.message);
        }
        let Some(report) = &self.report else { return };
        let written = caught(async { report(key.clone(), broken).await });
        let untold = match tokio::time::timeout(REPORT_TIMEOUT, written).await {
            Ok(Ok(Ok(()))) => return,
            // It is gone, or another one by now.
            Ok(Ok(Err(error))) if error.is_not_found() || error.is_conflict() => return,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(panic)) => Error::Panicked(panic).to_string(),
            Err(_) => Error::TimedOut(REPORT_TIMEOUT).to_string(),
        };
        tracing::warn!(controller = self.name, %key, error = untold, "the status could not be written");
    }
}
