//! Bases in other repositories, from real servers: https with a certificate of one's own, and ssh. Beside `kubectl
//! kustomize`, which has git fetch them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cowherd_gitserver::http::Server;
use cowherd_gitserver::sshd::{Sshd, make_key};

use crate::program::credentials::{self, PASSWORD, USER, keeps_quiet};
use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually};

/// A repository with the base `app`: its ConfigMap has the value 1 at the tag `v1`, and 2 on the branches `main` and
/// `feature/two`.
struct Base {
    repository: Repository,
    /// The commit of the tag.
    first: String,
    directory: tempfile::TempDir,
}

impl Base {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("served/base"));
        repository.write("app/kustomization.yaml", "resources: [map.yaml]\n").config_map("app/map.yaml", "base", "1");
        let first = repository.commit("first");
        repository.git(["tag", "v1"]);
        repository.config_map("app/map.yaml", "base", "2").commit("second");
        repository.git(["branch", "feature/two"]);
        Self { repository, first, directory }
    }

    fn served(&self) -> PathBuf {
        self.directory.path().join("served")
    }

    /// What can stand behind the address of the base, with the value that its ConfigMap has there.
    fn revisions(&self) -> [(String, &'static str); 6] {
        [
            (String::new(), "2"),
            ("?ref=main".to_owned(), "2"),
            ("?ref=feature/two&timeout=20s".to_owned(), "2"),
            ("?ref=v1".to_owned(), "1"),
            ("?version=v1&submodules=false".to_owned(), "1"),
            (format!("?ref={}", self.first), "1"),
        ]
    }

    /// Writes an overlay on the base at this address.
    fn overlay(&self, address: &str) -> PathBuf {
        let overlay = self.directory.path().join("overlay");
        fs::create_dir_all(&overlay).unwrap();
        let kustomization = format!("namePrefix: over-\nresources:\n- {address}\n");
        fs::write(overlay.join("kustomization.yaml"), kustomization).unwrap();
        overlay
    }

    /// `cowherd render` of the overlay, to be run.
    fn render(&self, address: &str) -> Command {
        self.overlay(address);
        let mut command = cowherd(self.directory.path());
        command.args(["render", "overlay"]);
        command
    }

    /// `kubectl kustomize` of the overlay, to be run.
    fn kustomize(&self, address: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("kustomize").arg(self.overlay(address)).env("HOME", self.directory.path());
        command.env("GIT_TERMINAL_PROMPT", "0");
        command
    }
}

/// A server of the base over TLS, whose certificate nobody knows.
struct Https {
    base: Base,
    server: Server,
    authority: PathBuf,
}

impl Https {
    fn start() -> Self {
        let base = Base::new();
        let server = Server::start_tls(&base.served());
        let authority = credentials::authority(&server, base.directory.path());
        Self { base, server, authority }
    }

    fn wants_a_password(&self) {
        self.server.behave(credentials::wanted());
    }

    fn address(&self) -> String {
        format!("{}//app", self.server.url("base/.git"))
    }

    fn address_with(&self, password: &str) -> String {
        self.address().replace("https://", &format!("https://{USER}:{password}@"))
    }

    fn render(&self, address: &str) -> Output {
        self.base.render(address).env("SSL_CERT_FILE", &self.authority).output().unwrap()
    }
}

/// A server of the base over ssh, and an `ssh` that knows it as `git-host`.
struct Ssh {
    base: Base,
    server: Sshd,
}

impl Ssh {
    fn start() -> Self {
        let base = Base::new();
        let at = base.directory.path().join("sshd");
        let server = Sshd::start(&at, "");
        fs::write(at.join("known_hosts"), server.known_hosts("host_key.pub")).unwrap();
        let config = format!(
            "Host git-host\n  HostName 127.0.0.1\n  Port {}\nHost *\n  IdentityFile {at}/user_key\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {at}/known_hosts\n",
            server.port,
            at = at.display()
        );
        fs::write(at.join("config"), config).unwrap();
        // What a person has in ~/.ssh/config; ssh asks the system where that is, not HOME.
        let program = at.join("bin/ssh");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, format!("#!/bin/sh\nexec /usr/bin/ssh -F {}/config \"$@\"\n", at.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { base, server }
    }

    fn path(&self) -> String {
        let programs = self.base.directory.path().join("sshd/bin");
        format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default())
    }

    fn address(&self) -> String {
        format!("{}//app", self.server.url(&self.base.repository.path))
    }

    fn render(&self, address: &str) -> Output {
        self.base.render(address).env("PATH", self.path()).output().unwrap()
    }
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What is said about a failure: all of these words, and no password.
fn says(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said}");
    }
    keeps_quiet("the terminal", &said);
}

#[test]
fn a_base_over_https_is_what_kustomize_makes_of_it() {
    let https = Https::start();
    for (revision, value) in https.base.revisions() {
        for scheme in ["", "git::"] {
            let address = format!("{scheme}{}{revision}", https.address());
            let ours = text(&https.render(&address));
            assert!(ours.contains("name: over-base") && ours.contains(&format!("\"{value}\"")), "{address}: {ours}");
            let mut kustomize = https.base.kustomize(&address);
            assert_eq!(ours, text(&kustomize.env("GIT_SSL_CAINFO", &https.authority).output().unwrap()), "{address}");
        }
    }
}

#[test]
fn a_base_over_https_is_fetched_with_the_credentials_of_its_address() {
    let https = Https::start();
    https.wants_a_password();
    let address = https.address_with(PASSWORD);
    let ours = text(&https.render(&address));
    let mut kustomize = https.base.kustomize(&address);
    assert_eq!(ours, text(&kustomize.env("GIT_SSL_CAINFO", &https.authority).output().unwrap()));
    let origins = https.base.directory.path().join("overlay/kustomization.yaml");
    fs::write(&origins, format!("resources: ['{address}']\nbuildMetadata: [originAnnotations]\n")).unwrap();
    let mut command = cowherd(https.base.directory.path());
    let said = text(&command.args(["render", "overlay"]).env("SSL_CERT_FILE", &https.authority).output().unwrap());
    assert!(said.contains("repo: https://jane@localhost"), "{said}");
    keeps_quiet("an annotation", &said);
}

#[test]
fn a_base_over_ssh_is_what_kustomize_makes_of_it() {
    let ssh = Ssh::start();
    let short = format!("{}@git-host:{}//app", ssh.server.user, ssh.base.repository.path.display());
    for (revision, value) in ssh.base.revisions() {
        for address in [ssh.address(), format!("git::{}", ssh.address()), short.clone()] {
            let address = format!("{address}{revision}");
            let ours = text(&ssh.render(&address));
            assert!(ours.contains("name: over-base") && ours.contains(&format!("\"{value}\"")), "{address}: {ours}");
            let theirs = ssh.base.kustomize(&address).env("PATH", ssh.path()).output().unwrap();
            assert_eq!(ours, text(&theirs), "{address}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_base_over_https_is_said_with_its_address() {
    let https = Https::start();
    let host = format!("localhost:{}", https.server.address.port());
    let base = format!("{host}/base/.git");
    let unknown = https.base.render(&https.address_with(PASSWORD)).output().unwrap();
    says(&unknown, &[&base, "certificate", "SSL_CERT_FILE"]);
    let tag = https.render(&format!("{}?ref=v9", https.address_with(PASSWORD)));
    says(&tag, &["overlay/kustomization.yaml: resources[0]", &base, "v9", "not found"]);
    let file = https.address_with(PASSWORD).replace("base/.git//app", "install.yaml?token=pa55-w0rd");
    says(&https.render(&file), &["resources[0]", &format!("https://{host}/install.yaml"), "404"]);
    let absent = https.address_with(PASSWORD).replace("/base/", "/none/");
    says(&https.render(&absent), &[&format!("there is no repository at https://{host}/none/.git")]);
    let elsewhere = https.address_with(PASSWORD).replace("//app", "//apps/none");
    says(&https.render(&elsewhere), &["overlay/kustomization.yaml: resources[0]", &base, "apps/none", "no such file"]);
    // No flag and no Secret has an authority for what a kustomization names: neither is advised.
    let charted = https.base.directory.path().join("charted");
    fs::create_dir(&charted).unwrap();
    let charts = format!("helmCharts: [{{name: web, releaseName: web, repo: 'https://{host}/charts'}}]\n");
    fs::write(charted.join("kustomization.yaml"), charts).unwrap();
    let mut chart = cowherd(https.base.directory.path());
    let chart = chart.args(["render", "charted"]).output().unwrap();
    let file = https.base.render(&format!("https://{host}/install.yaml")).output().unwrap();
    for output in [unknown, file, chart] {
        says(&output, &[&host, "an authority that is not known here", "have this machine trust it", "SSL_CERT_FILE"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("--ca-file") && !said.contains("secretRef"), "{said}");
    }
    https.wants_a_password();
    says(&https.render(&https.address()), &[&base, "refused access", "user:password@"]);
    says(&https.render(&https.address_with("wr0ng-pa55")), &[&base, "refused access"]);
    https.server.stop();
    says(&https.render(&https.address_with(PASSWORD)), &[&base, "cannot reach"]);
}

#[test]
fn what_is_wrong_with_a_base_over_ssh_is_said_with_its_address() {
    let ssh = Ssh::start();
    let address = ssh.address().replacen('@', ":wr0ng-pa55@", 1);
    let url = ssh.server.url(&ssh.base.repository.path);
    says(&ssh.render(&format!("{address}?ref=v9")), &[&url, "v9", "not found"]);
    says(&ssh.render(&address.replace("served/base", "served/none")), &["there is no repository at", "served/none"]);
    says(&ssh.render("ssh://git:wr0ng-pa55@git-host/base"), &["\"ssh://git@git-host/base\" names no repository"]);
    let sshd = ssh.base.directory.path().join("sshd");
    let known_hosts = fs::read(sshd.join("known_hosts")).unwrap();
    fs::write(sshd.join("known_hosts"), "").unwrap();
    says(&ssh.render(&address), &[&format!("the host key of {url} is not accepted"), "known_hosts"]);
    make_key(&sshd.join("other"), "");
    fs::write(sshd.join("known_hosts"), ssh.server.known_hosts("other.pub")).unwrap();
    says(&ssh.render(&address), &[&format!("the host key of {url} is not accepted"), "known_hosts"]);
    fs::write(sshd.join("known_hosts"), known_hosts).unwrap();
    fs::rename(sshd.join("other"), sshd.join("user_key")).unwrap();
    says(&ssh.render(&address), &[&format!("{url} refused access")]);
    let nobody = address.replace(&format!(":{}/", ssh.server.port), ":1/");
    says(&ssh.render(&nobody), &["127.0.0.1:1/", "cannot reach"]);
}

#[test]
fn a_submodule_is_named_where_something_in_it_is_asked_for() {
    let https = Https::start();
    let repository = &https.base.repository;
    let commit = repository.git(["rev-parse", "HEAD"]);
    repository.git(["update-index", "--add", "--cacheinfo", &format!("160000,{commit},modules/theirs")]);
    repository.git(["commit", "--quiet", "--message", "add a submodule"]);
    text(&https.render(&https.address()));
    let inside = https.address().replace("//app", "//modules/theirs/app");
    says(&https.render(&inside), &["/base/.git", "modules/theirs is neither a file nor a directory", "remote base"]);
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_as_long_as_the_address_says() {
    let base = Base::new();
    let silent = cowherd_gitserver::http::silent();
    let start = std::time::Instant::now();
    let said = base.render(&format!("http://{silent}/org/base//app?timeout=1")).output().unwrap();
    says(&said, &[&format!("http://{silent}/org/base"), "took longer than 1 s", "timeout"]);
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}

/// A fleet whose Kustomization `app` is an overlay on the base at `address`, and looks at it every other second.
fn fleet(directory: &Path, address: &str) -> Repository {
    let repository = Repository::new(directory.join("fleet"));
    repository.kustomization("app", "./app", "");
    let path = "cluster/app.yaml";
    let short = fs::read_to_string(repository.path.join(path)).unwrap().replace("interval: 10m", "interval: 2s");
    assert!(short.contains("interval: 2s"));
    repository.write(path, &short).write("app/kustomization.yaml", &format!("resources:\n- {address}\n"));
    repository.commit("begin");
    repository
}

fn follows(running: &Running, base: &Repository) {
    assert_eq!(running.value("base"), "2");
    base.config_map("app/map.yaml", "base", "3").commit("third");
    eventually("the base that moved is rendered", || match running.value("base") {
        value if value == "3" => Ok(()),
        value => Err(value),
    });
}

#[test]
fn the_agents_follow_a_base_over_https() {
    let https = Https::start();
    https.wants_a_password();
    let directory = https.base.directory.path();
    let fleet = fleet(directory, &format!("{}?ref=main", https.address_with(PASSWORD)));
    let mut command = cowherd(directory);
    command
        .args(["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"])
        .env("SSL_CERT_FILE", &https.authority);
    let running = Running::spawn(command, &directory.join("data"));
    running.wait_for_ready("app", "True", "");
    follows(&running, &https.base.repository);

    // While the server is away, what was fetched stays; what is new there is said.
    https.server.stop();
    fleet.write("app/kustomization.yaml", &format!("resources:\n- {}?ref=v1\n", https.address_with(PASSWORD)));
    fleet.commit("take the tag");
    running.wait_for_ready("app", "False", "cannot reach");
    assert_eq!(running.value("base"), "3");
    https.server.restart();
    running.wait_for_ready("app", "True", "");
    eventually("the tag is applied", || match running.value("base") {
        value if value == "1" => Ok(()),
        value => Err(value),
    });
    let everything = ["get", "gitrepositories,kustomizations,configmaps,events", "-A", "-o", "yaml"];
    keeps_quiet("kubectl get", &running.kubectl_ok(everything.into_iter().chain(["--show-managed-fields"])));
    keeps_quiet("the terminal", &running.said());
}

#[test]
fn the_agents_follow_a_base_over_ssh() {
    let ssh = Ssh::start();
    let directory = ssh.base.directory.path();
    fleet(directory, &format!("{}?ref=main", ssh.address()));
    let mut command = cowherd(directory);
    command.args(["up", "fleet", "--path", "cluster"]).env("PATH", ssh.path());
    let running = Running::spawn(command, &directory.join("data"));
    running.wait_for_ready("app", "True", "");
    follows(&running, &ssh.base.repository);
}
