//! On whose behalf something is fetched, and what of this machine that may take.

mod room;
mod turns;

use std::path::Path;

use crate::connect::Attempt;
use room::Room;
pub(crate) use room::{Claim, Growing};
pub use room::{NoRoom, StorageLimits};
pub(crate) use turns::Turn;
use turns::{Queue, Unpacking};

/// All on whose behalf something is fetched: they have turns to take large packs apart, and share the room on disk.
///
/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    unpacking: Unpacking,
    room: Room,
}

impl Tenants {
    /// The same turns, with a room of its own of this size.
    pub fn with_storage(&self, limits: StorageLimits) -> Self {
        Self { unpacking: self.unpacking.clone(), room: Room::new(limits) }
    }

    /// The resources of a namespace. `key` tells them from those of others.
    pub fn tenant(&self, key: impl Into<String>, namespace: impl Into<String>) -> Tenant {
        Tenant { queue: self.unpacking.queue(key), room: self.room.clone(), namespace: namespace.into() }
    }
}

/// The resources of a namespace, on whose behalf something is fetched.
#[derive(Clone, Debug)]
pub struct Tenant {
    queue: Queue,
    room: Room,
    namespace: String,
}

impl Tenant {
    /// Waits for a turn to take a large pack apart; `None` when `attempt` came to its end before.
    pub(crate) fn turn(&self, attempt: &Attempt) -> Option<Turn> {
        self.queue.turn(attempt)
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Claims what is kept at `path` and has `size` bytes so far.
    pub(crate) fn claim(&self, path: &Path, size: u64) -> Result<Claim, NoRoom> {
        self.room.claim(&self.namespace, path, size)
    }
}
