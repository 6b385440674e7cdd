//! The file of a pack that is being written.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;

use super::arrival::claim_more;
use crate::connect::Attempt;
use crate::objects::lock;
use crate::tenant::Claim;

/// A file that is written, and read when it is whole. Clones are the same; it goes with the last one.
#[derive(Clone)]
pub(super) struct Spool<'a> {
    file: Arc<Mutex<BufWriter<NamedTempFile>>>,
    /// What it grows within.
    claim: Option<&'a Claim>,
    attempt: &'a Attempt,
}

impl<'a> Spool<'a> {
    pub(super) fn new(file: NamedTempFile, claim: Option<&'a Claim>, attempt: &'a Attempt) -> Self {
        Self { file: Arc::new(Mutex::new(BufWriter::with_capacity(64 * 1024, file))), claim, attempt }
    }

    /// Where it is.
    pub(super) fn path(&self) -> PathBuf {
        lock(&self.file).get_ref().path().to_owned()
    }

    /// The file, once nobody else has it.
    pub(super) fn into_file(self) -> io::Result<NamedTempFile> {
        let file = Arc::try_unwrap(self.file).map_err(|_| io::Error::other("the pack is still being written"))?;
        let file = file.into_inner().map_err(|_| io::Error::other("the pack was not written to its end"))?;
        file.into_inner().map_err(|error| error.into_error())
    }
}

impl Write for Spool<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        claim_more(self.claim, bytes.len() as u64, self.attempt)?;
        lock(&self.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        lock(&self.file).flush()
    }
}

impl Read for Spool<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.file).get_mut().read(buffer)
    }
}

impl Seek for Spool<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        lock(&self.file).seek(to)
    }
}
