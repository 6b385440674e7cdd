//! What the hub keeps, and what it gives at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use bytes::Bytes;

use super::hub::{Hub, Taken, WatcherId};
use super::options::Options;
use crate::model::{Event, EventKind, Revision};

fn event(revision: u64, key: &str, value: usize) -> Event {
    let kind = EventKind::Put { created: true };
    Event {
        kind,
        key: key.to_owned(),
        value: Bytes::from(vec![0; value]),
        previous: None,
        revision: Revision(revision),
    }
}

fn hub(window_events: usize, window_size: usize) -> Hub {
    Hub::new(&Options { window_events, window_size, ..Options::default() }, 1, 1)
}

/// A hub with events of these sizes, the first at revision 2.
fn with(hub: Hub, sizes: &[usize]) -> Hub {
    for (revision, size) in (2..).zip(sizes) {
        hub.publish(vec![event(revision, "a", *size)]);
    }
    hub
}

/// Counts how often somebody is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The revisions that a watcher gets next; `None` where the window does not reach back.
fn taken(hub: &Hub, id: WatcherId, cursor: &mut u64) -> Option<Vec<u64>> {
    match hub.take(id, cursor, Waker::noop()) {
        Taken::Events(events) => Some(events.iter().map(|event| event.revision.0).collect()),
        Taken::Nothing | Taken::Closed => Some(Vec::new()),
        Taken::Behind => None,
    }
}

/// The same of one that has everything up to `from`.
fn from(hub: &Hub, from: u64) -> Option<Vec<u64>> {
    let mut cursor = from;
    taken(hub, hub.register("", from), &mut cursor)
}

#[test]
fn as_many_events_are_kept_as_asked_for() {
    let hub = with(hub(3, usize::MAX), &[1; 4]);
    assert_eq!((hub.head(), from(&hub, 1), from(&hub, 2)), (5, None, Some(vec![3, 4, 5])));
    assert_eq!((from(&hub, 4), from(&hub, 5)), (Some(vec![5]), Some(vec![])));
}

#[test]
fn as_many_bytes_of_events_are_kept_as_asked_for() {
    let each = event(2, "a", 1000).size();
    assert_eq!(from(&with(hub(100, 3 * each), &[1000; 3]), 1), Some(vec![2, 3, 4]));
    let full = with(hub(100, 3 * each), &[1000, 1000, 1000, 1]);
    assert_eq!((from(&full, 1), from(&full, 2)), (None, Some(vec![3, 4, 5])));
    // What is let go of makes room again.
    full.publish(vec![event(6, "a", 1000)]);
    assert_eq!((from(&full, 2), from(&full, 3)), (None, Some(vec![4, 5, 6])));
    full.publish(vec![event(7, "a", 1)]);
    assert_eq!(from(&full, 3), Some(vec![4, 5, 6, 7]));
}

#[test]
fn an_event_takes_what_it_holds() {
    let put = event(2, "four", 1000);
    let changed = Event { previous: Some(Bytes::from(vec![0; 10])), ..put.clone() };
    let deleted = Event { kind: EventKind::Delete, ..changed.clone() };
    assert_eq!(put.size(), size_of::<Event>() + 1004);
    assert_eq!((changed.size(), deleted.size()), (put.size() + 10, put.size()), "a deletion has its value once");
}

#[test]
fn a_watcher_gets_128_events_or_64_kibibytes_at_once_or_a_single_larger_one() {
    let all = with(hub(1000, usize::MAX), &[1; 300]);
    let (id, mut cursor) = (all.register("", 1), 1);
    let lengths: Vec<usize> = (0..4).map(|_| taken(&all, id, &mut cursor).unwrap_or_default().len()).collect();
    assert_eq!((lengths, cursor), (vec![128, 128, 44, 0], 301));
    let large = with(hub(1000, usize::MAX), &[10, 300 * 1024, 300 * 1024]);
    let (id, mut cursor) = (large.register("", 1), 1);
    for revision in 2..5 {
        assert_eq!((taken(&large, id, &mut cursor), cursor), (Some(vec![revision]), revision));
    }
    let exact = 64 * 1024 - 2 * event(2, "a", 0).size() - 1;
    assert_eq!(from(&with(hub(1000, usize::MAX), &[exact, 1, 1]), 1), Some(vec![2, 3]));
    assert_eq!(from(&with(hub(1000, usize::MAX), &[exact, 2, 1]), 1), Some(vec![2]));
}

#[test]
fn a_watcher_is_woken_by_its_keys_alone_and_once() {
    let hub = hub(10, usize::MAX);
    let (woken, mut cursor) = (Arc::new(Woken::default()), 1);
    let id = hub.register("cows/", 1);
    let waker = Waker::from(woken.clone());
    assert!(matches!(hub.take(id, &mut cursor, &waker), Taken::Nothing));
    hub.publish(vec![event(2, "sheep/a", 1)]);
    assert_eq!((woken.0.load(Ordering::Relaxed), hub.reached(id, 1)), (0, 2), "it has all there is");
    hub.publish(vec![event(3, "sheep/b", 1), event(4, "cows/a", 1), event(5, "cows/b", 1)]);
    hub.publish(vec![event(6, "cows/c", 1)]);
    assert_eq!((woken.0.load(Ordering::Relaxed), hub.reached(id, 1)), (1, 3), "up to the first that concerns it");
    assert_eq!(taken(&hub, id, &mut cursor), Some(vec![4, 5, 6]));
    assert!(matches!(hub.take(id, &mut cursor, &waker), Taken::Nothing));
    hub.close();
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    assert!(matches!(hub.take(id, &mut cursor, &waker), Taken::Closed));
}

#[test]
fn who_has_read_the_file_goes_on_from_there() {
    let hub = with(hub(2, usize::MAX), &[1; 5]);
    let (id, mut cursor) = (hub.register("", 1), 1);
    assert_eq!(taken(&hub, id, &mut cursor), None);
    hub.caught_up(id, 4);
    assert_eq!(hub.reached(id, 1), 4);
    assert_eq!((taken(&hub, id, &mut cursor), cursor), (Some(vec![5, 6]), 6));
    hub.caught_up(id, 6);
    hub.publish(vec![event(7, "a", 1)]);
    assert_eq!(taken(&hub, id, &mut cursor), Some(vec![7]));
    hub.unregister(id);
    assert!(matches!(hub.take(id, &mut cursor, Waker::noop()), Taken::Closed));
    assert_eq!(hub.reached(id, 5), 5);
}

#[test]
fn who_waits_is_sent_to_the_file_for_what_was_written_and_forgotten_at_once() {
    let hub = hub(10, usize::MAX);
    let (woken, mut cursor) = (Arc::new(Woken::default()), 1);
    let id = hub.register("k/", 1);
    assert!(matches!(hub.take(id, &mut cursor, &Waker::from(woken.clone())), Taken::Nothing));
    hub.publish(vec![event(2, "other", 1), event(3, "other", 1)]);
    hub.skip_to(9);
    assert_eq!((hub.head(), woken.0.load(Ordering::Relaxed)), (9, 1));
    assert_eq!(hub.reached(id, cursor), 3, "what it had until then it has");
    assert_eq!(taken(&hub, id, &mut cursor), None);
    assert_eq!((cursor, hub.reached(id, cursor)), (3, 3));
    // What comes then is in memory again.
    hub.publish(vec![event(10, "k/a", 1)]);
    assert_eq!((from(&hub, 8), from(&hub, 9)), (None, Some(vec![10])));
}

#[test]
fn who_has_everything_has_what_concerns_others_too_before_it_asks_again() {
    let hub = with(hub(10, usize::MAX), &[1; 2]);
    let (new, read) = (hub.register("cows/", 3), hub.register("cows/", 1));
    hub.caught_up(read, 3);
    hub.publish(vec![event(4, "sheep/a", 1)]);
    assert_eq!((hub.reached(new, 3), hub.reached(read, 3)), (4, 4));
    hub.publish(vec![event(5, "cows/a", 1), event(6, "sheep/a", 1)]);
    assert_eq!((hub.reached(new, 3), hub.reached(read, 3)), (4, 4));
}

#[test]
fn at_rest_recent_events_are_given_up_and_who_has_them_misses_nothing() {
    let hub = with(hub(10_000, usize::MAX), &[1000; 500]);
    let (mut cursor, up_to_date) = (501, hub.register("", 501));
    hub.rest();
    assert_eq!(from(&hub, 1), None, "who is behind reads the file");
    assert_eq!(taken(&hub, up_to_date, &mut cursor), Some(vec![]));
    let kept = (1..501).find(|revision| from(&hub, *revision).is_some()).unwrap();
    assert!((300..501).contains(&kept), "{kept}");
    hub.publish(vec![event(502, "a", 1)]);
    assert_eq!(taken(&hub, up_to_date, &mut cursor), Some(vec![502]));
    // What comes then is kept as before.
    for revision in 503..900 {
        hub.publish(vec![event(revision, "a", 1000)]);
    }
    assert!(from(&hub, 502).is_some());
}
