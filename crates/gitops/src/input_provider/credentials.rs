//! Who we are to a host of repositories: what a ResourceSetInputProvider names of its namespace.

use std::time::Duration;

use cowherd_api::flux::controlplane::v1::ResourceSetInputProvider;
use cowherd_source::{Auth, CallTerms, GitHubApp, GitHubAppError, Secret};
use kube::ResourceExt;

use super::PROVIDER;
use super::hosts::Host;
use crate::source::Shared;
use crate::source::git::Tokens;
use crate::source::secrets::{Namespace, Unread};

/// Where credentials are named.
const SECRET: &str = "spec.secretRef";
const CERTIFICATES: &str = "spec.certSecretRef";

/// The key of a Secret that has a token.
const PASSWORD: &str = "password";

/// What the namespace gives to ask a host.
pub(super) struct Credentials {
    /// Which servers are trusted, and the certificate that is shown to them.
    pub(super) tls: Auth,
    /// What is shown to the host.
    pub(super) shown: Shown,
}

/// What is shown to a host.
#[derive(Default)]
pub(super) enum Shown {
    /// Nothing: what anybody may see is enough.
    #[default]
    Nothing,
    /// A token that somebody was given.
    Token(Secret),
    /// A token that a GitHub App is given.
    App(Box<GitHubApp>),
}

/// Reads what the provider names.
pub(super) async fn of(shared: &Shared, object: &ResourceSetInputProvider, host: Host) -> Result<Credentials, Unread> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: PROVIDER.0, hidden: &shared.hidden };
    let tls = match &object.spec.cert_secret_ref {
        Some(reference) => namespace.certificates(&reference.name, CERTIFICATES).await?,
        None => Auth::default(),
    };
    let Some(reference) = &object.spec.secret_ref else { return Ok(Credentials { tls, shown: Shown::Nothing }) };
    let data = namespace.secret(&reference.name, SECRET).await?;
    let unusable = |cause: &dyn std::fmt::Display| Unread::unusable(&reference.name, SECRET, cause);
    if GitHubApp::is_in(&data) {
        if host != Host::GitHub {
            return Err(unusable(
                &"it describes a GitHub App, which is nobody to another host; put a token into its password",
            ));
        }
        let app = GitHubApp::read(&data).map_err(|cause| unusable(&cause))?;
        return Ok(Credentials { tls, shown: Shown::App(Box::new(app)) });
    }
    let text = data.get(PASSWORD).and_then(|value| std::str::from_utf8(value).ok()).map(str::trim);
    let token = text.filter(|text| !text.is_empty());
    let token = token.ok_or_else(|| unusable(&"it has no password; put a token there that may read the repository"))?;
    Ok(Credentials { tls, shown: Shown::Token(token.to_owned().into()) })
}

impl Shown {
    /// The token. Blocks the thread where an app is to be given one.
    pub(super) fn token(
        &self,
        tokens: &Tokens,
        terms: &CallTerms,
        timeout: Duration,
    ) -> Result<Option<Secret>, GitHubAppError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Token(token) => Ok(Some(token.clone())),
            Self::App(app) => Ok(tokens.of(app, terms, timeout)?.auth().password),
        }
    }

    /// The host did not take the token: the next one is asked for anew.
    pub(super) fn was_refused(&self, tokens: &Tokens) {
        if let Self::App(app) = self {
            tokens.forget(app);
        }
    }
}
