//! How many requests are worked on at a time.
//!
//! Reads, writes and watches have places of their own, as in Kubernetes (`--max-requests-inflight` and
//! `--max-mutating-requests-inflight`). Who finds none waits for a moment, and is then asked to come back (429). Health
//! and the agents of this process, which ask without a socket, are served always, and leases have places of their own:
//! what keeps a cluster alive must not wait for what loads it. One user has half of the places at most, and all service
//! accounts of a namespace count as one, so that others find a place whatever one of them does; but for
//! `system:masters`, as in Kubernetes.

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
/// How much memory the work of changes may take at a time, and that of a single one at most.
const WORK: usize = 4 * LARGEST;
const LARGEST: usize = 24 * 1024 * 1024;
/// How many times its text a document takes, as a guess.
const GROWTH: usize = 8;
/// From how many bytes of text on the work takes long.
const LONG_WORK: usize = 64 * 1024;
/// How many requests about leases are worked on at a time, and how many of them are watched.
const LEASES: usize = 1000;
/// What a large body is, in bytes.
const LARGE_BODY: usize = 16 * 1024;
/// How many pages of lists are made at a time. Nobody knows before how large the objects are.
const PAGES: usize = 8;
/// How many bytes of large bodies there may be, and the blocks in which they are counted.
const BODIES: usize = 128 * 1024 * 1024;
const BLOCK: usize = 1024;

/// The places of a server.
#[derive(Debug)]
pub(crate) struct Flow {
    reads: Places,
    writes: Places,
    watches: Places,
    leases: Places,
    lease_watches: Places,
    pages: Places,
    bodies: Places,
    work: Places,
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
            leases: Places::new(LEASES),
            lease_watches: Places::new(LEASES),
            pages: Places::new(PAGES),
            bodies: Places::new((BODIES / BLOCK).max(2 * config.body_limit.div_ceil(BLOCK))),
            work: Places::new(WORK / BLOCK),
        }
    }

    /// A place for a request that came over a socket; `None` for one that needs none.
    pub(crate) async fn place(&self, parts: &Parts, user: &User) -> ApiResult<Option<Place>> {
        let route = Route::parse(parts.uri.path());
        let Route::Object(object) = &route else {
            return match route {
                Route::Health | Route::Version | Route::Metrics => Ok(None),
                _ => self.reads.wait(user, 1).await.map(Some),
            };
        };
        let watches =
            object.special == Some(Special::Watch) || Query::parse(parts.uri.query().unwrap_or_default()).flag("watch");
        let places = if object.group_version.group == "coordination.k8s.io" {
            [&self.lease_watches, &self.leases, &self.leases]
        } else {
            [&self.watches, &self.reads, &self.writes]
        };
        let [of_watches, reads, writes] = places;
        match parts.method {
            Method::GET | Method::HEAD if watches => {
                of_watches.wait(user, 1).await.map(|place| Some(Place { streams: true, ..place }))
            }
            Method::GET | Method::HEAD => reads.wait(user, 1).await.map(Some),
            _ => writes.wait(user, 1).await.map(Some),
        }
    }

    /// A turn to make a page of a list.
    pub(crate) async fn turn(&self, user: &User) -> Place {
        self.pages.wait_on(user, 1).await
    }

    /// Room for a request's body that is said to have so many bytes; `None` for one that needs none.
    pub(crate) async fn body(&self, size: usize, user: &User) -> ApiResult<Option<Place>> {
        if size < LARGE_BODY {
            return Ok(None);
        }
        let blocks = u32::try_from(size.div_ceil(BLOCK)).unwrap_or(u32::MAX);
        self.bodies.wait(user, blocks).await.map(Some)
    }

    /// Does the work of a change, of which body or object have `size` bytes: when there is room for what it takes. What takes long is
    /// done where it holds up no other request: the thread is no longer one of those that wait for requests.
    pub(crate) async fn work<T>(&self, user: &User, size: usize, work: impl Future<Output = T>) -> T {
        if size < LARGE_BODY {
            return work.await;
        }
        let _turn = self.work.wait_on(user, (size * GROWTH).min(LARGEST).div_ceil(BLOCK)).await;
        let runtime = tokio::runtime::Handle::current();
        if size < LONG_WORK || runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
            return work.await;
        }
        tokio::task::block_in_place(|| runtime.block_on(work))
    }
}

impl Places {
    fn new(count: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(count)), share: count.div_ceil(2), shares: Mutex::default() }
    }

    /// So many places at once.
    async fn wait(&self, user: &User, count: u32) -> ApiResult<Place> {
        let permits = async {
            let share = match self.share_of(user) {
                Some(share) => Some(share.acquire_many_owned(count).await?),
                None => None,
            };
            Ok::<_, tokio::sync::AcquireError>((share, self.all.clone().acquire_many_owned(count).await?))
        };
        match tokio::time::timeout(PATIENCE, permits).await {
            Ok(Ok((share, place))) => Ok(Place { _share: share, _place: place, streams: false }),
            _ => Err(ApiError::too_many_requests()),
        }
    }

    /// The same for as long as it takes.
    async fn wait_on(&self, user: &User, count: usize) -> Place {
        let count = u32::try_from(count.min(self.share)).unwrap_or(u32::MAX);
        loop {
            if let Ok(place) = self.wait(user, count).await {
                return place;
            }
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
        places.wait(user, 1).now_or_never()?.ok()
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
