//! What taking a pack apart may cost, and has cost.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use crate::FetchError;
use crate::connect::{Attempt, Depth};
use crate::objects::lock;
use crate::tenant::Turn;

/// How many bytes may be held at once without a turn: what an ordinary repository takes.
const SMALL: u64 = 4 << 20;
/// How many bytes may be made without a turn.
const LITTLE: u64 = 256 << 20;
/// What is kept in memory of each object while an index is made, in bytes.
const PER_OBJECT: u64 = 96;

/// The most that taking a pack apart may cost, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of one object.
    pub(crate) object: u64,
    /// Of the objects that are held at once, since others are still to be made of them.
    pub(crate) held: u64,
    /// Of all that one object is made of.
    pub(crate) lineage: u64,
    /// Of all objects together.
    pub(crate) made: u64,
}

impl Bounds {
    /// The bounds where one object may have so many bytes. A history is the same files again and again.
    pub(crate) fn of(object: usize, depth: Depth) -> Self {
        let object = object as u64;
        let made = match depth {
            Depth::Files => object.saturating_mul(64),
            Depth::History => object.saturating_mul(512),
        };
        Self { object, held: object.saturating_mul(2), lineage: object.saturating_mul(8), made }
    }
}

/// In what a pack is more than is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// In what is held at once.
    Held,
    /// In what one of its objects is made of.
    Lineage,
    /// In how many objects one of them is made of, one by the other.
    Deltas,
    /// In all of its objects together.
    Made,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held => "bytes that have to be held at once",
            Self::Lineage => "bytes that one object is made of",
            Self::Deltas => "deltas that one object is made of",
            Self::Made => "bytes in all once they are unpacked",
        })
    }
}

/// What taking a pack apart has cost so far. What costs more than an ordinary repository takes turns with others that do.
pub(crate) struct Effort {
    attempt: Arc<Attempt>,
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    index: u64,
    made: u64,
    turn: Option<Turn>,
}

impl Effort {
    pub(crate) fn new(attempt: Arc<Attempt>, depth: Depth) -> Self {
        let bounds = Bounds::of(attempt.max_unpacked(), depth);
        Self { attempt, bounds, state: Mutex::default() }
    }

    pub(super) fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether it was more than may be.
    pub(super) fn is_exceeded(&self) -> bool {
        self.attempt.failure().is_some_and(|failure| failure.is_of_content())
    }

    /// The pack came as the server wrote it.
    pub(super) fn came_whole(&self) {
        self.attempt.came_whole();
    }

    /// One more object is known.
    pub(super) fn index(&self) -> io::Result<()> {
        lock(&self.state).index += PER_OBJECT;
        self.take(0)
    }

    /// So many bytes are about to be held, however many they are.
    pub(super) fn take(&self, bytes: u64) -> io::Result<()> {
        let state = lock(&self.state);
        let is_small = state.index.saturating_add(bytes) <= SMALL && state.made <= LITTLE;
        let Some(tenant) = self.attempt.tenant().filter(|_| !is_small && state.turn.is_none()) else { return Ok(()) };
        drop(state);
        let Some(turn) = tenant.turn_of_packs(self.attempt.deadline(), self.attempt.cancel()) else {
            self.attempt.fail(self.attempt.ended());
            return Err(io::Error::other("there was no turn to unpack it"));
        };
        lock(&self.state).turn = Some(turn);
        Ok(())
    }

    /// So many bytes are about to be held, beside others that stay: an error where they are more than may be.
    pub(super) fn hold(&self, bytes: u64) -> io::Result<()> {
        self.within(bytes, self.bounds.held, Excess::Held)?;
        self.take(bytes)
    }

    /// So many bytes are about to be made.
    pub(super) fn make(&self, bytes: u64) -> io::Result<()> {
        let made = {
            let mut state = lock(&self.state);
            state.made = state.made.saturating_add(bytes);
            state.made
        };
        self.within(made, self.bounds.made, Excess::Made)?;
        self.take(0)
    }

    /// An error, and what is to be said of it, where it is more than it may be.
    pub(super) fn within(&self, amount: u64, limit: u64, excess: Excess) -> io::Result<()> {
        if amount <= limit {
            return Ok(());
        }
        self.attempt.fail(FetchError::TooMuch { url: self.attempt.url().clone(), excess, limit });
        Err(io::Error::other("it is more than is unpacked"))
    }

    /// An object has so many bytes: an error where they are more than may be.
    pub(super) fn object(&self, bytes: u64) -> io::Result<()> {
        if bytes <= self.bounds.object {
            return Ok(());
        }
        let (url, limit) = (self.attempt.url().clone(), self.attempt.max_unpacked());
        self.attempt.fail(FetchError::LargeObject { url, limit });
        Err(io::Error::other("an object is too large"))
    }
}
