//! Repositories over HTTP and in directories.

use std::fs;

use cowherd_gitserver::files::{Behaviour, Server};
use cowherd_source::{Access, Auth, ChartProblem, ChartRepository, ChartSource, LocalAccess, WebProblem};
use cowherd_tree::{Tree as _, TreePath};

use crate::support::helm::{Helm, charts, fetch, path, source};

const JANE: &str = "Basic amFuZTpwYXNzLTVlY3JldA==";

fn jane() -> Auth {
    Auth { username: Some("jane".into()), password: Some("pass-5ecret".into()), ..Auth::default() }
}

/// A directory with `charts/`, a repository of two versions of a chart.
fn repository() -> (tempfile::TempDir, Helm) {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let charts = directory.path().join("charts");
    helm.package(&charts, "web", &["1.0.0", "1.1.0+b.1"]);
    helm.run(&["repo", "index", path(&charts)]);
    (directory, helm)
}

#[test]
fn a_chart_is_what_helm_pulls() {
    let (directory, helm) = repository();
    let server = Server::start(directory.path());
    let kept = tempfile::tempdir().unwrap();
    for (url, charts) in [(server.url("charts"), charts(kept.path())), (server.url("charts/"), charts(kept.path()))] {
        for version in ["1.0.0", "1.1.0+b.1", ""] {
            let package = fetch(&charts, &source(&url, "web", version));
            let pulled = helm.pull(&["web", "--repo", &url, "--version", version]);
            assert_eq!(package.tree.id(), pulled.id(), "{version:?}");
            let chart = package.tree.read(&TreePath::parse("Chart.yaml").unwrap()).unwrap();
            assert!(String::from_utf8_lossy(&chart).contains(&format!("version: {}", package.version)));
            assert_eq!(package.name, "web");
        }
    }
}

#[test]
fn what_did_not_change_is_not_transferred_again() {
    let (directory, helm) = repository();
    let server = Server::start(directory.path());
    let kept = tempfile::tempdir().unwrap();
    let wanted = source(&server.url("charts"), "web", "1.0.0");
    assert!(!fetch(&charts(kept.path()), &wanted).cached);
    assert_eq!(server.seen().len(), 2, "the index and the chart");
    // A new process.
    let restarted = charts(kept.path());
    let package = fetch(&restarted, &wanted);
    assert!(package.cached);
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| (seen.status, seen.sent)).collect::<Vec<_>>(), [(304, 0)]);

    helm.package(&directory.path().join("charts"), "web", &["1.2.0"]);
    helm.run(&["repo", "index", path(&directory.path().join("charts"))]);
    assert_eq!(fetch(&restarted, &source(&server.url("charts"), "web", "")).version, "1.2.0");
}

#[test]
fn an_index_of_ones_own_is_no_way_to_a_chart_of_others() {
    let (directory, _) = repository();
    let server = Server::start(directory.path());
    server.behave(Behaviour { authorization: Some(JANE.into()), ..Behaviour::default() });
    let kept = tempfile::tempdir().unwrap();
    let charts = charts(kept.path());
    let of_jane = source(&server.url("charts"), "web", "1.0.0").with_auth(jane());
    fetch(&charts, &of_jane);
    // It has the digests, and the URLs of the other.
    let index = fs::read_to_string(directory.path().join("charts/index.yaml")).unwrap();
    let own = tempfile::tempdir().unwrap();
    let index = index.replace("- web-1.0.0.tgz", &format!("- {}", server.url("charts/web-1.0.0.tgz")));
    fs::write(own.path().join("index.yaml"), index).unwrap();
    let own_server = Server::start(own.path());
    for url in [own_server.url(""), format!("file://{}", own.path().display())] {
        let error = charts.fetch(&source(&url, "web", "1.0.0")).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    }
    assert!(fetch(&charts, &of_jane).cached);
}

#[test]
fn a_damaged_cache_is_noticed() {
    let (directory, _) = repository();
    let server = Server::start(directory.path());
    let kept = tempfile::tempdir().unwrap();
    let charts = charts(kept.path());
    let wanted = source(&server.url("charts"), "web", "1.0.0");
    let whole = fetch(&charts, &wanted);
    let files = fs::read_dir(kept.path().join("charts")).unwrap().map(|entry| entry.unwrap().path());
    let archives: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "tgz")).collect();
    assert_eq!(archives.len(), 1);
    for file in archives {
        let mut content = fs::read(&file).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(file, content).unwrap();
    }
    let again = fetch(&charts, &wanted);
    assert!(!again.cached);
    assert_eq!(again.tree.id(), whole.tree.id());
}

#[test]
fn an_index_is_read_however_it_is_written_and_sent() {
    let (directory, helm) = repository();
    let index = directory.path().join("charts/index.yaml");
    let server = Server::start(directory.path());
    let other = Server::start(directory.path());
    let charts = charts(directory.path());
    let yaml = fs::read_to_string(&index).unwrap();
    helm.run(&["repo", "index", path(&directory.path().join("charts")), "--json"]);
    let json = fs::read_to_string(&index).unwrap();
    assert!(json.starts_with('{'));
    let absolute = yaml.replace("- web-1.0.0.tgz", &format!("- {}", other.url("charts/web-1.0.0.tgz")));
    let unknown = yaml.replace("    name: web", "    novelty: {x: 1}\n    name: web") + "novelty: 1\n";
    let broken = yaml.replace("  web:", "  web:\n  - version: nonsense\n    name: web\n  - {}\n  - null");
    let undigested: String = yaml.lines().filter(|line| !line.contains("digest:")).map(|l| format!("{l}\n")).collect();
    for (name, text) in [
        ("yaml", yaml.clone()),
        ("json", json),
        ("absolute", absolute),
        ("unknown", unknown),
        ("broken", broken),
        ("undigested", undigested),
        ("windows", yaml.replace('\n', "\r\n")),
    ] {
        fs::write(&index, text).unwrap();
        server.behave(Behaviour { gzip: name == "yaml", ..Behaviour::default() });
        let package = charts.fetch(&source(&server.url("charts"), "web", "1.0.0"));
        assert_eq!(package.unwrap_or_else(|error| panic!("{name}: {error}")).version, "1.0.0");
    }
}

#[test]
fn what_is_missing_is_named_with_what_there_is() {
    let (directory, _) = repository();
    let server = Server::start(directory.path());
    let charts = charts(directory.path());
    let url = server.url("charts");
    let says = |source: &ChartSource, words: &[&str]| {
        let error = charts.fetch(source).unwrap_err();
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
        }
        error.problem
    };
    let problem = says(&source(&url, "web", ">=2"), &["\"web\"", &url, "\">=2\"", "there are 1.1.0+b.1, 1.0.0"]);
    assert!(matches!(problem, ChartProblem::NoVersion { .. }));
    assert!(matches!(says(&source(&url, "wep", ""), &["\"wep\"", &url, "spelling"]), ChartProblem::NoChart));
    let elsewhere = server.url("elsewhere");
    assert!(matches!(
        says(&source(&elsewhere, "web", ""), &[&elsewhere, "404"]),
        ChartProblem::Web(WebProblem::NotFound { .. })
    ));
    let problem = says(&source("http://127.0.0.1:1/x", "web", ""), &["cannot reach http://127.0.0.1:1/x/index.yaml"]);
    assert!(matches!(problem, ChartProblem::Web(WebProblem::Unreachable { .. })));
}

#[test]
fn what_is_not_what_was_announced_is_refused() {
    let (directory, _) = repository();
    let server = Server::start(directory.path());
    let charts = charts(directory.path());
    fs::copy(directory.path().join("charts/web-1.1.0+b.1.tgz"), directory.path().join("charts/web-1.0.0.tgz")).unwrap();
    let error = charts.fetch(&source(&server.url("charts"), "web", "1.0.0")).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Digest { .. })), "{error}");
}

#[test]
fn who_names_the_digest_of_a_private_chart_does_not_get_it() {
    let (directory, _) = repository();
    let private = Server::start(directory.path());
    let charts = charts(directory.path());
    let package = charts.fetch(&source(&private.url("charts"), "web", "1.0.0")).unwrap();
    let own = tempfile::tempdir().unwrap();
    let digest = package.digest.hex();
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n  - {{name: web, version: 1.0.0, digest: {digest}, urls: [web-1.0.0.tgz]}}\n"
    );
    fs::write(own.path().join("index.yaml"), index).unwrap();
    let own = Server::start(own.path());
    let error = charts.fetch(&source(&own.url(""), "web", "1.0.0")).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::NotFound { .. })), "{error}");
    assert!(charts.fetch(&source(&private.url("charts"), "web", "1.0.0")).unwrap().cached);
}

#[test]
fn credentials_go_to_their_server_alone_unless_it_is_said_otherwise() {
    let (directory, _) = repository();
    let server = Server::start(directory.path());
    let other = Server::start(directory.path());
    let index = directory.path().join("charts/index.yaml");
    let yaml = fs::read_to_string(&index).unwrap();
    let private = Behaviour { authorization: Some(JANE.into()), ..Behaviour::default() };
    server.behave(private.clone());
    let url = server.url("charts");
    let fetched = |source: &ChartSource| charts(tempfile::tempdir().unwrap().path()).fetch(source);

    let error = fetched(&source(&url, "web", "")).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    assert!(error.to_string().contains("no credentials were given"), "{error}");
    fetched(&source(&url, "web", "").with_auth(jane())).unwrap();
    // The same in the URL.
    let with_user = url.replace("http://", "http://jane:pass-5ecret@");
    fetched(&source(&with_user, "web", "")).unwrap();

    fs::write(&index, yaml.replace("- web-", &format!("- {}", other.url("charts/web-")))).unwrap();
    let wanted = source(&url, "web", "1.0.0").with_auth(jane());
    fetched(&wanted).unwrap();
    assert_eq!(other.seen().into_iter().map(|seen| seen.authorization).collect::<Vec<_>>(), [None]);
    fetched(&ChartSource { pass_credentials: true, ..wanted.clone() }).unwrap();
    assert_eq!(other.seen().into_iter().map(|seen| seen.authorization).collect::<Vec<_>>(), [Some(JANE.to_owned())]);

    // Sent elsewhere, credentials stay behind.
    fs::write(&index, yaml).unwrap();
    server.behave(Behaviour { redirect: Some(other.url("").trim_end_matches('/').to_owned()), ..private });
    fetched(&wanted).unwrap();
    assert!(other.seen().iter().all(|seen| seen.authorization.is_none()));
}

#[test]
fn a_server_with_its_own_authority_is_trusted_when_it_is_given() {
    let (directory, _) = repository();
    let server = Server::start_tls(directory.path());
    let charts = charts(directory.path());
    let unknown = source(&server.url("charts"), "web", "1.0.0");
    let error = charts.fetch(&unknown).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Tls { .. })), "{error}");
    let ca = server.certificate.clone().map(String::into_bytes);
    fetch(&charts, &unknown.clone().with_auth(Auth { ca: ca.clone(), ..Auth::default() }));

    // What is said by TLS is not said in clear text, whatever the index and the user want.
    let clear = Server::start(directory.path());
    let index = directory.path().join("charts/index.yaml");
    let yaml = fs::read_to_string(&index).unwrap();
    fs::write(&index, yaml.replace("- web-1.1.0", &format!("- {}", clear.url("charts/web-1.1.0")))).unwrap();
    let wanted = source(&server.url("charts"), "web", "").with_auth(Auth { ca, ..jane() });
    fetch(&charts, &ChartSource { pass_credentials: true, ..wanted });
    assert_eq!(clear.seen().into_iter().map(|seen| seen.authorization).collect::<Vec<_>>(), [None]);
    let error = charts.fetch(&unknown.with_auth(Auth { ca: Some(b"none".to_vec()), ..Auth::default() })).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Credentials(_))), "{error}");
}

#[test]
fn a_directory_is_a_repository_too() {
    let (directory, _) = repository();
    let root = directory.path().join("charts");
    let wanted = ChartSource::new(ChartRepository::from_path(&root), "web").with_access(Access::own());
    let charts = charts(&directory.path().join("kept"));
    assert_eq!(fetch(&charts, &wanted).version, "1.1.0+b.1");
    assert_eq!(fetch(&charts, &source(&format!("file://{}", path(&root)), "web", "1.0")).version, "1.0.0");

    // A chart on a server, which is not shown who we are.
    let index = root.join("index.yaml");
    let yaml = fs::read_to_string(&index).unwrap();
    let server = Server::start(&root);
    fs::write(&index, yaml.replace("- web-1.1.0", &format!("- {}", server.url("web-1.1.0")))).unwrap();
    assert_eq!(fetch(&charts, &wanted.clone().with_auth(jane())).version, "1.1.0+b.1");
    assert_eq!(server.seen().into_iter().map(|seen| seen.authorization).collect::<Vec<_>>(), [None]);

    // A chart outside, by the way up and by a link.
    fs::copy(root.join("web-1.0.0.tgz"), directory.path().join("outside.tgz")).unwrap();
    std::os::unix::fs::symlink("../outside.tgz", root.join("link.tgz")).unwrap();
    let outside = format!("file://{}/outside.tgz", path(directory.path()));
    for place in ["../outside.tgz", "link.tgz", &outside, "ftp://example.com/x.tgz"] {
        fs::write(&index, yaml.replace("- web-1.1.0+b.1.tgz", &format!("- {place}"))).unwrap();
        let error = charts.fetch(&wanted).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Location { .. })), "{place}: {error}");
    }

    let access = Access { local: LocalAccess::Only(vec!["/srv".into()]), ..Access::default() };
    let error = charts.fetch(&wanted.with_access(access)).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::NotAllowed(_)), "{error}");
}

#[test]
fn an_index_on_a_server_cannot_name_files_of_this_machine() {
    let (directory, _) = repository();
    let index = directory.path().join("charts/index.yaml");
    let yaml = fs::read_to_string(&index).unwrap();
    let server = Server::start(directory.path());
    for place in ["file:///etc/passwd", "ftp://example.com/x.tgz", "data:x"] {
        fs::write(&index, yaml.replace("- web-1.0.0.tgz", &format!("- {place:?}"))).unwrap();
        let error = charts(directory.path()).fetch(&source(&server.url("charts"), "web", "1.0.0")).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Location { .. })), "{place}: {error}");
    }
}
