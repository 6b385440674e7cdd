//! Repositories of GitHub, GitLab and Gitea: found, made, and told of a deploy key, by the APIs of these.

use std::fmt;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use console::Term;
use cowherd_apply::Action;
use cowherd_gitops::Host;
use cowherd_source::{Access, Auth, Call, CallMethod, CallTerms, Caller, Reply, Secret};
use serde_json::{Value, json};

use crate::blocking::blocking;
use crate::failure::misuse;

/// Under what the flags stand in help.
const HEADING: &str = "Repositories of github, gitlab and gitea";
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much one may hold, in bytes.
const LARGEST: u64 = 10 << 20;
/// The most characters of an answer that are told.
const TOLD: usize = 300;

/// Flags that name a repository of such a host, as `flux bootstrap` has them.
#[derive(Args, Clone)]
pub struct HostingFlags {
    /// The organization or group that has the repository, or the user
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    owner: Option<String>,
    /// The name of the repository, which is made where there is none
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    repository: Option<String>,
    /// Where the host is [default: github.com, gitlab.com or gitea.com]
    #[arg(help_heading = HEADING, long, value_name = "HOST")]
    hostname: Option<String>,
    /// The owner is a user
    #[arg(help_heading = HEADING, long)]
    personal: bool,
    /// Whether a repository that is made is a private one
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    private: bool,
    /// Let the deploy key write, as image automation does
    #[arg(help_heading = HEADING, long)]
    read_write_key: bool,
}

/// A repository of a host, whether it is there or not.
pub struct Hosting {
    host: Host,
    /// Where its API is.
    api: String,
    server: String,
    owner: String,
    name: String,
    flags: HostingFlags,
    token: Secret,
    caller: Caller,
    terms: CallTerms,
}

/// Where a repository is.
pub struct Place {
    /// For who has a token.
    pub https: String,
    /// For who has a key.
    pub ssh: String,
}

impl HostingFlags {
    /// Whether any of them is said.
    pub fn are_said(&self) -> bool {
        self.owner.is_some() || self.repository.is_some() || self.hostname.is_some() || self.personal
    }
}

/// The host of this name, and the variable with its token.
fn named(provider: &str) -> Option<(Host, &'static str, &'static str)> {
    Some(match provider {
        "github" => (Host::GitHub, "github.com", "GITHUB_TOKEN"),
        "gitlab" => (Host::GitLab, "gitlab.com", "GITLAB_TOKEN"),
        "gitea" => (Host::Gitea, "gitea.com", "GITEA_TOKEN"),
        _ => return None,
    })
}

impl Hosting {
    /// The repository that the flags name; `None` where the provider is no such host.
    ///
    /// # Errors
    /// When something is not said that it takes.
    pub fn of(provider: &str, flags: &HostingFlags, allows_http: bool, ca: Option<Vec<u8>>) -> Result<Option<Self>> {
        let Some((host, default, variable)) = named(provider) else { return Ok(None) };
        let (Some(owner), Some(name)) = (&flags.owner, &flags.repository) else {
            misuse!("`bootstrap {provider}` takes --owner and --repository");
        };
        let is_part = |part: &str| {
            let is_plain = |one: char| one.is_ascii_alphanumeric() || "-_.~".contains(one);
            !part.is_empty() && part != "." && part != ".." && part.chars().all(is_plain)
        };
        let may_nest = host == Host::GitLab && !flags.personal;
        if !is_part(name) || !owner.split('/').all(is_part) || (owner.contains('/') && !may_nest) {
            misuse!("--owner {owner:?} and --repository {name:?} are no names of an owner and its repository");
        }
        let server = flags.hostname.clone().unwrap_or_else(|| default.to_owned());
        if server.contains('/') || server.contains('@') {
            misuse!("--hostname {server:?} is no host; write it as git.example.com, with a port where it has one");
        }
        Ok(Some(Self {
            host,
            api: host.api(if allows_http { "http" } else { "https" }, &server),
            server,
            owner: owner.clone(),
            name: name.clone(),
            flags: flags.clone(),
            token: token(variable)?,
            caller: Caller::default(),
            terms: CallTerms {
                auth: Auth { ca, ..Auth::default() },
                access: Access::own(),
                most: Some(LARGEST),
                ..CallTerms::default()
            },
        }))
    }

    /// The token, with which the repository is pushed to over https as well.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// Who has the repository.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository, if it is there.
    ///
    /// # Errors
    /// When the host gives no answer, or does not take the token.
    pub async fn find(&self) -> Result<Option<Place>> {
        let reply = self.call(CallMethod::Get, &self.of_repository(""), None).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        self.place(&self.read(&reply, "the repository cannot be looked at")?).map(Some)
    }

    /// Makes the repository, without a commit.
    ///
    /// # Errors
    /// When the host does not make it.
    pub async fn make(&self) -> Result<Place> {
        let (owner, is_private) = (&self.owner, self.flags.private);
        let (path, body) = match (self.host, self.flags.personal) {
            (Host::GitLab, personal) => {
                let visibility = if is_private { "private" } else { "public" };
                let mut body = json!({ "name": self.name, "path": self.name, "visibility": visibility });
                if !personal {
                    let path = format!("/groups/{}", owner.replace('/', "%2F"));
                    let reply = self.call(CallMethod::Get, &path, None).await?;
                    body["namespace_id"] = self.read(&reply, "the group of --owner cannot be looked at")?["id"].clone();
                }
                ("/projects".to_owned(), body)
            }
            (_, true) => ("/user/repos".to_owned(), json!({ "name": self.name, "private": is_private })),
            (_, false) => (format!("/orgs/{owner}/repos"), json!({ "name": self.name, "private": is_private })),
        };
        let reply = self.call(CallMethod::Post, &path, Some(body)).await?;
        self.place(&self.read(&reply, "the repository cannot be made")?)
    }

    /// Has the host let in who has this key.
    ///
    /// # Errors
    /// When it does not take the key.
    pub async fn trust(&self, title: &str, key: &str) -> Result<Action> {
        let keys = match self.host {
            Host::GitLab => "/deploy_keys",
            Host::GitHub | Host::Gitea => "/keys",
        };
        let reply =
            self.call(CallMethod::Get, &self.of_repository(&format!("{keys}?per_page=100&limit=50")), None).await?;
        let there = self.read(&reply, "the deploy keys cannot be looked at")?;
        // A comment behind a key is none of it.
        let plain = |key: &str| key.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
        let is_it = |one: &Value| one["key"].as_str().is_some_and(|known| plain(known) == plain(key));
        if there.as_array().is_some_and(|all| all.iter().any(is_it)) {
            return Ok(Action::Unchanged);
        }
        let may_write = self.flags.read_write_key;
        let body = match self.host {
            Host::GitLab => json!({ "title": title, "key": key, "can_push": may_write }),
            Host::GitHub | Host::Gitea => json!({ "title": title, "key": key, "read_only": !may_write }),
        };
        let reply = self.call(CallMethod::Post, &self.of_repository(keys), Some(body)).await?;
        self.read(&reply, "the deploy key cannot be added")?;
        Ok(Action::Created)
    }

    /// The host keys of ssh that the host says are its own; `None` where it says none.
    ///
    /// # Errors
    /// When the host gives no answer.
    pub async fn known_hosts(&self) -> Result<Option<Vec<u8>>> {
        if self.host != Host::GitHub {
            return Ok(None);
        }
        let reply = self.call(CallMethod::Get, "/meta", None).await?;
        let meta: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let keys = meta["ssh_keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lines: String = keys.map(|key| format!("{} {key}\n", self.server)).collect();
        Ok((reply.status == 200 && !lines.is_empty()).then(|| lines.into_bytes()))
    }

    fn of_repository(&self, path: &str) -> String {
        let Self { owner, name, .. } = self;
        match self.host {
            Host::GitLab => format!("/projects/{}%2F{name}{path}", owner.replace('/', "%2F")),
            Host::GitHub | Host::Gitea => format!("/repos/{owner}/{name}{path}"),
        }
    }

    async fn call(&self, method: CallMethod, path: &str, body: Option<Value>) -> Result<Reply> {
        let mut headers = self.host.headers(Some(&self.token));
        if body.is_some() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let call = Call { method, url: format!("{}{path}", self.api), headers, body };
        let (caller, terms) = (self.caller.clone(), self.terms.clone());
        let reply = blocking(move || caller.call(&call, &terms, TIMEOUT)).await?;
        reply.with_context(|| format!("{} cannot be asked", self.server))
    }

    /// What an answer says, if it is that something went well.
    fn read(&self, reply: &Reply, what: &str) -> Result<Value> {
        if !(200..300).contains(&reply.status) {
            let hint = match reply.status {
                401 => "; the token is not one that it knows",
                403 | 404 => "; see that the token may do that, and that --owner is right; --personal is for a user",
                _ => "",
            };
            bail!("{what}: {} answers {}{}{hint}", self.server, reply.status, self.told(reply));
        }
        serde_json::from_slice(&reply.body).map_err(|_| anyhow!("{what}: {} answers with what is no JSON", self.server))
    }

    /// What the host says of a failure.
    fn told(&self, reply: &Reply) -> String {
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let message = match &answer["message"] {
            Value::Null => return String::new(),
            Value::String(message) => message.clone(),
            other => other.to_string(),
        };
        let message: String = message.chars().take(TOLD).collect();
        format!(" ({})", cowherd_text::harmless(&message))
    }

    fn place(&self, answer: &Value) -> Result<Place> {
        let text = |field: &str| answer[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (https, ssh) = match self.host {
            Host::GitLab => (text("http_url_to_repo"), text("ssh_url_to_repo")),
            Host::GitHub | Host::Gitea => (text("clone_url"), text("ssh_url")),
        };
        let (Some(https), Some(ssh)) = (https, ssh) else {
            bail!("{} does not say where {}/{} is", self.server, self.owner, self.name);
        };
        Ok(Place { https, ssh: as_url(&ssh) })
    }
}

impl fmt::Display for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.server, self.owner, self.name)
    }
}

/// An address of ssh as a URL: `git@host:path` is one that no GitRepository can name.
fn as_url(address: &str) -> String {
    match address.split_once(':') {
        Some((host, path)) if !address.contains("://") => format!("ssh://{host}/{}", path.trim_start_matches('/')),
        _ => address.to_owned(),
    }
}

/// The token of a variable, or of the person who is asked for it.
fn token(variable: &str) -> Result<Secret> {
    if let Ok(token) = std::env::var(variable)
        && !token.trim().is_empty()
    {
        return Ok(token.trim().into());
    }
    if !std::io::stdin().is_terminal() {
        misuse!("give a token that may make the repository, or write to it, in {variable}");
    }
    let term = Term::stderr();
    term.write_str(&format!("the token that {variable} is to have: "))?;
    Ok(term.read_secure_line().context("no token was given")?.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_url_becomes_one() {
        assert_eq!(as_url("git@github.com:org/fleet.git"), "ssh://git@github.com/org/fleet.git");
        assert_eq!(as_url("ssh://git@host:2222/org/fleet.git"), "ssh://git@host:2222/org/fleet.git");
    }
}
