//! A second start on the same data directory goes on where the first ended.

use std::time::Duration;

use cowherd_gitserver::http::{Behaviour, Server};

use crate::program::fleet::Fleet;
use crate::program::{Running, cowherd};

const UP: [&str; 4] = ["up", "fleet", "--path", "cluster"];

#[test]
fn objects_survive_a_restart_untouched() {
    let Fleet { repository, running, first, directory } = Fleet::start();
    running.kubectl_ok(["create", "namespace", "by-hand"]);
    let kinds = ["configmaps", "secrets", "serviceaccounts"];
    let before: Vec<_> = kinds.iter().map(|kind| running.identities(kind, "default")).collect();
    let uids =
        ["kustomization app", "gitrepository flux-system"].map(|one| running.uid(&format!("{one} -n flux-system")));
    let status = running.stop();
    assert!(status.success(), "{status}");

    let running = Running::start(directory.path(), UP);
    running.wait_for_ready("app", "True", &first);
    running.wait_for_ready("other", "True", &first);
    let after: Vec<_> = kinds.iter().map(|kind| running.identities(kind, "default")).collect();
    assert_eq!(after, before);
    for (object, before) in ["kustomization app", "gitrepository flux-system"].iter().zip(uids) {
        assert_eq!(running.uid(&format!("{object} -n flux-system")), before);
    }
    running.kubectl_ok(["get", "namespace", "by-hand"]);

    repository.config_map("app/red.yaml", "red", "2").remove("app/blue.yaml");
    running.wait_for_ready("app", "True", &repository.commit("go on"));
    assert_eq!(running.value("red"), "2");
    assert_eq!(running.value("blue"), "");
}

#[test]
fn commits_from_while_it_was_away_are_applied() {
    let Fleet { repository, running, directory, .. } = Fleet::start();
    running.kill();
    repository.config_map("app/red.yaml", "red", "2").remove("app/blue.yaml");
    let commit = repository.commit("change and remove meanwhile");
    let running = Running::start(directory.path(), UP);
    running.wait_for_ready("app", "True", &commit);
    assert_eq!(running.value("red"), "2");
    assert_eq!(running.value("blue"), "");
    assert_eq!(running.value("other"), "1");
}

#[test]
fn a_data_directory_belongs_to_one_process() {
    let fleet = Fleet::start();
    let kubeconfig = std::fs::read(fleet.running.kubeconfig()).unwrap();
    let data = fleet.running.data_dir.to_str().unwrap();
    for arguments in [&UP[..], &["server"]] {
        let mut command = cowherd(fleet.directory.path());
        let output = command.args(arguments).args(["--data-dir", data, "--listen", "127.0.0.1:0"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in [data, "already in use by another process"] {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
    assert_eq!(std::fs::read(fleet.running.kubeconfig()).unwrap(), kubeconfig);
    fleet.repository.config_map("app/red.yaml", "red", "2");
    fleet.wait_until_applied(&fleet.repository.commit("the first goes on"));
}

#[test]
fn an_address_that_is_taken_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = cowherd(directory.path());
    let output = command.args(["server", "--data-dir", "data", "--listen", &address]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn what_was_advised_is_not_advised_again_once_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let repository = crate::program::fleet::repository(&directory.path().join("fleet"));
    let shared = crate::program::repository::Repository::new(directory.path().join("shared"));
    shared.config_map("shared.yaml", "shared", "1").commit("begin");
    let url = format!("file://{}", shared.path.display());
    let source = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: shared, namespace: \
         flux-system}}\nspec: {{interval: 1m, url: '{url}', ref: {{branch: main}}}}\n"
    );
    let database = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: default}\nspec:\n  \
        serviceName: db\n  replicas: 0\n  selector: {matchLabels: {app: db}}\n  template:\n    metadata: {labels: \
        {app: db}}\n    spec: {containers: [{name: db, image: db}]}\n";
    repository.write("cluster/shared-source.yaml", &source);
    repository.kustomization("db", "./db", "wait: true").write("db/db.yaml", database).commit("begin");
    let running = Running::start(directory.path(), UP);
    running.wait_until_said(&["source shared: ", "--local-repository"]);
    running.wait_until_said(&[" db: ", "nothing here acts on"]);
    running.wait_for_condition("kustomization db", "False", &["--assume-ready"]);
    running.stop();

    let flags = ["--assume-ready", "StatefulSet", "--local-repository", "shared"];
    let running = Running::start(directory.path(), [&UP[..], &flags].concat());
    running.wait_for_ready("db", "True", "");
    running.wait_for_condition("gitrepository shared", "True", &[]);
    running.wait_until_said(&["Kustomizations are ready after"]);
    let said = running.stop_and_listen();
    for advice in ["start cowherd with", "is not ready", "nothing here acts on"] {
        assert!(!said.contains(advice), "{advice:?} is in: {said}");
    }
}

#[test]
fn a_start_that_ends_when_all_is_ready_waits_for_what_came_meanwhile_and_fails_with_its_source() {
    let directory = tempfile::tempdir().unwrap();
    let repository = crate::program::fleet::repository(&directory.path().join("served/fleet"));
    repository.commit("begin");
    let server = Server::start(&directory.path().join("served"));
    let once = |words: &[&str]| {
        let mut command = cowherd(directory.path());
        command.args(["up", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]).args(words);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = once(&[&server.url("fleet/.git"), "--path", "cluster"]);
    assert_eq!(status, Some(0), "{said}");

    repository.config_map("app/red.yaml", "red", "2");
    let commit = repository.commit("change red meanwhile");
    server.behave(Behaviour { delay: Duration::from_secs(2), ..Behaviour::default() });
    let (status, said) = once(&[]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains(&commit[..8]) && said.contains("ConfigMap/default/red configured"), "{said}");

    // What was fetched before is there, and all is Ready; the failure counts whenever the status says so, and is waited for since
    // the server may come back.
    server.stop();
    let (status, said) = once(&["--timeout", "10s"]);
    assert!(status == Some(1) && said.contains("source flux-system/flux-system is not ready: "), "{said}");
    assert!(said.contains("3 of 3 Kustomizations are ready, and 1 source is not, after "), "{said}");
    server.restart();
    server.behave(Behaviour::default());
    let (status, said) = once(&[]);
    assert_eq!(status, Some(0), "what is as it was is looked at, too: {said}");
}

#[test]
fn a_start_that_ends_while_a_prune_waits_says_for_whom() {
    let directory = tempfile::tempdir().unwrap();
    let repository = crate::program::fleet::repository(&directory.path().join("fleet"));
    repository.commit("begin");
    let once = |words: &[&str]| {
        let mut command = cowherd(directory.path());
        command.args(["up", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]).args(words);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = once(&["fleet", "--path", "cluster"]);
    assert_eq!(status, Some(0), "{said}");

    // A server that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("resources:\n- https://{}/base.git?ref=v1\n", silent.local_addr().unwrap());
    repository.write("slow/kustomization.yaml", &base).kustomization("slow", "./slow", "");
    repository.remove("cluster/other.yaml").commit("one goes, and one comes that may have what it had");
    let (status, said) = once(&["--timeout", "8s", "--allow-network", "127.0.0.0/8"]);
    assert_eq!(status, Some(1), "{said}");
    let root =
        said.lines().find(|line| line.starts_with("✗ flux-system is not ready: ")).unwrap_or_else(|| panic!("{said}"));
    for words in [
        "pruning for main@sha1:",
        "; waits for whoever may describe what goes: Kustomization flux-system/slow, which is ",
    ] {
        assert!(root.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("Reconciliation in progress"), "{said}");
}
