//! A pack as it comes from its server. It is on disk before it is taken apart, so that nobody has a turn, or memory, for as long as a
//! server likes.

use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::SpooledTempFile;

use super::sum::Sum;
use crate::FetchError;
use crate::connect::Attempt;
use crate::content::SMALL;
use crate::tenant::Claim;

/// How many bytes are read at a time.
const BUFFER: usize = 64 * 1024;

/// A pack of which all is here that its server sent.
pub(super) struct Arrival {
    spool: SpooledTempFile,
    is_whole: bool,
}

impl Arrival {
    /// Takes what comes from `from` to its end. What is not small is in a file without a name in `directory`, and counts for the claim
    /// until that is settled.
    ///
    /// # Errors
    /// When it cannot be read or written, or there is no room for it, which is noted in the attempt.
    pub(super) fn take(
        from: &mut dyn BufRead,
        directory: &Path,
        interrupt: &AtomicBool,
        claim: Option<&Claim>,
        attempt: &Attempt,
    ) -> io::Result<Self> {
        let mut spool = tempfile::spooled_tempfile_in(SMALL as usize, directory);
        let (mut sum, mut size, mut counted) = (Sum::default(), 0, 0);
        loop {
            if interrupt.load(Ordering::Relaxed) {
                return Err(io::Error::other("interrupted"));
            }
            let bytes = match from.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if bytes.is_empty() {
                break;
            }
            size += bytes.len() as u64;
            if size > SMALL {
                claim_more(claim, size - counted, attempt)?;
                counted = size;
            }
            sum.add(bytes);
            spool.write_all(bytes)?;
            let read = bytes.len();
            from.consume(read);
        }
        spool.seek(SeekFrom::Start(0))?;
        Ok(Self { spool, is_whole: sum.ends_with_its_sum() })
    }

    /// Whether it ends with the sum of what comes before: it came as it was sent.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Reads it from its beginning.
    pub(super) fn into_reader(self) -> impl BufRead {
        BufReader::with_capacity(BUFFER, self.spool)
    }
}

/// Counts so many bytes more for the claim.
pub(super) fn claim_more(claim: Option<&Claim>, bytes: u64, attempt: &Attempt) -> io::Result<()> {
    let Some(Err(cause)) = claim.map(|claim| claim.grow(bytes)) else { return Ok(()) };
    let error = io::Error::other(cause.to_string());
    attempt.fail(FetchError::NoRoom { url: attempt.url().clone(), cause });
    Err(error)
}
