//! Repositories behind real servers: git's own http-backend over TLS, and sshd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cowherd_gitserver::http::{Behaviour, Server};
use cowherd_gitserver::sshd::Sshd;

use crate::program::credentials::{self, PASSWORD, USER, keeps_quiet};
use crate::program::fleet;
use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

/// A fleet's repository behind a server that wants a password and whose certificate nobody knows.
struct Secured {
    repository: Repository,
    commit: String,
    server: Server,
    authority: PathBuf,
    directory: tempfile::TempDir,
}

impl Secured {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = fleet::repository(&directory.path().join("served/fleet"));
        let commit = repository.commit("begin");
        let server = Server::start_tls(&directory.path().join("served"));
        server.behave(credentials::wanted());
        let authority = credentials::authority(&server, directory.path());
        Self { repository, commit, server, authority, directory }
    }

    fn url(&self) -> String {
        self.server.url("fleet/.git")
    }

    fn url_with(&self, user: &str, password: &str) -> String {
        self.url().replace("https://", &format!("https://{user}:{password}@"))
    }

    fn up(&self, arguments: &[&str]) -> Command {
        let mut command = cowherd(self.directory.path());
        command.arg("up").args(arguments).args(["--path", "cluster", "--ca-file"]).arg(&self.authority);
        command
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn once(&self, arguments: &[&str]) -> Output {
        let mut command = self.up(arguments);
        command.args(["--once", "--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data()).output().unwrap()
    }
}

/// Fails if a file of a data directory holds a credential, other than the store, whose place it is.
fn keeps_quiet_on_disk(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            keeps_quiet_on_disk(&entry.path());
        } else if !["state.redb", "kubeconfig"].iter().any(|name| entry.file_name() == **name)
            && entry.path().extension().is_none_or(|extension| extension != "key" && extension != "pem")
        {
            let content = fs::read(entry.path()).unwrap();
            keeps_quiet(&entry.path().display().to_string(), &String::from_utf8_lossy(&content));
        }
    }
}

fn tells_no_secret(running: &Running) {
    let everything = ["get", "gitrepositories,kustomizations,configmaps,events", "-A", "-o", "yaml"];
    keeps_quiet("kubectl get", &running.kubectl_ok(everything.into_iter().chain(["--show-managed-fields"])));
    keeps_quiet("kubectl describe", &running.kubectl_ok(["describe", "gitrepository,secret", "-n", "flux-system"]));
    for arguments in [&["get", "-A", "-o", "yaml"][..], &["events", "-A"], &["tree", "flux-system"]] {
        keeps_quiet("cowherd", &running.cowherd_ok(arguments));
    }
    keeps_quiet("the terminal", &running.said());
    keeps_quiet_on_disk(&running.data_dir);
}

/// Commits are seen when somebody asks for it.
fn follows_on_request(running: &Running, repository: &Repository) {
    repository.config_map("app/red.yaml", "red", "2");
    let commit = repository.commit("change red");
    let said = running.cowherd_ok(["reconcile", "source", "git", "flux-system"]);
    assert!(said.contains(&commit), "{said}");
    running.wait_for_ready("app", "True", &commit);
    assert_eq!(running.value("red"), "2");

    repository.config_map("app/red.yaml", "red", "3");
    let commit = repository.commit("change red again");
    let said = running.cowherd_ok(["reconcile", "kustomization", "app", "--with-source"]);
    assert!(said.contains(&commit), "{said}");
    assert_eq!(running.value("red"), "3");
}

#[test]
fn an_https_repository_is_followed_with_the_credentials_of_its_url() {
    let remote = Secured::start();
    let running = Running::spawn(remote.up(&[&remote.url_with(USER, PASSWORD)]), &remote.data());
    running.wait_for_ready("app", "True", &remote.commit);
    running.wait_for_ready("other", "True", &remote.commit);
    assert_eq!(running.get("gitrepository flux-system -n flux-system")["spec"]["url"], remote.url());
    follows_on_request(&running, &remote.repository);
    tells_no_secret(&running);
}

#[test]
fn an_https_repository_is_followed_with_the_credentials_of_flags() {
    let remote = Secured::start();
    let output = remote.once(&[&remote.url(), "--username", USER, "--password", PASSWORD]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    keeps_quiet("the terminal", &said);
    keeps_quiet_on_disk(&remote.data());
}

#[test]
fn an_https_repository_is_followed_with_the_password_of_the_environment() {
    let remote = Secured::start();
    let mut command = remote.up(&[&remote.url(), "--username", USER]);
    command.env("GIT_PASSWORD", PASSWORD);
    let running = Running::spawn(command, &remote.data());
    running.wait_for_ready("app", "True", &remote.commit);
    tells_no_secret(&running);
    let output = cowherd(remote.directory.path()).args(["up", "--help"]).env("GIT_PASSWORD", PASSWORD).output();
    keeps_quiet("the help", &String::from_utf8_lossy(&output.unwrap().stdout));
}

#[test]
fn what_is_given_later_counts_beside_what_was_given_before() {
    let remote = Secured::start();
    assert!(remote.once(&[&remote.url(), "--username", USER, "--password", PASSWORD]).status.success());
    let again = |arguments: &[&str], password: Option<&str>| {
        let mut command = cowherd(remote.directory.path());
        command.arg("up").args(arguments).args(["--once", "--listen", "127.0.0.1:0", "--data-dir"]).arg(remote.data());
        password.map(|password| command.env("GIT_PASSWORD", password));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    again(&[], Some(PASSWORD));
    again(&[], None);
    again(&["--ca-file", remote.authority.to_str().unwrap()], None);
    again(&["--username", USER], None);
    // The user, the password and the authority are still known.
    remote.repository.config_map("app/red.yaml", "red", "2");
    let commit = remote.repository.commit("change red");
    let running = Running::spawn(
        {
            let mut command = cowherd(remote.directory.path());
            command.arg("up");
            command
        },
        &remote.data(),
    );
    running.wait_for_ready("app", "True", &commit);
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    let remote = Secured::start();
    for arguments in [
        vec![remote.url_with(USER, "wr0ng-pa55")],
        vec![remote.url(), "--username".into(), USER.into(), "--password".into(), "wr0ng-pa55".into()],
        vec![remote.url()],
    ] {
        let output = remote.once(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        let port = remote.server.address.port().to_string();
        for word in ["localhost", &port, "refused access", "credentials"] {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        keeps_quiet("the terminal", &said);
        assert!(!remote.data().exists(), "a start that is refused makes nothing");
    }
    // Where something is followed already, nothing of what was refused is kept.
    assert!(remote.once(&[&remote.url_with(USER, PASSWORD)]).status.success());
    let output = remote.once(&[&remote.url_with(USER, "wr0ng-pa55"), "--branch", "other"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    keeps_quiet_on_disk(&remote.data());
}

#[test]
fn a_path_that_a_public_repository_does_not_have_is_refused_when_switching_to_it_too() {
    let directory = tempfile::tempdir().unwrap();
    fleet::repository(&directory.path().join("served/fleet")).commit("begin");
    let server = Server::start(&directory.path().join("served"));
    let url = server.url("fleet/.git");
    let up = |words: &[&str]| {
        let mut command = cowherd(directory.path());
        command.arg("up").args(words).args(["--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = up(&[&url, "--path", "cluster"]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = up(&["--path", "clusterr", "--switch"]);
    assert!(status == Some(1) && said.contains("there is no ./clusterr"), "{said}");
    let (status, said) = up(&[]);
    assert!(status == Some(0) && said.contains("from ./cluster"), "{said}");
}

#[test]
fn a_password_that_expires_is_said_and_harms_nothing() {
    let remote = Secured::start();
    let running = Running::spawn(remote.up(&[&remote.url_with(USER, PASSWORD)]), &remote.data());
    running.wait_for_ready("app", "True", &remote.commit);
    running.wait_for_ready("other", "True", &remote.commit);
    let before = running.identities("configmaps", "default");
    let new = Behaviour { authorization: Some("Basic amFuZTpuZXc=".to_owned()), ..Behaviour::default() };
    remote.server.behave(new);
    let output = running.cowherd(["reconcile", "source", "git", "flux-system"]);
    assert_eq!(output.status.code(), Some(1));
    let words = ["https://localhost", "refused access"];
    running.wait_for_condition("gitrepository flux-system", "False", &words);
    running.wait_for_warning("GitRepository/flux-system", &words);
    running.wait_until_said(&words);
    assert_eq!(running.identities("configmaps", "default"), before);
    tells_no_secret(&running);

    // It recovers when the Secret has the new password.
    let patch = r#"{"stringData":{"password":"new"}}"#;
    running.kubectl_ok(["patch", "secret", "flux-system", "-n", "flux-system", "-p", patch]);
    running.cowherd_ok(["reconcile", "source", "git", "flux-system"]);
    running.wait_for_condition("gitrepository flux-system", "True", &[&remote.commit]);
}

#[test]
fn a_certificate_that_nobody_knows_is_refused() {
    let remote = Secured::start();
    let mut command = cowherd(remote.directory.path());
    command.args(["up", &remote.url_with(USER, PASSWORD), "--once", "--listen", "127.0.0.1:0"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("TLS with https://localhost") && said.contains("ca.crt"), "{said}");
    keeps_quiet("the terminal", &said);
}

#[test]
fn an_ssh_repository_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let commit = repository.commit("begin");
    let sshd = Sshd::start(&directory.path().join("ssh"), "");
    let known_hosts = directory.path().join("known_hosts");
    fs::write(&known_hosts, sshd.known_hosts("host_key.pub")).unwrap();
    let up = |known_hosts: &Path| {
        let mut command = cowherd(directory.path());
        command.args(["up", &sshd.url(&repository.path), "--path", "cluster", "--private-key-file"]);
        command.arg(directory.path().join("ssh/user_key")).arg("--known-hosts-file").arg(known_hosts);
        command
    };
    let running = Running::spawn(up(&known_hosts), &directory.path().join("data"));
    running.wait_for_ready("app", "True", &commit);
    running.wait_for_ready("other", "True", &commit);
    follows_on_request(&running, &repository);
    tells_no_secret(&running);

    // Another host key than the known one.
    let wrong = directory.path().join("wrong_hosts");
    fs::write(&wrong, sshd.known_hosts("user_key.pub")).unwrap();
    let mut command = up(&wrong);
    let output = command.args(["--once", "--listen", "127.0.0.1:0", "--data-dir", "another"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the host key of ssh://"), "{said}");
    keeps_quiet("the terminal", &said);
    assert!(!directory.path().join("another").exists(), "a start that is refused makes nothing");
}
