//! A registry that wants a token from another server, with credentials and without.

use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::tokens::Server;
use cowherd_source::{Auth, ChartProblem, WebProblem};

use crate::support::helm::{Helm, charts, fetch, path, source};

const JANE: &str = "Basic amFuZTpwYXNzLTVlY3JldA==";

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let data = directory.path().join("registry");
    let archives = helm.package(directory.path(), "web", &["1.0.0", "1.1.0+b.1"]);
    let open = Registry::start(&data, &Access::Anyone);
    for archive in archives {
        helm.run(&["push", path(&archive), &format!("oci://{}/team", open.host), "--plain-http"]);
    }
    drop(open);
    let jane = Auth { username: Some("jane".into()), password: Some("pass-5ecret".into()), ..Auth::default() };

    // For anyone.
    let tokens = Server::start(None);
    let registry = Registry::start(&data, &tokens.access());
    let url = format!("oci://{}/team", registry.host);
    let package = fetch(&charts(directory.path()), &source(&url, "web", "1.x"));
    assert_eq!(package.version, "1.1.0+b.1");
    assert_eq!(tokens.seen(), ["/token?scope=repository%3Ateam%2Fweb%3Apull&service=charts"], "one for all requests");
    assert_eq!(package.tree.id(), helm.pull(&[&format!("{url}/web"), "--plain-http", "--version", "1.x"]).id());

    // For Jane.
    let tokens = Server::start(Some(JANE));
    let registry = Registry::start(&data, &tokens.access());
    let wanted = source(&format!("oci://{}/team", registry.host), "web", "1.x");
    let charts = charts(directory.path());
    let error = charts.fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    assert!(error.to_string().contains("no credentials were given"), "{error}");
    fetch(&charts, &wanted.clone().with_auth(jane));
    let wrong = Auth { username: Some("jane".into()), password: Some("wrong-5ecret".into()), ..Auth::default() };
    let error = charts.fetch(&wanted.with_auth(wrong)).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    assert!(!format!("{error} {error:?}").contains("5ecret"), "{error}");
}
