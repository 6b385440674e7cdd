//! How many requests are worked on at a time.
//!
//! Reads, writes and watches have places of their own, as in Kubernetes (`--max-requests-inflight` and
//! `--max-mutating-requests-inflight`). Who finds none waits for a moment, and is then asked to come back (429). Health,
//! leases and the agents of this process, which ask without a socket, are served always: what keeps a cluster alive must
//! not wait for what loads it. One user has half of the places at most, and all service accounts of a namespace count as
//! one, so that others find a place whatever one of them does; but for `system:masters`, as in Kubernetes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use http::{Method, request::Parts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    identity::{MASTERS, User, service_account},
    query::Query,
    route::{Route, Special},
    server::Config,
    status::{ApiError, ApiResult},
};

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many requests with large bodies are worked on at a time: each may take many times its size of memory.
const LARGE: usize = 4;
/// How many lists are read at a time. Nobody knows before how long one is.
const LISTS: usize = 8;

/// The places of a server.
#[derive(Debug)]
pub(crate) struct Flow {
    reads: Places,
    writes: Places,
    watches: Places,
    lists: Places,
    large: Semaphore,
}

/// Places, of which one user has half at most.
#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    share: usize,
    shares: Mutex<HashMap<Arc<str>, Weak<Semaphore>>>,
}

impl Flow {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            reads: Places::new(config.reads),
            writes: Places::new(config.writes),
            watches: Places::new(config.watches),
            lists: Places::new(LISTS),
            large: Semaphore::new(LARGE),
        }
    }

    /// A place for a request that came over a socket; `None` for one that needs none.
    pub(crate) async fn place(&self, parts: &Parts, user: &User) -> ApiResult<Option<Place>> {
        let route = Route::parse(parts.uri.path());
        let Route::Object(object) = &route else {
            return match route {
                Route::Health | Route::Version | Route::Metrics => Ok(None),
                _ => self.reads.wait(user, false).await.map(Some),
            };
        };
        if object.group_version.group == "coordination.k8s.io" {
            return Ok(None);
        }
        let watches =
            object.special == Some(Special::Watch) || Query::parse(parts.uri.query().unwrap_or_default()).flag("watch");
        match parts.method {
            Method::GET | Method::HEAD if watches => self.watches.wait(user, true).await.map(Some),
            Method::GET | Method::HEAD => self.reads.wait(user, false).await.map(Some),
            _ => self.writes.wait(user, false).await.map(Some),
        }
    }

    /// A turn to read a list and to hand it out.
    pub(crate) async fn list(&self, user: &User) -> ApiResult<Place> {
        self.lists.wait(user, false).await
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

impl Places {
    fn new(count: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(count)), share: count.div_ceil(2), shares: Mutex::default() }
    }

    async fn wait(&self, user: &User, streams: bool) -> ApiResult<Place> {
        let permits = async {
            let share = match self.share_of(user) {
                Some(share) => Some(share.acquire_owned().await?),
                None => None,
            };
            Ok::<_, tokio::sync::AcquireError>((share, self.all.clone().acquire_owned().await?))
        };
        match tokio::time::timeout(PATIENCE, permits).await {
            Ok(Ok((share, place))) => Ok(Place { _share: share, _place: place, streams }),
            _ => Err(ApiError::too_many_requests()),
        }
    }

    /// The places of a user; `None` for one who may have all.
    fn share_of(&self, user: &User) -> Option<Arc<Semaphore>> {
        if user.is_in(MASTERS) {
            return None;
        }
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owner(user);
        if let Some(share) = shares.get(&owner).and_then(Weak::upgrade) {
            return Some(share);
        }
        // Nobody asks for those that are gone.
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(owner, Arc::downgrade(&share));
        Some(share)
    }
}

/// Who counts as one: a user, or all service accounts of a namespace.
pub(crate) fn owner(user: &User) -> Arc<str> {
    match service_account(&user.name) {
        Some((namespace, _)) => format!("system:serviceaccounts:{namespace}").into(),
        None => user.name.as_str().into(),
    }
}

/// A place that a request has until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _share: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
    /// Whether it is kept until the answer has gone out, which for a watch is long after it began.
    pub(crate) streams: bool,
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// A place that is free now.
    fn at_once(places: &Places, user: &User) -> Option<Place> {
        places.wait(user, false).now_or_never()?.ok()
    }

    #[tokio::test]
    async fn one_user_leaves_half_of_the_places_to_others() {
        let places = Places::new(4);
        let account = |name: &str| User::known(&format!("system:serviceaccount:shop:{name}"), &[]);
        let (first, second) = (at_once(&places, &account("a")).unwrap(), at_once(&places, &account("b")).unwrap());
        assert!(at_once(&places, &account("c")).is_none(), "accounts of a namespace count as one");
        let other = at_once(&places, &User::known("jane", &[])).unwrap();
        let root = User::known("root", &[MASTERS]);
        let last = at_once(&places, &root).unwrap();
        drop(first);
        let again = at_once(&places, &root).expect("whoever may do everything may have all places");
        drop((second, other, last, again));
        assert!(at_once(&places, &account("c")).is_some());
        assert!(places.shares.lock().unwrap().len() <= 2, "nothing is kept of who asks for nothing");
    }
}
