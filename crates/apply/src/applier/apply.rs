//! Applies a set of objects: first all that can be checked is checked, then stage follows stage.
//!
//! The check is a dry run of every object that would be written. It costs a second request for each changed object
//! and none for the others, and it is why a commit with one object that the API refuses changes nothing in the
//! cluster. A single changed object needs no check: the API takes it whole or not at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::content::content;
use super::prepare::Work;
use super::takeover::again;
use super::{Applier, Desired};
use crate::change::{Action, ChangeSet};
use crate::cluster::{Kind, Patched, is_forbidden};
use crate::error::{ApplyError, Partial};
use crate::health;
use crate::memory::{Answer, Mark, Outcome, Until, is_excluded};
use crate::object::{ObjectId, Versioned};
use crate::order::{self, STAGES, Stage};
use crate::owner::{DISABLED, RECONCILE, SSA, SSA_IF_NOT_PRESENT, SSA_IGNORE};
use crate::wait::Expectation;

/// How many objects of one set are sent at the same time.
pub(super) const AT_ONCE: usize = 8;

impl Applier {
    /// Applies the objects that are not as they should be.
    ///
    /// # Errors
    /// The first object that the API would not take ends the apply; what was done before is told with the error.
    pub async fn apply(&self, desired: &Desired) -> Result<ChangeSet, Partial> {
        let mut changes = ChangeSet::default();
        let before = |error| Partial::new(error, ChangeSet::default());
        let mut work = self.prepare(desired).await.map_err(before)?;
        self.set_aside(desired, &mut work, &mut changes).await.map_err(before)?;
        // What an object that nobody has seen yet asks for is known after a check only.
        let is_alone = work.len() == 1 && self.inner.memory.live(work[0].id()).is_some();
        if !is_alone {
            self.check(desired, &mut work, |work| work.is_ready).await.map_err(before)?;
            self.leave_those_that_ask(desired, &mut work, &mut changes);
        } else if let [Work { kind: Some(kind), .. }] = &work[..] {
            let kind = Arc::clone(kind);
            work[0].content_before = self.content_before(desired, &kind, &work[0]).await;
        }
        for stage in STAGES {
            let rest = work.split_off(work.partition_point(|work| order::stage(work.id()) <= stage));
            let part = std::mem::replace(&mut work, rest);
            let mut doubtful = Vec::new();
            let result = self.apply_stage(desired, stage, part, is_alone, &mut changes, &mut doubtful).await;
            if let Err(error) = result {
                return Err(Partial { error, changes, doubtful });
            }
        }
        changes.sort();
        Ok(changes)
    }

    /// Takes out what is not written: objects that are left alone, and objects that are as they should be.
    async fn set_aside(
        &self,
        desired: &Desired,
        work: &mut Vec<Work>,
        changes: &mut ChangeSet,
    ) -> Result<(), ApplyError> {
        let mut kept = Vec::with_capacity(work.len());
        let mut others = Vec::new();
        for work in work.drain(..) {
            match self.needs_nothing(desired, &work).await? {
                Some(action) => changes.push(work.manifest.versioned().clone(), action),
                None if self.is_others(desired, work.id()) => others.push(work),
                None => kept.push(work),
            }
        }
        *work = kept;
        let failure = &FirstFailure::default();
        let try_write = |(place, work)| {
            let is_over = failure.is_known();
            async move {
                if !is_over {
                    failure.note(place, self.try_write(desired, work).await);
                }
            }
        };
        stream::iter(others.iter().enumerate()).for_each_concurrent(AT_ONCE, try_write).await;
        failure.told()?;
        for work in others {
            changes.push(work.manifest.versioned().clone(), Action::Skipped);
            if self.asks_to_be_left(work.id()) {
                self.leave(desired, &work, Until::Asked);
            }
        }
        Ok(())
    }

    /// Takes out the objects that were seen to ask for being left alone when they were checked.
    fn leave_those_that_ask(&self, desired: &Desired, work: &mut Vec<Work>, changes: &mut ChangeSet) {
        for left in work.extract_if(.., |work| work.asks_to_be_left) {
            changes.push(left.manifest.versioned().clone(), Action::Skipped);
            self.leave(desired, &left, Until::Asked);
        }
    }

    /// Leaves an object as it is, and sees to it that the end of that is seen.
    fn leave(&self, desired: &Desired, work: &Work, until: Until) {
        if let Some(kind) = &work.kind {
            self.inner.watching.drift(kind);
        }
        self.inner.memory.leave(work.id(), &desired.owner, until);
    }

    /// Whether the object, as it was last seen, asks for being left alone.
    fn asks_to_be_left(&self, id: &ObjectId) -> bool {
        self.inner.memory.live(id).is_some_and(|live| live.excluded)
    }

    /// Whether some of the objects of a set were left as they are because they ask for that. Where no watch shows them, only a
    /// look tells when it ends.
    pub fn leaves_any(&self, changes: &ChangeSet) -> bool {
        let skipped = changes.iter().filter(|change| change.action == Action::Skipped);
        skipped.into_iter().any(|change| self.inner.memory.is_left(&change.object.id))
    }

    /// Whether somebody else keeps the object as it is.
    fn is_others(&self, desired: &Desired, id: &ObjectId) -> bool {
        self.inner.reserved.contains(id) || desired.others.contains(id) || self.asks_to_be_left(id)
    }

    /// Asks whether the object, which is left as it is, might be written: who may not have an object is told so, whoever
    /// else has it. What else the API has against it does not matter.
    async fn try_write(&self, desired: &Desired, work: &Work) -> Result<(), ApplyError> {
        let Some(kind) = &work.kind else { return Ok(()) };
        match self.send(desired, kind, work, true).await {
            Err(error) if is_forbidden(&error) || !is_refusal(&error) => {
                Err(ApplyError::answer(work.id(), "dry-run failed", error, work.manifest.object()))
            }
            _ => Ok(()),
        }
    }

    async fn needs_nothing(&self, desired: &Desired, work: &Work) -> Result<Option<Action>, ApplyError> {
        let manifest = &work.manifest;
        if desired.held.contains(work.id()) || manifest.has(RECONCILE, DISABLED) || manifest.has(SSA, SSA_IGNORE) {
            return Ok(Some(Action::Skipped));
        }
        if self.is_others(desired, work.id()) {
            return Ok(None);
        }
        let Some(kind) = &work.kind else { return Ok(None) };
        if manifest.has(SSA, SSA_IF_NOT_PRESENT) {
            let found = self.inner.cluster.metadata(kind, work.id(), desired.account.as_ref()).await;
            let found = found.map_err(|error| ApplyError::answer(work.id(), "query failed", error, &Value::Null))?;
            return Ok(found.map(|_| {
                self.leave(desired, work, Until::Gone);
                Action::Skipped
            }));
        }
        let trusted = !desired.recheck && self.inner.watching.sees_drift(kind);
        let unchanged = trusted && self.inner.memory.is_unchanged(work.id(), &desired.owner, work.content);
        Ok(unchanged.then_some(Action::Unchanged))
    }

    /// Asks the API whether it would take the objects.
    async fn check(
        &self,
        desired: &Desired,
        work: &mut [Work],
        which: impl Fn(&Work) -> bool,
    ) -> Result<(), ApplyError> {
        let unchecked = work.iter_mut().filter(|work| !work.is_checked && which(work));
        let failure = &FirstFailure::default();
        let check_one = |(place, work)| {
            let is_over = failure.is_known();
            async move {
                if !is_over {
                    failure.note(place, self.check_one(desired, work).await);
                }
            }
        };
        stream::iter(unchecked.enumerate()).for_each_concurrent(AT_ONCE, check_one).await;
        failure.told()
    }

    async fn check_one(&self, desired: &Desired, work: &mut Work) -> Result<(), ApplyError> {
        let kind = self.settle(work).await?;
        let sent_at = Timestamp::now();
        match self.send(desired, &kind, work, true).await {
            Ok(taken) if !taken.created => {
                let metadata = metadata(&taken.object);
                if is_changed_since(&metadata, sent_at, self.inner.cluster.ownership().field_manager) {
                    work.content_before = self.content_before(desired, &kind, work).await;
                }
                work.asks_to_be_left = is_excluded(&metadata);
                work.checked_at = metadata.resource_version.and_then(|version| version.parse().ok());
            }
            Ok(_) => work.asks_to_be_left = false,
            Err(error) => self.may_recreate(desired, &kind, work, error, "dry-run failed").await?,
        }
        work.is_checked = true;
        Ok(())
    }

    async fn apply_stage(
        &self,
        desired: &Desired,
        stage: Stage,
        mut work: Vec<Work>,
        is_alone: bool,
        changes: &mut ChangeSet,
        doubtful: &mut Vec<Versioned>,
    ) -> Result<(), ApplyError> {
        if !is_alone {
            self.check(desired, &mut work, |_| true).await?;
            self.leave_those_that_ask(desired, &mut work, changes);
        }
        let mut applied = Vec::new();
        while !work.is_empty() {
            let rank = order::rank(&work[0].id().kind);
            let rest = work.split_off(work.partition_point(|work| order::rank(&work.id().kind) <= rank));
            let same_rank = std::mem::replace(&mut work, rest);
            let mut results = stream::iter(same_rank.into_iter().enumerate())
                .map(|(place, work)| async move { (place, self.apply_one(desired, work).await) })
                .buffer_unordered(AT_ONCE);
            let failure = FirstFailure::default();
            while let Some((place, result)) = results.next().await {
                match result {
                    Ok((object, action)) => {
                        applied.push(object.clone());
                        changes.push(object, action);
                    }
                    Err(Unapplied { error, doubtful: object }) => {
                        doubtful.extend(object);
                        failure.note(place, Err(error));
                    }
                }
            }
            failure.told()?;
        }
        if stage != Stage::Resources {
            let expected: Vec<_> = applied.into_iter().map(Expectation::healthy).collect();
            self.wait(&expected, desired.timeout, std::future::pending()).await?;
        }
        Ok(())
    }

    async fn apply_one(&self, desired: &Desired, mut work: Work) -> Result<(Versioned, Action), Unapplied> {
        let untouched = |error| Unapplied { error, doubtful: None };
        let kind = self.settle(&mut work).await.map_err(untouched)?;
        let object = work.manifest.versioned().clone();
        let mut is_refused = false;
        match self.write(desired, &kind, &work, &mut is_refused).await {
            Ok(action) => Ok((object, action)),
            Err(error) if is_refused => Err(untouched(error)),
            Err(error) => Err(Unapplied { error, doubtful: Some(object) }),
        }
    }

    /// Writes the object; whether the API refused it, so that nothing was done, is told beside the error.
    async fn write(
        &self,
        desired: &Desired,
        kind: &Arc<Kind>,
        work: &Work,
        is_refused: &mut bool,
    ) -> Result<Action, ApplyError> {
        self.inner.watching.drift(kind);
        let known = self.inner.memory.live(work.id()).map(|known| known.revision);
        let before: Vec<u64> = known.into_iter().chain(work.checked_at).filter(|revision| *revision > 0).collect();
        self.inner.memory.begin(work.id());
        let mut guard = UnderWay { applier: self, desired, work, answer: Answer::Unknown };
        let sent_at = Timestamp::now();
        let mut patched = match self.send(desired, kind, work, false).await {
            Ok(patched) => patched,
            Err(error) => {
                let refused = is_refusal(&error);
                let may_recreate = self.may_recreate(desired, kind, work, error, "apply failed").await;
                if may_recreate.is_err() && refused {
                    guard.answer = Answer::Refused;
                    *is_refused = true;
                }
                may_recreate?;
                self.recreate(desired, kind, work).await?
            }
        };
        if let Some(taken_over) = self.take_over(desired, kind, work, &patched).await? {
            patched = taken_over;
        }
        let metadata = metadata(&patched.object);
        let mark = Mark::read(&metadata, self.inner.cluster.ownership());
        let action = action(&patched, &before, &mark, &metadata, sent_at, self.inner.cluster.ownership().field_manager);
        guard.answer = Answer::Taken(Outcome {
            content: work.content,
            mark,
            health: health::assess(&patched.object, Timestamp::now()),
        });
        drop(guard);
        let says_the_same =
            action == Action::Configured && work.content_before.is_some_and(|before| before == content(patched.object));
        Ok(if says_the_same { Action::Unchanged } else { action })
    }

    /// Sends the object, or asks what would become of it. A write that another one came before is made again.
    pub(super) async fn send(
        &self,
        desired: &Desired,
        kind: &Kind,
        work: &Work,
        dry_run: bool,
    ) -> kube::Result<Patched> {
        let _permit = self.inner.requests.acquire().await;
        let account = desired.account.as_ref();
        let mut attempt = 1;
        loop {
            let applied = self.inner.cluster.apply(kind, work.id(), work.manifest.object(), dry_run, account).await;
            match applied {
                Err(error) if again(&error, &mut attempt).await => {}
                applied => return applied,
            }
        }
    }
}

/// The failure of the first of several objects that fail, whichever was answered first: what is told is the same each time. They are
/// begun in their order, so that all before one that failed are known once those under way have ended.
#[derive(Default)]
struct FirstFailure(Mutex<Option<(usize, ApplyError)>>);

impl FirstFailure {
    fn first(&self) -> MutexGuard<'_, Option<(usize, ApplyError)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_known(&self) -> bool {
        self.first().is_some()
    }

    fn note(&self, place: usize, result: Result<(), ApplyError>) {
        let mut first = self.first();
        if let Err(error) = result
            && first.as_ref().is_none_or(|(known, _)| place < *known)
        {
            *first = Some((place, error));
        }
    }

    fn told(&self) -> Result<(), ApplyError> {
        self.first().take().map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// Why an object was not applied, and the object where it may have been all the same.
struct Unapplied {
    error: ApplyError,
    doubtful: Option<Versioned>,
}

/// Whether the API says that it changed nothing.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 408)
}

/// Tells the memory what came of a request, also when the request is given up half way.
struct UnderWay<'a> {
    applier: &'a Applier,
    desired: &'a Desired,
    work: &'a Work,
    answer: Answer,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Answer::Unknown);
        self.applier.inner.memory.finish(self.work.id(), &self.desired.owner, answer);
    }
}

pub(super) fn metadata(object: &Value) -> ObjectMeta {
    let metadata = object.get("metadata").cloned().unwrap_or_default();
    serde_json::from_value(metadata).unwrap_or_default()
}

/// What a write did. The API does not say whether it changed anything. The resource version does, where it is one that the
/// object had `before`; otherwise the time of our entry says when we last changed the object.
fn action(
    patched: &Patched,
    before: &[u64],
    after: &Mark,
    metadata: &ObjectMeta,
    sent_at: Timestamp,
    field_manager: &str,
) -> Action {
    if patched.created {
        return Action::Created;
    }
    if before.contains(&after.revision) {
        return Action::Unchanged;
    }
    if is_changed_since(metadata, sent_at, field_manager) { Action::Configured } else { Action::Unchanged }
}

/// Whether we changed the object then or later, as the time of our entry says. Where there is none, nobody knows.
fn is_changed_since(metadata: &ObjectMeta, then: Timestamp, field_manager: &str) -> bool {
    let entries = metadata.managed_fields.iter().flatten();
    let ours = entries.filter(|entry| entry.manager.as_deref() == Some(field_manager));
    let changed = ours.filter_map(|entry| entry.time.as_ref().map(|time| time.0.as_second())).max();
    changed.is_none_or(|time| time >= then.as_second())
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
