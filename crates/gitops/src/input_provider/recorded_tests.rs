//! What the Flux Operator's own code finds at hosts that are played, as it was recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::flux::controlplane::v1::{Input, InputFilter};
use cowherd_gitserver::github::{APP, GitHub, INSTALLATION};
use cowherd_gitserver::hosting::Host as Played;
use cowherd_source::{Access, Auth, CallTerms, Caller, GitHubApp};
use serde::Deserialize;
use serde_json::Value;

use super::credentials::Shown;
use super::filter::Filter;
use super::found::Found;
use super::hosts::{Host, LARGEST, Repository, What};
use crate::source::git::Tokens;

/// What a host has, and what was made of it.
#[derive(Deserialize)]
struct Case {
    host: String,
    what: String,
    repository: String,
    path: String,
    filter: Option<InputFilter>,
    pages: Vec<Vec<Value>>,
    status: Option<u16>,
    answer: Vec<Input>,
    #[serde(default)]
    failed: bool,
}

impl Case {
    fn host(&self) -> Host {
        match self.host.as_str() {
            "GitHub" => Host::GitHub,
            "GitLab" => Host::GitLab,
            _ => Host::Gitea,
        }
    }

    fn what(&self) -> What {
        match self.what.as_str() {
            "Branch" => What::Branches,
            "Tag" => What::Tags,
            _ => What::Requests,
        }
    }

    /// Has the host answer as it did.
    fn play(&self, host: &Played) {
        for (place, page) in self.pages.iter().enumerate() {
            let next = format!("<{}?page={}>; rel=\"next\"", host.url(&self.path), place + 2);
            let link = (place + 1 < self.pages.len()).then_some(("Link", next.as_str()));
            let status = self.status.unwrap_or(200);
            host.answer(&self.path, place + 1, status, link.as_slice(), Value::from(page.clone()));
        }
        // Behind the last page there is nothing, and who asks for that is told so.
        if self.status.is_none() {
            host.answer_all(&self.path, 200, &[], "[]");
        }
    }
}

fn terms() -> CallTerms {
    CallTerms { access: Access::own(), most: Some(LARGEST), ..CallTerms::default() }
}

#[test]
fn what_the_flux_operator_finds_is_found() {
    let recorded = include_str!("../../tests/recorded/input-providers.jsonl");
    let (caller, terms) = (Caller::default(), terms());
    let mut count = 0;
    for line in recorded.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let host = Played::start();
        case.play(&host);
        let url = host.url(&format!("/{}", case.repository));
        let repository = Repository::parse(case.host(), &url).unwrap();
        let filter = Filter::read(case.filter.as_ref()).unwrap();
        let token = "t".to_owned().into();
        let found = repository.list(case.what(), &filter, (&caller, &terms, Some(&token)), Duration::from_secs(30));
        assert_eq!(found.is_err(), case.failed, "{line}: {found:?}");
        let inputs: Vec<Input> = found.unwrap_or_default().into_iter().map(Found::input).collect();
        assert_eq!(inputs, case.answer, "{line}");
        count += 1;
    }
    assert!(count > 80, "{count}");
}

/// One that lists nothing at a host which answers so.
fn refused(host: &Played, token: Option<&str>) -> super::hosts::HostError {
    let repository = Repository::parse(Host::GitHub, &host.url("/team/app")).unwrap();
    let token = token.map(|token| token.to_owned().into());
    let filter = Filter::read(None).unwrap();
    let listed =
        repository.list(What::Tags, &filter, (&Caller::default(), &terms(), token.as_ref()), Duration::from_secs(30));
    listed.unwrap_err()
}

#[test]
fn who_is_asked_and_what_is_shown_is_each_hosts_own() {
    for (of, path, shown) in [
        (Host::GitHub, "/api/v3/repos/team/app/tags", ("authorization", "Bearer open-sesame")),
        (Host::GitLab, "/api/v4/projects/team%2Fapp/repository/tags", ("private-token", "open-sesame")),
        (Host::Gitea, "/api/v1/repos/team/app/tags", ("authorization", "token open-sesame")),
    ] {
        let host = Played::start();
        host.answer(path, 1, 200, &[], "[]");
        let repository = Repository::parse(of, &host.url("/team/app")).unwrap();
        let (token, filter) = ("open-sesame".to_owned().into(), Filter::read(None).unwrap());
        let with = (&Caller::default(), &terms(), Some(&token));
        assert!(repository.list(What::Tags, &filter, with, Duration::from_secs(30)).unwrap().is_empty());
        let asked = host.asked();
        let shown = BTreeMap::from([(shown.0.to_owned(), shown.1.to_owned())]);
        assert_eq!((asked.len(), &asked[0].shown), (1, &shown), "{asked:?}");
    }
}

#[test]
fn an_app_shows_the_token_that_it_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let (github, host) = (GitHub::start(directory.path()), Played::start());
    let entries = [
        ("githubAppID", APP.to_string()),
        ("githubAppInstallationID", INSTALLATION.to_string()),
        ("githubAppPrivateKey", github.private_key.clone()),
        ("githubAppBaseURL", github.url()),
    ];
    let data = entries.map(|(key, text)| (key.to_owned(), text.into_bytes())).into();
    let shown = Shown::App(Box::new(GitHubApp::read(&data).unwrap()));
    let tls = Auth { ca: Some(github.certificate.clone().into_bytes()), ..Auth::default() };
    let (tokens, terms) = (Tokens::default(), CallTerms { auth: tls, ..terms() });
    let path = "/api/v3/repos/team/app/branches";
    host.answer(path, 1, 200, &[], "[]");
    let repository = Repository::parse(Host::GitHub, &host.url("/team/app")).unwrap();
    let filter = Filter::read(None).unwrap();
    for (given, is_asked) in [("Bearer ghs_0", true), ("Bearer ghs_0", false), ("Bearer ghs_1", true)] {
        let token = shown.token(&tokens, &terms, Duration::from_secs(30)).unwrap();
        let with = (&Caller::default(), &terms, token.as_ref());
        assert!(repository.list(What::Branches, &filter, with, Duration::from_secs(30)).unwrap().is_empty());
        assert_eq!(host.asked()[0].shown["authorization"], given);
        assert_eq!(!github.seen().is_empty(), is_asked);
        // One that is still good is kept, until the host does not take it.
        if !is_asked {
            shown.was_refused(&tokens);
        }
    }
}

#[test]
fn a_host_that_answers_no_more_is_left_alone_until_it_does() {
    let host = Played::start();
    let path = "/api/v3/repos/team/app/tags";
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 600;
    let soon = soon.to_string();
    let headers = [("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", soon.as_str())];
    host.answer(path, 1, 403, &headers, r#"{"message":"API rate limit exceeded"}"#);
    let error = refused(&host, None);
    let after = error.after().unwrap().as_secs();
    assert!((590..=600).contains(&after), "{after}");
    let said = error.to_string();
    assert!(said.contains("answers 403: it answers no more questions for ") && said.contains("with a token"), "{said}");
    host.answer(path, 1, 429, &[("Retry-After", "7")], "");
    let error = refused(&host, Some("open-sesame"));
    assert_eq!(error.after(), Some(Duration::from_secs(7)));
    assert!(error.to_string().contains("reconcileEvery") && !error.to_string().contains("sesame"), "{error}");
}

#[test]
fn what_cannot_be_read_is_told_with_what_helps() {
    let host = Played::start();
    let path = "/api/v3/repos/team/app/tags";
    for (status, content, token, said) in [
        (200, "{}", None, "answers with what is no list of tags"),
        (200, "[", None, "answers with what is no list of tags"),
        (401, "", Some("t"), "answers 401: the token in the Secret of spec.secretRef is not one that may read"),
        (403, "", None, "answers 403: give it a token that may read the repository"),
        (404, "", None, "answers 404: there is no such repository, or it takes a token"),
        (500, "", None, "answers 500"),
    ] {
        host.answer(path, 1, status, &[], content);
        let error = refused(&host, token).to_string();
        assert!(error.starts_with("127.0.0.1:") && error.contains(said), "{error}");
    }
    let whole = format!("[{}]", "0,".repeat(6 << 20) + "0");
    host.answer(path, 1, 200, &[], whole);
    assert!(refused(&host, None).to_string().contains(&format!("or with more than {LARGEST} bytes")));
}

#[test]
fn a_host_that_goes_on_for_ever_is_given_up() {
    let host = Played::start();
    let path = "/api/v3/repos/team/app/branches";
    let next = format!("<{}?page=2>; rel=\"next\"", host.url(path));
    host.answer_all(path, 200, &[("Link", next.as_str())], r#"[{"name":"main","commit":{"sha":"1"}}]"#);
    let repository = Repository::parse(Host::GitHub, &host.url("/team/app")).unwrap();
    let filter: InputFilter = serde_json::from_value(serde_json::json!({ "excludeBranch": "." })).unwrap();
    let filter = Filter::read(Some(&filter)).unwrap();
    let with = (&Caller::default(), &terms(), None);
    let error = repository.list(What::Branches, &filter, with, Duration::from_secs(1)).unwrap_err().to_string();
    let is_bounded =
        error.contains("more than 1000 pages") || error.contains("took longer") || error.contains("in time");
    assert!(is_bounded, "{error}");
}

#[test]
fn nobody_is_asked_at_an_address_that_tenants_may_not_reach() {
    let host = Played::start();
    let repository = Repository::parse(Host::GitHub, &host.url("/team/app")).unwrap();
    let terms = CallTerms { access: Access::default(), ..terms() };
    let filter = Filter::read(None).unwrap();
    let with = (&Caller::default(), &terms, None);
    let error = repository.list(What::Tags, &filter, with, Duration::from_secs(30)).unwrap_err().to_string();
    assert!(error.contains("127.0.0.1") && host.asked().is_empty(), "{error}");
}

#[test]
fn a_host_whose_answers_have_no_end_takes_no_more_memory_than_has_room() {
    let host = Played::start();
    let (path, next) = ("/api/v3/repos/team/app/branches", format!("<{}?page=2>; rel=\"next\"", host.url("/x")));
    let branch = serde_json::json!([{ "name": "a".repeat(1 << 20), "commit": { "sha": "0" } }]);
    host.answer_all(path, 200, &[("Link", &next)], branch);
    let repository = Repository::parse(Host::GitHub, &host.url("/team/app")).unwrap();
    let filter = Filter::read(None).unwrap();
    let listed =
        repository.list(What::Branches, &filter, (&Caller::default(), &terms(), None), Duration::from_secs(30));
    let error = listed.unwrap_err().to_string();
    assert!(error.contains("has branches with more than 1048576 bytes together, which have no room"), "{error}");
    assert!(host.asked().len() <= 2);
}
