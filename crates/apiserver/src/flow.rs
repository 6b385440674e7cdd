//! How many requests are worked on at a time.
//!
//! Reads, writes and watches have places of their own, as in Kubernetes (`--max-requests-inflight` and
//! `--max-mutating-requests-inflight`). Who finds none waits for a moment, and is then asked to come back (429). Health,
//! leases and the agents of this process, which ask without a socket, are served always: what keeps a cluster alive must
//! not wait for what loads it.

use std::{sync::Arc, time::Duration};

use http::{Method, request::Parts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    query::Query,
    route::{Route, Special},
    server::Config,
    status::{ApiError, ApiResult},
};

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many requests with large bodies are worked on at a time: each may take many times its size of memory.
const LARGE: usize = 4;

/// The places of a server.
#[derive(Debug)]
pub(crate) struct Flow {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    large: Semaphore,
}

impl Flow {
    pub(crate) fn new(config: &Config) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            reads: places(config.reads),
            writes: places(config.writes),
            watches: places(config.watches),
            large: Semaphore::new(LARGE),
        }
    }

    /// A place for a request that came over a socket; `None` for one that needs none.
    pub(crate) async fn place(&self, parts: &Parts) -> ApiResult<Option<Place>> {
        let route = Route::parse(parts.uri.path());
        let Route::Object(object) = &route else {
            return match route {
                Route::Health | Route::Version | Route::Metrics => Ok(None),
                _ => self.wait(&self.reads, false).await,
            };
        };
        if object.group_version.group == "coordination.k8s.io" {
            return Ok(None);
        }
        let watches =
            object.special == Some(Special::Watch) || Query::parse(parts.uri.query().unwrap_or_default()).flag("watch");
        match parts.method {
            Method::GET | Method::HEAD if watches => self.wait(&self.watches, true).await,
            Method::GET | Method::HEAD => self.wait(&self.reads, false).await,
            _ => self.wait(&self.writes, false).await,
        }
    }

    async fn wait(&self, places: &Arc<Semaphore>, streams: bool) -> ApiResult<Option<Place>> {
        match tokio::time::timeout(PATIENCE, places.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Some(Place { _permit: permit, streams })),
            _ => Err(ApiError::too_many_requests()),
        }
    }

    /// Does the work of a request with a body of `size` bytes. What is large is done where it holds up no other
    /// request: the thread is no longer one of those that wait for requests, and few such are busy at a time.
    pub(crate) async fn work<T>(&self, size: usize, work: impl Future<Output = T>) -> T {
        const LARGE_BODY: usize = 16 * 1024;
        let runtime = tokio::runtime::Handle::current();
        if size < LARGE_BODY || runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
            return work.await;
        }
        let _turn = self.large.acquire().await;
        tokio::task::block_in_place(|| runtime.block_on(work))
    }
}

/// A place that a request has until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    /// Whether it is kept until the answer has gone out, which for a watch is long after it began.
    pub(crate) streams: bool,
}
