//! Repositories on this machine, in every form that git gives them.

use std::path::Path;

use cowherd_gitserver::repository::run as git;

use crate::program::fleet::{self, Fleet};
use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

/// Stands in `directory`, follows `arguments`, and waits until a fleet's Kustomizations are ready at `commit`.
fn follow(directory: &Path, arguments: &[&str], data: &Path, commit: &str) -> Running {
    let mut command = cowherd(directory);
    command.arg("up").args(arguments);
    let running = Running::spawn(command, data);
    running.wait_for_ready("app", "True", commit);
    running.wait_for_ready("other", "True", commit);
    running
}

#[test]
fn a_file_url_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let commit = repository.commit("begin");
    let url = format!("file://{}", repository.path.display());
    let running = follow(directory.path(), &[&url, "--path", "./cluster"], &directory.path().join("data"), &commit);
    repository.config_map("app/red.yaml", "red", "2");
    running.wait_for_ready("app", "True", &repository.commit("change red"));
    assert_eq!(running.value("red"), "2");
}

#[test]
fn without_arguments_the_directory_that_one_stands_in_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let commit = repository.commit("begin");
    let running = follow(&repository.path.join("cluster"), &[], &directory.path().join("data"), &commit);
    assert_eq!(running.get("kustomization flux-system -n flux-system")["spec"]["path"], "./cluster");
    repository.config_map("app/red.yaml", "red", "2");
    running.wait_for_ready("app", "True", &repository.commit("change red"));
}

#[test]
fn a_worktree_is_followed_on_its_own_branch() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    repository.commit("begin");
    repository.git(["worktree", "add", "--quiet", "-b", "next", "../tree"]);
    let tree = Repository { path: directory.path().join("tree") };
    tree.config_map("app/red.yaml", "red", "next");
    let commit = tree.commit("change red");
    let running = follow(&tree.path.join("cluster"), &[], &directory.path().join("data"), &commit);
    assert_eq!(running.value("red"), "next");
    tree.config_map("app/red.yaml", "red", "later");
    running.wait_for_ready("app", "True", &tree.commit("change it again"));
    assert_eq!(running.value("red"), "later");
}

#[test]
fn a_shallow_clone_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let origin = fleet::repository(&directory.path().join("origin"));
    origin.commit("begin");
    origin.config_map("app/red.yaml", "red", "2");
    let commit = origin.commit("change red");
    let url = format!("file://{}", origin.path.display());
    git(directory.path(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    let clone = Repository { path: directory.path().join("shallow") };
    let running = follow(&clone.path, &[".", "--path", "cluster"], &directory.path().join("data"), &commit);
    origin.config_map("app/red.yaml", "red", "3");
    let commit = origin.commit("change red again");
    clone.git(["fetch", "--quiet", "--depth", "1"]);
    clone.git(["reset", "--quiet", "--hard", "origin/main"]);
    running.wait_for_ready("app", "True", &commit);
    assert_eq!(running.value("red"), "3");
}

#[test]
fn a_detached_head_is_followed_where_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let first = repository.commit("begin");
    repository.config_map("app/red.yaml", "red", "2");
    let second = repository.commit("change red");
    repository.git(["checkout", "--quiet", "--detach", &first]);
    let running = follow(&repository.path.join("cluster"), &[], &directory.path().join("data"), &first);
    assert_eq!(running.value("red"), "1");
    repository.git(["checkout", "--quiet", &second]);
    running.wait_for_ready("app", "True", &second);
    assert_eq!(running.value("red"), "2");
}

#[test]
fn a_branch_can_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let commit = repository.commit("begin");
    repository.git(["branch", "release"]);
    repository.config_map("app/red.yaml", "red", "2");
    repository.commit("change red on main");
    let arguments = [".", "--branch", "release", "--path", "cluster"];
    let running = follow(&repository.path, &arguments, &directory.path().join("data"), &commit);
    assert_eq!(running.value("red"), "1");
}

#[test]
fn what_cannot_be_followed_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let empty = Repository::new(directory.path().join("empty"));
    let fleet = fleet::repository(&directory.path().join("fleet"));
    fleet.commit("begin");
    std::fs::create_dir(directory.path().join("plain")).unwrap();
    let cases: [(&Path, &[&str], &[&str]); 5] = [
        (&empty.path, &[], &["no commit on main"]),
        (&directory.path().join("plain"), &[], &["plain", "Git repository"]),
        (directory.path(), &["missing"], &["missing"]),
        (&fleet.path, &["--branch", "gone"], &["gone", "not found"]),
        (&fleet.path, &["--path", "../elsewhere"], &["../elsewhere"]),
    ];
    for (place, arguments, words) in cases {
        let mut command = cowherd(place);
        // Git must not find a repository above the temporary directory.
        command.env("GIT_CEILING_DIRECTORIES", directory.path());
        let data = directory.path().join("data");
        command.arg("up").args(arguments).args(["--once", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} is not in: {said}");
    }
}

#[test]
fn once_fails_with_the_reason_when_something_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    repository.write("app/broken.yaml", "{").commit("begin with a mistake");
    let mut command = cowherd(&repository.path);
    command.args(["up", "--path", "cluster", "--once", "--listen", "127.0.0.1:0", "--data-dir", "../data"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let reason = said.lines().any(|line| line.contains("app is not ready") && line.contains("app/broken.yaml"));
    assert!(reason, "{said}");
}

#[test]
fn a_commit_is_applied_without_anybody_asking() {
    let fleet = Fleet::start();
    for value in ["2", "3", "4"] {
        fleet.repository.config_map("app/red.yaml", "red", value);
        fleet.wait_until_applied(&fleet.repository.commit("change red"));
        assert_eq!(fleet.running.value("red"), value);
    }
}

#[test]
fn a_directory_of_plain_manifests_is_applied_to_the_default_namespace_and_pruned() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("plain"));
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: \
                      {app: web}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, \
                      image: web}]\n";
    repository.write("manifests/web.yaml", deployment);
    repository.write("manifests/settings/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\n");
    let first = repository.commit("plain manifests");
    let running = Running::start(directory.path(), ["up", repository.path.to_str().unwrap(), "--path", "manifests"]);
    running.wait_for_ready("flux-system", "True", &first);
    assert_eq!(running.get("deployment web -n default")["metadata"]["namespace"], "default");
    running.kubectl_ok(["get", "configmap", "plain", "-n", "default"]);
    repository.remove("manifests/settings/map.yaml");
    running.wait_for_ready("flux-system", "True", &repository.commit("without the map"));
    assert!(!running.kubectl(["get", "configmap", "plain", "-n", "default"]).status.success());
}
