//! Looks at the repository, and has it changed. This blocks a thread.

use cowherd_imagepolicy::{ImageRef, MessageError, Setters, message};
use cowherd_source::{
    Cancel, CommitSigner, Draft, FetchError, Mirrors, Push, PushError, Reference, Remote, Snapshot, Words,
};
use jiff::Timestamp;

use super::files::{self, Updated};
use super::plan::Plan;
use crate::source::git::{Unwritable, Writable};

/// How often it is begun anew on top of what somebody else has pushed meanwhile.
const ATTEMPTS: usize = 4;

/// What an automation does in a repository.
pub(super) struct Work {
    pub(super) mirrors: Mirrors,
    pub(super) writable: Writable,
    pub(super) plan: Plan,
    /// Who signs commits.
    pub(super) signer: Option<CommitSigner>,
    /// The revision at which nothing is to be done; none where something may be at any.
    pub(super) seen: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Ran {
    /// There is nothing else than what was seen last.
    Same,
    /// There was nothing to change at the revision.
    Nothing { revision: String, left: Vec<String> },
    /// A commit was pushed.
    Pushed(Pushed),
}

/// A commit that was pushed.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) commit: String,
    /// The revision that was looked at, and need not be again.
    pub(super) revision: String,
    pub(super) message: String,
    pub(super) left: Vec<String>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unworked {
    /// The repository cannot be reached at all.
    #[error("failed configuring source manager: {0}")]
    Unwritable(#[from] Unwritable),
    /// What is to be changed is not to be had.
    #[error("failed to checkout source: {0}")]
    Checkout(FetchError),
    /// Files cannot be changed.
    #[error("failed to apply policies: {0}")]
    Update(String),
    /// There is no message.
    #[error("failed to update source: {0}")]
    Message(MessageError),
    /// The template asks for what is not there any more.
    #[error("{0}")]
    RemovedField(MessageError),
    /// There is no commit.
    #[error("failed to update source: {0}")]
    Draft(#[from] cowherd_source::DraftError),
    /// It was not pushed.
    #[error("failed to update source: {0}")]
    Push(PushError),
}

impl Work {
    /// Does it.
    pub(super) fn run(&self, cancel: &Cancel) -> Result<Ran, Unworked> {
        let remote = self.writable.ready(cancel)?;
        let mut attempt = 1;
        loop {
            match self.once(&remote, cancel) {
                // Somebody else was faster: what they pushed is what it is made of now.
                Err(Unworked::Push(error)) if error.is_overtaken() && attempt < ATTEMPTS => attempt += 1,
                Err(Unworked::Push(error)) => {
                    self.writable.refused(&error);
                    return Err(Unworked::Push(error));
                }
                other => return other,
            }
        }
    }

    fn once(&self, remote: &Remote, cancel: &Cancel) -> Result<Ran, Unworked> {
        let checked_out = self.mirrors.fetch(remote, &self.writable.reference).map_err(Unworked::Checkout)?;
        let revision = checked_out.revision.to_string();
        if self.seen.as_ref() == Some(&revision) {
            return Ok(Ran::Same);
        }
        let base = self.base(remote, checked_out)?;
        let Updated { files, changes, left } = self.updated(&base, cancel)?;
        if files.is_empty() {
            return Ok(Ran::Nothing { revision, left });
        }
        let Plan { automation, template, values, author, .. } = &self.plan;
        let message = message(template, automation, &changes, values).map_err(|error| match error {
            MessageError::RemovedField { .. } => Unworked::RemovedField(error),
            error => Unworked::Message(error),
        })?;
        let (time, signer) = (Timestamp::now().as_second(), self.signer.as_ref());
        let draft = Draft::new(&base, files, &Words { author, message: &message, time, signer })?;
        let commit = draft.id().to_string();
        let push = Push { draft, updates: self.plan.updates.clone(), options: self.plan.options.clone() };
        self.mirrors.push(remote, &push).map_err(Unworked::Push)?;
        let branch = &self.plan.branch;
        // Of another branch than the one that is looked at nothing new is to be seen there.
        let revision = if self.plan.is_other_branch { revision } else { format!("{branch}@sha1:{commit}") };
        Ok(Ran::Pushed(Pushed { commit, revision, message, left }))
    }

    /// What commits are made of: what was checked out, or the branch that they go to, where there is one already.
    fn base(&self, remote: &Remote, checked_out: Snapshot) -> Result<Snapshot, Unworked> {
        if !self.plan.is_other_branch {
            return Ok(checked_out);
        }
        match self.mirrors.fetch(remote, &Reference::Branch(self.plan.branch.clone())) {
            Ok(found) => Ok(found),
            Err(FetchError::ReferenceNotFound { .. }) => Ok(checked_out),
            Err(error) => Err(Unworked::Checkout(error)),
        }
    }

    fn updated(&self, base: &Snapshot, cancel: &Cancel) -> Result<Updated, Unworked> {
        let namespace = &self.plan.automation.namespace;
        let policies = self.plan.images.iter().map(|(name, image)| {
            let digest = image.digest.clone().unwrap_or_default();
            (namespace.clone(), name.clone(), ImageRef { name: image.name.clone(), tag: image.tag.clone(), digest })
        });
        let setters = Setters::new(policies).map_err(|error| Unworked::Update(error.to_string()))?;
        let updated = files::update(base.tree.as_ref(), &self.plan.path, &setters, cancel);
        updated.map_err(|error| Unworked::Update(error.to_string()))
    }
}
