//! A reconciliation as a thing: what it is to do, what it works on, what it tells and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex};

use cowherd_apply::mask::Mask;
use cowherd_apply::{ChangeSet, ObjectId, Pruned, Sight};
use cowherd_runtime::Measured;
use tokio::sync::watch;
use tracing::Span;

use super::Context;
use super::failure::Failure;
use crate::conditions::{ARTIFACT_FAILED, BUILD_FAILED, DRIFT_FOUGHT, SOURCE_NOT_READY};
use crate::events::{self, Happened, Type};
use crate::hidden::Hidden;
use crate::owner::{Owner, OwnerName, Settings, Status, status};
use crate::producer::Inputs;
use crate::source::{Artifact, Latest, SourceName};
use crate::{Authorship, Occasion, Phase, Progress};

/// One reconciliation that is to be done.
pub(crate) struct Job {
    pub(crate) name: OwnerName,
    pub(crate) owner: Arc<Owner>,
    pub(crate) settings: Option<Arc<Settings>>,
    /// The status as it was last written.
    pub(crate) status: Status,
    pub(crate) artifact: Arc<Artifact>,
    pub(crate) task: Task,
    /// What is brought, and why.
    pub(crate) occasion: Occasion,
    /// Whether its span says so.
    pub(crate) has_said_why: bool,
    /// How far it is.
    pub(crate) progress: Progress,
    /// Whether it left objects as they are because they ask for that.
    pub(crate) leaves_any: bool,
    /// What counts as ready without being so.
    pub(crate) assumed: BTreeSet<ObjectId>,
    /// The objects that say that others own them, with one of those; `None` until it is known.
    pub(crate) owned: Option<BTreeMap<ObjectId, String>>,
    /// What tells of drift of its objects.
    pub(crate) sight: Sight,
    /// With which number it says what its owner describes.
    pub(crate) word: u64,
    /// Becomes true when something newer is to be done instead.
    pub(crate) cancel: watch::Receiver<bool>,
    /// Where it is left what the render rests on, for whoever wants to know what a new revision concerns.
    pub(crate) inputs: Arc<Mutex<Option<Arc<Inputs>>>>,
    /// What must not be shown of what it works with.
    pub(crate) mask: Mask,
    /// The same for those who tell of the owner meanwhile.
    pub(crate) hidden: Hidden,
    /// How long it waits and works.
    pub(crate) measured: Measured,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Bring the cluster to what the owner says.
    Apply {
        /// Whether to apply even what is believed to be as it should be.
        recheck: bool,
        /// What to leave alone for now.
        held: Option<Arc<Held>>,
    },
    /// The owner was deleted.
    Finalize,
    /// The owner is gone, but for what it has left behind.
    AwaitReturn,
    /// Say why nothing can be done.
    Complain {
        /// The reason in one word.
        reason: &'static str,
        /// The reason in a sentence.
        message: String,
        /// Whether only a change of the owner can help.
        is_final: bool,
        /// Whether somebody made a mistake, or just has to wait.
        severity: Type,
    },
}

impl Task {
    /// Whether it says that somebody fights for objects.
    pub(crate) fn tells_of_fights(&self) -> bool {
        matches!(self, Self::Apply { held: Some(_), .. } | Self::Complain { reason: DRIFT_FOUGHT, .. })
    }
}

/// Objects that are left as they are for now, because somebody fights for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) objects: BTreeSet<ObjectId>,
    /// What is said of it.
    pub(crate) complaint: String,
}

impl Held {
    /// Has it said by the owner.
    pub(crate) fn complaint(&self) -> Task {
        let message = self.complaint.clone();
        Task::Complain { reason: DRIFT_FOUGHT, message, is_final: false, severity: Type::Warning }
    }
}

/// What came of a reconciliation.
pub(crate) struct Report {
    pub(crate) name: OwnerName,
    pub(crate) uid: Option<String>,
    pub(crate) generation: Option<i64>,
    pub(crate) status: Status,
    pub(crate) task: Task,
    /// Whether it left objects as they are because they ask for that.
    pub(crate) leaves_any: bool,
    /// The objects that say that others own them, with one of those; `None` where it found nothing out.
    pub(crate) owned: Option<BTreeMap<ObjectId, String>>,
    /// What tells of drift of its objects.
    pub(crate) sight: Sight,
    /// What must not be shown, as far as it found that out.
    pub(crate) mask: Mask,
    pub(crate) ended: Ended,
}

/// How a reconciliation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it should.
    Well,
    /// With an error; whether trying again soon may help.
    Badly {
        /// Whether nothing in the repository has to change for it to work.
        may_pass: bool,
    },
    /// Something newer is to be done.
    Superseded,
    /// Somebody else wrote the status meanwhile: another agent, it may be, that leads by now. The status is what they wrote.
    Overtaken,
}

impl Job {
    /// Completes when something newer is to be done.
    pub(crate) fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        let mut cancel = self.cancel.clone();
        async move {
            if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(crate) fn give_way(&self) -> Result<(), Failure> {
        if *self.cancel.borrow() { Err(Failure::Superseded) } else { Ok(()) }
    }

    /// It was found out what must not be shown. What was to be told until now is masked by what the last job knew.
    pub(crate) fn hide(&mut self, mask: Mask) {
        self.hidden.join(&mask);
        self.mask = mask;
        self.progress.occasion = self.occasion();
        self.say_why();
    }

    /// More was found out that must not be shown.
    pub(crate) fn hide_too(&mut self, mask: &Mask) {
        self.hidden.join(mask);
        self.mask.join(mask);
    }

    /// Has the span of the reconciliation say who wrote what is brought, and why that is done now.
    pub(crate) fn say_why(&mut self) {
        if std::mem::replace(&mut self.has_said_why, true) {
            return;
        }
        let (occasion, span) = (self.occasion(), Span::current());
        if let Some(Authorship { author, subject }) = &occasion.authorship {
            span.record("author", author).record("subject", subject);
        }
        span.record("cause", occasion.trigger.to_string());
    }

    /// What is brought and why, as people are told.
    pub(super) fn occasion(&self) -> Occasion {
        self.occasion.masked(&self.mask)
    }

    /// Tells whoever listens how far it is.
    pub(crate) fn tell(&mut self, context: &Context, phase: Phase) {
        self.progress.phase = phase;
        context.tell(self.progress.clone());
    }

    /// Objects were applied or deleted.
    pub(crate) fn note(&mut self, changes: &ChangeSet) {
        let Self { progress, mask, .. } = self;
        progress.note(changes, |text| mask.text(text));
    }

    /// Objects were deleted, or stay.
    pub(super) fn note_pruned(&mut self, pruned: &Pruned) {
        self.note(&pruned.changes);
        pruned.stayed.iter().for_each(|(object, why)| self.note_stays(object, why));
    }

    /// An object that was to go stays, for this reason.
    pub(super) fn note_stays(&mut self, object: &ObjectId, why: &impl Display) {
        let Self { progress, mask, .. } = self;
        progress.stays.add(|| mask.text(&format!("{object} ({why})")));
    }

    /// What people are told: without the values of Secrets. What is written, told or logged passes here.
    pub(crate) fn say(&self, what: &impl Display) -> String {
        self.mask.text(&what.to_string())
    }

    pub(crate) fn tell_event(&self, context: &Context, severity: Type, reason: &str, message: &str) {
        self.tell_event_with(context, (severity, reason, message), BTreeMap::new());
    }

    /// The same, with more that programs are told besides.
    pub(crate) fn tell_event_with(
        &self,
        context: &Context,
        (severity, reason, message): (Type, &str, &str),
        more: BTreeMap<String, String>,
    ) {
        if message.is_empty() {
            return;
        }
        let kind = self.name.kind;
        let mut annotations = self.occasion().annotations(kind.group);
        annotations.extend(more);
        annotations.extend(events::given(self.owner.metadata.annotations()));
        let (about, message) = (self.owner.reference(), &self.say(&message));
        context.recorder.tell(kind.component, Happened { about, severity, reason, message, annotations });
    }

    /// Tells whom Alerts name for it that the commit is brought.
    pub(super) fn tell_commit_status(&self, context: &Context, message: &str) {
        let occasion = self.occasion();
        context.tell_commit_status(&self.owner, &occasion.revision, occasion.origin.as_deref(), &self.say(&message));
    }

    /// Tells what was changed, and why.
    pub(super) fn tell_changes(&self, context: &Context, changes: &ChangeSet) {
        let changed = changes.to_string();
        if !changed.is_empty() {
            self.tell_event(context, Type::Normal, "Progressing", &format!("{changed}; {}", self.occasion));
        }
    }

    /// Writes the status. Where somebody else wrote it meanwhile, it becomes what they wrote, and the job is to be done anew.
    pub(crate) async fn write_status(&mut self, context: &Context) -> Result<(), Failure> {
        self.mask_conditions();
        let written = status::write(&context.client, &context.counters, &self.name, &mut self.status).await;
        written.map_err(|error| Failure::unwritten(&error))
    }

    /// Writes the conditions alone, which is less than the whole status where there are many objects.
    pub(super) async fn write_conditions(&mut self, context: &Context) -> Result<(), Failure> {
        self.mask_conditions();
        let written = status::write_conditions(&context.client, &context.counters, &self.name, &mut self.status).await;
        written.map_err(|error| Failure::unwritten(&error))
    }

    fn mask_conditions(&mut self) {
        for condition in &mut self.status.conditions {
            condition.message = self.mask.text(&condition.message);
        }
    }
}

/// What an owner says whose source has brought nothing yet. Why that is so is told in its own namespace alone.
pub(crate) fn without_artifact(of: &OwnerName, source: &SourceName, latest: &Latest, mask: &Mask) -> Task {
    let problem = latest.problem.as_ref().filter(|_| source.name.namespace == of.namespace);
    let problem = problem.map(|problem| problem.told(mask));
    let reason = of.kind.without_source;
    if reason == SOURCE_NOT_READY {
        let why = problem.unwrap_or_else(|| "does not have an artifact".to_owned());
        let message = format!("{} '{}' is not ready: {why}", source.kind.0, source.name);
        return Task::Complain { reason, message, is_final: false, severity: Type::Normal };
    }
    if reason == BUILD_FAILED {
        let severity = if problem.is_some() { Type::Warning } else { Type::Normal };
        let message = problem.unwrap_or_else(|| "its inputs are not there yet".to_owned());
        return Task::Complain { reason, message, is_final: false, severity };
    }
    let why = problem.map_or(String::new(), |problem| format!(" ({problem})"));
    let message = format!("Source '{source}' has no artifact yet{why}; it is applied as soon as it has one");
    Task::Complain { reason, message, is_final: false, severity: Type::Normal }
}

/// What an owner says whose source is not there, whether it was applied before or not.
pub(crate) fn no_such_source(of: &OwnerName, source: &SourceName, was_applied: bool) -> Task {
    // It may be about to be made, by the story itself.
    if of.kind.story.is_some() && !was_applied {
        let message = format!("{} '{}' is not ready: it is not there yet", source.kind.0, source.name);
        return Task::Complain { reason: SOURCE_NOT_READY, message, is_final: false, severity: Type::Normal };
    }
    let field = of.kind.source_field;
    let remedy = match was_applied {
        true => format!(
            "no commit comes here any more. What was applied stays as it is; bring the source back, name another one in {field}, or \
             delete this too"
        ),
        false => format!("make it, or name one in {field} that `cowherd get sources -A` lists"),
    };
    let message = format!("Source '{source}' not found: {remedy}");
    Task::Complain { reason: ARTIFACT_FAILED, message, is_final: false, severity: Type::Warning }
}
