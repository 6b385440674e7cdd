//! GitHub Apps: who a program is to GitHub that no person lends their password to.
//!
//! The app signs with its private key who it is, and is given a token for an hour with which the repositories of an installation are
//! fetched.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{Auth, Call, CallMethod, CallTerms, Caller, Secret, WebProblem};

/// Under which names a Secret has what an app is, as Flux reads them.
const ID: &str = "githubAppID";
const OWNER: &str = "githubAppInstallationOwner";
const INSTALLATION: &str = "githubAppInstallationID";
const KEY: &str = "githubAppPrivateKey";
const BASE: &str = "githubAppBaseURL";

/// The API of GitHub itself.
const GITHUB: &str = "https://api.github.com";
/// The user that a token is the password of.
const USER: &str = "x-access-token";

/// By how much our clock may be ahead of GitHub's.
const DRIFT: u64 = 30;
/// For how many seconds what was signed is good: it is used at once.
const VALID: u64 = 120;
/// The most characters of what the server says that are repeated.
const MAX_QUOTED: usize = 200;

/// Why an app is given no token. It says nothing of the private key or a token.
#[derive(Debug, thiserror::Error)]
pub enum GitHubAppError {
    /// The Secret does not say what the app is.
    #[error("{0}")]
    Incomplete(String),
    /// No answer came.
    #[error("the API of GitHub cannot be asked: {0}")]
    Web(#[from] WebProblem),
    /// The answer is no.
    #[error("the API of GitHub answered {status} to the question for {what}{message}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The status of the answer.
        status: u16,
        /// What it says, beginning with a separator; or nothing.
        message: String,
    },
    /// The answer makes no sense.
    #[error("the API of GitHub answered the question for {0} with something else")]
    Misfit(&'static str),
}

impl GitHubAppError {
    /// Whether it may pass by itself.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Web(problem) => problem.may_pass(),
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            Self::Incomplete(_) | Self::Misfit(_) => false,
        }
    }
}

/// A GitHub App, installed somewhere.
pub struct GitHubApp {
    id: u64,
    installation: Installation,
    key: RsaKeyPair,
    base: String,
    identity: [u8; 32],
}

/// Where the app is installed.
enum Installation {
    Id(u64),
    Owner(String),
}

/// What an app is given.
#[derive(Clone)]
pub struct GitHubToken {
    token: Secret,
    /// Until when it is good, as RFC 3339 writes it.
    pub expires_at: String,
}

impl GitHubToken {
    /// Who we are with it.
    pub fn auth(&self) -> Auth {
        Auth { username: Some(USER.to_owned()), password: Some(self.token.clone()), ..Auth::default() }
    }
}

impl GitHubApp {
    /// Whether the data of a Secret says that it is that of an app.
    pub fn is_in(data: &BTreeMap<String, Vec<u8>>) -> bool {
        data.get(ID).is_some_and(|id| !id.is_empty())
    }

    /// The app that the data of a Secret describes: `githubAppID`, `githubAppPrivateKey`, and one of `githubAppInstallationID` and
    /// `githubAppInstallationOwner`; with `githubAppBaseURL` where it is not GitHub's own API.
    ///
    /// # Errors
    /// When something of that is missing or cannot be read.
    pub fn read(data: &BTreeMap<String, Vec<u8>>) -> Result<Self, GitHubAppError> {
        let incomplete = |text: String| GitHubAppError::Incomplete(text);
        let text = |name: &str| {
            let text = data.get(name).and_then(|value| std::str::from_utf8(value).ok());
            text.map(str::trim).filter(|text| !text.is_empty())
        };
        let number = |name: &str, text: &str| {
            text.parse::<u64>()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| incomplete(format!("its {name} is no number")))
        };
        let id = text(ID).ok_or_else(|| incomplete(format!("it has no {ID}"))).and_then(|id| number(ID, id))?;
        let installation = match (text(INSTALLATION), text(OWNER)) {
            (Some(id), None) => Installation::Id(number(INSTALLATION, id)?),
            (None, Some(owner)) if is_name(owner) => Installation::Owner(owner.to_owned()),
            (None, Some(_)) => return Err(incomplete(format!("its {OWNER} is no name"))),
            _ => return Err(incomplete(format!("it has to have one of {INSTALLATION} and {OWNER}"))),
        };
        let pem = text(KEY).ok_or_else(|| incomplete(format!("it has no {KEY}")))?;
        let key = key(pem).ok_or_else(|| incomplete(format!("its {KEY} is no private RSA key in PEM format")))?;
        let base = text(BASE).unwrap_or(GITHUB).trim_end_matches('/').to_owned();
        if !base.starts_with("https://") {
            return Err(incomplete(format!("its {BASE} does not begin with https://")));
        }
        let mut digest = Sha256::new();
        for name in [ID, OWNER, INSTALLATION, KEY, BASE] {
            let part = text(name).unwrap_or_default();
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Ok(Self { id, installation, key, base, identity: digest.finalize().into() })
    }

    /// What tells it from all others: what it is given is for who has the same key.
    pub fn identity(&self) -> [u8; 32] {
        self.identity
    }

    /// Asks for a token. Blocks the thread, for three times `timeout` at most.
    ///
    /// # Errors
    /// When there is no answer, or it is no.
    pub fn token(
        &self,
        caller: &Caller,
        terms: &CallTerms,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<GitHubToken, GitHubAppError> {
        #[derive(Deserialize)]
        struct Given {
            token: Secret,
            expires_at: String,
        }
        let bearer = self.signed(now)?;
        let ask = |method, path: &str, what| {
            let headers = [("Authorization", bearer.as_str()), ("Accept", "application/vnd.github+json")];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let call = Call { method, url: format!("{}/{path}", self.base), headers, body: Vec::new() };
            let reply = caller.call(&call, terms, timeout)?;
            match reply.status {
                200..=299 => Ok(reply.body),
                status => Err(GitHubAppError::Refused { what, status, message: said(&reply.body) }),
            }
        };
        let installation = self.installation(ask)?;
        let path = format!("app/installations/{installation}/access_tokens");
        let Given { token, expires_at } = answer(&ask(CallMethod::Post, &path, TOKEN)?, TOKEN)?;
        Ok(GitHubToken { token, expires_at })
    }

    /// The number of the installation.
    fn installation(
        &self,
        ask: impl Fn(CallMethod, &str, &'static str) -> Result<Vec<u8>, GitHubAppError>,
    ) -> Result<u64, GitHubAppError> {
        #[derive(Deserialize)]
        struct Installed {
            id: u64,
        }
        let owner = match &self.installation {
            Installation::Id(id) => return Ok(*id),
            Installation::Owner(owner) => owner,
        };
        // An owner is an organization or a user, and only GitHub knows which.
        let found = match ask(CallMethod::Get, &format!("orgs/{owner}/installation"), INSTALLED) {
            Err(GitHubAppError::Refused { status: 404, .. }) => {
                ask(CallMethod::Get, &format!("users/{owner}/installation"), INSTALLED)
            }
            found => found,
        }?;
        answer(&found, INSTALLED).map(|Installed { id }| id)
    }

    /// The header by which the app says who it is.
    fn signed(&self, now: SystemTime) -> Result<String, GitHubAppError> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let issued = now.saturating_sub(DRIFT);
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let (header, claims) = (
            part(json!({ "alg": "RS256", "typ": "JWT" })),
            part(json!({ "iat": issued, "exp": issued + VALID, "iss": self.id.to_string() })),
        );
        let text = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| GitHubAppError::Incomplete(format!("its {KEY} cannot sign")))?;
        Ok(format!("Bearer {text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl std::fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitHubApp").field("id", &self.id).field("base", &self.base).finish_non_exhaustive()
    }
}

/// What is asked for.
const TOKEN: &str = "a token";
const INSTALLED: &str = "the installation";

fn answer<T: DeserializeOwned>(body: &[u8], what: &'static str) -> Result<T, GitHubAppError> {
    serde_json::from_slice(body).map_err(|_| GitHubAppError::Misfit(what))
}

/// What an answer says of itself, to stand behind its status.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let Ok(Said { message }) = serde_json::from_slice(body) else { return String::new() };
    let message: String = message.chars().filter(|c| !c.is_control()).take(MAX_QUOTED).collect();
    format!(": {}", cowherd_text::harmless(&message))
}

/// Whether it can be the name of an organization or a user, which becomes a part of a URL.
fn is_name(text: &str) -> bool {
    text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The first private key of a text in PEM format.
fn key(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    let der = BASE64_STANDARD.decode(body).ok()?;
    match label {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok(),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).ok(),
        _ => None,
    }
}
