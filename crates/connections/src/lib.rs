//! The connections that are open, and which of them has to go when there are too many.
//!
//! Whoever connects and says nothing costs a descriptor. Where all are in use, the connection that has been idle for the
//! longest time gives its place to the next one, so that silent peers lock nobody out; of one address only a part of
//! all may be open. Whoever asks and does not read the answer is idle, too.

mod noted;

pub use noted::Noted;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

/// The connections of a listener.
#[derive(Debug)]
pub struct Connections {
    limit: usize,
    limit_of_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    all: HashMap<u64, Entry>,
    of_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    activity: Arc<Activity>,
    ended: CancellationToken,
}

/// What a connection is doing.
#[derive(Debug)]
pub struct Activity {
    began: Instant,
    /// When a byte moved last, in milliseconds since the beginning.
    moved: AtomicU64,
    /// How many requests are under way.
    requests: AtomicUsize,
    /// How many have been made.
    made: AtomicUsize,
    /// Whether there are bytes to send that the other side takes no room for.
    stuck: AtomicBool,
}

/// Whoever has just connected has so long to say something: where all places are taken by such, the next one waits. However
/// fast others connect, who does so to ask comes to it.
const NEWCOMER: Duration = Duration::from_millis(50);

/// Who takes nothing of an answer for so long is idle, though a request is under way.
const STUCK: Duration = Duration::from_secs(5);

impl Activity {
    fn new() -> Self {
        let (moved, requests, made) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { began: Instant::now(), moved, requests, made, stuck: AtomicBool::new(false) }
    }

    /// Bytes could not be sent, or could.
    pub fn note_sending(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }

    /// A byte came or went.
    pub fn note(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(now, Ordering::Relaxed);
    }

    /// A request is under way until what is returned is dropped.
    pub fn request(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.made.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.clone())
    }

    /// For how long it has been there.
    fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether it ever asked for anything.
    pub fn has_asked(&self) -> bool {
        self.made.load(Ordering::Relaxed) > 0
    }

    /// For how long nothing has moved.
    pub fn quiet(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    /// For how long nothing has moved while no request was under way, or while its answer was not read.
    pub fn idle(&self) -> Option<Duration> {
        let quiet = self.quiet();
        let unread = self.stuck.load(Ordering::Relaxed) && quiet >= STUCK;
        (unread || self.requests.load(Ordering::Relaxed) == 0).then_some(quiet)
    }
}

/// A request under way.
#[derive(Debug)]
pub struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
        self.0.note();
    }
}

/// A connection that was let in; it counts until this is dropped.
#[derive(Debug)]
pub struct Admitted {
    connections: Arc<Connections>,
    number: u64,
    /// What it is doing.
    pub activity: Arc<Activity>,
    /// Cancelled when the connection has to go.
    pub ended: CancellationToken,
}

/// Why there is no place for a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Full {
    /// All that are open have something under way.
    Busy,
    /// All that are idle have just connected; for so long it has to wait.
    For(Duration),
}

impl Connections {
    /// At most `limit` connections, and of one address at most `limit_of_address`.
    pub fn new(limit: usize, limit_of_address: usize) -> Arc<Self> {
        Arc::new(Self { limit, limit_of_address, open: Mutex::default() })
    }

    /// Lets a connection in, at the cost of an idle one where there are too many, once that one has had its time. `None`
    /// where all of those are busy.
    pub async fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        loop {
            match self.try_admit(address) {
                Ok(admitted) => return Some(admitted),
                Err(Full::Busy) => return None,
                Err(Full::For(time)) => tokio::time::sleep(time).await,
            }
        }
    }

    /// Lets a connection in, if there is a place for it now.
    pub fn try_admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.of_address.get(&address).is_some_and(|count| *count >= self.limit_of_address) {
            open.end_idlest(Some(address))?;
        }
        if open.all.len() >= self.limit {
            open.end_idlest(None)?;
        }
        let (number, activity, ended) = (open.next, Arc::new(Activity::new()), CancellationToken::new());
        open.next += 1;
        *open.of_address.entry(address).or_default() += 1;
        open.all.insert(number, Entry { address, activity: activity.clone(), ended: ended.clone() });
        Ok(Admitted { connections: self.clone(), number, activity, ended })
    }
}

impl Open {
    /// Ends an idle connection, of an address or of all: of those that had their time and never asked for anything the
    /// oldest, else of the others the one that has been idle for the longest time. Where most have just connected, and
    /// where there is no other, they are given their time.
    fn end_idlest(&mut self, address: Option<IpAddr>) -> Result<(), Full> {
        let (mut count, mut newcomers, mut oldest_newcomer) = (0, 0, Duration::ZERO);
        let (mut never_asked, mut asked) = (None, None);
        let considered = self.all.iter().filter(|(_, entry)| address.is_none_or(|address| entry.address == address));
        for (number, entry) in considered {
            count += 1;
            let (age, idle) = (entry.activity.age(), entry.activity.idle());
            match idle {
                None => {}
                Some(idle) if entry.activity.has_asked() => asked = asked.max(Some((idle, *number))),
                Some(_) if age >= NEWCOMER => never_asked = never_asked.max(Some((age, *number))),
                Some(_) => {
                    newcomers += 1;
                    oldest_newcomer = oldest_newcomer.max(age);
                }
            }
        }
        let wait = Full::For(NEWCOMER.saturating_sub(oldest_newcomer));
        let (_, number) = match (never_asked, asked) {
            (Some(never_asked), _) => never_asked,
            (None, Some(asked)) if newcomers * 2 < count => asked,
            (None, None) if newcomers == 0 => return Err(Full::Busy),
            _ => return Err(wait),
        };
        if let Some(entry) = self.remove(number) {
            entry.ended.cancel();
        }
        Ok(())
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.all.remove(&number)?;
        if let Some(count) = self.of_address.get_mut(&entry.address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&entry.address);
            }
        }
        Some(entry)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.open.lock().unwrap_or_else(PoisonError::into_inner).remove(self.number);
    }
}

/// How many descriptors this process may have open; what Linux gives by default where that can't be read.
pub fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[tokio::test]
    async fn the_idlest_gives_its_place_and_the_busy_keep_theirs() {
        let connections = Connections::new(3, 2);
        let silent = connections.admit(HERE).await.unwrap();
        let busy = connections.admit(HERE).await.unwrap();
        let request = busy.activity.request();
        let third = connections.admit(HERE).await.unwrap();
        assert!(silent.ended.is_cancelled() && !busy.ended.is_cancelled());
        let elsewhere = connections.admit(THERE).await.unwrap();
        let asking = third.activity.request();
        assert!(connections.admit(HERE).await.is_none(), "all of this address are busy");
        drop(asking);
        tokio::time::sleep(NEWCOMER).await;
        assert!(connections.admit(THERE).await.is_some(), "one of another address that never asked goes first");
        assert!(elsewhere.ended.is_cancelled() && !third.ended.is_cancelled());
        drop((request, busy, third));
        drop(silent);
        assert_eq!(connections.open.lock().unwrap().of_address.get(&HERE), None);
    }

    #[tokio::test]
    async fn whoever_has_just_connected_is_given_time_to_ask() {
        let connections = Connections::new(4, 2);
        let first = connections.try_admit(HERE).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        let second = connections.try_admit(HERE).unwrap();
        assert!(matches!(connections.try_admit(HERE), Err(Full::For(time)) if time <= NEWCOMER));
        let _third = connections.admit(HERE).await.unwrap();
        assert!(first.ended.is_cancelled() && first.activity.age() >= NEWCOMER);
        assert!(!second.ended.is_cancelled());
    }

    #[tokio::test]
    async fn few_who_have_just_connected_wait_for_nobody_where_others_are_idle() {
        let connections = Connections::new(8, 4);
        let asked: Vec<_> = (0..3).map(|_| connections.try_admit(HERE).unwrap()).collect();
        asked.iter().for_each(|admitted| drop(admitted.activity.request()));
        let newcomer = connections.try_admit(HERE).unwrap();
        let _next = connections.try_admit(HERE).expect("an idle one goes at once");
        assert!(!newcomer.ended.is_cancelled());
        assert_eq!(asked.iter().filter(|admitted| admitted.ended.is_cancelled()).count(), 1);
        // Now half of them have just connected: the others keep their places.
        assert!(matches!(connections.try_admit(HERE), Err(Full::For(_))));
    }
}
