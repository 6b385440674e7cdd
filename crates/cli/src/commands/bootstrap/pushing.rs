//! The repository as this machine reaches it: what it has, and what is pushed to it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cowherd_source::{
    Access, Auth, CommitId, CommitSigner, Draft, FetchError, Identity, Mirrors, Push, PushError, RefUpdate, Reference,
    Remote, RepositoryUrl, Setup, Snapshot, Words,
};
use cowherd_text::listed;
use cowherd_tree::Tree;
use jiff::Timestamp;

use super::manifests::File;
use crate::blocking::blocking;
use crate::downloads::own_directory;

/// How many branches are named.
const MOST: usize = 8;

/// The repository, of which one branch is meant.
pub struct Repository {
    mirrors: Mirrors,
    remote: Remote,
    branch: String,
    directory: PathBuf,
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What a commit says.
#[derive(Clone)]
pub struct Message {
    /// Who writes it.
    pub author: Identity,
    /// What it says.
    pub text: String,
    /// Who signs it, if anybody does.
    pub signer: Option<CommitSigner>,
}

impl Repository {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn new(url: &str, auth: Auth, branch: &str) -> Result<Self> {
        let remote = Remote::new(RepositoryUrl::parse(url)?).with_auth(auth).with_access(Access::own());
        let directory = own_directory()?;
        let mirrors = Mirrors::open(&directory)?;
        Ok(Self { mirrors, remote, branch: branch.to_owned(), directory })
    }

    /// What the branch is at; `None` in a repository in which there is nothing.
    ///
    /// # Errors
    /// When the server gives no answer, does not let us see the repository, or has other branches alone.
    pub async fn head(&self) -> Result<Option<Snapshot>> {
        let (mirrors, remote) = (self.mirrors.clone(), self.remote.clone());
        let reference = Reference::Branch(self.branch.clone());
        let fetched = blocking(move || mirrors.fetch(&remote, &reference)).await?;
        match fetched {
            Err(FetchError::ReferenceNotFound { .. }) => {}
            fetched => return Ok(Some(fetched?)),
        }
        let (mirrors, remote) = (self.mirrors.clone(), self.remote.clone());
        let branches = blocking(move || mirrors.branches(&remote)).await??;
        if !branches.is_empty() {
            bail!(
                "{} has no branch {:?}; name one of its branches with --branch ({}), or push that one first",
                self.remote.url,
                self.branch,
                listed(&branches, MOST)
            );
        }
        Ok(None)
    }

    /// Pushes a commit with these files on top of what the branch is at: its id.
    ///
    /// # Errors
    /// When the commit cannot be made, or the server does not take it.
    pub async fn push(&self, head: Option<Snapshot>, files: &[File], message: Message) -> Result<CommitId, Unpushed> {
        let contents = files.iter().map(|file| (file.path.clone(), file.content.clone().into_bytes()));
        let contents: Vec<_> = contents.collect();
        let (mirrors, remote) = (self.mirrors.clone(), self.remote.clone());
        let update = RefUpdate { name: format!("refs/heads/{}", self.branch), is_forced: false, must_exist: false };
        let pushed = blocking(move || -> Result<CommitId, Unpushed> {
            let Message { author, text, signer } = &message;
            let time = Timestamp::now().as_second();
            let words = Words { author, message: text, time, signer: signer.as_ref() };
            let draft = Draft::adding(head.as_ref(), contents, &words).context("the commit cannot be made")?;
            let id = draft.id();
            mirrors.push(&remote, &Push { draft, updates: vec![update], options: Vec::new() })?;
            Ok(id)
        });
        match pushed.await {
            Ok(pushed) => pushed,
            Err(error) => Err(Unpushed::Other(error)),
        }
    }

    /// Whether the cluster will be let in: asks the server as the agents would, with what they log in with.
    ///
    /// # Errors
    /// When the server is not reached, or does not let it see the repository.
    pub async fn try_as(&self, url: &str, auth: Auth) -> Result<Result<(), FetchError>> {
        let access = Access { setup: Setup::Given, ..Access::own() };
        let remote = Remote::new(RepositoryUrl::parse(url)?).with_auth(auth).with_access(access);
        let mirrors = self.mirrors.clone();
        Ok(blocking(move || mirrors.branches(&remote)).await?.map(drop))
    }
}

/// The files of what a branch is at.
pub fn tree(head: Option<&Snapshot>) -> Option<Arc<dyn Tree>> {
    head.map(|head| Arc::clone(&head.tree) as Arc<dyn Tree>)
}

/// Why nothing was pushed.
pub enum Unpushed {
    /// The server does not take it.
    Push(PushError),
    /// There is nothing that it could take.
    Other(anyhow::Error),
}

impl From<PushError> for Unpushed {
    fn from(error: PushError) -> Self {
        Self::Push(error)
    }
}

impl From<anyhow::Error> for Unpushed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
