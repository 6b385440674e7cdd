//! The entries of a pack, counted on their way to the disk.

use gix::error::{Error, Result};
use gix::hash::oid;
use gix::objs::{Data, Find};
use gix::odb::HeaderExt as _;
use gix::odb::pack::data::input::Entry;

use super::effort::Effort;
use super::lineage::Ancestry;
use super::reader::Place;

/// The entries as they come, each of which has been unpacked once to find its end.
pub(super) struct Counted<'a, I> {
    pub(super) entries: I,
    pub(super) place: Place,
    pub(super) effort: &'a Effort,
}

impl<I: Iterator<Item = Result<Entry>>> Iterator for Counted<'_, I> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        self.place.next();
        Some(entry.and_then(|entry| {
            self.effort.make(entry.decompressed_size).map_err(Error::from_error)?;
            Ok(entry)
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

/// Objects that are here already, and of which others are made.
pub(super) struct Bases<'a> {
    pub(super) bases: gix::odb::HandleArc,
    pub(super) effort: &'a Effort,
}

impl Find for Bases<'_> {
    fn try_find<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<Data<'a>>> {
        // One that is not here is looked for in the pack.
        if let Ok(header) = self.bases.header(id) {
            // It is held as it is, packed, and with what it is made of.
            let made = self.effort.take(header.size().saturating_mul(3)).and_then(|()| self.effort.make(header.size()));
            made.map_err(Error::from_error)?;
        }
        self.bases.try_find(id, buffer)
    }
}

/// The entries as they are written, of which it is noted what is made of what.
pub(super) struct Noted<'a, I> {
    pub(super) entries: I,
    pub(super) ancestry: &'a Ancestry,
}

impl<I: Iterator<Item = Result<Entry>>> Iterator for Noted<'_, I> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.and_then(|entry| {
            self.ancestry.note(entry.pack_offset, entry.header).map_err(Error::from_error)?;
            Ok(entry)
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}
