//! The room that an answer takes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cowherd_connections::UnderWay;

use super::{Held, Unread, lock, waiting::Waiting};
use crate::{
    body::Body,
    flow::Place,
    status::{ApiError, ApiResult},
};

/// How long a request waits for room before anything is made for it.
const WAIT: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody has taken nothing for long enough.
const GLANCE: Duration = Duration::from_millis(100);

/// The room that one answer takes among all that are made or wait to be read, until the last of its clones is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Taken>);

#[derive(Debug)]
struct Taken {
    unread: Arc<Unread>,
    number: u64,
    held: Arc<Held>,
}

impl Room {
    pub(super) fn new(unread: Arc<Unread>, number: u64, held: Arc<Held>) -> Self {
        Self(Arc::new(Taken { unread, number, held }))
    }

    /// Waits until there is room for so many bytes more, and takes it.
    pub(crate) async fn take(&self, bytes: usize) {
        while !self.try_take(bytes) {
            let _ = tokio::time::timeout(GLANCE, self.0.unread.freed.notified()).await;
        }
    }

    /// The same for who asks for an answer, and is told to come back where none came in time.
    pub(crate) async fn take_in_time(&self, bytes: usize) -> ApiResult<()> {
        tokio::time::timeout(WAIT, self.take(bytes)).await.map_err(|_| ApiError::too_many_requests())
    }

    /// Waits until there is room for so many bytes in all, and takes what is missing.
    pub(crate) async fn take_up_to(&self, bytes: usize) {
        while !self.try_take_up_to(bytes) {
            let _ = tokio::time::timeout(GLANCE, self.0.unread.freed.notified()).await;
        }
    }

    /// Takes room for what is missing of so many bytes in all; whether there is some now.
    pub(crate) fn try_take_up_to(&self, bytes: usize) -> bool {
        let missing = (bytes as u64).saturating_sub(self.0.held.size.load(Ordering::Relaxed));
        missing == 0 || self.0.unread.take(self.0.number, &self.0.held, missing)
    }

    /// Takes room for so many bytes more; whether there is some now.
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        self.0.unread.take(self.0.number, &self.0.held, bytes as u64)
    }

    /// So many bytes are held now.
    pub(crate) fn hold(&self, bytes: usize) {
        let Taken { unread, number, held } = &*self.0;
        let (bytes, before) = (bytes as u64, held.size.load(Ordering::Relaxed));
        if bytes != before {
            lock(&unread.all).resize(*number, bytes);
        }
        if bytes < before {
            unread.freed.notify_waiters();
        }
    }

    /// Lets the answer wait until it is read.
    pub(crate) fn keep(self, body: Body, under_way: UnderWay, place: Option<Place>) -> Waiting {
        Waiting::new(self, body, under_way, place)
    }

    pub(super) fn held(&self) -> &Held {
        &self.0.held
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        lock(&self.unread.all).remove(self.number);
        self.unread.freed.notify_waiters();
    }
}
