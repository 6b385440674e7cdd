//! OCI registries: `docker-registry`, to which `helm` pushes.

use std::path::Path;

use cowherd_gitserver::files::Server;
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_source::{Auth, ChartProblem, Digest, WebProblem};

use crate::support::helm::{Helm, charts, fetch, path, source};

/// Jane, whose password is `open-sesame`.
const JANE: &str = "jane:$2y$05$XoLvnbgft9x0ZmG1CGEZbeFof1S40j3jYVUdJ3LIwlJ/S60Gm2vlS\n";

fn jane() -> Auth {
    Auth { username: Some("jane".into()), password: Some("open-sesame".into()), ..Auth::default() }
}

/// Pushes two versions of a chart; gives the digest of the manifest of the first.
fn push(helm: &Helm, directory: &Path, url: &str) -> String {
    let digests = helm.package(directory, "web", &["1.0.0", "1.1.0+b.1"]).into_iter().map(|archive| {
        let output = helm.output(&["push", path(&archive), url, "--plain-http"]);
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        text.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap().to_owned()
    });
    digests.collect::<Vec<_>>().remove(0)
}

#[test]
fn a_chart_is_what_helm_pulls() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let url = format!("oci://{}/team/charts", registry.host);
    let chart = format!("{url}/web");
    let digest = push(&helm, directory.path(), &url);
    let charts = charts(directory.path());
    for version in ["1.0.0", "1.1.0+b.1", "", "1.0.x"] {
        let package = fetch(&charts, &source(&url, "web", version));
        let pulled = helm.pull(&[&chart, "--version", version, "--plain-http"]);
        assert_eq!(package.tree.id(), pulled.id(), "{version:?}");
        assert_eq!(package.name, "web");
    }
    let by_range = fetch(&charts, &source(&url, "web", "1.x"));
    assert_eq!(by_range.version, "1.1.0+b.1");
    assert!(by_range.cached);
    let archive = std::fs::read(directory.path().join("web-1.1.0+b.1.tgz")).unwrap();
    assert_eq!(by_range.digest, Digest::of(&archive));

    // By digest, in every place where one can be written.
    for (repository, name, version) in [
        (url.clone(), "web", digest.clone()),
        (url.clone(), "web", format!("@{digest}")),
        (format!("{chart}@{digest}"), "", String::new()),
        (format!("{chart}:1.0.0@{digest}"), "", String::new()),
        (format!("{chart}:1.0.0"), "", String::new()),
    ] {
        let package = fetch(&charts, &source(&repository, name, &version));
        assert_eq!(package.version, "1.0.0", "{repository} {version}");
        assert!(package.cached, "{repository} {version}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let url = format!("oci://{}/team", registry.host);
    push(&helm, directory.path(), &url);
    let charts = charts(directory.path());
    let error = |name: &str, version: &str| charts.fetch(&source(&url, name, version)).unwrap_err();
    let missing = error("web", "3.0.0");
    assert!(matches!(missing.problem, ChartProblem::Web(WebProblem::NotFound { .. })), "{missing}");
    assert!(missing.to_string().contains(&format!("chart \"web\" of {url}, version \"3.0.0\"")), "{missing}");
    let range = error("web", ">=3");
    assert!(range.to_string().contains("there are 1.1.0+b.1, 1.0.0"), "{range}");
    let chart = error("wep", "");
    assert!(matches!(chart.problem, ChartProblem::Web(WebProblem::NotFound { .. })), "{chart}");
    let digest = error("web", &format!("sha256:{}", "0".repeat(64)));
    assert!(matches!(digest.problem, ChartProblem::Web(WebProblem::NotFound { .. })), "{digest}");
    for (name, version) in [("Web", ""), ("../web", ""), ("web", "sha256:1234"), ("web:1.0.0", "1.1.0")] {
        let error = error(name, version);
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Location { .. })), "{name} {version}: {error}");
    }
}

#[test]
fn a_registry_with_passwords_wants_one() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let registry = Registry::start(&directory.path().join("registry"), &Access::Passwords(JANE.into()));
    let url = format!("oci://{}/team", registry.host);
    helm.run(&["registry", "login", &registry.host, "--plain-http", "--username", "jane", "--password", "open-sesame"]);
    push(&helm, directory.path(), &url);
    let charts = charts(directory.path());
    let wanted = source(&url, "web", "1.x");
    let error = charts.fetch(&wanted).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    let wrong = Auth { password: Some("pass-5ecret".into()), ..jane() };
    let error = charts.fetch(&wanted.clone().with_auth(wrong)).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Refused { .. })), "{error}");
    assert!(!format!("{error} {error:?}").contains("pass-5ecret"));
    let package = fetch(&charts, &wanted.clone().with_auth(jane()));
    assert_eq!(package.tree.id(), helm.pull(&[&format!("{url}/web"), "--plain-http", "--version", "1.x"]).id());
    // What is here already is no way around the password.
    assert!(charts.fetch(&wanted).is_err());
}

#[test]
fn an_index_may_send_to_a_registry() {
    let directory = tempfile::tempdir().unwrap();
    let helm = Helm::new(directory.path());
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    push(&helm, directory.path(), &format!("oci://{}/team", registry.host));
    let digest = Digest::of(&std::fs::read(directory.path().join("web-1.0.0.tgz")).unwrap()).hex();
    let index = |digest: &str| {
        let entry = format!(
            "{{name: web, version: 1.0.0, digest: {digest:?}, urls: [\"oci://{}/team/web:1.0.0\"]}}",
            registry.host
        );
        std::fs::write(directory.path().join("index.yaml"), format!("apiVersion: v1\nentries:\n  web:\n  - {entry}\n"))
            .unwrap();
    };
    let server = Server::start(directory.path());
    let charts = charts(directory.path());
    index(&digest);
    assert_eq!(fetch(&charts, &source(&server.url(""), "web", "1.0.0")).digest.hex(), digest);
    index(&"0".repeat(64));
    let error = charts.fetch(&source(&server.url(""), "web", "1.0.0")).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Digest { .. })), "{error}");
}

#[test]
fn what_is_no_chart_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    let manifests = directory.path().join("v2/team/web/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    let server = Server::start(directory.path());
    let url = format!("oci://{}/team", server.address);
    let charts = charts(directory.path());
    let config =
        "\"config\": {\"mediaType\": \"application/vnd.cncf.helm.config.v1+json\", \"digest\": \"x\", \"size\": 1}";
    for (manifest, expected) in [
        ("{\"config\": {\"mediaType\": \"application/vnd.oci.image.config.v1+json\", \"digest\": \"x\", \"size\": 1}}".to_owned(), "is no chart"),
        (format!("{{{config}}}"), "no layer"),
        (format!("{{{config}, \"layers\": [{{\"mediaType\": \"application/tar+gzip\", \"digest\": \"md5:1\", \"size\": 1}}]}}"), "no digest"),
        ("{\"manifests\": [{\"mediaType\": \"x\", \"digest\": \"sha256:0\", \"size\": 1}]}".to_owned(), "no digest"),
        ("<html>".to_owned(), "cannot be read"),
    ] {
        std::fs::write(manifests.join("1.0.0"), &manifest).unwrap();
        let error = charts.fetch(&source(&url, "web", "1.0.0")).unwrap_err();
        assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Protocol { .. })), "{manifest}: {error}");
        assert!(error.to_string().contains(expected), "{manifest}: {error}");
    }
}
