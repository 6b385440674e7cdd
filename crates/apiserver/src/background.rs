//! What a server does beside answering requests.

use std::future::Future;
use std::pin::Pin;

use crate::server::ApiServer;

/// A loop of a server, which is meant to run for as long as that does. It may be started again whenever it has ended or panicked:
/// then it looks at everything anew.
pub struct Loop {
    /// What it takes care of.
    pub name: &'static str,
    start: Box<dyn Fn() -> Running + Send + Sync>,
}

/// A loop that runs for as long as it is polled.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Loop {
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        name: &'static str,
        start: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        Self { name, start: Box::new(move || Box::pin(start())) }
    }

    /// Starts it.
    pub fn start(&self) -> Running {
        (self.start)()
    }
}

/// Has the loops run until the server closes, each for as long as it does not panic.
pub(crate) fn run(server: &ApiServer, loops: Vec<Loop>) {
    for one in loops {
        tokio::spawn(server.closing().clone().run_until_cancelled_owned(one.start()));
    }
}
