//! Over ssh, from a real `sshd`.

use std::time::{Duration, Instant};

use cowherd_source::{Auth, FetchError, MirrorOptions, Mirrors, Reference};

use crate::support::sshd::{Sshd, make_key};
use crate::support::{Repository, http, mirrors, remote, text};

fn auth(sshd: &Sshd) -> Auth {
    Auth {
        identity: Some(sshd.identity().into()),
        known_hosts: Some(sshd.known_hosts("host_key.pub")),
        ..Auth::default()
    }
}

#[test]
fn a_repository_is_fetched_with_key_and_known_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("it's a repo"));
    let first = repository.commit("a.yaml", "a: 1");
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    let mirrors = mirrors(directory.path());
    let url = sshd.url(&repository.path).replace(' ', "%20");
    let remote = remote(&url).with_auth(auth(&sshd));
    let snapshot = mirrors.fetch(&remote, &Reference::Head).unwrap_or_else(|e| panic!("{e}\n{}", sshd.log()));
    assert_eq!(snapshot.revision.to_string(), format!("main@sha1:{first}"));
    assert!(mirrors.fetch(&remote, &Reference::Head).unwrap().unchanged);
    repository.commit("a.yaml", "a: 2");
    assert_eq!(text(&mirrors.fetch(&remote, &Reference::Head).unwrap(), "a.yaml"), "a: 2");
    let keys = directory.path().join("mirrors/keys");
    assert_eq!(std::fs::read_dir(keys).unwrap().count(), 0, "no key stays on the disk");
}

#[test]
fn a_key_with_a_passphrase_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let sshd = Sshd::start(&directory.path().join("sshd"), "hunter2");
    let mirrors = mirrors(directory.path());
    let with = |password: &str| {
        remote(&sshd.url(&repository.path)).with_auth(Auth { password: Some(password.into()), ..auth(&sshd) })
    };
    mirrors.fetch(&with("hunter2"), &Reference::Head).unwrap();
    let error = mirrors.fetch(&with("wrong-one"), &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    // ssh itself would say that permission is denied.
    let without = remote(&sshd.url(&repository.path)).with_auth(auth(&sshd));
    let error = mirrors.fetch(&without, &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("the private key has a passphrase, and none is given"), "{error}");
}

#[test]
fn a_host_that_is_not_known_or_changed_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    make_key(&directory.path().join("sshd/other"), "");
    let mirrors = mirrors(directory.path());
    for (known_hosts, told) in [
        (b"# nobody\n".to_vec(), "Host key verification failed"),
        (sshd.known_hosts("other.pub"), "it shows another one (ED25519 SHA256:"),
    ] {
        let remote =
            remote(&sshd.url(&repository.path)).with_auth(Auth { known_hosts: Some(known_hosts), ..auth(&sshd) });
        let error = mirrors.fetch(&remote, &Reference::Head).unwrap_err();
        assert!(matches!(error, FetchError::HostKey { .. }), "{error}");
        assert!(error.to_string().contains("known_hosts"), "{error}");
        assert!(error.to_string().contains(told) && !error.to_string().contains("!;"), "{error}");
        let port = sshd.url(&repository.path).rsplit_once(':').unwrap().1.split_once('/').unwrap().0.to_owned();
        assert!(error.to_string().contains(&format!("`ssh-keyscan -p {port} 127.0.0.1`")), "{error}");
    }
}

#[test]
fn a_key_that_is_not_let_in_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    make_key(&directory.path().join("stranger"), "");
    let stranger = std::fs::read(directory.path().join("stranger")).unwrap();
    let mirrors = mirrors(directory.path());
    for identity in [stranger, b"no key at all".to_vec()] {
        let auth = Auth { identity: Some(identity.into()), ..auth(&sshd) };
        let error = mirrors.fetch(&remote(&sshd.url(&repository.path)).with_auth(auth), &Reference::Head).unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{error}");
    }
}

#[test]
fn what_is_missing_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repo"));
    repository.commit("a.yaml", "a: 1");
    let sshd = Sshd::start(&directory.path().join("sshd"), "");
    let mirrors = mirrors(directory.path());
    let absent = remote(&sshd.url(&directory.path().join("nothing"))).with_auth(auth(&sshd));
    let error = mirrors.fetch(&absent, &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::RepositoryNotFound { .. }), "{error}");
    let remote = remote(&sshd.url(&repository.path));
    let here = remote.clone().with_auth(auth(&sshd));
    let error = mirrors.fetch(&here, &Reference::Branch("gone".into())).unwrap_err();
    assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
    let error = mirrors.fetch(&here, &Reference::commit("1".repeat(40))).unwrap_err();
    assert!(matches!(error, FetchError::ReferenceNotFound { .. }), "{error}");
    let error =
        mirrors.fetch(&remote.with_auth(Auth { known_hosts: None, ..auth(&sshd) }), &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Credentials { .. }), "{error}");
}

#[test]
fn an_absent_or_silent_server_does_not_hold_us() {
    let directory = tempfile::tempdir().unwrap();
    let mirrors = mirrors(directory.path());
    let auth = Auth { known_hosts: Some(b"# nobody\n".to_vec()), ..Auth::default() };
    let error =
        mirrors.fetch(&remote("ssh://git@127.0.0.1:1/repo").with_auth(auth.clone()), &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    let mut silent = remote(&format!("ssh://git@{}/repo", http::silent())).with_auth(auth);
    silent.timeout = Duration::from_millis(500);
    let started = Instant::now();
    let error = mirrors.fetch(&silent, &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::Timeout { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn without_an_ssh_program_the_error_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let options = MirrorOptions { ssh: "no-such-ssh-program".into(), ..MirrorOptions::default() };
    let mirrors = Mirrors::open_with(directory.path(), options).unwrap();
    let error = mirrors.fetch(&remote("git@example.com:org/repo"), &Reference::Head).unwrap_err();
    assert!(matches!(error, FetchError::NoSsh { .. }), "{error}");
    assert!(error.to_string().contains("OpenSSH"), "{error}");
}
