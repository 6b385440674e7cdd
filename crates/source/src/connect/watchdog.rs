//! Ends what hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use crate::cancel::{Cancel, Registration};
use crate::deadline::Deadline;

/// Sets a flag and does something when a deadline passes or nobody wants on any more, unless it is dropped before.
pub(crate) struct Watchdog {
    interrupt: Arc<AtomicBool>,
    awake: Option<Sender<()>>,
    cancelled: Option<Registration>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches until `deadline` or a cancellation, then sets the flag and calls `bite`.
    pub(crate) fn new(
        deadline: Deadline,
        cancel: &Cancel,
        bite: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let interrupt = Arc::new(AtomicBool::new(false));
        let (awake, asleep) = channel();
        let flag = interrupt.clone();
        let thread = std::thread::Builder::new().name("fetch-deadline".to_owned()).spawn(move || {
            if asleep.recv_timeout(deadline.remaining()) != Err(RecvTimeoutError::Disconnected) {
                flag.store(true, Ordering::Relaxed);
                bite();
            }
        })?;
        let wake = awake.clone();
        let cancelled = cancel.on_cancel(move || {
            // It may have ended already.
            let _ = wake.send(());
        });
        Ok(Self { interrupt, awake: Some(awake), cancelled: Some(cancelled), thread: Some(thread) })
    }

    /// The flag that is set when the deadline has passed.
    pub(crate) fn interrupt(&self) -> &AtomicBool {
        &self.interrupt
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop((self.awake.take(), self.cancelled.take()));
        if let Some(thread) = self.thread.take() {
            // It ends at once, and has nothing to tell.
            let _ = thread.join();
        }
    }
}
