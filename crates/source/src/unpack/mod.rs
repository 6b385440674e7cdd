//! Packs of objects, as servers send them, taken apart within limits.
//!
//! A pack is few bytes that may mean many: packed zeros, and deltas that copy an object again and again, each of which may be
//! copied by the next. gix bounds each buffer; what is bounded here is the whole: how much is held at once ([`lineage`]), how much is
//! made in all ([`effort`]), and how many do so at a time ([`Tenants`](crate::Tenants)). It is taken apart once all of it is here
//! ([`arrival`]): a slow server keeps nobody from a turn.

mod arrival;
mod effort;
mod entries;
mod lineage;
mod reader;
mod spool;
mod sum;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gix::error::Result;
use gix::hash::Kind;
use gix::odb::pack;
use gix::progress::Discard;
use pack::data::input::{BytesToEntriesIter, EntriesToBytesIter, EntryDataMode, LookupRefDeltaObjectsIter, Mode};
use tempfile::NamedTempFile;

use crate::tenant::Claim;

use arrival::Arrival;
pub(crate) use effort::Effort;
pub use effort::Excess;
use entries::{Bases, Counted, Noted};
use lineage::Ancestry;
use reader::Watched;
use spool::Spool;

/// What the file of a pack begins with until it is whole.
const PARTIAL: &str = "partial-";

/// Writes the pack that comes from `from` into `directory`, with the objects of `bases` that it was made from, and its index.
/// Gives the paths of what was written.
///
/// # Errors
/// When it is no pack, or more than `effort` allows, which is noted in the attempt.
pub(crate) fn write(
    from: &mut dyn BufRead,
    directory: &Path,
    interrupt: &AtomicBool,
    bases: gix::odb::HandleArc,
    claim: Option<&Claim>,
    effort: &Arc<Effort>,
) -> Result<Vec<PathBuf>> {
    let arrival = Arrival::take(from, directory, interrupt, claim, effort.attempt()).map_err(gix::Error::from_error)?;
    let is_whole = arrival.is_whole();
    let written = write_watched(arrival, directory, interrupt, bases, claim, effort);
    if written.is_err() && is_whole && effort.is_exceeded() {
        effort.came_whole();
    }
    written
}

fn write_watched(
    arrival: Arrival,
    directory: &Path,
    interrupt: &AtomicBool,
    bases: gix::odb::HandleArc,
    claim: Option<&Claim>,
    effort: &Arc<Effort>,
) -> Result<Vec<PathBuf>> {
    let partial = || tempfile::Builder::new().prefix(PARTIAL).tempfile_in(directory).map_err(gix::Error::from_error);
    let (spool, mut index) = (Spool::new(partial()?, claim, effort.attempt()), partial()?);
    let watched = Watched::new(arrival.into_reader(), interrupt, effort);
    let place = watched.place();
    let entries = BytesToEntriesIter::new_from_header(watched, Mode::Verify, EntryDataMode::KeepAndCrc32, Kind::Sha1)?;
    let version = entries.version();
    let entries = Counted { entries, place, effort };
    let bases = Bases { bases, effort };
    let entries = LookupRefDeltaObjectsIter::new(entries, bases, gix::zlib::Compression::BEST_SPEED);
    let entries = EntriesToBytesIter::new(entries, spool.clone(), version, Kind::Sha1);
    let ancestry = Ancestry::new(effort.clone());
    let mut entries = Noted { entries, ancestry: &ancestry };
    let outcome = pack::index::write_data_iter_to_stream(
        pack::index::Version::V2,
        || {
            let file =
                pack::data::File::at(spool.path(), Kind::Sha1).map_err(|error| io::Error::other(error.to_string()))?;
            Ok((resolve, Pack { file, ancestry: &ancestry }))
        },
        &mut entries,
        // What is held follows from one thread that makes an object after the other.
        Some(1),
        &mut Discard,
        &mut index,
        interrupt,
        Kind::Sha1,
        Some(effort.bounds().object as usize),
        version,
    )?;
    drop(entries);
    if outcome.num_objects == 0 {
        return Ok(Vec::new());
    }
    keep(spool, index, &directory.join(format!("pack-{}.pack", outcome.data_hash))).map_err(gix::Error::from_error)
}

/// Gives the pack and its index their names: the index last, since it is by the index that a pack is there.
fn keep(spool: Spool<'_>, index: NamedTempFile, path: &Path) -> io::Result<Vec<PathBuf>> {
    let index_path = path.with_extension("idx");
    // One of the same name is the same, and may be read at the moment.
    if !path.is_file() {
        spool.into_file()?.persist(path).map_err(|error| error.error)?;
    }
    if !index_path.is_file() {
        index.persist(&index_path).map_err(|error| error.error)?;
    }
    Ok(vec![path.to_owned(), index_path])
}

/// A pack that is on disk, and what is known of the objects that its objects are made of.
struct Pack<'a> {
    file: pack::data::File,
    ancestry: &'a Ancestry,
}

/// The bytes of an entry, unless more would be held for its sake than may be.
fn resolve<'r>(range: pack::data::EntryRange, pack: &'r Pack<'_>) -> Option<&'r [u8]> {
    let at = range.start;
    let bytes = pack.file.entry_slice(range)?;
    pack.ancestry.enter(at, bytes).then_some(bytes)
}
