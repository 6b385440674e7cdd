//! A pack as it is read, watched byte by byte: an entry says how large it is before it is unpacked.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::effort::Effort;
use crate::objects::lock;

/// How many bytes stand before the first entry.
const HEADER: usize = 12;
/// By how many bytes an entry may be longer than twice what it says to unpack to. zlib adds some in a thousand.
const SLACK: u64 = 64 * 1024;
/// After how many more bytes of one entry it is looked whether they still may be held.
const STEP: u64 = 1 << 20;

/// Where in a pack its reader is. Clones are the same.
#[derive(Clone)]
pub(super) struct Place(Arc<Mutex<At>>);

#[derive(Clone, Copy)]
enum At {
    /// Before the first entry, with so many bytes still to come.
    Header(usize),
    /// In what an entry says of its size.
    Size { shift: u32, size: u64 },
    /// In an entry of which so many bytes came.
    Content { size: u64, came: u64 },
}

/// Where an entry begins.
const BEGIN: At = At::Size { shift: 0, size: 0 };

impl Place {
    /// The next entry begins.
    pub(super) fn next(&self) {
        *lock(&self.0) = BEGIN;
    }
}

/// A reader that gives an error as soon as an entry is larger than it may be, and when it is interrupted.
pub(super) struct Watched<'a, R> {
    inner: R,
    interrupt: &'a AtomicBool,
    effort: &'a Effort,
    place: Place,
    /// What was wrong with what was taken: it is said when more is asked for.
    failed: Option<io::Error>,
}

impl<'a, R: BufRead> Watched<'a, R> {
    pub(super) fn new(inner: R, interrupt: &'a AtomicBool, effort: &'a Effort) -> Self {
        let place = Place(Arc::new(Mutex::new(At::Header(HEADER))));
        Self { inner, interrupt, effort, place, failed: None }
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    fn check(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.interrupt.load(Ordering::Relaxed) { Err(io::Error::other("interrupted")) } else { Ok(()) }
    }
}

/// Looks at bytes that were taken.
fn saw(effort: &Effort, place: &Place, bytes: &[u8]) -> io::Result<()> {
    let mut place = lock(&place.0);
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        match &mut *place {
            At::Header(left) => {
                *left -= 1;
                if *left == 0 {
                    *place = BEGIN;
                }
                rest = after;
            }
            At::Size { shift, size } => {
                // The first byte has four bits of it, those that follow seven.
                let (bits, width) = if *shift == 0 { (byte & 0xf, 4) } else { (byte & 0x7f, 7) };
                *size |= u64::from(bits).checked_shl(*shift).unwrap_or(u64::MAX);
                *shift += width;
                if byte & 0x80 == 0 {
                    let size = *size;
                    effort.object(size)?;
                    *place = At::Content { size, came: 0 };
                }
                rest = after;
            }
            At::Content { size, came } => {
                let before = *came;
                *came += rest.len() as u64;
                if *came > size.saturating_mul(2).saturating_add(SLACK) {
                    return Err(io::Error::other("an entry is longer than what it unpacks to"));
                }
                if before / STEP != *came / STEP {
                    // It is held as it comes, in a buffer that grows.
                    effort.take(came.saturating_mul(3))?;
                }
                break;
            }
        }
    }
    Ok(())
}

impl<R: BufRead> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let read = self.inner.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        saw(self.effort, &self.place, bytes)?;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Watched<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // These bytes are there already: nothing is read for them.
        let taken = self.inner.fill_buf();
        let seen = taken.and_then(|bytes| {
            let bytes = bytes.get(..amount).unwrap_or_default();
            saw(self.effort, &self.place, bytes)
        });
        self.failed = seen.err();
        self.inner.consume(amount);
    }
}
