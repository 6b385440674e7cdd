//! Over HTTP, from git's own `http-backend`.

use std::time::{Duration, Instant};

use cowherd_gitserver::proxy::Proxy;
use cowherd_source::{Auth, FetchError, ProxyServer, Reference, Remote, RepositoryUrl};

use crate::support::http::{Behaviour, Server, silent};
use crate::support::{Repository, mirrors, remote, text};

fn main_branch() -> Reference {
    Reference::Branch("main".into())
}

#[test]
fn a_branch_is_fetched_and_asked_for_again_without_a_transfer() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let first = repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));

    let snapshot = mirrors.fetch(&remote, &main_branch()).unwrap();
    assert_eq!(snapshot.revision.to_string(), format!("main@sha1:{first}"));
    assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
    assert!(!snapshot.unchanged);
    assert_eq!(snapshot.commit.subject, "change a.yaml");
    assert_eq!(snapshot.commit.author.name, "Jane Roe");
    assert_eq!(snapshot.commit.committer.time, 1_700_000_000);
    assert_eq!(snapshot.commit.tree, repository.git(&["rev-parse", "HEAD^{tree}"]));

    server.seen();
    assert!(mirrors.fetch(&remote, &main_branch()).unwrap().unchanged);
    assert!(!server.seen().iter().any(|request| request.fetches()), "nothing was asked to be sent");

    let second = repository.commit("b.yaml", "b: 1");
    let moved = mirrors.fetch(&remote, &main_branch()).unwrap();
    assert_eq!(moved.revision.to_string(), format!("main@sha1:{second}"));
    assert_eq!((text(&moved, "a.yaml"), text(&moved, "b.yaml")), ("a: 1".into(), "b: 1".into()));
    assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
}

#[test]
fn the_old_protocol_is_understood_too() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    repository.git(&["tag", "-a", "v1.0.0", "-m", "one"]);
    let server = Server::start(directory.path());
    server.behave(Behaviour { old_protocol: true, ..Behaviour::default() });
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    for reference in [main_branch(), Reference::Head, Reference::Tag("v1.0.0".into())] {
        assert_eq!(text(&mirrors.fetch(&remote, &reference).unwrap(), "a.yaml"), "a: 1");
    }
    repository.commit("a.yaml", "a: 2");
    assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "a: 2");
}

#[test]
fn basic_authentication_is_used_and_its_refusal_is_told() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    // jane:hunter2
    server.behave(Behaviour { authorization: Some("Basic amFuZTpodW50ZXIy".into()), ..Behaviour::default() });
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let auth =
        |password: &str| Auth { username: Some("jane".into()), password: Some(password.into()), ..Auth::default() };

    mirrors.fetch(&remote.clone().with_auth(auth("hunter2\n")), &main_branch()).unwrap();
    let error = mirrors.fetch(&remote.clone().with_auth(auth("wrong-one")), &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("401"), "{error}");
    // What others fetched with their credentials is not given to those who have none.
    let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
    assert!(error.to_string().contains("no credentials were given"), "{error}");
    let commit = Reference::commit(Repository { path: directory.path().join("repo") }.git(&["rev-parse", "main"]));
    assert!(matches!(mirrors.fetch(&remote, &commit), Err(FetchError::Refused { .. })));
}

#[test]
fn credentials_may_stand_in_the_url() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    server.behave(Behaviour { authorization: Some("Basic amFuZTpodW50ZXIy".into()), ..Behaviour::default() });
    let url = format!("http://jane:hunter2@{}/repo/.git", server.address);
    mirrors(directory.path()).fetch(&remote(&url), &main_branch()).unwrap();
}

#[test]
fn a_bearer_token_goes_before_user_and_password() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    server.behave(Behaviour { authorization: Some("Bearer t0ken".into()), ..Behaviour::default() });
    let auth = Auth { bearer_token: Some("t0ken".into()), username: Some("jane".into()), ..Auth::default() };
    let remote = remote(&server.url("repo/.git")).with_auth(auth);
    mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap();
}

#[test]
fn tls_needs_the_authority_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let server = Server::start_tls(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));

    let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("ca.crt"), "{error}");
    let with = |ca: &[u8]| remote.clone().with_auth(Auth { ca: Some(ca.to_vec()), ..Auth::default() });
    let trusted = with(server.certificate.clone().unwrap().as_bytes());
    assert_eq!(text(&mirrors.fetch(&trusted, &main_branch()).unwrap(), "a.yaml"), "a: 1");
    let error = mirrors.fetch(&with(b"nonsense"), &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Credentials { .. }), "{error}");
}

#[test]
fn a_client_certificate_is_shown_to_the_server_that_asks() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let client = rcgen::generate_simple_self_signed(vec!["jane".to_owned()]).unwrap();
    let server = Server::start_tls_for(directory.path(), Some(client.cert.der()));
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let nobody = Auth { ca: server.certificate.clone().map(String::into_bytes), ..Auth::default() };
    let key = Some(client.signing_key.serialize_pem().into());
    let jane = Auth { client_certificate: Some(client.cert.pem().into_bytes()), client_key: key, ..nobody.clone() };

    let fetch = |auth: &Auth| mirrors.fetch(&remote.clone().with_auth(auth.clone()), &main_branch());
    assert_eq!(text(&fetch(&jane).unwrap(), "a.yaml"), "a: 1");
    let error = fetch(&nobody).unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. } | FetchError::Unreachable { .. }), "{error}");
    let error = fetch(&Auth { client_key: None, ..jane }).unwrap_err();
    assert!(matches!(error, FetchError::Credentials { .. }), "{error}");
}

#[test]
fn a_proxy_is_what_connects_and_what_it_says_counts_in_its_scope() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let commit = repository.commit("a.yaml", "a: 1");
    let server = Server::start_tls(directory.path());
    let mirrors = mirrors(directory.path());
    let proxy = Proxy::start("jane:open-sesame");
    let ca = Auth { ca: server.certificate.clone().map(String::into_bytes), ..Auth::default() };
    let direct = remote(&server.url("repo/.git")).with_auth(ca);
    let through = |password: &str| {
        let address = format!("http://{}", proxy.address);
        let proxy = ProxyServer::new(&address, Some("jane"), Some(&password.into())).unwrap();
        Remote { proxy: Some(proxy), scope: Some("team".into()), ..direct.clone() }
    };
    let error = mirrors.fetch(&through("5ecret"), &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }) && !error.to_string().contains("5ecret"), "{error}");
    assert!(proxy.seen().is_empty());
    let fetched = mirrors.fetch(&through("open-sesame"), &main_branch()).unwrap();
    assert_eq!((text(&fetched, "a.yaml"), fetched.commit.id.to_string()), ("a: 1".to_owned(), commit));
    assert!(proxy.seen().contains(&format!("localhost:{}", server.address.port())), "{:?}", proxy.seen());
    // What came through somebody's proxy is not found by others, and what others fetched is not found through it.
    assert!(!mirrors.fetch(&direct, &main_branch()).unwrap().unchanged);
    assert!(mirrors.fetch(&direct, &main_branch()).unwrap().unchanged);
    assert!(mirrors.fetch(&through("open-sesame"), &main_branch()).unwrap().unchanged);
    let other = Remote { scope: Some("other".into()), ..through("open-sesame") };
    assert!(mirrors.held(&other, &fetched.revision).is_none());
    assert!(!mirrors.fetch(&other, &main_branch()).unwrap().unchanged);
    assert!(mirrors.held(&other, &fetched.revision).is_some());
    // Over ssh there is none.
    let ssh = Remote { url: RepositoryUrl::parse("ssh://git@127.0.0.1/repo").unwrap(), ..through("open-sesame") };
    assert!(matches!(mirrors.fetch(&ssh, &main_branch()).unwrap_err(), FetchError::Unsupported { .. }));
}

#[test]
fn a_proxy_at_an_address_that_must_not_be_connected_to_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let proxy = Proxy::start("jane:open-sesame");
    let server = ProxyServer::new(&format!("http://{}", proxy.address), Some("jane"), Some(&"open-sesame".into()));
    let remote = Remote::new(RepositoryUrl::parse("https://example.com/repo").unwrap());
    let remote = Remote { proxy: Some(server.unwrap()), ..remote };
    let error = mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Forbidden { .. }), "{error}");
    let told = "https://example.com/repo leads, by a redirect or a proxy, to 127.0.0.1, where";
    assert!(error.to_string().contains(told), "{error}");
    assert!(proxy.seen().is_empty());
}

#[test]
fn a_redirect_is_followed_and_takes_no_credentials_to_another_host() {
    let directory = tempfile::tempdir().unwrap();
    Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
    let (first, second) = (Server::start(directory.path()), Server::start(directory.path()));
    first.behave(Behaviour { redirect: Some(format!("http://{}", second.address)), ..Behaviour::default() });
    let auth = Auth { username: Some("jane".into()), password: Some("hunter2".into()), ..Auth::default() };
    let remote = remote(&first.url("repo/.git")).with_auth(auth);
    let snapshot = mirrors(directory.path()).fetch(&remote, &main_branch()).unwrap();
    assert_eq!(text(&snapshot, "a.yaml"), "a: 1");
    assert!(first.seen().iter().all(|request| request.authorization.is_some()));
    let seen = second.seen();
    assert!(seen.iter().any(|request| request.fetches()));
    assert!(seen.iter().all(|request| request.authorization.is_none()), "{seen:?}");
}

#[test]
fn redirects_in_a_circle_or_to_something_else_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let fetch = |target: String| {
        server.behave(Behaviour { redirect: Some(target), ..Behaviour::default() });
        mirrors.fetch(&remote(&server.url("repo/.git")), &main_branch()).unwrap_err()
    };
    let circle = fetch(format!("http://{}", server.address));
    assert!(matches!(circle, FetchError::Protocol { .. }), "{circle}");
    let elsewhere = fetch("file:///etc/passwd?".into());
    assert!(matches!(elsewhere, FetchError::Protocol { .. }), "{elsewhere}");
}

#[test]
fn what_the_server_answers_decides_the_error() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let fetch = |status| {
        server.behave(Behaviour { status: Some(status), ..Behaviour::default() });
        mirrors.fetch(&remote(&server.url("repo")), &main_branch()).unwrap_err()
    };
    assert!(matches!(fetch(403), FetchError::Refused { .. }));
    assert!(matches!(fetch(404), FetchError::RepositoryNotFound { .. }));
    assert!(matches!(fetch(503), FetchError::Unreachable { .. }));
    assert!(matches!(fetch(200), FetchError::Protocol { .. }));
    server.behave(Behaviour::default());
    let error = mirrors.fetch(&remote(&server.url("nothing-here")), &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::RepositoryNotFound { .. }), "{error}");
}

#[test]
fn an_absent_server_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let mirrors = mirrors(directory.path());
    for url in ["http://127.0.0.1:1/repo", "http://no-such-host.invalid/repo"] {
        let error = mirrors.fetch(&remote(url), &main_branch()).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(url), "{error}");
    }
}

#[test]
fn a_server_that_hangs_is_left_when_the_time_is_up() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", &"some text that does not hang together\n".repeat(1000));
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let mut hanging = remote(&server.url("repo/.git"));
    hanging.timeout = Duration::from_secs(1);
    let started = Instant::now();

    server.behave(Behaviour { hang_after: Some(60), ..Behaviour::default() });
    let error = mirrors.fetch(&hanging, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error}");
    let mut silent = remote(&format!("http://{}/repo", silent()));
    silent.timeout = Duration::from_secs(1);
    let error = mirrors.fetch(&silent, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));

    server.behave(Behaviour::default());
    hanging.timeout = Duration::from_secs(60);
    mirrors.fetch(&hanging, &main_branch()).unwrap();
}

#[test]
fn a_connection_that_breaks_leaves_a_mirror_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let remote = remote(&server.url("repo/.git"));
    let old = mirrors.fetch(&remote, &main_branch()).unwrap();
    repository.commit("a.yaml", "a: 2");

    for bytes in [1, 40, 100, 200] {
        server.behave(Behaviour { hang_after: Some(bytes), cut: true, ..Behaviour::default() });
        let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
        assert!(matches!(error, FetchError::Unreachable { .. }), "after {bytes} bytes: {error}");
    }
    assert_eq!(text(&old, "a.yaml"), "a: 1");
    server.behave(Behaviour::default());
    assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "a: 2");
}

#[test]
fn garbled_answers_are_errors_and_leave_a_mirror_that_works() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    let mut remote = remote(&server.url("repo/.git"));
    remote.timeout = Duration::from_secs(5);
    // What fails again and again would be left alone for a while.
    remote.is_requested = true;
    for old_protocol in [false, true] {
        for position in (0..900).step_by(9) {
            server.behave(Behaviour { garble: Some(position), old_protocol, ..Behaviour::default() });
            if let Ok(snapshot) = mirrors.fetch(&remote, &main_branch()) {
                // What git does not need may be wrong: a capability's name, a message to the user.
                assert_eq!(text(&snapshot, "a.yaml"), "a: 1", "byte {position}");
                mirrors.forget(&remote.url);
            }
        }
        server.behave(Behaviour { old_protocol, ..Behaviour::default() });
        assert_eq!(text(&mirrors.fetch(&remote, &main_branch()).unwrap(), "a.yaml"), "a: 1");
        mirrors.forget(&remote.url);
    }
}

#[test]
fn more_than_the_limit_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    let noise: String = (0..200_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    repository.commit("large", &noise);
    let server = Server::start(directory.path());
    let mut remote = remote(&server.url("repo/.git"));
    remote.max_size = 100_000;
    let mirrors = mirrors(directory.path());
    let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 100_000, .. }), "{error}");
}

#[test]
fn a_file_that_is_larger_than_is_unpacked_is_not_taken_however_small_it_was_packed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("large", &"x".repeat(200_000));
    let server = Server::start(directory.path());
    let mut remote = remote(&server.url("repo/.git"));
    remote.max_unpacked = 100_000;
    let mirrors = mirrors(directory.path());
    let error = mirrors.fetch(&remote, &main_branch()).unwrap_err();
    assert!(matches!(error, FetchError::LargeObject { limit: 100_000, .. }), "{error}");
    remote.max_unpacked = 300_000;
    mirrors.fetch(&remote, &main_branch()).unwrap();
}

#[test]
fn a_repository_with_sha256_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("repo");
    std::fs::create_dir(&path).unwrap();
    crate::support::repository::run(&path, &["init", "--quiet", "--object-format=sha256", "--initial-branch=main"]);
    Repository { path: path.clone() }.commit("a.yaml", "a: 1");
    let server = Server::start(directory.path());
    let mirrors = mirrors(directory.path());
    for url in [server.url("repo/.git"), path.display().to_string()] {
        let error = mirrors.fetch(&remote(&url), &main_branch()).unwrap_err();
        assert!(matches!(error, FetchError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("sha256"), "{error}");
    }
}
