//! What each service is told of an event: the requests that Flux's notification-controller sends, a file per family of them.

mod chat;
mod commits;
mod incidents;
mod otel;
mod plain;
#[cfg(test)]
mod recorded_tests;
mod words;

use std::collections::BTreeMap;
use std::future::Future;

use cowherd_apply::Unmasked;
use cowherd_apply::mask::Mask;
use cowherd_source::{Call, CallMethod, Reply};
use serde_json::Value;

use crate::event::Event;

/// How a service is told: what a Provider and its Secret say.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// The service.
    pub(crate) kind: String,
    /// Where it is; empty where nobody said.
    pub(crate) address: String,
    pub(crate) channel: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// Headers that are sent besides.
    pub(crate) headers: BTreeMap<String, String>,
    /// What the status of a commit is called.
    pub(crate) commit_status: String,
    /// The uid of the Provider.
    pub(crate) uid: String,
    /// The Alert on whose word it is told.
    pub(crate) alert: AlertName,
}

/// An Alert.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlertName {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Settings {
    /// The token, or the password where there is none, as Git services have it.
    fn token_or_password(&self) -> &str {
        if self.token.is_empty() { &self.password } else { &self.token }
    }

    /// The address, which must be that of a service of the web.
    fn web_address(&self) -> Result<&str, Failure> {
        let rest = self.address.strip_prefix("https://").or_else(|| self.address.strip_prefix("http://"));
        let is_web =
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace));
        if is_web {
            return Ok(&self.address);
        }
        Err(Failure::new(
            "the address is no URL of the web; write https://HOST/PATH in spec.address, or as `address` in the Secret",
        ))
    }

    /// The token, without which the service is not told.
    fn needed_token(&self) -> Result<&str, Failure> {
        if self.token.is_empty() {
            return Err(Failure::new("it needs a token: put it as `token` into the Secret that spec.secretRef names"));
        }
        Ok(&self.token)
    }
}

/// Why a service was not told. It may hold what a server said, and secrets with it: it cannot be displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Unmasked);

cowherd_apply::cannot_be_displayed!(Failure);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(Unmasked::of(&what.into()))
    }

    /// What people are told: without what the mask hides, and harmless, for what a server said may do anything to a terminal.
    pub(crate) fn told(&self, mask: &Mask) -> String {
        cowherd_text::harmless(&self.0.told(mask)).into_owned()
    }

    /// The same failure within other text.
    pub(crate) fn within(self, text: impl FnOnce(&str) -> String) -> Self {
        Self(self.0.within(text))
    }
}

/// The way to the service.
pub(crate) trait Line {
    /// Makes a call, again where that may help. Any answer is one.
    fn call(&self, call: Call) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// Whether a service is told of commits: it gets nothing but the statuses of those.
pub(crate) fn is_of_commits(kind: &str) -> bool {
    ["github", "gitlab", "gitea", "bitbucketserver", "bitbucket"].contains(&kind)
}

/// Whether a service gets whatever happens, as it is.
pub(crate) fn is_generic(kind: &str) -> bool {
    ["generic", "generic-hmac"].contains(&kind)
}

/// Tells the service of an event.
pub(crate) async fn tell(to: &Settings, event: &Event, line: &impl Line) -> Result<(), Failure> {
    let calls = match to.kind.as_str() {
        "generic" => vec![plain::generic(to, event)?],
        "generic-hmac" => vec![plain::signed(to, event)?],
        "slack" => vec![chat::slack(to, event)?],
        "discord" => vec![chat::discord(to, event)?],
        "rocket" => vec![chat::rocket(to, event)?],
        "msteams" => vec![chat::msteams(to, event)?],
        "googlechat" => vec![chat::googlechat(to, event)?],
        "webex" => vec![chat::webex(to, event)?],
        "telegram" => vec![chat::telegram(to, event)?],
        "lark" => vec![chat::lark(to, event)?],
        "matrix" => vec![chat::matrix(to, event)?],
        "zulip" => vec![chat::zulip(to, event)?],
        "zoom" => vec![chat::zoom(to, event)?],
        "alertmanager" => vec![incidents::alertmanager(to, event)?],
        "grafana" => vec![incidents::grafana(to, event)?],
        "opsgenie" => vec![incidents::opsgenie(to, event)?],
        "datadog" => vec![incidents::datadog(to, event)?],
        "pagerduty" => incidents::pagerduty(to, event)?,
        "incident.io" => incidents::incident_io(to, event)?,
        "otel" => otel::otel(to, event)?,
        "githubdispatch" => vec![commits::github_dispatch(to, event)?],
        kind if is_of_commits(kind) => return commits::tell(to, event, line).await,
        other => return Err(Failure::new(format!("provider {other} not supported"))),
    };
    for call in calls {
        let reply = accepted(line.call(call).await?)?;
        if to.kind == "slack" {
            chat::check_slack(to, &reply)?;
        }
    }
    Ok(())
}

/// The answer, if it says that all is well.
fn accepted(reply: Reply) -> Result<Reply, Failure> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let body = String::from_utf8_lossy(&reply.body);
    let said: String = body.trim().chars().take(MAX_SAID).collect();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(Failure::new(format!("request failed with status code {}{said}", reply.status)))
}

/// The most characters of an answer that are repeated.
const MAX_SAID: usize = 600;

/// A call that sends JSON.
fn post(url: impl Into<String>, body: &impl serde::Serialize) -> Result<Call, Failure> {
    let body = serde_json::to_vec(body).map_err(|error| Failure::new(format!("cannot be written: {error}")))?;
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Ok(Call { method: CallMethod::Post, url: url.into(), headers, body })
}

/// The same with a header.
fn with(mut call: Call, name: &str, value: impl Into<String>) -> Call {
    call.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    call.headers.push((name.to_owned(), value.into()));
    call
}

/// The same as a user with a password.
fn with_password(call: Call, username: &str, password: &str) -> Call {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    with(call, "Authorization", format!("Basic {pair}"))
}

/// What a server said, if it is JSON.
fn read(reply: &Reply) -> Option<Value> {
    serde_json::from_slice(&reply.body).ok()
}
