//! What may pass by itself is waited for, as long as `--once` may take; what cannot ends it at once.

use std::cell::Cell;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cowherd_gitserver::http::{Behaviour, Server};

use crate::program::fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// A fleet's repository behind a server, and a place for data directories.
struct Served {
    repository: Repository,
    server: Server,
    directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = fleet::repository(&directory.path().join("served/fleet"));
        repository.commit("begin");
        let server = Server::start(&directory.path().join("served"));
        Self { repository, server, directory }
    }

    fn url(&self) -> String {
        self.server.url("fleet/.git")
    }

    /// `cowherd up --once` with these words.
    fn once(&self, words: &[&str]) -> Command {
        let mut command = cowherd(self.directory.path());
        command.arg("up").args(words).args(["--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end; its status, what it said, and how long it took.
    fn ended(&self, words: &[&str]) -> (Option<i32>, String, Duration) {
        let began = Instant::now();
        let (status, said) = end(self.once(words).spawn().unwrap());
        (status, said, began.elapsed())
    }

    /// Waits until the server was asked `times` more.
    fn wait_until_asked(&self, times: usize) {
        let asked = Cell::new(0);
        eventually("the server is asked", || {
            asked.set(asked.get() + self.server.seen().len());
            if asked.get() >= times { Ok(()) } else { Err(format!("{} times", asked.get())) }
        });
    }
}

fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// An answer that says to come back.
fn busy() -> Behaviour {
    Behaviour { status: Some(503), ..Behaviour::default() }
}

#[test]
fn once_waits_for_a_server_that_is_not_there_yet() {
    let served = Served::start();
    let url = served.url();
    for what in ["at its first start", "when it resumes"] {
        served.server.behave(busy());
        served.server.seen();
        let child = served.once(&[&url, "--branch", "main", "--path", "cluster"]).spawn().unwrap();
        served.wait_until_asked(3);
        served.server.behave(Behaviour::default());
        let (status, said) = end(child);
        assert_eq!(status, Some(0), "{what}: {said}");
        assert!(said.contains("503") && said.contains("it is tried again"), "{what}: {said}");
    }
    served.server.stop();
    let (status, said, _) = served.ended(&["--timeout", "3s"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot reach") && said.contains("is not ready"), "{said}");
}

#[test]
fn once_ends_at_once_for_what_does_not_pass() {
    let served = Served::start();
    let url = served.url();
    let (status, said, _) = served.ended(&[&url, "--branch", "main", "--path", "cluster"]);
    assert_eq!(status, Some(0), "{said}");
    let patient = Duration::from_secs(120);
    for (status, words) in [(401, "refused access"), (404, "there is no repository")] {
        served.server.behave(Behaviour { status: Some(status), ..Behaviour::default() });
        let (ended, said, took) = served.ended(&["--timeout", "10m"]);
        assert_eq!(ended, Some(1), "{said}");
        assert!(said.contains(words) && took < patient, "{took:?}: {said}");
    }
}

#[test]
fn once_ends_where_objects_wait_for_a_node_and_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  selector: {matchLabels: \
                      {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";
    repository.kustomization("web", "./web", "wait: true\ntimeout: 30m").write("web/web.yaml", deployment);
    repository.kustomization("next", "./next", "dependsOn:\n- name: web").config_map("next/map.yaml", "next", "1");
    repository.commit("a Deployment");
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--path", "cluster", "--once", "--timeout", "20m", "--listen", "127.0.0.1:0"]);
    command.args(["--data-dir", "data"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let (status, said) = end(command.spawn().unwrap());
    assert_eq!(status, Some(1), "{said}");
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}: {said}", began.elapsed());
    assert!(
        said.contains("web: ")
            && said.contains("those for a node: this cluster has none")
            && said.contains("next waits"),
        "{said}"
    );
}

#[test]
fn a_source_that_recovers_is_told_of_once() {
    let served = Served::start();
    let url = served.url();
    let running = Running::start(
        served.directory.path(),
        ["up", &url, "--branch", "main", "--path", "cluster", "--interval", "1s"],
    );
    running.wait_for_condition("gitrepository flux-system", "True", &["stored artifact"]);
    served.server.behave(busy());
    running.wait_until_said(&["source flux-system: ", "503", "it is tried again"]);
    served.server.behave(Behaviour::default());
    running.wait_until_said(&["source flux-system is well again: main@sha1:"]);
    served.server.seen();
    served.wait_until_asked(4);
    assert_eq!(running.said().matches("is well again").count(), 1, "{}", running.said());
}

#[test]
fn what_was_said_of_the_interval_and_a_branch_that_is_not_there_hold_for_what_is_resumed() {
    let served = Served::start();
    let url = served.url();
    let (status, said, _) = served.ended(&[&url, "--path", "cluster", "--interval", "2s"]);
    assert_eq!(status, Some(0), "{said}");
    // Where it starts again, the source is Ready as the last run left it; what was said this time is written soon.
    let follows_each = |words: &[&str], interval: &str| {
        let running = Running::start(served.directory.path(), words);
        running.wait_until_said(&["flux-system: ", "applied"]);
        eventually(&format!("the interval is {interval}"), || {
            let source = running.get("gitrepository flux-system -n flux-system");
            if source["spec"]["interval"] == interval { Ok(()) } else { Err(source["spec"].to_string()) }
        });
    };
    follows_each(&["up"], "2s");
    follows_each(&["up", "--interval", "3s"], "3s");

    let (status, said, _) = served.ended(&["--branch", "nope"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("\"nope\" was not found in") && said.contains(&url), "{said}");
    assert!(!said.contains("cannot resume") && !said.contains("elsewhere"), "{said}");
    served.repository.git(["branch", "next"]);
    let (status, said, _) = served.ended(&["--branch", "next"]);
    assert!(status == Some(1) && said.contains("--switch"), "{said}");
}
