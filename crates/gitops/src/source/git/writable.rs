//! The repository of a GitRepository, for who writes to it.

use cowherd_api::flux::source::v1::{GitRepository, GitRepositoryRef};
use cowherd_source::{Cancel, FetchError, GitHubApp, PushError, Reference, Remote};

use super::super::Shared;
use super::error::Error;
use super::{Tokens, credentials, fetch, name};
use crate::fetches::Purpose;

/// The repository of a GitRepository, on the terms that it is fetched on.
pub(crate) struct Writable {
    /// The repository, by whose credentials it is written to as well.
    pub(crate) remote: Remote,
    /// What is changed.
    pub(crate) reference: Reference,
    /// On whose behalf that is done.
    pub(crate) purpose: Purpose,
    app: Option<GitHubApp>,
    secret: String,
    tokens: Tokens,
}

/// Why a repository cannot be written to. Nothing of what it is reached by is in its words that must not be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritable {
    /// It is on this machine.
    #[error(
        "{0} is a repository of this machine; commits are pushed over https and ssh, so name a GitRepository with such a URL"
    )]
    Local(String),
    /// What the GitRepository says of it cannot be done.
    #[error("{message}")]
    Other {
        /// What is wrong, and what to do about it.
        message: String,
        /// Whether only a change of the object can help.
        is_final: bool,
    },
}

impl From<Error> for Unwritable {
    fn from(error: Error) -> Self {
        Self::Other { message: error.to_string(), is_final: error.is_final() }
    }
}

impl Unwritable {
    /// Whether only a change of the GitRepository can help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Local(_) => true,
            Self::Other { is_final, .. } => *is_final,
        }
    }
}

impl Writable {
    /// The repository of a GitRepository, for an object of the namespace `by`, which wants another reference than the GitRepository
    /// follows, or that.
    pub(crate) async fn of(
        shared: &Shared,
        object: &GitRepository,
        reference: Option<&GitRepositoryRef>,
        by: &str,
    ) -> Result<Self, Unwritable> {
        let asked = fetch::asked(object)?;
        if asked.url.local_path().is_some() {
            return Err(Unwritable::Local(asked.url.to_string()));
        }
        let mut purpose = fetch::purpose(shared, object, &asked.url);
        let mut remote = fetch::remote(shared, object, &asked.url);
        // What a person has set up is for whoever may write beside the root alone.
        if purpose.is_own && by != name(object).name.namespace {
            purpose.is_own = false;
            remote.access = shared.config.policy.of_tenant(&purpose.namespace);
            remote.tenant = shared.fetches.tenant(&purpose);
        }
        let credentials::Credentials { auth, proxy, app } = credentials::of(shared, object).await?;
        (remote.auth, remote.proxy) = (auth, proxy);
        let reference = match reference {
            Some(reference) => fetch::reference(Some(reference)).map_err(Error::from)?,
            None => asked.reference,
        };
        let secret = object.spec.secret_ref.as_ref().map(|secret| secret.name.clone()).unwrap_or_default();
        Ok(Self { remote, reference, purpose, app, secret, tokens: shared.tokens.clone() })
    }

    /// The repository for one piece of work that `cancel` breaks off. Blocks the thread where a token is asked for.
    pub(crate) fn ready(&self, cancel: &Cancel) -> Result<Remote, Unwritable> {
        let mut remote = self.remote.clone();
        remote.cancel = cancel.clone();
        if let Some(app) = &self.app {
            let failed = |cause| Error::App { name: self.secret.clone(), cause };
            remote.auth = credentials::of_app(&self.tokens, app, &remote).map_err(failed)?;
        }
        Ok(remote)
    }

    /// The server refused a token: it may have been taken back since.
    pub(crate) fn refused(&self, error: &PushError) {
        let is_refused = matches!(error, PushError::Refused { .. } | PushError::Fetch(FetchError::Refused { .. }));
        if is_refused {
            self.app.iter().for_each(|app| self.tokens.forget(app));
        }
    }
}
