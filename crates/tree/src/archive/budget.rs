//! A reader that gives only as much as it may.

use std::cell::Cell;
use std::io::{self, Read};

/// How many bytes may still be read, for whoever reads and for whoever decides.
#[derive(Debug, Default)]
pub(super) struct Budget {
    left: Cell<u64>,
    exceeded: Cell<bool>,
    touched: Cell<bool>,
}

impl Budget {
    /// Allows `bytes` from now on.
    pub(super) fn allow(&self, bytes: u64) {
        self.left.set(bytes);
    }

    /// Whether anything was read.
    pub(super) fn touched(&self) -> bool {
        self.touched.get()
    }

    /// Whether more was asked for than was allowed.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded.get()
    }
}

/// Reads `inner` within a budget. A read beyond it fails.
pub(super) struct Budgeted<'a, R> {
    pub(super) inner: R,
    pub(super) budget: &'a Budget,
}

impl<R: Read> Read for Budgeted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.left.get();
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            // The end of the data is no excess.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => {
                    self.budget.exceeded.set(true);
                    Err(io::Error::other("more data than is accepted"))
                }
            };
        }
        let Some(part) = buffer.get_mut(..most) else { return Ok(0) };
        let read = self.inner.read(part)?;
        self.budget.left.set(left.saturating_sub(read as u64));
        self.budget.touched.set(self.budget.touched.get() || read > 0);
        Ok(read)
    }
}
