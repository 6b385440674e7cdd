//! What the objects of a pack are made of, and what has to be held while others are still to be made of it.
//!
//! gix makes an object, then all that is made of it, one after the other and each with all that is made of it in turn. Of what is on
//! the way from the first to the one that is being made, that is held of which more is still to be made.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use flate2::{Decompress, FlushDecompress};
use gix::ObjectId;
use gix::hash::Kind;
use gix::odb::pack::data;
use gix::odb::pack::data::entry::Header;

use super::effort::{Effort, Excess};
use crate::objects::lock;

/// Of how many deltas an object may be made, one by the other: git makes no more.
const MAX_DELTAS: usize = 4096;
/// How many bytes the two sizes take with which a delta begins, at most.
const SIZES: usize = 20;

/// What is known of what the objects of a pack are made of.
pub(super) struct Ancestry {
    effort: Arc<Effort>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many objects are made of the one that is there.
    children: HashMap<u64, u32>,
    /// How many are made of the one with this id, wherever that is.
    by_id: HashMap<ObjectId, u32>,
    /// Where the object with this id turned out to be.
    found: HashMap<ObjectId, u64>,
    /// The way to the object that is being made.
    way: Vec<Ancestor>,
    /// How many bytes of it are held.
    held: u64,
    inflate: Option<Decompress>,
}

/// An object on the way to another.
#[derive(Clone, Copy)]
struct Ancestor {
    at: u64,
    size: u64,
    /// How many bytes all that it is made of has, and itself.
    lineage: u64,
    /// How many objects are still to be made of it.
    left: u32,
}

/// How large an object is, and how large the delta by which it is made.
struct Size {
    object: u64,
    delta: u64,
}

impl Ancestry {
    pub(super) fn new(effort: Arc<Effort>) -> Self {
        Self { effort, state: Mutex::default() }
    }

    /// Notes an entry of the pack.
    pub(super) fn note(&self, at: u64, header: Header) -> io::Result<()> {
        self.effort.index()?;
        let state = &mut *lock(&self.state);
        match header {
            Header::OfsDelta { base_distance } => {
                *state.children.entry(at.saturating_sub(base_distance)).or_default() += 1
            }
            Header::RefDelta { base_id } => *state.by_id.entry(base_id).or_default() += 1,
            _ => {}
        }
        Ok(())
    }

    /// The entry at `at`, with these bytes, is about to be made: whether it may be.
    pub(super) fn enter(&self, at: u64, bytes: &[u8]) -> bool {
        let state = &mut *lock(&self.state);
        // What cannot be read fails by itself.
        let Ok(entry) = data::Entry::from_bytes(bytes, at, Kind::Sha1) else { return true };
        let Some(size) = state.size(&entry, bytes.get(entry.header_size()..).unwrap_or_default()) else { return true };
        self.allow(state, at, &entry.header, &size).is_ok()
    }

    fn allow(&self, state: &mut State, at: u64, header: &Header, size: &Size) -> io::Result<()> {
        let bounds = self.effort.bounds();
        self.effort.object(size.object.max(size.delta))?;
        let parent = state.turn_to(at, header);
        let is_last = parent.is_some_and(|parent| parent.left == 0);
        let of_parent = parent.filter(|_| is_last).map_or(0, |parent| parent.size);
        self.effort
            .hold(state.held.saturating_add(of_parent).saturating_add(size.object).saturating_add(size.delta))?;
        let made_of = parent.map_or(0, |parent| parent.lineage);
        let lineage = made_of.saturating_add(size.object).saturating_add(size.delta);
        self.effort.within(lineage, bounds.lineage, Excess::Lineage)?;
        self.effort.within(state.way.len() as u64, MAX_DELTAS as u64, Excess::Deltas)?;
        if header.is_delta() {
            // What is no delta was counted when it came.
            self.effort.make(size.object)?;
        }
        let left = state.children.get(&at).copied().unwrap_or_default();
        state.held += if left > 0 { size.object } else { 0 };
        state.way.push(Ancestor { at, size: size.object, lineage, left });
        Ok(())
    }
}

impl State {
    /// Goes back to what the object at `at` is made of, which is given, with one object less to be made of it.
    fn turn_to(&mut self, at: u64, header: &Header) -> Option<Ancestor> {
        let parent = match header {
            Header::OfsDelta { base_distance } => at.checked_sub(*base_distance),
            Header::RefDelta { base_id } => self.whereabouts(*base_id),
            _ => None,
        };
        while let Some(last) = self.way.last().filter(|last| Some(last.at) != parent) {
            self.held -= if last.left > 0 { last.size } else { 0 };
            self.way.pop();
        }
        let parent = self.way.last_mut()?;
        if parent.left == 1 {
            self.held -= parent.size;
        }
        parent.left = parent.left.saturating_sub(1);
        Some(*parent)
    }

    /// Where the object with this id is. What is made of it comes right after it for the first time.
    fn whereabouts(&mut self, id: ObjectId) -> Option<u64> {
        if let Some(at) = self.found.get(&id) {
            return Some(*at);
        }
        let last = self.way.last_mut()?;
        if last.left == 0 {
            self.held += last.size;
        }
        last.left = last.left.saturating_add(self.by_id.get(&id).copied().unwrap_or_default());
        self.found.insert(id, last.at);
        Some(last.at)
    }

    /// How large the object is that the entry means; `None` where the delta cannot be read.
    fn size(&mut self, entry: &data::Entry, packed: &[u8]) -> Option<Size> {
        if !entry.header.is_delta() {
            return Some(Size { object: entry.decompressed_size, delta: 0 });
        }
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(true));
        inflate.reset(true);
        let mut sizes = [0; SIZES];
        inflate.decompress(packed, &mut sizes, FlushDecompress::None).ok()?;
        let sizes = sizes.get(..usize::try_from(inflate.total_out()).ok()?)?;
        let (_, rest) = size(sizes)?;
        Some(Size { object: size(rest)?.0, delta: entry.decompressed_size })
    }
}

/// A size as a delta has it, seven bits in each byte, and what follows it.
fn size(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (size, rest) = bytes.split_at(end + 1);
    let mut value = 0_u64;
    for byte in size.iter().rev() {
        value = value.checked_mul(128)? | u64::from(byte & 0x7f);
    }
    Some((value, rest))
}
