//! What is said where a chart or an artifact cannot be fetched: which one, from where, why, and what to do.

use cowherd_gitserver::artifact::Repository as Place;
use cowherd_gitserver::files::{Behaviour, Server};
use cowherd_gitserver::registry::{Access, Registry};

use crate::program::fleet::{self, Fleet};
use crate::program::{Running, eventually};

/// Who may use a registry, as `htpasswd -B` writes it.
const PASSWORDS: &str = "jane:$2y$05$XoLvnbgft9x0ZmG1CGEZbeFof1S40j3jYVUdJ3LIwlJ/S60Gm2vlS\n";

/// A source that cannot be had: its name, what it is, and the words that must be said of it.
struct Case {
    name: &'static str,
    source: String,
    words: Vec<String>,
}

impl Case {
    fn new(name: &'static str, source: String, words: &[&str]) -> Self {
        Self { name, source, words: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    fn is_artifact(&self) -> bool {
        self.source.contains("OCIRepository")
    }

    /// The source, and a release of it.
    fn manifests(&self) -> String {
        let name = self.name;
        let chart = match self.is_artifact() {
            true => format!("chartRef: {{kind: OCIRepository, name: {name}}}"),
            false => format!("chart: {{spec: {{chart: web, sourceRef: {{kind: HelmRepository, name: {name}}}}}}}"),
        };
        format!(
            "{}---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec: {{interval: 1h, {chart}}}\n",
            self.source
        )
    }
}

fn repository(name: &str, url: &str) -> String {
    source("HelmRepository", name, url)
}

fn source(kind: &str, name: &str, url: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: \
         {{interval: 1h, url: '{url}'}}\n"
    )
}

#[test]
fn a_chart_or_an_artifact_that_cannot_be_had_is_told_with_its_address_the_cause_and_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let (private, absent, busy) = (Server::start(&empty), Server::start(&empty), Server::start(&empty));
    private.behave(Behaviour { authorization: Some("Basic nobody".into()), ..Behaviour::default() });
    busy.behave(Behaviour { status: Some(503), ..Behaviour::default() });
    let strange = Server::start_tls(&empty);
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let closed = Registry::start(&directory.path().join("closed"), &Access::Passwords(PASSWORDS.to_owned()));
    let at = |server: &Server| server.url("").trim_end_matches('/').to_owned();
    let oci = |name: &str, host: &str| source("OCIRepository", name, &Place::new(host, "team/web").url());
    let cases = [
        Case::new(
            "nobody",
            repository("nobody", "http://127.0.0.1:1"),
            &[
                "cannot reach http://127.0.0.1:1/index.yaml",
                "Connection refused",
                "check the host name and the network",
            ],
        ),
        Case::new(
            "unknown",
            repository("unknown", "https://charts.invalid"),
            &["cannot reach https://charts.invalid/index.yaml: its name cannot be resolved"],
        ),
        Case::new(
            "private",
            repository("private", &at(&private)),
            &[&at(&private), "401 Unauthorized, and no credentials were given", "spec.secretRef of the HelmRepository"],
        ),
        Case::new(
            "absent",
            repository("absent", &at(&absent)),
            &[
                &format!("there is nothing at {}/index.yaml", at(&absent)),
                "404 Not Found",
                "check the URL of the repository",
            ],
        ),
        Case::new(
            "busy",
            repository("busy", &at(&busy)),
            &[
                &format!("{}/index.yaml does not answer now: the server answered 503", at(&busy)),
                "for whoever runs the server to mend",
            ],
        ),
        Case::new(
            "strange",
            repository("strange", &at(&strange)),
            &[&format!("TLS with {}/index.yaml failed", at(&strange)), "spec.certSecretRef"],
        ),
        Case::new(
            "lost",
            oci("lost", &registry.host),
            &[&registry.host, "404 Not Found", "check the URL of the repository and the name of what is in it"],
        ),
        Case::new(
            "closed",
            oci("closed", &closed.host),
            &[&closed.host, "no credentials were given", "spec.secretRef of the OCIRepository"],
        ),
        Case::new("gone", oci("gone", "127.0.0.1:1"), &["127.0.0.1:1", "Connection refused", "check the host name"]),
    ];
    let repository = fleet::repository(&directory.path().join("fleet"));
    for case in &cases {
        repository.write(&format!("cluster/{}.yaml", case.name), &case.manifests());
    }
    let first = repository.commit("begin");
    let running =
        Running::start(directory.path(), ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"]);
    let fleet = Fleet { repository, running, first, directory };
    for case in &cases {
        let words: Vec<&str> = case.words.iter().map(String::as_str).collect();
        let kind = if case.is_artifact() { "ocirepository" } else { "helmrepository" };
        fleet.running.wait_for_condition(&format!("{kind} {}", case.name), "False", &words);
        let has_all = |what: &str, text: &str| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let missing: Vec<&&str> = words.iter().filter(|word| !text.contains(**word)).collect();
            if missing.is_empty() && text.contains(case.name) {
                Ok(())
            } else {
                Err(format!("{what}: {missing:?} is not in {text}"))
            }
        };
        eventually("the terminal tells it", || has_all("up", &fleet.running.said()));
        let words = if case.is_artifact() { ["get", "source", "oci"] } else { ["get", "source", "helm"] };
        let got = fleet.running.cowherd_ok([&words[..], &[case.name, "-o", "wide"]].concat());
        has_all("get", &got).unwrap();
        let diff = fleet.running.cowherd(["diff", &format!("hr/{}", case.name)]);
        assert_eq!(diff.status.code(), Some(3), "{}", case.name);
        has_all("diff", &String::from_utf8_lossy(&diff.stderr)).unwrap();
    }
}
