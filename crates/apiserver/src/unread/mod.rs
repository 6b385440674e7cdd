//! What answers take that are being made, or were made and are not read yet.
//!
//! A client of HTTP/2 gives window for as much as it wants to have; who gives none keeps whole answers waiting here,
//! hundreds over one connection. All of them together have a limit, and those of one user half of it. An answer takes
//! [`Room`] before it is made, so that what is in making counts as well. Where there is none for the next, the one that
//! nobody has taken anything of for the longest time is given up. What comes bit by bit (watches, long lists) takes room
//! for what was made of it and not sent, and goes on when there is some.

mod room;
#[cfg(test)]
mod tests;
mod waiting;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cowherd_connections::UnderWay;
use tokio::sync::Notify;

pub(crate) use room::Room;
pub(crate) use waiting::Waiting;

use crate::{body::Body, flow::Place, pieces::Pieces};

/// Who takes nothing of an answer for so long may lose it to others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Who takes nothing of it for so long is not busy any more.
const STUCK: Duration = Duration::from_secs(5);

/// All answers of a listener that are made or wait.
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

/// An answer that is made or waits.
#[derive(Debug)]
struct Held {
    owner: Arc<str>,
    size: AtomicU64,
    made: Instant,
    /// When something of it was taken last, in milliseconds since it was made.
    taken: AtomicU64,
    /// Whoever has the lock of all answers only tries this one: who has this one may be about to take room.
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    /// `None` before it waits, and when it was given up.
    body: Option<Pieces<Body>>,
    /// That its connection is busy.
    under_way: Option<UnderWay>,
    /// The place of a watch.
    _place: Option<Place>,
}

impl Unread {
    /// At most so many bytes.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, all: Mutex::default(), freed: Notify::new() })
    }

    /// The room of an answer to come, of which nothing is taken yet.
    pub(crate) fn room(self: &Arc<Self>, owner: Arc<str>) -> Room {
        let (size, made, taken) = (AtomicU64::new(0), Instant::now(), AtomicU64::new(0));
        let held = Arc::new(Held { owner, size, made, taken, content: Mutex::default() });
        let mut all = lock(&self.all);
        let number = all.next;
        all.next += 1;
        all.held.insert(number, held.clone());
        drop(all);
        Room::new(self.clone(), number, held)
    }

    /// Takes room for so many bytes more, if need be at the cost of what is not read; whether there was some. Who has
    /// nothing else here may have one answer of any size.
    fn take(&self, number: u64, asking: &Held, bytes: u64) -> bool {
        let mut given_up = Vec::new();
        let mut all = lock(&self.all);
        let taken = loop {
            let before = asking.size.load(Ordering::Relaxed);
            let own = all.of_owner.get(&asking.owner).copied().unwrap_or_default();
            let has_others = own > before;
            let own_is_full = has_others && own + bytes > self.limit / 2;
            let is_full = has_others && all.bytes + bytes > self.limit;
            if !own_is_full && !is_full {
                all.resize(number, before + bytes);
                break true;
            }
            let owner = own_is_full.then_some(&asking.owner);
            match all.give_up_the_quietest(owner) {
                Some(content) => given_up.push(content),
                None => break false,
            }
        };
        // Without the lock: what goes may have room itself.
        drop(all);
        drop(given_up);
        taken
    }

    /// Those whose clients have taken nothing for a while keep no connection busy any more.
    pub(crate) fn let_go_of_stuck(&self) {
        let mut let_go = Vec::new();
        for held in lock(&self.all).held.values().filter(|held| held.quiet() >= STUCK) {
            if let Ok(mut content) = held.content.try_lock()
                && content.body.is_some()
                && held.size.load(Ordering::Relaxed) > 0
            {
                let_go.extend(content.under_way.take());
            }
        }
    }
}

impl All {
    /// Gives up the answer that nobody has taken anything of for the longest time, of an owner or of all.
    fn give_up_the_quietest(&mut self, owner: Option<&Arc<str>>) -> Option<Content> {
        let candidates = self.held.iter().filter(|(_, held)| owner.is_none_or(|owner| held.owner == *owner));
        let waiting = candidates.filter(|(_, held)| held.waits());
        let (quiet, number) = waiting.map(|(number, held)| (held.quiet(), *number)).max()?;
        if quiet < PATIENCE {
            return None;
        }
        let content =
            self.held.get(&number)?.content.try_lock().ok().map(|mut content| std::mem::take(&mut *content))?;
        self.remove(number);
        Some(content)
    }

    fn remove(&mut self, number: u64) {
        self.resize(number, 0);
        self.held.remove(&number);
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
    /// Whether there is something that is not read. While somebody reads it, there is not.
    fn waits(&self) -> bool {
        self.size.load(Ordering::Relaxed) > 0 && self.content.try_lock().is_ok_and(|content| content.body.is_some())
    }

    /// For how long nothing was taken of it.
    fn quiet(&self) -> Duration {
        self.made.elapsed().saturating_sub(Duration::from_millis(self.taken.load(Ordering::Relaxed)))
    }

    /// Somebody takes something of it.
    fn note(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.taken.store(now, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
