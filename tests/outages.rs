//! Remotes that go away, change their mind or lose a branch: what was applied stays, and it goes on by itself.

use cowherd_gitserver::http::Server;

use crate::program::fleet;
use crate::program::repository::Repository;
use crate::program::{Running, eventually};

/// A fleet behind a server, and the program that looks at it often.
struct Served {
    repository: Repository,
    server: Server,
    running: Running,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = fleet::repository(&directory.path().join("served/fleet"));
        let commit = repository.commit("begin");
        let server = Server::start(&directory.path().join("served"));
        let url = server.url("fleet/.git");
        let running =
            Running::start(directory.path(), ["up", &url, "--branch", "main", "--path", "cluster", "--interval", "1s"]);
        let served = Self { repository, server, running, _directory: directory };
        served.wait_until_applied(&commit);
        served
    }

    fn wait_until_applied(&self, commit: &str) {
        self.running.wait_for_ready("app", "True", commit);
        self.running.wait_for_ready("other", "True", commit);
    }

    /// Waits until the source has failed with these words, everywhere that people look.
    fn wait_for_failure(&self, words: &[&str]) {
        self.running.wait_for_condition("gitrepository flux-system", "False", words);
        self.running.wait_for_warning("GitRepository/flux-system", words);
        self.running.wait_until_said(words);
        let output = self.running.cowherd(["reconcile", "source", "git", "flux-system"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let served = Served::start();
    let before = served.running.identities("configmaps", "default");
    served.server.stop();
    served.wait_for_failure(&["cannot reach", &served.server.url("fleet/.git")]);
    assert_eq!(served.running.identities("configmaps", "default"), before);
    // Drift is put right from what was fetched before.
    served.running.kubectl_ok(["delete", "configmap", "red", "-n", "default"]);
    served.running.wait_for_value("red", "1");

    served.repository.config_map("app/blue.yaml", "blue", "2");
    let commit = served.repository.commit("change blue meanwhile");
    served.server.restart();
    served.wait_until_applied(&commit);
    assert_eq!(served.running.value("blue"), "2");
    served.running.wait_for_condition("gitrepository flux-system", "True", &[&commit]);
}

#[test]
fn a_rewritten_history_is_followed() {
    let served = Served::start();
    served.repository.config_map("app/green.yaml", "green", "1");
    served.wait_until_applied(&served.repository.commit("add green"));
    let before = served.running.identities("configmaps", "default");

    served.repository.git(["checkout", "--quiet", "--orphan", "rewritten"]);
    served.repository.remove("app/green.yaml").config_map("app/red.yaml", "red", "rewritten");
    let commit = served.repository.commit("begin anew");
    served.repository.git(["branch", "--force", "main", "rewritten"]);
    served.wait_until_applied(&commit);
    let after = served.running.identities("configmaps", "default");
    assert_eq!(served.running.value("red"), "rewritten");
    assert!(!after.contains_key("green"), "{after:?}");
    assert_eq!(after["red"].0, before["red"].0);
    assert_eq!(after["blue"], before["blue"]);
}

#[test]
fn a_deleted_branch_prunes_nothing() {
    let served = Served::start();
    let before = served.running.identities("configmaps", "default");
    served.repository.git(["checkout", "--quiet", "-b", "aside"]);
    served.repository.git(["branch", "--quiet", "-D", "main"]);
    served.wait_for_failure(&["main", "not found", &served.server.url("fleet/.git")]);
    assert_eq!(served.running.identities("configmaps", "default"), before);

    served.repository.config_map("app/red.yaml", "red", "2");
    let commit = served.repository.commit("change red");
    served.repository.git(["branch", "main"]);
    served.wait_until_applied(&commit);
    assert_eq!(served.running.value("red"), "2");
}

#[test]
fn a_server_that_answers_nonsense_is_named() {
    let served = Served::start();
    let before = served.running.identities("configmaps", "default");
    let failing = cowherd_gitserver::http::Behaviour { status: Some(503), ..Default::default() };
    served.server.behave(failing);
    served.wait_for_failure(&["503", &served.server.url("fleet/.git")]);
    assert_eq!(served.running.identities("configmaps", "default"), before);
    served.server.behave(Default::default());
    eventually("the source recovers", || {
        let ready = served.running.cowherd(["get", "sources", "git", "--status-selector", "ready=true", "--no-header"]);
        if ready.stdout.is_empty() { Err("it is not ready".to_owned()) } else { Ok(()) }
    });
}
