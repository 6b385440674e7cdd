//! When history is compacted, to the event and the moment.

use std::time::{Duration, Instant};

use super::compaction::Retention;
use super::options::Options;

fn retention(events: u64, age: Duration, now: Instant) -> Retention {
    Retention::new(&Options { history_events: events, history_age: age, ..Options::default() }, now, 1)
}

/// What is due with a write that is committed then.
fn written(retention: &mut Retention, now: Instant, revision: u64, compacted: u64) -> Option<u64> {
    let due = retention.due(now, revision, compacted);
    retention.mark(now, revision);
    due
}

const FOREVER: Duration = Duration::from_secs(1_000_000);

#[test]
fn a_sixteenth_more_than_allowed_may_gather() {
    let now = Instant::now();
    let mut retention = retention(160, FOREVER, now);
    assert_eq!(retention.due(now, 270, 100), None);
    assert_eq!(retention.due(now, 271, 100), Some(111));
    assert_eq!(retention.due(now, 271, 111), None);
}

#[test]
fn a_batch_compacts_4096_revisions_at_most() {
    let now = Instant::now();
    let mut retention = retention(0, FOREVER, now);
    assert_eq!(retention.due(now, 4096, 0), Some(4096));
    assert_eq!(retention.due(now, 10_000, 1000), Some(5096));
    assert_eq!(retention.due(now, 5000, 5000), None);
}

#[test]
fn what_is_as_old_as_allowed_goes() {
    let start = Instant::now();
    let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
    let mut retention = retention(1000, Duration::from_secs(32), start);
    // Where the store was is noted once a second: a thirty-second of the age.
    for (milliseconds, revision) in [(500, 10), (999, 20), (1000, 30), (1500, 40), (2000, 50)] {
        assert_eq!(written(&mut retention, at(milliseconds), revision, 0), None);
    }
    assert_eq!(written(&mut retention, at(31_999), 60, 0), None);
    assert_eq!(written(&mut retention, at(32_000), 61, 0), Some(1), "as it was at the start");
    assert_eq!(written(&mut retention, at(32_999), 62, 1), None);
    assert_eq!(written(&mut retention, at(33_000), 63, 1), Some(30));
    assert_eq!(written(&mut retention, at(34_000), 64, 30), Some(50));
    assert_eq!(written(&mut retention, at(63_998), 65, 50), None);
    assert_eq!(written(&mut retention, at(63_999), 66, 50), Some(60));
}

#[test]
fn what_was_not_committed_is_never_old() {
    let start = Instant::now();
    let mut retention = retention(1000, Duration::from_secs(32), start);
    assert_eq!(retention.due(start + Duration::from_secs(5), 501, 1), None, "then the disk was full");
    assert_eq!(written(&mut retention, start + Duration::from_secs(10), 2, 1), None);
    assert_eq!(retention.due(start + Duration::from_secs(40), 3, 1), None);
    assert_eq!(retention.due(start + Duration::from_secs(42), 4, 1), Some(2));
}

#[test]
fn nothing_beyond_the_last_write_is_compacted() {
    let start = Instant::now();
    let mut retention = retention(10, Duration::from_secs(32), start);
    retention.mark(start + Duration::from_secs(2), 500);
    assert_eq!(retention.due(start + Duration::from_secs(40), 3, 1), Some(3));
    assert_eq!(retention.due(start + Duration::from_secs(40), 4, 9), None, "also of a store that was");
}
