//! Reads that meet a failure: they wait until the file is open again, and are done then.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::writer::Command;
use crate::error::{Error, StorageFailure};

/// How long a read waits for the file to be opened again, all its trials together.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a read is tried: while writes go on failing, the file is opened again and again.
const ATTEMPTS: u32 = 8;

/// The way to the file for those who read it. It doesn't keep the store open.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: WeakSender<Command>,
}

/// A failure that a read met, and what it may still try.
pub(crate) struct Trials {
    left: u32,
    /// When to give up, from the first failure on.
    deadline: Option<Instant>,
}

impl Trials {
    pub(crate) fn new() -> Self {
        Self { left: ATTEMPTS, deadline: None }
    }

    /// Waits for the file to be open again that failed in this generation. Gives the failure, or what there is to say
    /// instead, where it has been tried often enough or takes too long, or where opening the file again mends nothing.
    pub(crate) fn wait(
        &mut self,
        access: &Access,
        generation: u64,
        failure: StorageFailure,
    ) -> BoxFuture<'static, Result<(), Error>> {
        self.left = self.left.saturating_sub(1);
        let (access, is_last) = (access.clone(), self.left == 0 || !failure.may_pass());
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
        async move {
            let opened = async { if is_last { None } else { Some(access.recover(generation).await) } };
            match tokio::time::timeout_at(deadline, opened).await {
                Ok(Some(opened)) => opened,
                Ok(None) | Err(_) => Err(access.cause(failure).into()),
            }
        }
        .boxed()
    }
}

impl Access {
    /// Reads, as often as it takes.
    pub(crate) async fn read<T, F>(&self, read: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut trials = Trials::new();
        loop {
            let generation = self.shared.engine.generation();
            match read().await {
                Err(Error::Storage(failure)) => trials.wait(self, generation, failure).await?,
                done => return done,
            }
        }
    }

    /// What is wrong, where a read met no more than its consequences: to be told that the file is being opened again helps
    /// nobody whose disk is full.
    fn cause(&self, failure: StorageFailure) -> StorageFailure {
        let known = || self.shared.trouble().as_ref().map(|trouble| trouble.failure.clone());
        let known = failure.is_aftermath().then(known).flatten();
        match known.filter(|known| !known.is_aftermath()) {
            Some(StorageFailure { cause, remedy, .. }) => StorageFailure { cause, remedy, ..failure },
            None => failure,
        }
    }

    /// Has the file opened again, unless that was done since this generation.
    async fn recover(&self, generation: u64) -> Result<(), Error> {
        let closed = || Error::Closed { path: self.shared.engine.path().into() };
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.upgrade().ok_or_else(closed)?;
        commands.send(Command::Recover(generation, reply)).await.map_err(|_| closed())?;
        drop(commands);
        answer.await.map_err(|_| self.shared.engine.unanswered())?
    }
}
