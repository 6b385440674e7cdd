//! What a manifest may have fetched: nothing by the set-up of the person who runs the program, nothing of its machine.

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cowherd_source::{
    Access, Auth, Cancel, ChartProblem, FetchError, FileSource, LocalAccess, MirrorOptions, Mirrors, Network,
    Reference, Remote, RepositoryUrl, Setup, WebProblem,
};

use crate::support::helm::{charts, source};
use crate::support::http::{Behaviour, Server};
use crate::support::sshd::{Sshd, make_key};
use crate::support::{Repository, mirrors, text};

/// What a manifest may where servers of this machine stand for those of others.
fn tenant() -> Access {
    Access { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Access::default() }
}

fn remote(url: &str, access: Access) -> Remote {
    Remote::new(RepositoryUrl::parse(url).unwrap()).with_access(access)
}

/// A repository behind an ssh server, and an `ssh` whose user has set up everything to get there.
struct SetUp {
    directory: tempfile::TempDir,
    sshd: Sshd,
    url: String,
}

impl SetUp {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("private"));
        repository.commit("a.yaml", "a: secret");
        let sshd = Sshd::start(&directory.path().join("sshd"), "");
        let url = sshd.url(&repository.path);
        Self { directory, sshd, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Mirrors that use this `ssh`; it leaves its environment in the file `environment`.
    fn mirrors(&self) -> Mirrors {
        let at = self.path("sshd");
        fs::write(at.join("known_hosts"), self.sshd.known_hosts("host_key.pub")).unwrap();
        let config =
            format!("Host *\n  IdentityFile {at}/user_key\n  UserKnownHostsFile {at}/known_hosts\n", at = at.display());
        fs::write(at.join("config"), config).unwrap();
        let program = at.join("ssh");
        let script = format!(
            "#!/bin/sh\nenv > {}\nexec /usr/bin/ssh -F {}/config \"$@\"\n",
            self.path("environment").display(),
            at.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let options = MirrorOptions { ssh: program, ..MirrorOptions::default() };
        Mirrors::open_with(self.path("mirrors"), options).unwrap()
    }

    fn known_hosts(&self) -> Auth {
        Auth { known_hosts: Some(self.sshd.known_hosts("host_key.pub")), ..Auth::default() }
    }
}

#[test]
fn a_secret_without_a_key_is_not_completed_by_the_keys_of_the_user() {
    let set_up = SetUp::new();
    let mirrors = set_up.mirrors();
    for auth in [set_up.known_hosts(), Auth::default()] {
        let wanted = |access| remote(&set_up.url, access).with_auth(auth.clone());
        let own = mirrors.fetch(&wanted(Access::own()), &Reference::Head);
        assert!(own.is_ok(), "the person themselves may: {own:?}");
        let error = mirrors.fetch(&wanted(tenant()), &Reference::Head).unwrap_err();
        assert!(matches!(error, FetchError::Credentials { .. }), "{error}");
        assert!(error.to_string().contains("identity and known_hosts"), "{error}");
    }
}

#[test]
fn a_key_that_is_not_let_in_is_not_replaced_by_the_keys_of_the_user() {
    let set_up = SetUp::new();
    make_key(&set_up.path("stranger"), "");
    let identity = Some(fs::read(set_up.path("stranger")).unwrap().into());
    let wanted = remote(&set_up.url, tenant()).with_auth(Auth { identity, ..set_up.known_hosts() });
    let error = set_up.mirrors().fetch(&wanted, &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
}

#[test]
fn with_credentials_of_its_own_it_is_fetched_and_ssh_sees_nothing_of_our_environment() {
    let set_up = SetUp::new();
    let auth = Auth { identity: Some(set_up.sshd.identity().into()), ..set_up.known_hosts() };
    let wanted = remote(&set_up.url, tenant()).with_auth(auth);
    let snapshot = set_up.mirrors().fetch(&wanted, &Reference::Head);
    let snapshot = snapshot.unwrap_or_else(|error| panic!("{error}\n{}", set_up.sshd.log()));
    assert_eq!(text(&snapshot, "a.yaml"), "a: secret");
    let environment = fs::read_to_string(set_up.path("environment")).unwrap();
    let names: Vec<&str> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    for name in &names {
        // The shell of the script adds the last three.
        assert!(["PATH", "GIT_PROTOCOL", "LC_ALL", "LANG", "PWD", "SHLVL", "_"].contains(name), "{name}");
    }
}

#[test]
fn a_server_of_this_machine_is_not_connected_to() {
    let set_up = SetUp::new();
    let repositories = set_up.directory.path();
    let server = Server::start(repositories);
    let mirrors = mirrors(repositories);
    let auth = Auth { identity: Some(set_up.sshd.identity().into()), ..set_up.known_hosts() };
    let named = server.url("private/.git").replace("127.0.0.1", "localhost");
    for url in
        [set_up.url.clone(), server.url("private/.git"), named, format!("http://[::1]:{}/x", server.address.port())]
    {
        let error =
            mirrors.fetch(&remote(&url, Access::default()).with_auth(auth.clone()), &Reference::Head).unwrap_err();
        assert!(matches!(error, FetchError::Forbidden { .. }), "{url}: {error}");
        assert!(error.to_string().contains("--allow-network"), "{error}");
    }
    assert!(server.seen().is_empty(), "nothing was asked");
    assert!(mirrors.fetch(&remote(&server.url("private/.git"), tenant()), &Reference::Head).is_ok());
}

#[test]
fn a_redirect_leads_to_no_address_that_must_not_be_connected_to() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    for target in ["http://127.0.0.2:1/repo/.git", "http://169.254.169.254/repo/.git", "http://[::1]:1/repo/.git"] {
        server.behave(Behaviour { redirect: Some(target.into()), ..Behaviour::default() });
        let wanted = remote(&server.url("repo/.git"), tenant());
        let error = mirrors(directory.path()).fetch(&wanted, &Reference::Head).unwrap_err();
        assert!(matches!(error, FetchError::Forbidden { .. }), "{target}: {error}");
        let host = target.strip_prefix("http://").unwrap().split_once("/repo").unwrap().0;
        let host = host.trim_end_matches(":1").trim_matches(['[', ']']);
        let told = format!("leads, by a redirect or a proxy, to {host}, where");
        assert!(error.to_string().contains(&told), "{target}: {error}");
        assert!(error.to_string().contains(&format!("--allow-network NAMESPACE={host} ")), "{target}: {error}");
    }
}

#[test]
fn charts_and_files_are_not_taken_from_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("index.yaml"), "apiVersion: v1\nentries: {}\n").unwrap();
    let server = cowherd_gitserver::files::Server::start(directory.path());
    let charts = charts(directory.path());
    let registry = format!("oci://{}/charts", server.address);
    for url in [server.url(""), registry, format!("file://{}", directory.path().display())] {
        let error = charts.fetch(&source(&url, "web", "").with_access(Access::default())).unwrap_err();
        let refused =
            matches!(error.problem, ChartProblem::Web(WebProblem::Forbidden { .. }) | ChartProblem::NotAllowed(_));
        assert!(refused, "{url}: {error}");
    }
    let file = |access| FileSource {
        url: server.url("index.yaml"),
        limit: 1000,
        timeout: Duration::from_secs(20),
        access,
        tenant: None,
        cancel: Cancel::default(),
    };
    let error = charts.file(&file(Access::default())).unwrap_err();
    assert!(matches!(error.problem, ChartProblem::Web(WebProblem::Forbidden { .. })), "{error}");
    assert!(server.seen().is_empty(), "nothing was asked");
    assert!(charts.file(&file(tenant())).is_ok());
}

#[test]
fn a_path_is_read_only_where_that_was_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let url = format!("file://{}", repository.path.display());
    let fetch = |access| mirrors(directory.path()).fetch(&remote(&url, access), &Reference::Head);
    assert!(matches!(fetch(Access::default()), Err(FetchError::NotAllowed(_))));
    let own_but_local = Access { local: LocalAccess::default(), ..Access::own() };
    assert!(matches!(fetch(own_but_local), Err(FetchError::NotAllowed(_))));
    assert!(fetch(Access { local: LocalAccess::Only(vec![directory.path().to_owned()]), ..Access::default() }).is_ok());
}

/// Fetches `url` from a server that accepts and says nothing; breaks it off once connected. Gives the error after the
/// server saw its connection closed.
fn broken_off(directory: &Path, scheme: &str, auth: Auth) -> FetchError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut wanted = remote(
        &format!("{scheme}://git@{}/repo", listener.local_addr().unwrap()),
        Access { setup: Setup::Given, ..tenant() },
    );
    wanted.auth = auth;
    wanted.timeout = Duration::from_secs(600);
    let cancel = wanted.cancel.clone();
    let mirrors = mirrors(directory);
    let fetching = std::thread::spawn(move || mirrors.fetch(&wanted, &Reference::Head).unwrap_err());
    let (mut peer, _) = listener.accept().unwrap();
    let began = Instant::now();
    cancel.cancel();
    peer.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut heard = Vec::new();
    // A reset is an end as well.
    let _ = peer.read_to_end(&mut heard);
    let error = fetching.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    error
}

#[test]
fn what_nobody_waits_for_is_broken_off_and_its_connection_closed() {
    let directory = tempfile::tempdir().unwrap();
    make_key(&directory.path().join("key"), "");
    let identity = Some(fs::read(directory.path().join("key")).unwrap().into());
    let auth = Auth { identity, known_hosts: Some(b"# nobody\n".to_vec()), ..Auth::default() };
    for scheme in ["http", "https", "ssh"] {
        let error = broken_off(directory.path(), scheme, auth.clone());
        assert!(matches!(error, FetchError::Cancelled(_)), "{scheme}: {error}");
    }
}
