//! What hosts of repositories have of branches, tags and requests: GitHub, GitLab and Gitea.

use std::time::{Duration, Instant};

use cowherd_source::{Call, CallMethod, CallTerms, Caller, GitHubAppError, Reply, Secret, WebProblem};

use super::filter::Filter;
use super::found::Found;
use super::listed::{Commit, Label, Listed, Page};
pub(super) use crate::hosts::Host;
use crate::source::oci::shown;

/// How many of them are asked for at a time, and how often at most.
const PAGE: usize = 100;
const PAGE_OF_GITEA: usize = 50;
const MOST_PAGES: usize = 1_000;
/// How much one answer may hold, in bytes.
pub(super) const LARGEST: u64 = 10 * 1024 * 1024;
/// How much is kept of all answers together, in bytes of text: what is kept becomes inputs, of which less has room.
const MOST_KEPT: usize = 1024 * 1024;

/// The most characters that GitLab leaves of a name in a slug.
const SLUG: usize = 63;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Branches,
    Tags,
    Requests,
}

/// Why nothing was found out. No part of a token is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    #[error("spec.url {0:?} does not name a repository as https://HOST/OWNER/NAME")]
    Url(String),
    #[error("{0}")]
    Call(#[from] WebProblem),
    #[error("failed to get the token of the GitHub App: {0}")]
    App(#[from] GitHubAppError),
    #[error("{server} answers {status}{hint}")]
    Status { server: String, status: u16, hint: &'static str },
    #[error(
        "{server} answers {status}: it answers no more questions for {seconds} seconds, after which it is asked again{hint}",
        seconds = .after.as_secs()
    )]
    Exhausted { server: String, status: u16, after: Duration, hint: &'static str },
    #[error("{server} answers with what is no list of {what}, or with more than {} bytes", LARGEST)]
    Content { server: String, what: &'static str },
    #[error("{server} has more than {} pages of {what}, which are not all read", MOST_PAGES)]
    TooMany { server: String, what: &'static str },
    #[error(
        "{server} has {what} with more than {} bytes together, which have no room; write a narrower spec.filter",
        MOST_KEPT
    )]
    TooMuch { server: String, what: &'static str },
    #[error(
        "{0} took longer than fluxcd.controlplane.io/reconcileTimeout says, which is two minutes where it is not set"
    )]
    Late(String),
}

impl HostError {
    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Url(_))
    }

    /// How long the host is to be left alone, where it says that.
    pub(super) fn after(&self) -> Option<Duration> {
        match self {
            Self::Exhausted { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// What kept the host from being asked, if something did.
    pub(super) fn web(&self) -> Option<&WebProblem> {
        match self {
            Self::Call(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the host did not take the token.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Status { status: 401, .. })
    }
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Branches => "branches",
            Self::Tags => "tags",
            Self::Requests => "requests",
        }
    }
}

/// A repository of a host.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    host: Host,
    /// Where the host is asked, up to the repository.
    base: String,
    /// The host, for messages.
    server: String,
}

impl Repository {
    /// The repository at this address.
    pub(super) fn parse(host: Host, url: &str) -> Result<Self, HostError> {
        let wrong = || HostError::Url(shown(url));
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let (server, path) = rest.split_once('/').ok_or_else(wrong)?;
        let path = path.trim_start_matches('/');
        let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(is_plain);
        let parts: Vec<&str> = path.split('/').collect();
        let is_place = !server.is_empty() && server.chars().all(|one| is_plain(one) || one == ':');
        if !is_place || !parts.iter().all(|part| is_part(part)) || !["http", "https"].contains(&scheme) {
            return Err(wrong());
        }
        let api = host.api(scheme, server);
        let base = match host {
            Host::GitLab => format!("{api}/projects/{}", parts.join("%2F")),
            _ if parts.len() != 2 => return Err(wrong()),
            Host::GitHub | Host::Gitea => format!("{api}/repos/{path}"),
        };
        Ok(Self { host, base, server: server.to_owned() })
    }

    /// The host that is asked.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    fn url(&self, what: What, page: usize) -> String {
        let base = &self.base;
        match (self.host, what) {
            (Host::GitHub, What::Requests) => format!("{base}/pulls?state=open&per_page={PAGE}&page={page}"),
            (Host::GitHub, what) => format!("{base}/{}?per_page={PAGE}&page={page}", what.word()),
            (Host::GitLab, What::Requests) => format!("{base}/merge_requests?state=opened&per_page={PAGE}&page={page}"),
            (Host::GitLab, what) => format!("{base}/repository/{}?per_page={PAGE}&page={page}", what.word()),
            (Host::Gitea, What::Requests) => format!("{base}/pulls?state=open&limit={PAGE_OF_GITEA}&page={page}"),
            (Host::Gitea, what) => format!("{base}/{}?limit={PAGE_OF_GITEA}&page={page}", what.word()),
        }
    }

    /// One of the list that the host answers with; nothing where it is none.
    fn read(&self, what: What, one: Listed) -> Option<Found> {
        let is_gitlab = self.host == Host::GitLab;
        let mut found = match what {
            What::Branches | What::Tags => {
                let Commit { sha, id } = one.commit;
                // To Gitea the commit of a branch is something else than that of a tag.
                let commit = match (self.host, what) {
                    (Host::GitHub, _) | (Host::Gitea, What::Tags) => sha,
                    _ => id,
                };
                let found = if what == What::Tags { Found::tag } else { Found::branch };
                found(&one.name?, &commit?)
            }
            What::Requests if is_gitlab => Found {
                id: one.iid?.to_string(),
                sha: Some(one.sha.unwrap_or_default()),
                branch: Some(one.source_branch?),
                author: one.author.and_then(|author| author.username),
                ..Found::default()
            },
            What::Requests => {
                let head = one.head.unwrap_or_default();
                Found {
                    id: one.number?.to_string(),
                    sha: Some(head.sha.unwrap_or_default()),
                    branch: Some(head.branch?),
                    author: one.user.and_then(|user| user.login),
                    ..Found::default()
                }
            }
        };
        if what == What::Requests {
            found.title = one.title;
            found.labels = one.labels.into_iter().flat_map(|labels| labels.0).map(Label::name).collect();
        }
        found.slug = is_gitlab.then(|| slug(found.name()));
        Some(found)
    }

    /// What the host has, as far as it is meant. Blocks the thread, for `timeout` at most.
    pub(super) fn list(
        &self,
        what: What,
        filter: &Filter,
        (caller, terms, token): (&Caller, &CallTerms, Option<&Secret>),
        timeout: Duration,
    ) -> Result<Vec<Found>, HostError> {
        let until = Instant::now() + timeout;
        let mut found = Vec::new();
        for page in 1..=MOST_PAGES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(HostError::Late(self.server.clone()));
            }
            let call = Call {
                method: CallMethod::Get,
                url: self.url(what, page),
                headers: self.host.headers(token),
                body: Vec::new(),
            };
            let reply = caller.call(&call, terms, left).map_err(|problem| match problem {
                WebProblem::Timeout(_) => HostError::Late(self.server.clone()),
                problem => HostError::Call(problem),
            })?;
            let listed = self.answer(what, &reply, token.is_some())?.0;
            let count = listed.len();
            let read = listed.into_iter().filter_map(|one| self.read(what, one));
            match what {
                // The last ones may be on any page.
                What::Tags => {
                    found.extend(read);
                    found = filter.choose(found, Found::name);
                }
                What::Branches | What::Requests => found.extend(read.filter(|one| filter.takes(one))),
            }
            if what != What::Tags {
                found.truncate(filter.limit());
            }
            if found.iter().map(Found::size).sum::<usize>() > MOST_KEPT {
                return Err(HostError::TooMuch { server: self.server.clone(), what: what.word() });
            }
            if what != What::Tags && found.len() >= filter.limit() {
                return Ok(found);
            }
            if !self.has_next(&reply, count) {
                return Ok(found);
            }
        }
        Err(HostError::TooMany { server: self.server.clone(), what: what.word() })
    }

    /// Whether there is more behind a page of so many. Where the host does not say, one that is not full is the last; what is full
    /// to Gitea its admin decides.
    fn has_next(&self, reply: &Reply, count: usize) -> bool {
        let full = if self.host == Host::Gitea { 1 } else { PAGE };
        reply.has_next.unwrap_or(count >= full)
    }

    fn answer(&self, what: What, reply: &Reply, has_token: bool) -> Result<Page, HostError> {
        let (server, status) = (self.server.clone(), reply.status);
        if status == 200 {
            return serde_json::from_slice(&reply.body).map_err(|_| HostError::Content { server, what: what.word() });
        }
        let asks_for_patience = matches!(status, 403 | 429 | 503);
        if let Some(after) = reply.exhausted_for.or(reply.retry_after).filter(|_| asks_for_patience) {
            let hint = match has_token {
                true => "; fluxcd.controlplane.io/reconcileEvery says how often that is done",
                false => "; with a token, under password in the Secret of spec.secretRef, it answers more",
            };
            return Err(HostError::Exhausted { server, status, after, hint });
        }
        let hint = match status {
            401 | 403 if has_token => {
                ": the token in the Secret of spec.secretRef is not one that may read the repository"
            }
            401 | 403 => {
                ": give it a token that may read the repository, under password in the Secret of spec.secretRef"
            }
            404 => ": there is no such repository, or it takes a token that may read it to see it",
            429 => ": it is asked too often; fluxcd.controlplane.io/reconcileEvery says how often that is done",
            _ => "",
        };
        Err(HostError::Status { server, status, hint })
    }
}

/// Whether a character stands for itself in the path of a URL.
fn is_plain(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.' | '~')
}

/// A name as GitLab has it where names are short.
fn slug(name: &str) -> String {
    let plain = |one: char| if one.is_ascii_lowercase() || one.is_ascii_digit() { one } else { '-' };
    let slug: String = name.to_lowercase().chars().map(plain).take(SLUG).collect();
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn repository(host: Host, url: &str) -> Repository {
        Repository::parse(host, url).unwrap()
    }

    #[test]
    fn a_repository_is_asked_for_where_its_host_has_it() {
        for (host, url, what, asked) in [
            (
                Host::GitHub,
                "https://github.com/a/b",
                What::Branches,
                "https://api.github.com/repos/a/b/branches?per_page=100&page=2",
            ),
            (
                Host::GitHub,
                "https://ghe.example.com/a/b",
                What::Tags,
                "https://ghe.example.com/api/v3/repos/a/b/tags?per_page=100&page=2",
            ),
            (
                Host::GitHub,
                "https://github.com/a/b",
                What::Requests,
                "https://api.github.com/repos/a/b/pulls?state=open&per_page=100&page=2",
            ),
            (
                Host::GitLab,
                "https://gitlab.com/a/b/c",
                What::Requests,
                "https://gitlab.com/api/v4/projects/a%2Fb%2Fc/merge_requests?state=opened&per_page=100&page=2",
            ),
            (
                Host::GitLab,
                "https://gitlab.com/a/b",
                What::Tags,
                "https://gitlab.com/api/v4/projects/a%2Fb/repository/tags?per_page=100&page=2",
            ),
            (
                Host::Gitea,
                "http://g:3000/a/b",
                What::Branches,
                "http://g:3000/api/v1/repos/a/b/branches?limit=50&page=2",
            ),
        ] {
            assert_eq!(repository(host, url).url(what, 2), asked);
        }
        for (host, url) in [
            (Host::GitHub, "https://github.com/a"),
            (Host::GitHub, "https://github.com/a/b/c"),
            (Host::Gitea, "https://g/../b"),
            (Host::GitHub, "https://user:pass@github.com/a/b"),
            (Host::GitLab, "https://gitlab.com/a/b?x=1"),
            (Host::GitLab, "https://gitlab.com/"),
            (Host::GitHub, "oci://github.com/a/b"),
        ] {
            assert!(Repository::parse(host, url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_a_host_answers_becomes_inputs() {
        let of = |host, what, one: Value| {
            let found = repository(host, "https://host/a/b").read(what, serde_json::from_value(one).unwrap());
            found.map(|found| serde_json::to_value(found.input()).unwrap())
        };
        let id = cowherd_resourceset::id("main");
        assert_eq!(
            of(Host::GitHub, What::Branches, json!({ "name": "main", "commit": { "sha": "1" } })),
            Some(json!({ "id": id, "branch": "main", "sha": "1" }))
        );
        assert_eq!(
            of(Host::GitLab, What::Tags, json!({ "name": "main", "commit": { "id": "1" } })),
            Some(json!({ "id": id, "tag": "main", "sha": "1", "slug": "main" }))
        );
        let pull = json!({ "number": 7, "title": "T", "user": { "login": "ada" }, "labels": [{ "name": "a" }],
            "head": { "ref": "feat/x", "sha": "2" } });
        let expected =
            json!({ "id": "7", "title": "T", "author": "ada", "labels": ["a"], "branch": "feat/x", "sha": "2" });
        assert_eq!(of(Host::GitHub, What::Requests, pull.clone()), Some(expected.clone()));
        assert_eq!(of(Host::Gitea, What::Requests, pull), Some(expected));
        let request = json!({ "iid": 7, "title": "T", "author": { "username": "ada" }, "labels": ["a"], "source_branch": "Feat/X_1",
            "sha": "2" });
        let expected = json!({ "id": "7", "title": "T", "author": "ada", "labels": ["a"], "branch": "Feat/X_1", "sha": "2",
            "slug": "feat-x-1" });
        assert_eq!(of(Host::GitLab, What::Requests, request), Some(expected));
        assert_eq!(of(Host::GitHub, What::Tags, json!({ "name": "v1" })), None);
    }
}
