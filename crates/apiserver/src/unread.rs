//! Answers that were made and are not read yet.
//!
//! A client of HTTP/2 gives window for as much as it wants to have; who gives none keeps whole answers waiting here,
//! hundreds over one connection. All of them together have a limit, and those of one user half of it. Where there is no
//! room for the next, the one that nobody has taken anything of for the longest time is given up.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::Notify;

use crate::{body::Body, connections::UnderWay, pieces::Pieces};

/// Who takes nothing of an answer for so long may lose it to others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Who takes nothing of it for so long is not busy any more.
const STUCK: Duration = Duration::from_secs(5);
/// How long an answer waits for room.
const WAIT: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody has taken nothing for long enough.
const GLANCE: Duration = Duration::from_millis(100);

/// All answers of a listener that wait.
#[derive(Debug)]
pub(crate) struct Unread {
    /// How many bytes they may have together.
    limit: u64,
    all: Mutex<All>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct All {
    next: u64,
    bytes: u64,
    of_owner: HashMap<Arc<str>, u64>,
    held: HashMap<u64, Arc<Held>>,
}

/// An answer that waits.
#[derive(Debug)]
struct Held {
    owner: Arc<str>,
    size: u64,
    made: Instant,
    /// When something of it was taken last, in milliseconds since it was made.
    taken: AtomicU64,
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    /// `None` when it was given up.
    body: Option<Pieces<Body>>,
    /// That its connection is busy.
    under_way: Option<UnderWay>,
}

/// The body of an answer. It counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    unread: Arc<Unread>,
    number: u64,
    held: Arc<Held>,
}

impl Unread {
    /// At most so many bytes.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, all: Mutex::default(), freed: Notify::new() })
    }

    /// Lets an answer wait until it is read. `None` where there is no room, and none came in time.
    pub(crate) async fn keep(self: &Arc<Self>, owner: Arc<str>, body: Body, under_way: UnderWay) -> Option<Waiting> {
        let size = body.size_hint().exact().unwrap_or_default();
        let room = async {
            while !self.make_room(&owner, size) {
                let _ = tokio::time::timeout(GLANCE, self.freed.notified()).await;
            }
        };
        tokio::time::timeout(WAIT, room).await.ok()?;
        let content = Mutex::new(Content { body: Some(Pieces::of(body)), under_way: Some(under_way) });
        let held = Arc::new(Held { owner, size, made: Instant::now(), taken: AtomicU64::new(0), content });
        let mut all = lock(&self.all);
        let number = all.next;
        all.next += 1;
        all.bytes += size;
        *all.of_owner.entry(held.owner.clone()).or_default() += size;
        all.held.insert(number, held.clone());
        drop(all);
        Some(Waiting { unread: self.clone(), number, held })
    }

    /// Whether there is room for so many bytes more, if need be at the cost of what is not read. Who has nothing here
    /// may have one answer of any size.
    fn make_room(&self, owner: &Arc<str>, size: u64) -> bool {
        let mut all = lock(&self.all);
        loop {
            let own = all.of_owner.get(owner).copied().unwrap_or_default();
            let own_is_full = own > 0 && own + size > self.limit / 2;
            let is_full = all.bytes > 0 && own > 0 && all.bytes + size > self.limit;
            if !own_is_full && !is_full {
                return true;
            }
            let candidates = all.held.iter().filter(|(_, held)| !own_is_full || held.owner == *owner);
            let longest = candidates.map(|(number, held)| (held.quiet(), *number)).max();
            let Some((_, number)) = longest.filter(|(quiet, _)| *quiet >= PATIENCE) else { return false };
            if let Some(held) = all.remove(number) {
                *lock(&held.content) = Content { body: None, under_way: None };
            }
        }
    }

    /// Those whose clients have taken nothing for a while keep no connection busy any more.
    pub(crate) fn let_go_of_stuck(&self) {
        for held in lock(&self.all).held.values().filter(|held| held.quiet() >= STUCK) {
            lock(&held.content).under_way = None;
        }
    }
}

impl All {
    fn remove(&mut self, number: u64) -> Option<Arc<Held>> {
        let held = self.held.remove(&number)?;
        self.bytes -= held.size;
        if let Some(bytes) = self.of_owner.get_mut(&held.owner) {
            *bytes -= held.size;
            if *bytes == 0 {
                self.of_owner.remove(&held.owner);
            }
        }
        Some(held)
    }
}

impl Held {
    /// For how long nothing was taken of it.
    fn quiet(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.taken.load(Ordering::Relaxed)))
    }
}

impl http_body::Body for Waiting {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let now = u64::try_from(self.held.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.held.taken.store(now, Ordering::Relaxed);
        match &mut lock(&self.held.content).body {
            Some(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            None => Poll::Ready(Some(Err(io::Error::other("the answer was not read, and others needed its place")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.held.content).body.as_ref().is_some_and(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.held.content).body.as_ref().map_or_else(SizeHint::default, |body| body.size_hint())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.unread.all).remove(self.number);
        self.unread.freed.notify_waiters();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::{body, connections::Connections};

    fn under_way() -> UnderWay {
        Connections::new(1, 1).try_admit(std::net::Ipv4Addr::LOCALHOST.into()).unwrap().activity.request()
    }

    async fn keep(unread: &Arc<Unread>, owner: &str, size: usize) -> Option<Waiting> {
        unread.keep(owner.into(), body::full(vec![0; size]), under_way()).await
    }

    #[tokio::test]
    async fn what_nobody_reads_gives_its_place_to_others_of_its_user_first() {
        let unread = Unread::new(1_000);
        let theirs = keep(&unread, "other", 300).await.unwrap();
        let first = keep(&unread, "greedy", 400).await.unwrap();
        let began = Instant::now();
        let second = keep(&unread, "greedy", 400).await.unwrap();
        assert!(began.elapsed() >= PATIENCE / 2, "whoever is reading has a moment");
        assert!(first.collect().await.is_err(), "it was given up");
        assert_eq!(second.collect().await.unwrap().to_bytes().len(), 400);
        assert_eq!(theirs.collect().await.unwrap().to_bytes().len(), 300);
        assert_eq!(lock(&unread.all).bytes, 0);
        assert!(lock(&unread.all).of_owner.is_empty());
    }

    #[tokio::test]
    async fn an_answer_larger_than_all_room_is_given_to_who_has_no_other() {
        let unread = Unread::new(1_000);
        let _held: Vec<_> = [keep(&unread, "a", 450).await.unwrap(), keep(&unread, "b", 450).await.unwrap()].into();
        assert!(keep(&unread, "c", 5_000).await.is_some());
    }
}
