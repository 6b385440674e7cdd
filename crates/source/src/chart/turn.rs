//! The turns in which what is large is read.

use std::ops::Deref;

use super::ChartSource;
use super::spool::Download;
use crate::cache::Cache;
use crate::connect::Line;
use crate::content::{Content, SMALL};
use crate::deadline::Deadline;
use crate::tenant::Turn;
use crate::{Auth, WebProblem};

/// The terms of one fetch.
pub(super) struct Terms<'a> {
    pub(super) source: &'a ChartSource,
    pub(super) auth: &'a Auth,
    pub(super) deadline: Deadline,
}

/// Content that is in memory, for as long as its turn.
pub(super) struct Held {
    // It goes before its turn does.
    bytes: Vec<u8>,
    _turn: Option<Turn>,
}

impl Terms<'_> {
    pub(super) fn line(&self) -> Line {
        Line::new(&self.source.access, &self.source.cancel)
    }

    /// Waits for a turn to read what came, which is whole by now, and puts it into the cache. What is small needs none, and neither
    /// does what the person who runs the program wants.
    pub(super) fn turn(&self, cache: &Cache, download: &mut Download) -> Result<Option<Turn>, WebProblem> {
        let turn = self.turn_for(download.content.size())?;
        download.keep(cache);
        Ok(turn)
    }

    /// Has what came in memory as soon as it has a turn.
    pub(super) fn hold(&self, cache: &Cache, download: &mut Download) -> Result<Held, WebProblem> {
        let turn = self.turn(cache, download)?;
        Ok(Held { bytes: read(&mut download.content)?, _turn: turn })
    }

    fn turn_for(&self, bytes: u64) -> Result<Option<Turn>, WebProblem> {
        let ChartSource { tenant, cancel, .. } = self.source;
        let Some(tenant) = tenant.as_ref().filter(|_| bytes > SMALL) else { return Ok(None) };
        match tenant.turn_of_charts(self.deadline, cancel) {
            Some(turn) => Ok(Some(turn)),
            None if cancel.is_cancelled() => Err(WebProblem::Cancelled),
            None => Err(WebProblem::Timeout(self.deadline.timeout())),
        }
    }
}

/// All of it in memory.
pub(super) fn read(content: &mut Content) -> Result<Vec<u8>, WebProblem> {
    content.bytes().map_err(|error| WebProblem::Storage(error.to_string()))
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}
