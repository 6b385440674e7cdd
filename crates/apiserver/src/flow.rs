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
    bounds::WEIGHT,
    identity::{MASTERS, User, service_account},
    query::Query,
    route::{Route, Special},
    server::Config,
    status::{ApiError, ApiResult},
};

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much memory the work of changes may take at a time. One that takes more is done alone, but for small ones.
const WORK: usize = 96 * 1024 * 1024;
/// What takes less needs no room: hundreds of them are under way at most.
const SMALL_WORK: usize = 512 * 1024;
/// How many times its text a change takes, and how many times what the text stands for: it is read, merged with what there
/// was, and compared with it.
const TEXTS: usize = 8;
const TREES: usize = 3;
/// How many bytes of memory a byte of Kubernetes' binary form may stand for.
const HEAVIEST_BYTE: usize = 160;
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
    count: usize,
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
    pub(crate) async fn turn(&self, user: &User) -> Option<Place> {
        self.pages.wait_on(user, 1).await
    }

    /// Room for a request's body that is said to have so many bytes; `None` for one that needs none.
    pub(crate) async fn body(&self, size: usize, user: &User) -> ApiResult<Option<Place>> {
        if size < LARGE_BODY {
            return Ok(None);
        }
        self.bodies.wait(user, size.div_ceil(BLOCK)).await.map(Some)
    }

    /// Room for the work of a change; `None` for one that needs none.
    pub(crate) async fn work_room(&self, user: &User, load: Load) -> Option<Place> {
        match load.memory() {
            ..SMALL_WORK => None,
            memory => self.work.wait_on(user, memory.div_ceil(BLOCK)).await,
        }
    }
}

/// Does the work of a change of so much. What takes long is done where it holds up no other request: the thread is no longer
/// one of those that wait for requests.
pub(crate) async fn work<T>(load: Load, work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Handle::current();
    if load.bytes < LONG_WORK || runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
        return work.await;
    }
    tokio::task::block_in_place(|| runtime.block_on(work))
}

/// What a change has to do with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// How many bytes of text.
    bytes: usize,
    /// How many bytes of memory the lists and maps take that the text stands for, at most.
    weight: usize,
}

impl Load {
    /// Of a text in JSON or YAML.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        Self { bytes: text.len(), weight: cowherd_yaml::guess_weight(text).min(WEIGHT) }
    }

    /// Of a text in Kubernetes' binary form, of which four bytes may be a map.
    pub(crate) fn of_binary(text: &[u8]) -> Self {
        Self { bytes: text.len(), weight: text.len().saturating_mul(HEAVIEST_BYTE).min(WEIGHT) }
    }

    /// The more of two: both are in memory, but are made one of.
    pub(crate) fn max(self, other: Self) -> Self {
        Self { bytes: self.bytes.max(other.bytes), weight: self.weight.max(other.weight) }
    }

    fn memory(self) -> usize {
        self.bytes * TEXTS + self.weight * TREES
    }
}

impl Places {
    fn new(count: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(count)), count, share: count.div_ceil(2), shares: Mutex::default() }
    }

    /// So many places at once, if there are some in time.
    async fn wait(&self, user: &User, count: usize) -> ApiResult<Place> {
        let place = tokio::time::timeout(PATIENCE, self.wait_on(user, count)).await;
        place.ok().flatten().ok_or_else(ApiError::too_many_requests)
    }

    /// The same for as long as it takes; `None` never comes. Who asks for more than there are gets all.
    async fn wait_on(&self, user: &User, count: usize) -> Option<Place> {
        let up_to = |most: usize| u32::try_from(count.min(most)).unwrap_or(u32::MAX);
        let share = match self.share_of(user) {
            Some(share) => Some(share.acquire_many_owned(up_to(self.share)).await.ok()?),
            None => None,
        };
        let place = self.all.clone().acquire_many_owned(up_to(self.count)).await.ok()?;
        Some(Place { _share: share, _place: place, streams: false })
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

    #[tokio::test]
    async fn changes_wait_for_the_memory_of_others_and_what_stands_for_much_is_done_alone() {
        let flow = Flow::new(&Config::default());
        let (greedy, modest) = (User::known("greedy", &[]), User::known("modest", &[]));
        let maps = |count: usize| Load::of_text("{\"a\":1},".repeat(count).as_bytes());
        let (small, dense, text) = (maps(100), maps(300_000), Load::of_text(&vec![b'x'; 2_000_000]));
        let now = |user, load| flow.work_room(user, load).now_or_never();
        let first = now(&greedy, dense).expect("there is room for any change").expect("it takes some");
        assert!(now(&greedy, text).is_none() && now(&modest, text).is_none(), "it is done alone");
        assert!(now(&modest, small).expect("small ones wait for nobody").is_none());
        // Whoever hangs up while it waits is forgotten.
        drop(first);
        let several: Vec<_> = (0..3).map_while(|_| now(&greedy, text)).collect();
        assert_eq!(several.len(), 3);
        assert!(now(&greedy, text).is_none(), "one user has half of it");
        assert!(now(&modest, text).is_some());
        assert!(now(&modest, dense).is_none());
    }
}
