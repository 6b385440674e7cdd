//! `cowherd bootstrap`: a cluster keeps itself as a repository says.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cowherd_gitserver::hosting::Host;
use cowherd_gitserver::http::Server;
use cowherd_gitserver::repository::{git, run};
use cowherd_gitserver::sshd::Sshd;
use serde_json::{Value, json};

use crate::program::credentials::{self, PASSWORD, USER, keeps_quiet};
use crate::program::repository::config_map;
use crate::program::{Running, cowherd, eventually, succeeded};

const IMAGE: &str = "registry.example.com/cowherd:1";
/// The files of the cluster.
const SYSTEM: &str = "clusters/prod/flux-system";

/// What the kustomization of somebody says who wants two agents.
const PATCHED: &str = "resources: [gotk-components.yaml, gotk-sync.yaml]\npatches:\n- target: {kind: Deployment, name: \
                       cowherd-agent}\n  patch: |\n    - op: replace\n      path: /spec/replicas\n      value: 2\n";

/// Ends a process when the value goes.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cluster without anything in it, and a repository that is served, without a commit.
struct Place {
    directory: tempfile::TempDir,
    running: Running,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let served = directory.path().join("served");
        fs::create_dir_all(&served).unwrap();
        run(&served, &["init", "--quiet", "--bare", "--initial-branch=main", "fleet.git"]);
        run(&served.join("fleet.git"), &["config", "http.receivepack", "true"]);
        let running = Running::start(directory.path(), ["server"]);
        Self { directory, running }
    }

    fn served(&self) -> PathBuf {
        self.directory.path().join("served")
    }

    fn bare(&self) -> PathBuf {
        self.served().join("fleet.git")
    }

    /// A server that wants to see a password, and whose certificate nobody knows.
    fn server(&self) -> Server {
        let server = Server::start_tls(&self.served());
        server.behave(credentials::wanted());
        server
    }

    /// What git says of the repository.
    fn git(&self, words: &[&str]) -> String {
        run(&self.bare(), words)
    }

    /// Commits files as somebody else; the commit.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        let work = self.directory.path().join("work");
        if !work.exists() {
            run(self.directory.path(), &["clone", "--quiet", "served/fleet.git", "work"]);
        }
        // There is nothing to pull from a repository without a commit.
        let _ = git(&work).args(["pull", "--quiet", "origin", "main"]).output().unwrap();
        for (path, content) in files {
            let path = work.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        run(&work, &["add", "--all"]);
        run(&work, &["commit", "--quiet", "-m", "by hand"]);
        run(&work, &["push", "--quiet", "origin", "HEAD:main"]);
        run(&work, &["rev-parse", "HEAD"])
    }

    /// The command line of `cowherd bootstrap` for `clusters/prod` of a repository.
    fn command(&self, url: &str, words: &[&str]) -> Command {
        let mut command = cowherd(self.directory.path());
        command.args(["bootstrap", "git", "--path", "clusters/prod", "--url", url]).args(words);
        command.arg("--kubeconfig").arg(self.running.kubeconfig());
        command
    }

    /// The same with the password of a server.
    fn by_token(&self, server: &Server, words: &[&str]) -> Output {
        let mut command = self.command(&server.url("fleet.git"), words);
        command.args(["--token-auth", "--username", USER]).env("GIT_PASSWORD", PASSWORD);
        command.arg("--ca-file").arg(credentials::authority(server, self.directory.path())).output().unwrap()
    }

    /// An agent that works on the cluster from here.
    fn agent(&self) -> Process {
        let mut agent = cowherd(self.directory.path());
        agent.args([
            "agent",
            "--install-crds",
            "--bootstrapped",
            "--data-dir",
            "agent",
            "--allow-network",
            "127.0.0.0/8",
        ]);
        agent.args(["--default-service-account=default", "--kubeconfig"]).arg(self.running.kubeconfig());
        let agent = Process(agent.stderr(Stdio::null()).spawn().unwrap());
        eventually("it leads", || {
            let holder =
                ["get", "lease", "cowherd-agent", "-n", "flux-system", "-o", "jsonpath={.spec.holderIdentity}"];
            let lease = self.running.kubectl(holder);
            if lease.stdout.is_empty() { Err(String::from_utf8_lossy(&lease.stderr).into_owned()) } else { Ok(()) }
        });
        agent
    }

    /// Has the source be looked at now.
    fn look(&self) {
        let at = format!("reconcile.fluxcd.io/requestedAt={}", self.git(&["rev-parse", "main"]));
        self.running.kubectl_ok(["annotate", "--overwrite", "-n", "flux-system", "gitrepository", "flux-system", &at]);
    }

    /// Whether nothing of it is in the cluster.
    fn is_untouched(&self) -> bool {
        !self.running.kubectl(["get", "namespace", "flux-system"]).status.success()
    }
}

/// What a command says that ends so.
fn said(output: &Output, status: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(status), "{said}");
    keeps_quiet("the terminal", &said);
    said
}

fn assert_says(said: &str, words: &[&str]) {
    words.iter().for_each(|words| assert!(said.contains(words), "{words}: {said}"));
}

#[test]
fn a_cluster_keeps_itself_as_a_repository_says_that_was_empty() {
    let place = Place::new();
    let (server, running) = (place.server(), &place.running);
    let _agent = place.agent();
    let told = said(&place.by_token(&server, &["--image", IMAGE]), 0);
    let first = place.git(&["rev-parse", "main"]);
    assert_says(
        &told,
        &[
            &format!("{SYSTEM}/gotk-components.yaml created"),
            &format!("pushed {first}"),
            "Deployment/flux-system/cowherd-agent created",
            "the cluster may read https://",
            &format!("the agents have brought main@sha1:{first}"),
        ],
    );
    place.git(&["fsck", "--strict"]);
    let files = place.git(&["ls-tree", "-r", "--name-only", "main"]);
    let expected =
        ["gotk-components.yaml", "gotk-sync.yaml", "kustomization.yaml"].map(|name| format!("{SYSTEM}/{name}"));
    assert_eq!(files.lines().collect::<Vec<_>>(), expected);
    keeps_quiet("the repository", &place.git(&["show", &format!("main:{SYSTEM}/gotk-sync.yaml")]));
    let root = running.get("kustomization flux-system -n flux-system");
    assert_eq!(
        (&root["spec"]["path"], &root["spec"]["serviceAccountName"]),
        (&"./clusters/prod".into(), &"kustomize-controller".into())
    );
    let manager = running.get("deployment cowherd-agent -n flux-system --show-managed-fields")["metadata"]["managedFields"][0]["manager"].clone();
    assert_eq!(manager, "kustomize-controller", "it is as the agents would have made it");

    // What is committed from now on is done, to the agents and to what they need as well.
    let label = "- target: {kind: Namespace, name: flux-system}\n  patch: |\n    - op: add\n      path: /metadata/labels\n      \
                 value: {kept: \"yes\"}\n";
    place.commit(&[
        ("clusters/prod/map.yaml", &config_map("map", "1")),
        (&format!("{SYSTEM}/kustomization.yaml"), &format!("{PATCHED}{label}")),
    ]);
    place.look();
    running.wait_for_value("map", "1");
    eventually("the agents and their namespace are as the commit says", || {
        let replicas = running.get("deployment cowherd-agent -n flux-system")["spec"]["replicas"].clone();
        let label = running.get("namespace flux-system")["metadata"]["labels"]["kept"].clone();
        if replicas == 2 && label == "yes" { Ok(()) } else { Err(format!("{replicas} {label}")) }
    });

    // Started again, it changes nothing, and then brings another image.
    running.wait_for_ready("flux-system", "True", &place.git(&["rev-parse", "main"]));
    let before = place.git(&["rev-parse", "main"]);
    let again = place.by_token(&server, &["--image", IMAGE, "-o", "json"]);
    let again: Value = serde_json::from_str(&succeeded(again)).unwrap();
    let actions = |of: &str| again[of].as_array().unwrap().iter().map(|one| one["action"].clone()).collect::<Vec<_>>();
    assert!([actions("files"), actions("objects")].concat().iter().all(|action| action == "unchanged"), "{again}");
    assert_eq!((&again["pushed"], &again["ready"]), (&false.into(), &true.into()));
    assert_eq!(place.git(&["rev-parse", "main"]), before);
    let told = said(&place.by_token(&server, &["--image", "registry.example.com/cowherd:2"]), 0);
    assert_says(&told, &["gotk-components.yaml configured", "Deployment/flux-system/cowherd-agent configured"]);
    let deployment = running.get("deployment cowherd-agent -n flux-system");
    assert_eq!(deployment["spec"]["template"]["spec"]["containers"][0]["image"], "registry.example.com/cowherd:2");
    assert_eq!(deployment["spec"]["replicas"], 2, "patches hold");

    // What would take something away is refused before anything is done.
    let head = place.git(&["rev-parse", "main"]);
    let refused = said(&place.by_token(&server, &[]), 1);
    assert_says(&refused, &["would be taken away; say --image, which is registry.example.com/cowherd:2 there"]);
    let mut other = cowherd(place.directory.path());
    other.args(["bootstrap", "git", "--path", "clusters/other", "--token-auth", "--url", &server.url("fleet.git")]);
    other.env("GIT_PASSWORD", PASSWORD).arg("--kubeconfig").arg(running.kubeconfig());
    let refused = said(&other.output().unwrap(), 1);
    assert_says(&refused, &["this cluster follows \"./clusters/prod\"", "would be pruned"]);
    assert_eq!(place.git(&["rev-parse", "main"]), head);
}

#[test]
fn patches_that_are_there_hold_and_who_runs_no_agent_is_told() {
    let place = Place::new();
    let (server, running) = (place.server(), &place.running);
    let kustomization = format!("{SYSTEM}/kustomization.yaml");
    let before = place.commit(&[("README", "read me\n"), (&kustomization, PATCHED)]);
    let told = said(&place.by_token(&server, &["--image", IMAGE, "--dry-run"]), 0);
    assert_says(&told, &["would be created", "kind: GitRepository", "replicas: 2"]);
    assert!(place.is_untouched() && place.git(&["rev-parse", "main"]) == before, "nothing was done");

    let told = said(
        &place
            .by_token(&server, &["--image", IMAGE, "--author-name", "Robot", "--commit-message-appendix", "[ci skip]"]),
        0,
    );
    assert_says(
        &told,
        &["no node that would run the agents", "cowherd agent --bootstrapped --no-cross-namespace-refs"],
    );
    assert_eq!(place.git(&["show", &format!("main:{kustomization}")]), PATCHED.trim_end());
    assert_eq!(
        place.git(&["diff", "--name-status", "main^", "main"]),
        format!("A\t{SYSTEM}/gotk-components.yaml\nA\t{SYSTEM}/gotk-sync.yaml")
    );
    assert_says(
        &place.git(&["log", "-1", "--format=%an %B", "main"]),
        &["Robot Add cowherd", "to clusters/prod", "[ci skip]"],
    );
    assert_eq!(running.get("deployment cowherd-agent -n flux-system")["spec"]["replicas"], 2);
    let arguments = running.get("deployment cowherd-agent -n flux-system")["spec"]["template"]["spec"]["containers"][0]
        ["args"]
        .to_string();
    assert_says(&arguments, &["--bootstrapped", "--default-service-account=default"]);
    let secret = running.get("secret flux-system -n flux-system");
    assert_eq!(secret["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["ca.crt", "password", "username"]);

    // An agent that starts now finds all that it takes.
    let _agent = place.agent();
    running.wait_for_ready("flux-system", "True", &place.git(&["rev-parse", "main"]));
}

#[test]
fn what_the_server_does_not_take_is_done_nowhere() {
    let place = Place::new();
    let server = place.server();
    let first = place.commit(&[("README", "read me\n")]);
    let hook = place.bare().join("hooks/pre-receive");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, "#!/bin/sh\necho main is protected >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = said(&place.by_token(&server, &["--image", IMAGE]), 1);
    assert_says(&refused, &["main is protected", "nothing was changed", "--dry-run -o json"]);
    fs::remove_file(hook).unwrap();

    let authority = credentials::authority(&server, place.directory.path());
    let authority = ["--ca-file", authority.to_str().unwrap(), "--token-auth", "--username", USER];
    let bootstrap = |url: &str, words: &[&str], password: &str| {
        place.command(url, words).args(["--image", IMAGE]).env("GIT_PASSWORD", password).output().unwrap()
    };
    let url = server.url("fleet.git");
    assert_says(&said(&bootstrap(&url, &authority, "wr0ng-pa55"), 1), &["refused access", "check the credentials"]);
    assert_says(&said(&bootstrap(&url, &authority, ""), 2), &["GIT_PASSWORD"]);
    assert_says(
        &said(&bootstrap(&url, &[&authority[..], &["--branch", "trunk"]].concat(), PASSWORD), 1),
        &["--branch (main)"],
    );

    let clear = Server::start(&place.served());
    clear.behave(credentials::wanted());
    let url = clear.url("fleet.git");
    let words = ["--token-auth", "--username", USER];
    assert_says(&said(&bootstrap(&url, &words, PASSWORD), 2), &["--allow-insecure-http"]);
    assert!(clear.seen().is_empty(), "no password was sent");
    assert!(place.is_untouched() && place.git(&["rev-parse", "main"]) == first);
    let words = [&words[..], &["--allow-insecure-http"]].concat();
    assert_says(&said(&bootstrap(&url, &words, PASSWORD), 0), &["pushed", "the cluster may read http://"]);
}

/// An agent of ssh with a key.
fn ssh_agent(directory: &Path, key: &Path) -> (Process, PathBuf) {
    let socket = directory.join("ssh-agent");
    let agent = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let agent = Process(agent);
    eventually("it listens", || if socket.exists() { Ok(()) } else { Err("no socket".to_owned()) });
    succeeded(Command::new("ssh-add").arg(key).env("SSH_AUTH_SOCK", &socket).output().unwrap());
    (agent, socket)
}

#[test]
fn a_deploy_key_is_made_shown_asked_for_and_used() {
    let place = Place::new();
    let running = &place.running;
    let directory = place.directory.path().join("sshd");
    let sshd = Sshd::start(&directory, "");
    let known_hosts = place.directory.path().join("known_hosts");
    fs::write(&known_hosts, sshd.known_hosts("host_key.pub")).unwrap();
    let (_keys, socket) = ssh_agent(place.directory.path(), &directory.join("user_key"));
    let command = |words: &[&str]| {
        let mut command = place.command(&sshd.url(&place.bare()), &["--image", IMAGE]);
        command.arg("--known-hosts-file").arg(&known_hosts).args(words).env("SSH_AUTH_SOCK", &socket);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let key_in_cluster = || {
        let secret = running.get("secret flux-system -n flux-system");
        assert_eq!(
            secret["data"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["identity", "identity.pub", "known_hosts"]
        );
        secret["data"]["identity.pub"].clone()
    };

    // Nobody has added it: nothing is followed, and the key stays for the next time.
    let child = command(&["--ssh-key-algorithm", "ed25519"]).spawn().unwrap();
    let refused = said(&child.wait_with_output().unwrap(), 1);
    assert_says(&refused, &["ssh-ed25519 AAAA", "has the repository the key by now?", "is not added yet"]);
    let made = key_in_cluster();
    assert!(!running.kubectl(["get", "gitrepository", "flux-system", "-n", "flux-system"]).status.success());
    let refused = said(&command(&["--silent"]).output().unwrap(), 1);
    let shown = refused.lines().find_map(|line| Some(line.split_once("ssh-ed25519 ")?.1.trim().to_owned())).unwrap();
    assert_says(&refused, &["refused access", "add the deploy key", "nothing is followed yet"]);
    assert_eq!(key_in_cluster(), made, "it is the same key");
    running.kubectl_ok(["delete", "secret", "flux-system", "-n", "flux-system"]);

    // Somebody adds it when they are asked to.
    let mut child = command(&["--ssh-ecdsa-curve", "p256"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    let public = loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "{told}");
        told += &line;
        if line.starts_with("ecdsa-sha2-nistp256 ") {
            break line;
        }
    };
    assert!(!public.contains(&shown), "another one is made where there is none");
    let authorized = directory.join("authorized_keys");
    let keys = fs::read_to_string(&authorized).unwrap();
    fs::write(&authorized, keys + &public).unwrap();
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    lines.read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success(), "{told}");
    keeps_quiet("the terminal", &told);
    assert_says(&told, &["the cluster may read ssh://", "no node that would run the agents"]);

    let _agent = place.agent();
    running.wait_for_ready("flux-system", "True", &place.git(&["rev-parse", "main"]));
    place.commit(&[("clusters/prod/map.yaml", &config_map("map", "1"))]);
    place.look();
    running.wait_for_value("map", "1");
    let made = key_in_cluster();
    assert_says(&said(&command(&["--silent"]).output().unwrap(), 0), &["Secret/flux-system/flux-system unchanged"]);
    assert_eq!(key_in_cluster(), made);

    // A key of one's own is for both; its server is known by what one knows, and by nothing else of that.
    let by_key = || {
        let mut command = place.command(&sshd.url(&place.bare()), &["--image", IMAGE]);
        command.arg("--private-key-file").arg(directory.join("user_key")).output().unwrap()
    };
    let head = place.git(&["rev-parse", "main"]);
    assert_says(&said(&by_key(), 1), &["the host keys of 127.0.0.1", "ssh-keyscan -p", "--known-hosts-file"]);
    let own = place.directory.path().join(".ssh/known_hosts");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    let of_another =
        "another.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl0\n";
    fs::write(&own, [of_another.as_bytes(), &sshd.known_hosts("host_key.pub")].concat()).unwrap();
    assert_says(&said(&by_key(), 0), &["Secret/flux-system/flux-system configured", "the cluster may read ssh://"]);
    assert_ne!(key_in_cluster(), made);
    let jsonpath = "jsonpath={.data.known_hosts}";
    let known = running.kubectl_ok(["get", "secret", "flux-system", "-n", "flux-system", "-o", jsonpath]);
    assert_eq!(STANDARD.decode(known).unwrap(), sshd.known_hosts("host_key.pub"));
    assert_eq!(place.git(&["rev-parse", "main"]), head);
}

#[test]
fn what_flux_has_written_is_replaced_only_where_that_is_meant() {
    let place = Place::new();
    let server = place.server();
    let flux = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: source-controller, namespace: flux-system, labels: \
                {app.kubernetes.io/component: source-controller}}\nspec:\n  selector: {matchLabels: {app: a}}\n  template:\n    \
                metadata: {labels: {app: a}}\n    spec: {containers: [{name: manager, image: flux}]}\n";
    let first =
        place.commit(&[(&format!("{SYSTEM}/gotk-components.yaml"), flux), (&format!("{SYSTEM}/gotk-sync.yaml"), "{}")]);
    let refused = said(&place.by_token(&server, &["--image", IMAGE]), 1);
    assert_says(&refused, &["`flux bootstrap` has written", "source-controller", "cowherd migrate", "--replace-flux"]);
    assert!(place.is_untouched() && place.git(&["rev-parse", "main"]) == first);

    let file = place.directory.path().join("flux.yaml");
    fs::write(&file, flux).unwrap();
    place.running.kubectl_ok(["create", "namespace", "flux-system"]);
    place.running.kubectl_ok(["apply", "-f", file.to_str().unwrap()]);
    let refused = said(&place.by_token(&server, &["--image", IMAGE, "--replace-flux"]), 1);
    assert_says(
        &refused,
        &["Flux's controllers run in this cluster: flux-system/source-controller", "cowherd migrate"],
    );
    assert_eq!(place.git(&["rev-parse", "main"]), first);

    place.running.kubectl_ok(["scale", "deployment", "--replicas=0", "-n", "flux-system", "source-controller"]);
    let told = said(&place.by_token(&server, &["--image", IMAGE, "--replace-flux"]), 0);
    assert_says(&told, &["gotk-components.yaml configured", "kustomization.yaml created", "pushed"]);
    assert_eq!(place.running.get("deployment source-controller -n flux-system")["spec"]["replicas"], 0);
}

#[test]
fn at_a_host_the_repository_is_made_and_told_of_the_deploy_key() {
    let place = Place::new();
    let running = &place.running;
    let server = Server::start(&place.served());
    server.behave(credentials::wanted());
    let sshd = Sshd::start(&place.directory.path().join("sshd"), "");
    let known_hosts = place.directory.path().join("known_hosts");
    fs::write(&known_hosts, sshd.known_hosts("host_key.pub")).unwrap();
    let host = Host::start();
    let about = json!({ "clone_url": server.url("fleet.git"), "ssh_url": sshd.url(&place.bare()) });
    let bootstrap = |words: &[&str]| {
        let mut command = cowherd(place.directory.path());
        command.args(["bootstrap", "github", "--owner", USER, "--repository", "fleet", "--personal", "--hostname"]);
        command.arg(host.address.to_string()).args(["--allow-insecure-http", "--path", "clusters/prod"]);
        command.args(["--image", IMAGE, "--kubeconfig"]).arg(running.kubeconfig()).args(words);
        command.env("GITHUB_TOKEN", PASSWORD).output().unwrap()
    };
    let asked = || {
        let asked = host.asked();
        assert!(asked.iter().all(|one| one.shown["authorization"] == format!("Bearer {PASSWORD}")));
        asked.into_iter().map(|one| one.path).collect::<Vec<_>>()
    };
    let of_repository = "/api/v3/repos/jane/fleet";
    host.answer_all(of_repository, 401, &[], json!({ "message": "Bad credentials" }));
    assert_says(&said(&bootstrap(&["--token-auth"]), 1), &["Bad credentials", "the token is not one that it knows"]);
    host.answer_all(of_repository, 404, &[], "{}");
    assert_says(&said(&bootstrap(&["--token-auth", "--dry-run"]), 0), &["would make the repository"]);
    assert!(place.is_untouched() && asked() == [of_repository, of_repository], "nothing was made");

    host.answer_all("/api/v3/user/repos", 201, &[], &about);
    let told = said(&bootstrap(&["--token-auth"]), 0);
    assert_says(&told, &["jane/fleet created", "pushed", "the cluster may read http://"]);
    assert_eq!(asked(), [of_repository, "/api/v3/user/repos"]);

    // The cluster has a key already that the server lets in; the host is told of it.
    host.answer_all(of_repository, 200, &[], &about);
    host.answer_all(&format!("{of_repository}/keys"), 201, &[], "[]");
    running.kubectl_ok(["delete", "secret", "flux-system", "-n", "flux-system"]);
    let identity = format!("--from-file=identity={}", place.directory.path().join("sshd/user_key").display());
    running.kubectl_ok(["create", "secret", "generic", "flux-system", "-n", "flux-system", &identity]);
    let told = said(&bootstrap(&["--known-hosts-file", known_hosts.to_str().unwrap()]), 0);
    let title = "deploy key flux-system-main-flux-system-./clusters/prod created";
    assert_says(&told, &["gotk-sync.yaml configured", title, "the cluster may read ssh://"]);
    let keys = [format!("{of_repository}/keys?per_page=100&limit=50"), format!("{of_repository}/keys")];
    assert_eq!(asked(), [vec![of_repository.to_owned()], keys.to_vec()].concat());
}

#[test]
fn gitlab_and_gitea_are_asked_as_they_want_it() {
    let place = Place::new();
    let server = Server::start(&place.served());
    let host = Host::start();
    let url = server.url("fleet.git");
    let bootstrap = |provider: &str, owner: &str, variable: &str| {
        let mut command = cowherd(place.directory.path());
        command.args(["bootstrap", provider, "--owner", owner, "--repository", "fleet", "--token-auth", "--hostname"]);
        command.arg(host.address.to_string()).args(["--allow-insecure-http", "--path", "clusters/prod"]);
        command.args(["--image", IMAGE, "--kubeconfig"]).arg(place.running.kubeconfig()).env(variable, PASSWORD);
        command.output().unwrap()
    };
    let asked = |header: &str, value: &str| {
        let asked = host.asked();
        assert!(asked.iter().all(|one| one.shown.get(header).is_some_and(|shown| shown == value)), "{asked:?}");
        asked.into_iter().map(|one| one.path).collect::<Vec<_>>()
    };
    host.answer_all("/api/v4/groups/org%2Fteam", 200, &[], json!({ "id": 7 }));
    host.answer_all(
        "/api/v4/projects",
        201,
        &[],
        json!({ "http_url_to_repo": url, "ssh_url_to_repo": "git@localhost:org/fleet.git" }),
    );
    assert_says(&said(&bootstrap("gitlab", "org/team", "GITLAB_TOKEN"), 0), &["org/team/fleet created", "pushed"]);
    let paths = ["/api/v4/projects/org%2Fteam%2Ffleet", "/api/v4/groups/org%2Fteam", "/api/v4/projects"];
    assert_eq!(asked("private-token", PASSWORD), paths);

    host.answer_all(
        "/api/v1/orgs/org/repos",
        201,
        &[],
        json!({ "clone_url": url, "ssh_url": "git@localhost:org/fleet.git" }),
    );
    let told = said(&bootstrap("gitea", "org", "GITEA_TOKEN"), 0);
    assert_says(&told, &["org/fleet created", "the repository has it all"]);
    assert_eq!(
        asked("authorization", &format!("token {PASSWORD}")),
        ["/api/v1/repos/org/fleet", "/api/v1/orgs/org/repos"]
    );
    let refused = said(&bootstrap("gitea", "org/team", "GITEA_TOKEN"), 2);
    assert_says(&refused, &["no names of an owner and its repository"]);
    assert_says(&said(&bootstrap("gitlab", "org/team", "GITHUB_TOKEN"), 2), &["in GITLAB_TOKEN"]);
    assert!(host.asked().is_empty());
}
