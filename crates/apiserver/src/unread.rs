//! Answers that were made and are not read yet.
//!
//! A client of HTTP/2 gives window for as much as it wants to have; who gives none keeps whole answers waiting here,
//! hundreds over one connection. All of them together have a limit, and those of one user half of it. Where there is no
//! room for the next, the one that nobody has taken anything of for the longest time is given up. Of a watch what counts is
//! the rest of a large event that was begun.

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

use crate::{body::Body, connections::UnderWay, flow::Place, pieces::Pieces};

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
    size: AtomicU64,
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
    /// The place of a watch.
    _place: Option<Place>,
}

/// The body of an answer. It counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    unread: Arc<Unread>,
    number: u64,
    held: Arc<Held>,
    /// Whether it is a watch, of which nobody knows how long it gets.
    is_watch: bool,
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
        Some(self.hold(owner, size, body, (under_way, None), false))
    }

    /// Lets a watch go on for as long as there is room for what is not read of it.
    pub(crate) fn follow(
        self: &Arc<Self>,
        owner: Arc<str>,
        body: Body,
        under_way: UnderWay,
        place: Option<Place>,
    ) -> Waiting {
        self.hold(owner, 0, body, (under_way, place), true)
    }

    fn hold(
        self: &Arc<Self>,
        owner: Arc<str>,
        size: u64,
        body: Body,
        (under_way, place): (UnderWay, Option<Place>),
        is_watch: bool,
    ) -> Waiting {
        let content = Content { body: Some(Pieces::of(body)), under_way: Some(under_way), _place: place };
        let content = Mutex::new(content);
        let (made, taken) = (Instant::now(), AtomicU64::new(0));
        let held = Arc::new(Held { owner, size: AtomicU64::new(0), made, taken, content });
        let mut all = lock(&self.all);
        let number = all.next;
        all.next += 1;
        all.held.insert(number, held.clone());
        all.resize(number, size);
        drop(all);
        Waiting { unread: self.clone(), number, held, is_watch }
    }

    /// So much of a watch is not read now. It is there already: if that is too much, others are given up for it.
    fn resize(&self, number: u64, held: &Held, size: u64) {
        let before = held.size.load(Ordering::Relaxed);
        if size > before {
            self.make_room(&held.owner, size - before);
        }
        if size != before {
            lock(&self.all).resize(number, size);
        }
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
            let waiting = all.held.iter().filter(|(_, held)| held.waits());
            let candidates = waiting.filter(|(_, held)| !own_is_full || held.owner == *owner);
            let longest = candidates.map(|(number, held)| (held.quiet(), *number)).max();
            let Some((_, number)) = longest.filter(|(quiet, _)| *quiet >= PATIENCE) else { return false };
            if let Some(held) = all.remove(number) {
                *lock(&held.content) = Content { body: None, under_way: None, _place: None };
            }
        }
    }

    /// Those whose clients have taken nothing for a while keep no connection busy any more.
    pub(crate) fn let_go_of_stuck(&self) {
        for held in lock(&self.all).held.values().filter(|held| held.waits() && held.quiet() >= STUCK) {
            lock(&held.content).under_way = None;
        }
    }
}

impl All {
    fn remove(&mut self, number: u64) -> Option<Arc<Held>> {
        self.resize(number, 0);
        self.held.remove(&number)
    }

    /// Counts one that is held with another size; one that is not held any more does not count.
    fn resize(&mut self, number: u64, size: u64) {
        let Some(held) = self.held.get(&number) else { return };
        let before = held.size.swap(size, Ordering::Relaxed);
        self.bytes = self.bytes - before + size;
        let of_owner = self.of_owner.entry(held.owner.clone()).or_default();
        *of_owner = *of_owner - before + size;
        if *of_owner == 0 {
            self.of_owner.remove(&held.owner);
        }
    }
}

impl Held {
    /// Whether there is something that is not read.
    fn waits(&self) -> bool {
        self.size.load(Ordering::Relaxed) > 0
    }

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
        let mut content = lock(&self.held.content);
        let Some(body) = &mut content.body else {
            let error = io::Error::other("the answer was not read, and others needed its place");
            return Poll::Ready(Some(Err(error)));
        };
        let frame = Pin::new(&mut *body).poll_frame(cx).map_err(|never| match never {});
        let rest = body.rest();
        // Room is made for it by giving up others, whose contents are locked for that.
        drop(content);
        if self.is_watch {
            self.unread.resize(self.number, &self.held, rest);
        }
        frame
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
    async fn of_a_watch_what_was_begun_counts_and_is_given_up_where_nobody_reads_it() {
        let unread = Unread::new(400_000);
        let follow = |owner: &str| {
            let events =
                futures::stream::iter([vec![b'e'; 10].into(), vec![b'l'; 150_000].into(), vec![b'e'; 10].into()]);
            unread.follow(owner.into(), body::streamed(events), under_way(), None)
        };
        let bytes = || lock(&unread.all).bytes;
        let (mut first, mut read) = (follow("greedy"), follow("greedy"));
        for watch in [&mut first, &mut read] {
            assert_eq!(watch.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
        }
        assert_eq!(bytes(), 0, "small events wait nowhere");
        first.frame().await.unwrap().unwrap();
        assert!((100_000..150_000).contains(&bytes()), "{}", bytes());
        tokio::time::sleep(PATIENCE).await;
        // What the other one holds would be more than half of all: the one that nobody reads goes.
        assert_eq!(read.collect().await.unwrap().to_bytes().len(), 150_010);
        assert!(first.frame().await.unwrap().is_err(), "it was given up");
        drop(first);
        assert_eq!(bytes(), 0);
        assert!(lock(&unread.all).of_owner.is_empty() && lock(&unread.all).held.is_empty());
    }

    #[tokio::test]
    async fn an_answer_larger_than_all_room_is_given_to_who_has_no_other() {
        let unread = Unread::new(1_000);
        let _held: Vec<_> = [keep(&unread, "a", 450).await.unwrap(), keep(&unread, "b", 450).await.unwrap()].into();
        assert!(keep(&unread, "c", 5_000).await.is_some());
    }
}
