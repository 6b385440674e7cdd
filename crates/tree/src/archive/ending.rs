//! Where archives end: as early and as late as Go's readers take it.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// The bytes of a block of `tar`.
const BLOCK: u64 = 512;

/// What members of `gzip` behind one another hold. Whatever follows them and is none is left alone.
pub(super) struct Unzipped<R: Read> {
    /// The member at hand; none behind the last one.
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> Unzipped<R> {
    pub(super) fn new(packed: R) -> Self {
        Self { member: Some(GzDecoder::new(BufReader::new(packed))) }
    }
}

impl<R: Read> Read for Unzipped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        const MAGIC: u8 = 0x1f;
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let next = member.get_mut().fill_buf()?.first().copied();
            let rest = self.member.take().map(GzDecoder::into_inner);
            self.member = rest.filter(|_| next == Some(MAGIC)).map(GzDecoder::new);
        }
        Ok(0)
    }
}

/// An archive of `tar` with the padding of its last block and the blocks that end it, also where they were left out.
pub(super) struct Ended<'a, R> {
    pub(super) inner: R,
    /// How many bytes were read that are there.
    pub(super) read: u64,
    /// How many were read that are not.
    pub(super) made_up: &'a Cell<u64>,
}

impl<R: Read> Read for Ended<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.read += count as u64;
        if count > 0 || out.is_empty() {
            return Ok(count);
        }
        let missing = self.read.next_multiple_of(BLOCK) - self.read + 2 * BLOCK;
        let left = usize::try_from(missing - self.made_up.get()).unwrap_or_default();
        let count = left.min(out.len());
        out.iter_mut().take(count).for_each(|byte| *byte = 0);
        self.made_up.set(self.made_up.get() + count as u64);
        Ok(count)
    }
}
