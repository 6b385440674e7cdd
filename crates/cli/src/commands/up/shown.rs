//! What is known of one Kustomization. No more than that is kept of it: an object with its inventory, conditions and field
//! managers is fifty times as large.

use cowherd_gitops::{Phase as Doing, Progress};

use super::wording::line;
use crate::resource::Resource;
use crate::terminal::progress::{Line, Phase};

/// What is known of a Kustomization.
#[derive(Debug, Default)]
pub struct Shown {
    seen: Option<Seen>,
    told: Option<Progress>,
}

/// What the object says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it is.
    pub phase: Phase,
    /// What its condition says about that.
    pub message: Box<str>,
    /// The revision that was applied.
    pub revision: Box<str>,
}

impl Seen {
    /// What this object says.
    pub fn of(resource: &Resource) -> Self {
        let (phase, message) = match resource.ready() {
            _ if resource.suspended() => (Phase::Suspended, "suspended"),
            Some(ready) if ready.status == "True" && resource.observed() => (Phase::Ready, ready.message),
            Some(ready) if ready.status == "False" => (Phase::Failed, ready.message),
            Some(ready) => (Phase::Working, ready.message),
            None => (Phase::Working, ""),
        };
        Self { phase, message: message.into(), revision: resource.revision().into() }
    }

    /// How the Kustomization is, and what it says about that. A failure is told before its status says so, and where the
    /// status cannot be written, as on a full disk.
    pub fn state<'a>(&'a self, told: Option<&'a Progress>) -> (Phase, &'a str) {
        match told.map(|told| &told.phase) {
            Some(Doing::Failed(message)) if self.phase != Phase::Suspended => (Phase::Failed, message),
            _ => (self.phase, &self.message),
        }
    }
}

impl Shown {
    /// The object was seen.
    pub fn see(&mut self, resource: &Resource) {
        self.seen = Some(Seen::of(resource));
    }

    /// The agents told of their work.
    pub fn tell(&mut self, progress: Progress) {
        self.told = Some(progress);
    }

    /// How the Kustomization is, and what it says about that; nothing as long as it was not seen.
    pub fn state(&self) -> Option<(Phase, &str)> {
        Some(self.seen.as_ref()?.state(self.told.as_ref()))
    }

    /// Why it failed, if it did. What fails again for the same reason has settled, however often it is tried.
    pub fn failure(&self) -> Option<&str> {
        self.state().filter(|(phase, _)| *phase == Phase::Failed).map(|(_, message)| message)
    }

    /// Its line, once it was seen. What is under way counts before the status, which follows when it is done.
    pub fn line(&self) -> Option<Line> {
        Some(line(self.seen.as_ref()?, self.told.as_ref()))
    }
}
