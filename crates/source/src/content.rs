//! What is looked at as a whole, and is not in memory for that unless it is small.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use tempfile::SpooledTempFile;

use crate::Digest;
use crate::digest::Hasher;
use crate::tenant::Claim;

/// How many bytes of content are small: so many are in memory without a turn.
pub(crate) const SMALL: u64 = 1 << 20;

/// How much is read of a file at a time.
const BUFFER: usize = 64 * 1024;

/// Content that is here: in a file, or in memory where it is small.
pub(crate) struct Content {
    source: Box<dyn Source>,
    start: u64,
    size: u64,
    digest: Option<Digest>,
    /// What it takes on disk counts for somebody as long as this is held.
    _claim: Option<Claim>,
}

trait Source: Read + Seek {}

impl<S: Read + Seek> Source for S {}

impl Content {
    /// What came and was written to `spool`, which has `size` bytes.
    pub(crate) fn spooled(spool: SpooledTempFile, size: u64, digest: Digest, claim: Option<Claim>) -> Self {
        Self { source: Box::new(spool), start: 0, size, digest: Some(digest), _claim: claim }
    }

    /// The `size` bytes of a file from the one at `start` on.
    pub(crate) fn in_file(file: File, start: u64, size: u64) -> Self {
        Self { source: Box::new(file), start, size, digest: None, _claim: None }
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Its digest, for which it is read once if nobody knows it yet, piece by piece.
    pub(crate) fn digest(&mut self) -> io::Result<Digest> {
        if let Some(digest) = self.digest {
            return Ok(digest);
        }
        let mut hasher = Hasher::default();
        io::copy(&mut self.reader()?, &mut hasher)?;
        let digest = hasher.finish();
        self.digest = Some(digest);
        Ok(digest)
    }

    /// Reads it from its beginning.
    pub(crate) fn reader(&mut self) -> io::Result<impl Read + '_> {
        let source: &mut dyn Source = self.source.as_mut();
        source.seek(SeekFrom::Start(self.start))?;
        Ok(Read::take(BufReader::with_capacity(BUFFER, source), self.size))
    }

    /// All of it in memory. What is not small takes a turn.
    pub(crate) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        self.reader()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
