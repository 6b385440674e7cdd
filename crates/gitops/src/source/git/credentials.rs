//! Who we are to the server of a repository, and the way to it: what a GitRepository names of its namespace.

use cowherd_api::flux::source::v1::GitRepository;
use cowherd_source::{Auth, CallTerms, GitHubApp, GitHubAppError, ProxyServer, Remote};
use kube::ResourceExt;

use super::super::Shared;
use super::super::proxy;
use super::super::secrets::Namespace;
use super::error::Error;
use super::{KIND, Tokens};

const SECRET: &str = "spec.secretRef";
/// The provider that is GitHub.
const GITHUB: &str = "github";

/// What the namespace gives to reach a repository.
pub(super) struct Credentials {
    pub(super) auth: Auth,
    pub(super) proxy: Option<ProxyServer>,
    /// The app that is given a token in place of a password.
    pub(super) app: Option<GitHubApp>,
}

/// Reads what the GitRepository names.
pub(super) async fn of(shared: &Shared, object: &GitRepository) -> Result<Credentials, Error> {
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client: &shared.client, name: &name, kind: KIND.0, hidden: &shared.hidden };
    let proxy = proxy::of(&namespace, object.spec.proxy_secret_ref.as_ref()).await.map_err(Error::Proxy)?;
    let is_of_github = object.spec.provider.as_deref() == Some(GITHUB);
    let Some(reference) = &object.spec.secret_ref else {
        return if is_of_github {
            Err(Error::NoApp)
        } else {
            Ok(Credentials { auth: Auth::default(), proxy, app: None })
        };
    };
    let data = namespace.secret(&reference.name, SECRET).await?;
    let app = match is_of_github {
        true => Some(GitHubApp::read(&data).map_err(|cause| Error::App { name: reference.name.clone(), cause })?),
        false if GitHubApp::is_in(&data) => return Err(Error::UnexpectedApp(reference.name.clone())),
        false => None,
    };
    Ok(Credentials { auth: Auth::from_secret(&data), proxy, app })
}

/// Who we are to the server by what the app is given. Blocks the thread.
pub(super) fn of_app(tokens: &Tokens, app: &GitHubApp, remote: &Remote) -> Result<Auth, GitHubAppError> {
    // Whom the namespace trusts, and what it shows to servers, is the same for the API.
    let Auth { ca, client_certificate, client_key, .. } = remote.auth.clone();
    let tls = Auth { ca, client_certificate, client_key, ..Auth::default() };
    let terms = CallTerms {
        auth: tls.clone(),
        proxy: remote.proxy.clone(),
        access: remote.access.clone(),
        cancel: remote.cancel.clone(),
        ..CallTerms::default()
    };
    let token = tokens.of(app, &terms, remote.timeout)?.auth();
    Ok(Auth { username: token.username, password: token.password, ..tls })
}
