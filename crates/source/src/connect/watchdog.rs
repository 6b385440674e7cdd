//! Ends what hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use crate::deadline::Deadline;

/// Sets a flag and does something when a deadline passes, unless it is dropped before.
pub(crate) struct Watchdog {
    interrupt: Arc<AtomicBool>,
    awake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches until `deadline`, then sets the flag and calls `bite`.
    pub(crate) fn new(deadline: Deadline, bite: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let interrupt = Arc::new(AtomicBool::new(false));
        let (awake, asleep) = channel();
        let flag = interrupt.clone();
        let thread = std::thread::Builder::new().name("fetch-deadline".to_owned()).spawn(move || {
            if asleep.recv_timeout(deadline.remaining()) == Err(RecvTimeoutError::Timeout) {
                flag.store(true, Ordering::Relaxed);
                bite();
            }
        })?;
        Ok(Self { interrupt, awake: Some(awake), thread: Some(thread) })
    }

    /// The flag that is set when the deadline has passed.
    pub(crate) fn interrupt(&self) -> &AtomicBool {
        &self.interrupt
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.awake.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once, and has nothing to tell.
            let _ = thread.join();
        }
    }
}
