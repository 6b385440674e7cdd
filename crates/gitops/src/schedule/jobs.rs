//! Jobs begin and end.

use std::collections::BTreeSet;
use std::sync::Arc;

use cowherd_apply::Sight;
use tokio::task::Id;
use tokio::time::Instant;

use super::Schedule;
use super::entry::Entry;
use crate::delivery::{Ended, Job, Report, Task, deliver};
use crate::owner::OwnerName;
use crate::source::Artifact;
use crate::{Occasion, Phase, Progress};

impl Schedule {
    pub(super) fn start(&mut self, name: &OwnerName, source: Option<Arc<Artifact>>, task: Task, occasion: Occasion) {
        if let Some(mut entry) = self.entries.remove(name) {
            self.work(name, &mut entry, source, task, occasion);
            self.entries.insert(name.clone(), entry);
        }
    }

    /// Has a job done for the owner of the entry.
    pub(super) fn work(
        &mut self,
        name: &OwnerName,
        entry: &mut Entry,
        source: Option<Arc<Artifact>>,
        task: Task,
        occasion: Occasion,
    ) {
        let source = source.unwrap_or_else(|| Arc::new(Artifact::nothing()));
        let settings = entry.owner.settings.clone().ok();
        let mut word = 0;
        if let (Task::Apply { held, .. }, Some(settings)) = (&task, &settings) {
            word = self.context.sharing.enter(&settings.source, name);
            entry.begin_for(&occasion.trigger);
            // What is left alone was told already.
            entry.complained = held.as_ref().map(|held| held.complaint());
            entry.waiting_since = None;
        }
        let is_known = task.tells_of_fights() && entry.drifts.tell_held(Instant::now());
        let (cancel, inputs) = entry.begin(&source.digest, &source.revision, &task);
        let is_first = matches!(task, Task::Apply { .. }) && entry.is_first_at(&source.revision);
        let was_cut_off = is_first && entry.was_cut_off();
        let mask = entry.hidden.mask();
        let progress = Progress::new(name, occasion.masked(&mask), Phase::Building);
        let job = Job {
            progress: Progress { is_known, is_first, was_cut_off, ..progress },
            occasion,
            has_said_why: false,
            leaves_any: false,
            assumed: BTreeSet::new(),
            owned: None,
            sight: Sight::default(),
            name: name.clone(),
            owner: entry.owner.clone(),
            settings,
            status: entry.status.clone(),
            artifact: source,
            task,
            word,
            cancel,
            inputs,
            mask,
            hidden: entry.hidden.clone(),
            measured: self.context.measures.of(name.kind.kind).reconciler.add(),
        };
        let worker = self.jobs.spawn(deliver(self.context.clone(), job));
        self.workers.insert(worker.id(), name.clone());
    }

    /// The task of a job ended without a report.
    pub(super) fn lose(&mut self, worker: Id) {
        let Some(name) = self.workers.remove(&worker) else { return };
        self.context.measures.of(name.kind.kind).reconciler.panicked();
        match self.entries.get_mut(&name) {
            Some(entry) => {
                entry.lose(Instant::now());
                self.consider(&name);
            }
            None => self.left(&name, |entry| entry.running = None),
        }
    }

    pub(super) fn finish(&mut self, report: Report) {
        let name = report.name.clone();
        let Some(entry) = self.entries.get_mut(&name) else {
            self.left(&name, |entry| entry.running = None);
            return;
        };
        if !entry.is_same(&report) {
            // The owner was deleted and made again meanwhile.
            entry.running = None;
            self.consider(&name);
            return;
        }
        let is_suspended = entry.is_suspended();
        let was_apply = matches!(report.task, Task::Apply { .. });
        let ended = report.ended.clone();
        let follows = entry.end(report, Instant::now());
        if follows {
            self.to_follow.push_back(name.clone());
        }
        if was_apply && is_suspended {
            // It may have said what it describes after it was suspended.
            let concerned = self.context.sharing.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if was_apply && ended == Ended::Well {
            self.consider_blocked();
        }
    }
}
