//! Servers that misbehave: limits, timeouts, and no credential in any error.

use std::time::{Duration, Instant};

use cowherd_gitserver::files::{Behaviour, Server};
use cowherd_source::{Auth, ChartOptions, ChartProblem, Charts, WebProblem};

use crate::support::helm::{Helm, charts, path, source};

const SECRETS: [&str; 4] = ["pass-5ecret", "token-5ecret", "query-5ecret", "cGFzcy01ZWNyZXQ"];

/// A server of a repository with one chart.
fn repository() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    helm.package(&directory.path().join("repository"), "web", &["1.0.0"]);
    helm.run(&["repo", "index", path(&directory.path().join("repository"))]);
    let server = Server::start(&directory.path().join("repository"));
    (directory, server)
}

#[test]
fn more_than_is_accepted_is_refused() {
    let (directory, server) = repository();
    let options = |edit: fn(&mut ChartOptions)| {
        let mut options = ChartOptions::default();
        edit(&mut options);
        Charts::open_with(directory.path().join("kept"), options).unwrap()
    };
    let wanted = source(&server.url(""), "web", "");
    for charts in [options(|options| options.max_index = 100), options(|options| options.archive.packed = 100)] {
        let error = charts.fetch(&wanted).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::TooLarge { limit: 100, .. })), "{error}");
    }
    let error = options(|options| options.archive.file = 10).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Archive(_)), "{error}");
    assert!(error.to_string().contains("at most 10 are unpacked"), "{error}");
    // A small answer that becomes a large one.
    server.behave(Behaviour { gzip: true, content: Some(vec![b'#'; 1 << 20]), ..Behaviour::default() });
    let error = options(|options| options.max_index = 1 << 16).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::TooLarge { .. })), "{error}");
    assert!(server.seen().iter().all(|seen| seen.sent < 1 << 16));
}

#[test]
fn a_server_that_stops_to_answer_is_given_up() {
    let (directory, server) = repository();
    server.behave(Behaviour { hang_after: Some(20), ..Behaviour::default() });
    let mut wanted = source(&server.url(""), "web", "");
    wanted.timeout = Duration::from_millis(300);
    let begun = Instant::now();
    let error = charts(directory.path()).fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Timeout(_))), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn no_error_holds_a_credential() {
    let (directory, server) = repository();
    let charts = charts(directory.path());
    let behaviours = [
        Behaviour { authorization: Some("Bearer other".into()), ..Behaviour::default() },
        Behaviour { status: Some(403), ..Behaviour::default() },
        Behaviour { status: Some(404), ..Behaviour::default() },
        Behaviour { status: Some(500), ..Behaviour::default() },
        Behaviour { status: Some(302), ..Behaviour::default() },
        Behaviour { content: Some(b"apiVersion: [pass-5ecret".to_vec()), ..Behaviour::default() },
        Behaviour { content: Some(b"{\"token\": \"token-5ecret".to_vec()), ..Behaviour::default() },
        Behaviour { redirect: Some("http://jane:pass-5ecret@127.0.0.1:1".into()), ..Behaviour::default() },
        Behaviour { redirect: Some("http://127.0.0.1:1/?q=query-5ecret&p=".into()), ..Behaviour::default() },
        Behaviour { redirect: Some("gopher://token-5ecret".into()), ..Behaviour::default() },
        Behaviour { hang_after: Some(5), ..Behaviour::default() },
    ];
    let auths = [
        Auth::default(),
        Auth { username: Some("jane".into()), password: Some("pass-5ecret".into()), ..Auth::default() },
        Auth { bearer_token: Some("token-5ecret".into()), ..Auth::default() },
        Auth { bearer_token: Some("token-5ecret\nX: y".into()), ..Auth::default() },
    ];
    let mut failures = 0;
    for behaviour in &behaviours {
        server.behave(behaviour.clone());
        for auth in &auths {
            for url in ["http://jane:pass-5ecret@HOST/x?sig=query-5ecret", "oci://jane:pass-5ecret@HOST/team"] {
                let url = url.replace("HOST", &server.address.to_string());
                let mut wanted = source(&url, "web", "1.0.0").with_auth(auth.clone());
                wanted.timeout = Duration::from_millis(300);
                let error = charts.fetch(&wanted).unwrap_err();
                failures += 1;
                for text in [error.to_string(), format!("{error:?}"), format!("{:?}", wanted.auth)] {
                    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
                }
            }
        }
    }
    assert_eq!(failures, behaviours.len() * auths.len() * 2);
}
