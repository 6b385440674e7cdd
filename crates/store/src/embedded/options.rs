//! What can be chosen about a store.

use std::time::Duration;

/// How a store uses memory, and how much history it keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most memory for pages of the file, in bytes. What doesn't fit is read again from the operating
    /// system's own cache, so little is enough.
    pub cache_size: usize,
    /// How many recent events are kept in memory for watchers. One that is further behind reads the file.
    pub window_events: usize,
    /// How many bytes these events may take.
    pub window_size: usize,
    /// How many events of history the file keeps at most; older ones are compacted as writes come in.
    pub history_events: u64,
    /// How many bytes of the disk are kept in a file beside it, for what has to be written when there is no more room: what
    /// is deleted, and leases. With none of them a full disk is for others to empty.
    pub reserve: u64,
    /// How long the file keeps events at most. An idle store keeps what it has until the next write.
    pub history_age: Duration,
}

impl Default for Options {
    /// 4 MiB of cache, 4,096 recent events in at most 4 MiB, history of five minutes and at most 10,000 events, no
    /// reserve.
    fn default() -> Self {
        Self {
            cache_size: 4 * 1024 * 1024,
            window_events: 4096,
            window_size: 4 * 1024 * 1024,
            history_events: 10_000,
            reserve: 0,
            history_age: Duration::from_secs(5 * 60),
        }
    }
}
