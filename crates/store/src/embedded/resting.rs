//! The writer's wait for something to do.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

use super::writer::{Command, Writer};

/// After what time without anything to do recent events are given up.
const REST: Duration = Duration::from_secs(5);

impl Writer {
    /// What is to be done next; nothing, once nobody will ask any more. Who asks for nothing for a while is at rest: recent
    /// events, which those that watch have by then, go from memory. A store that is at rest wakes up for nothing.
    pub(super) fn wait(&mut self) -> Option<Command> {
        if let Some(command) = within(&mut self.commands, REST) {
            return command;
        }
        self.shared.hub.rest();
        self.commands.blocking_recv()
    }
}

/// What is received within a time, or that nothing ever will be; nothing where it is over.
fn within<T>(receiver: &mut Receiver<T>, time: Duration) -> Option<Option<T>> {
    let (waker, end) = (Waker::from(Arc::new(Unpark(thread::current()))), Instant::now() + time);
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(received) = receiver.poll_recv(&mut context) {
            return Some(received);
        }
        thread::park_timeout(end.checked_duration_since(Instant::now())?);
    }
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_received_and_that_nothing_does_is_seen() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        assert_eq!(within(&mut receiver, Duration::from_millis(1)), None);
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            sender.try_send(7).unwrap();
        });
        assert_eq!(within(&mut receiver, Duration::from_secs(600)), Some(Some(7)));
        assert_eq!(within(&mut receiver, Duration::from_secs(600)), Some(None));
        late.join().unwrap();
    }
}
