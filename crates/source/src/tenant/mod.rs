//! On whose behalf something is fetched, and what of this machine that may take.

mod room;
mod turns;

use std::path::Path;

use crate::Cancel;
use crate::deadline::Deadline;
use room::Room;
pub(crate) use room::{Claim, Growing};
pub use room::{NoRoom, StorageLimits};
pub(crate) use turns::Turn;
use turns::{Queue, Turns};

/// All on whose behalf something is fetched: they have turns to take apart what is large, and share the room on disk.
///
/// Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Tenants {
    packs: Turns,
    // A pack is taken apart as it comes: whoever waits for its server keeps no chart from its turn.
    charts: Turns,
    room: Room,
}

impl Tenants {
    /// The same turns, with a room of its own of this size.
    pub fn with_storage(&self, limits: StorageLimits) -> Self {
        Self { room: Room::new(limits), ..self.clone() }
    }

    /// The resources of a namespace. `key` tells them from those of others.
    pub fn tenant(&self, key: impl Into<String>, namespace: impl Into<String>) -> Tenant {
        let key = key.into();
        let (packs, charts) = (self.packs.queue(key.clone()), self.charts.queue(key));
        Tenant { packs, charts, room: self.room.clone(), namespace: namespace.into() }
    }
}

/// The resources of a namespace, on whose behalf something is fetched.
#[derive(Clone, Debug)]
pub struct Tenant {
    packs: Queue,
    charts: Queue,
    room: Room,
    namespace: String,
}

impl Tenant {
    /// Waits for a turn to take a large pack apart; `None` where it was too late, or nobody wanted it any more, before there was one.
    pub(crate) fn turn_of_packs(&self, deadline: Deadline, cancel: &Cancel) -> Option<Turn> {
        self.packs.turn(deadline, cancel)
    }

    /// The same to have a large index in memory, or to unpack a large chart, which came to its end before.
    pub(crate) fn turn_of_charts(&self, deadline: Deadline, cancel: &Cancel) -> Option<Turn> {
        self.charts.turn(deadline, cancel)
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Claims what is kept at `path` and has `size` bytes so far.
    pub(crate) fn claim(&self, path: &Path, size: u64) -> Result<Claim, NoRoom> {
        self.room.claim(&self.namespace, path, size)
    }
}
