//! The statuses of commits at services that hold Git repositories, and what else they are told.

use cowherd_source::{Call, CallMethod, Reply};
use serde_json::{Value, json};

use super::words::{description, escaped, path_part, sha1, short_name};
use super::{Failure, Line, Settings, accepted, post, read, with, with_password};
use crate::event::Event;

/// The status of a commit, before any service has its words for it.
struct Status<'a> {
    commit: String,
    event: &'a Event,
    description: String,
}

/// Gives a commit its status, unless the last one of that name says the same.
pub(super) async fn tell(to: &Settings, event: &Event, line: &impl Line) -> Result<(), Failure> {
    let service = Service::of(to)?;
    // It is done when it has succeeded or failed; one service shows what is under way.
    if event.is_progress() && to.kind != "gitea" {
        return Ok(());
    }
    let revision = event.revision().ok_or_else(|| Failure::new("missing revision metadata"))?;
    let status = Status { commit: commit(revision)?, event, description: description(event) };
    let reply = line.call(service.look(&status)).await?;
    let is_absent = reply.status == 404 && service.keeps_one();
    let known = if is_absent {
        None
    } else {
        let reply = accepted(reply)
            .map_err(|failure| failure.within(|cause| format!("could not list commit statuses: {cause}")))?;
        read(&reply)
    };
    if known.is_some_and(|known| service.says(&known, &status)) {
        return Ok(());
    }
    let reply: Reply = line.call(service.give(&status)?).await?;
    accepted(reply)
        .map(drop)
        .map_err(|failure| failure.within(|cause| format!("could not create commit status: {cause}")))
}

/// The commit of a revision: `main@sha1:COMMIT`, `sha1:COMMIT`, `main/COMMIT` or `COMMIT`.
fn commit(revision: &str) -> Result<String, Failure> {
    let hash = match revision.rsplit_once(':') {
        Some((_, hash)) => hash,
        None => revision.rsplit('/').next().unwrap_or_default(),
    };
    let is_hash = matches!(hash.len(), 40 | 64) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        return Ok(hash.to_owned());
    }
    let revision: String = revision.chars().take(200).collect();
    Err(Failure::new(format!("failed to extract commit hash from '{revision}' revision")))
}

/// The place of a repository: the server with its scheme, and what stands behind it.
fn place(address: &str) -> Result<(String, String), Failure> {
    let unusable = || Failure::new("the address is none of a repository; write https://HOST/OWNER/REPOSITORY");
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme, rest.to_owned()),
        // As scp has it.
        None => ("ssh", address.split_once(':').map(|(host, path)| format!("{host}/{path}")).ok_or_else(unusable)?),
    };
    let (authority, path) = rest.split_once('/').ok_or_else(unusable)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (scheme, host) = match scheme {
        // The port is that of ssh.
        "ssh" => ("https", host.split(':').next().unwrap_or_default()),
        "http" | "https" => (scheme, host),
        _ => return Err(unusable()),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_plain = !host.is_empty() && !path.split('/').any(|part| part.is_empty() || part == "." || part == "..");
    if is_plain { Ok((format!("{scheme}://{host}"), path.to_owned())) } else { Err(unusable()) }
}

/// The owner and the name of a repository.
fn pair(path: &str) -> Result<(&str, &str), Failure> {
    let parts = path.split_once('/').filter(|(_, name)| !name.contains('/'));
    parts.ok_or_else(|| Failure::new(format!("invalid repository id '{path}'")))
}

/// A repository at a service, with who we are there.
enum Service<'a> {
    GitHub { base: String, token: &'a str, name: &'a str },
    GitLab { base: String, token: &'a str, name: &'a str },
    Gitea { base: String, token: &'a str, name: &'a str },
    Bitbucket { base: String, user: (&'a str, &'a str), key: String },
    BitbucketServer { base: String, to: &'a Settings, key: String },
}

impl<'a> Service<'a> {
    fn of(to: &'a Settings) -> Result<Self, Failure> {
        let name = to.commit_status.as_str();
        match to.kind.as_str() {
            "github" => Ok(Self::GitHub { base: github(to)?, token: github_token(to)?, name }),
            "gitlab" => {
                let token = some_token(to, "gitlab")?;
                let (server, path) = place(&to.address)?;
                // A part of the path, whatever is in it.
                let project = path_part(&path).replace('.', "%2E");
                Ok(Self::GitLab { base: format!("{server}/api/v4/projects/{project}"), token, name })
            }
            "gitea" => {
                let token = some_token(to, "gitea")?;
                let (server, path) = place(&to.address)?;
                let (owner, repository) = pair(&path)?;
                let base = format!("{server}/api/v1/repos/{}/{}", path_part(owner), path_part(repository));
                Ok(Self::Gitea { base, token, name })
            }
            "bitbucket" => {
                let user = to.token.split_once(':').filter(|(_, password)| !password.contains(':'));
                let user =
                    user.ok_or_else(|| Failure::new("invalid token format, expected to be <user>:<password>"))?;
                let (_, path) = place(&to.address)?;
                let (owner, repository) = pair(&path)?;
                let base = format!(
                    "https://api.bitbucket.org/2.0/repositories/{}/{}/commit",
                    path_part(owner),
                    path_part(repository)
                );
                Ok(Self::Bitbucket { base, user, key: sha1(name.as_bytes()) })
            }
            _ => {
                let is_known = !to.token.is_empty() || !(to.username.is_empty() || to.password.is_empty());
                if !is_known {
                    return Err(Failure::new(
                        "invalid credentials, expected to be one of username/password or API Token",
                    ));
                }
                Ok(Self::BitbucketServer { base: bitbucket_server(&to.address)?, to, key: sha1(name.as_bytes()) })
            }
        }
    }

    /// Whether it is asked for the one status of a name, which may not be there.
    fn keeps_one(&self) -> bool {
        matches!(self, Self::Bitbucket { .. } | Self::BitbucketServer { .. })
    }

    /// Asks for the statuses that the commit has.
    fn look(&self, status: &Status<'_>) -> Call {
        let commit = &status.commit;
        let url = match self {
            Self::GitHub { base, .. } => format!("{base}/commits/{commit}/statuses?per_page=50"),
            Self::GitLab { base, name, .. } => {
                format!("{base}/repository/commits/{commit}/statuses?name={}", escaped(name))
            }
            Self::Gitea { base, .. } => format!("{base}/commits/{commit}/statuses?limit=50&page=1"),
            Self::Bitbucket { base, key, .. } => format!("{base}/{commit}/statuses/build/{key}"),
            Self::BitbucketServer { base, key, .. } => format!("{base}/{commit}/builds?key={key}"),
        };
        self.as_us(Call { method: CallMethod::Get, url, headers: Vec::new(), body: Vec::new() })
    }

    /// Gives the commit the status.
    fn give(&self, status: &Status<'_>) -> Result<Call, Failure> {
        let Status { commit, event, description } = status;
        let state = self.state(event);
        let (url, body) = match self {
            Self::GitHub { base, name, .. } => (
                format!("{base}/statuses/{commit}"),
                json!({ "state": state, "description": description, "context": name }),
            ),
            Self::GitLab { base, name, .. } => (
                format!("{base}/statuses/{commit}"),
                json!({ "state": state, "name": name, "description": description }),
            ),
            Self::Gitea { base, name, .. } => (
                format!("{base}/statuses/{commit}"),
                json!({ "state": state, "target_url": "", "description": description, "context": name }),
            ),
            Self::Bitbucket { base, key, .. } => (
                format!("{base}/{commit}/statuses/build"),
                json!({ "state": state, "key": key, "name": short_name(event), "description": description,
                    "url": "https://bitbucket.org" }),
            ),
            Self::BitbucketServer { base, to, key } => (
                format!("{base}/{commit}/builds"),
                json!({ "state": state, "key": key, "name": shown(status), "description": description, "url": to.address }),
            ),
        };
        Ok(self.as_us(post(url, &body)?))
    }

    /// The word for how it went.
    fn state(&self, event: &Event) -> &'static str {
        match (self, event.is_error()) {
            (Self::Gitea { .. }, _) if event.is_progress() => "pending",
            (Self::GitHub { .. } | Self::GitLab { .. } | Self::Gitea { .. }, false) => "success",
            (Self::GitHub { .. } | Self::Gitea { .. }, true) => "failure",
            (Self::GitLab { .. }, true) => "failed",
            (Self::Bitbucket { .. } | Self::BitbucketServer { .. }, false) => "SUCCESSFUL",
            (Self::Bitbucket { .. } | Self::BitbucketServer { .. }, true) => "FAILED",
        }
    }

    /// Whether what is known says the same.
    fn says(&self, known: &Value, status: &Status<'_>) -> bool {
        let (state, description) = (self.state(status.event), status.description.as_str());
        let mut all = known.as_array().into_iter().flatten();
        match self {
            Self::GitHub { name, .. } => {
                let is_whole =
                    |one: &&Value| ["context", "state", "description"].iter().all(|key| one[*key].is_string());
                let last = all.filter(is_whole).find(|one| one["context"] == *name);
                last.is_some_and(|last| last["state"] == state && last["description"] == description)
            }
            Self::Gitea { name, .. } => {
                let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
                let is_whole =
                    |one: &&Value| ["context", "status", "description"].iter().all(|key| !text(one, key).is_empty());
                let last = all.filter(is_whole).find(|one| one["context"] == *name);
                last.is_some_and(|last| last["status"] == state && last["description"] == description)
            }
            Self::GitLab { name, .. } => all.any(|one| {
                one["sha"] == status.commit.as_str()
                    && one["status"] == state
                    && one["description"] == description
                    && one["name"] == *name
            }),
            Self::Bitbucket { .. } => known["state"] == state && known["description"] == description,
            Self::BitbucketServer { key, .. } => {
                known["key"] == key.as_str()
                    && known["state"] == state
                    && known["description"] == description
                    && known["name"] == shown(status)
            }
        }
    }

    /// The call with our credentials.
    fn as_us(&self, call: Call) -> Call {
        match self {
            Self::GitHub { token, .. } => as_github(call, token),
            Self::GitLab { token, .. } => with(call, "Private-Token", *token),
            Self::Gitea { token, .. } => with(call, "Authorization", format!("token {token}")),
            Self::Bitbucket { user: (user, password), .. } => with_password(call, user, password),
            Self::BitbucketServer { to, .. } => {
                let call = match to.token.is_empty() {
                    true => with_password(call, &to.username, &to.password),
                    false => with(call, "Authorization", format!("Bearer {}", to.token)),
                };
                with(with(call, "X-Atlassian-Token", "no-check"), "X-Requested-With", "XMLHttpRequest")
            }
        }
    }
}

/// What Bitbucket Server shows: the description is a part of it.
fn shown(status: &Status<'_>) -> String {
    format!("{} [{}]", short_name(status.event), status.description)
}

fn some_token<'a>(to: &'a Settings, service: &str) -> Result<&'a str, Failure> {
    let token = to.token_or_password();
    if token.is_empty() { Err(Failure::new(format!("{service} token cannot be empty"))) } else { Ok(token) }
}

/// Where GitHub, or one that a company has to itself, answers about a repository.
fn github(to: &Settings) -> Result<String, Failure> {
    let (server, path) = place(&to.address)?;
    let (owner, repository) = pair(&path)?;
    let host = server.split_once("://").map_or("", |(_, host)| host);
    let api = if host == "github.com" {
        "https://api.github.com".to_owned()
    } else if host.starts_with("api.") || host.contains(".api.") {
        server
    } else {
        format!("{server}/api/v3")
    };
    Ok(format!("{api}/repos/{}/{}", path_part(owner), path_part(repository)))
}

fn github_token(to: &Settings) -> Result<&str, Failure> {
    let token = to.token_or_password();
    if token.is_empty() {
        return Err(Failure::new(
            "it needs a token: put it as `token` into the Secret that spec.secretRef names (GitHub Apps are not supported yet)",
        ));
    }
    Ok(token)
}

fn as_github(call: Call, token: &str) -> Call {
    let call = with(call, "Accept", "application/vnd.github+json");
    with(call, "Authorization", format!("Bearer {token}"))
}

/// Where Bitbucket Server answers about the commits of a repository, by the address from which that is cloned.
fn bitbucket_server(address: &str) -> Result<String, Failure> {
    let unusable = |what: &str| Failure::new(format!("could not parse git address: {what}"));
    let is_web = address.starts_with("http://") || address.starts_with("https://");
    if !is_web {
        return Err(unusable("unsupported scheme type in address; it must be http or https"));
    }
    let (server, path) = place(address)?;
    let path = format!("/{path}");
    let not_cloned = || unusable("supplied provider address is not http(s) git clone url");
    let (context, repository) = path.rsplit_once("/scm/").ok_or_else(not_cloned)?;
    let (project, name) = pair(repository)?;
    Ok(format!("{server}{context}/rest/api/latest/projects/{}/repos/{}/commits", path_part(project), path_part(name)))
}

/// Starts workflows of a repository at GitHub.
pub(super) fn github_dispatch(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let token = github_token(to)?;
    let what = format!("{}/{}.{}", event.kind(), event.name(), event.namespace());
    let body = json!({ "event_type": what, "client_payload": event });
    Ok(as_github(post(format!("{}/dispatches", github(to)?), &body)?, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_git_writes_them() {
        for (address, server, path) in [
            ("https://github.com/owner/repo", "https://github.com", "owner/repo"),
            ("https://user:pw@git.example.org:8443/owner/repo.git/", "https://git.example.org:8443", "owner/repo"),
            ("ssh://git@git.example.org:2222/owner/repo.git", "https://git.example.org", "owner/repo"),
            ("git@git.example.org:group/sub/repo.git", "https://git.example.org", "group/sub/repo"),
        ] {
            assert_eq!(place(address).unwrap(), (server.to_owned(), path.to_owned()), "{address}");
        }
        for wrong in
            ["", "owner", "https://", "https:///a/b", "https://host", "https://host/a/../b", "ftp://host/a", "host:"]
        {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_revision_names_a_commit_or_is_refused() {
        let hash = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738";
        for revision in [format!("main@sha1:{hash}"), format!("sha1:{hash}"), format!("a/b/{hash}"), hash.to_owned()] {
            assert_eq!(commit(&revision).unwrap(), hash);
        }
        for revision in ["1.2.3", "", "latest@sha256:abc", "main@sha1:../../x"] {
            assert!(commit(revision).is_err(), "{revision}");
        }
    }
}
