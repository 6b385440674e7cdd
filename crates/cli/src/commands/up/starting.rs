//! What a start is to follow. Whatever can be refused is refused before anything is made.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use cowherd_controlplane::DataDir;
use cowherd_runtime::Backoff;
use cowherd_source::{FetchError, Location, RepositoryUrl};
use kube::Client;

use super::{Up, clusters, submodules, switching};
use crate::bootstrap::Root;
use crate::control_plane::Running;
use crate::delivering::Kinds;
use crate::followed::Followed;
use crate::repository;
use crate::tentative::{Fetching, Tentative};
use crate::terminal::Mark;

/// What is to be followed.
pub struct Start {
    /// What was followed before, if anything was.
    pub before: Option<Followed>,
    /// What is followed from now on.
    pub root: Root,
    /// What is to be said of the flags.
    pub doubts: Vec<String>,
    /// What was fetched for a data directory that nothing runs on yet.
    fetching: Option<Fetching>,
}

impl Start {
    /// The control plane has started: what was fetched stays.
    pub fn begun(self) -> Self {
        if let Some(Fetching::Tentative(tentative)) = self.fetching {
            tentative.keep();
        }
        Self { fetching: None, ..self }
    }
}

/// How long after a failure it is tried again what may pass.
const RETRY: Backoff = Backoff { first: Duration::from_millis(500), last: Duration::from_secs(10), jitter: 0.1 };

impl Up {
    /// Does what asks servers. With `--once`, what may pass by itself is tried again until its time is over.
    pub(super) async fn patiently<T>(&self, began: Instant, ask: impl AsyncFn() -> Result<T>) -> Result<T> {
        let mut failures = 0;
        let mut told = String::new();
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = RETRY.delay(failures);
            failures += 1;
            if !self.once || !may_pass(&error) || began.elapsed() + pause >= self.timeout {
                return Err(error);
            }
            let said = format!("{error:#}");
            if said != told {
                crate::terminal::tell!("{} {said}; it is tried again", Mark::Waiting);
                told = said;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// What a data directory is to follow that holds nothing yet; `None` for another one, of which the control plane has to be
    /// asked. Nothing is made before it is known that it can be followed.
    pub(super) async fn on_a_new_one(&self, data_dir: &Path) -> Result<Option<Start>> {
        if DataDir::holds_state(data_dir) {
            return Ok(None);
        }
        let before = Followed::written(data_dir, self.switch)?;
        let fetching = Fetching::Tentative(Tentative::new(data_dir));
        let root = self.root(before.as_ref(), &fetching).await?;
        let doubts = self.doubts(None, before.as_ref(), &root, &fetching).await?;
        Ok(Some(Start { before, root, doubts, fetching: Some(fetching) }))
    }

    /// What a control plane is to follow that has followed something before.
    pub(super) async fn again(&self, control_plane: &Running, data_dir: &Path, fetching: &Fetching) -> Result<Start> {
        let client = control_plane.plane.client();
        let before = Followed::read(data_dir, &client, self.switch).await?;
        if let Some(before) = before.as_ref().filter(|_| !self.switch)
            && let Some(url) = self.another_server(before)
            && let Some(refusal) = switching::refusal_unfetched(&client, data_dir, before, &url).await?
        {
            bail!(refusal)
        }
        let root = self.root(before.as_ref(), fetching).await?;
        if let Some(before) = before.as_ref().filter(|before| !before.is_same(&root.followed) && !self.switch)
            && let Some(refusal) = switching::refusal(&client, data_dir, before, &root, fetching).await?
        {
            bail!(refusal)
        }
        let doubts = self.doubts(Some(&client), before.as_ref(), &root, fetching).await?;
        Ok(Start { before, root, doubts, fetching: None })
    }

    /// The repository on a server that was named, where another one was followed before.
    fn another_server(&self, before: &Followed) -> Option<RepositoryUrl> {
        match Location::parse(self.repository.as_deref()?) {
            Ok(Location::Url(url)) if url.to_string() != before.url => Some(url),
            _ => None,
        }
    }

    /// What is to be said of kinds that are to count as ready and are not known, and of a path that nobody chose; an error
    /// where a kind is mistyped, or the path can hardly be meant.
    async fn doubts(
        &self,
        client: Option<&Client>,
        before: Option<&Followed>,
        root: &Root,
        fetching: &Fetching,
    ) -> Result<Vec<String>> {
        let is_known = before.is_some_and(|before| before.url == root.followed.url);
        let snapshot = if is_known { None } else { repository::snapshot(root, fetching).await? };
        let of_path = match (&snapshot, self.path.as_deref()) {
            (Some(snapshot), None) => clusters::doubt(root, snapshot.tree.clone()).await?,
            (Some(snapshot), Some(named)) if !clusters::is_all(named) => {
                clusters::check_named(root, snapshot.tree.clone(), named).await?;
                None
            }
            _ => None,
        };
        let tree = snapshot.as_ref().map(|snapshot| snapshot.tree.as_ref());
        let of_submodules = tree.and_then(|tree| submodules::doubt(tree, &root.followed.path));
        let assumptions = self.delivering.assumptions();
        let mut kinds = Kinds::built_in();
        if !kinds.have_all(assumptions) {
            if let Some(client) = client {
                kinds.take_served(client).await?;
            }
            if let Some(snapshot) = repository::snapshot(root, fetching).await? {
                kinds.take_defined(snapshot.tree.as_ref())?;
            }
        }
        let of_kinds = kinds.check(assumptions)?;
        Ok(of_path.into_iter().chain(of_submodules).chain(of_kinds).collect())
    }

    /// What was named, or was followed before, if it is there.
    async fn root(&self, before: Option<&Followed>, fetching: &Fetching) -> Result<Root> {
        let resolved = self.named().resolve(before, fetching).await;
        let mut root = match before {
            // A branch that was named and is not there is none of what was followed before, nor is any other flag.
            Some(before)
                if self.repository.is_none()
                    && is_of_repository(&resolved)
                    && !(self.branch.is_some() && is_not_there(&resolved)) =>
            {
                resolved.with_context(|| switching::gone(before))?
            }
            _ => resolved?,
        };
        let before_it =
            before.filter(|before| before.url == root.followed.url).and_then(|before| before.interval.clone());
        root.followed.interval = self.interval.clone().or(before_it);
        root.acts_for_account = self.tenancy.default_service_account().is_some();
        if before.is_none_or(|before| !before.is_same(&root.followed)) {
            repository::check_path(&root, fetching).await?;
        }
        Ok(root)
    }
}

/// Whether it may pass by itself that a server gave no answer.
fn may_pass(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<FetchError>()).any(FetchError::may_pass)
}

/// Whether it is the repository that cannot be had, and not something that a flag says.
fn is_of_repository(resolved: &Result<Root>) -> bool {
    resolved.as_ref().err().is_some_and(|error| error.downcast_ref::<FetchError>().is_some())
}

/// Whether the repository is there, and what was asked for in it is not.
fn is_not_there(resolved: &Result<Root>) -> bool {
    let error = resolved.as_ref().err().and_then(|error| error.downcast_ref());
    matches!(error, Some(FetchError::ReferenceNotFound { .. }))
}
